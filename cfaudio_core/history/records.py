"""Records of a history: plays with their time, and counts from sources that know no more."""

from __future__ import annotations

from typing import NamedTuple


class TrackText(NamedTuple):
    """Names of a track in a source; "" where the source has none.

    Attributes
    ----------
    artist, title, album, album_artist
        Texts as received, stripped of surrounding blanks.
    recording_mbid, track_mbid
        MusicBrainz recording and release-track ids (beets: `mb_trackid` and `mb_releasetrackid`), in lower case;
        several with blanks between them, the one that is believed most first.
    path
        Path of the file, relative to the music folder or absolute, with forward slashes; undecodable bytes as
        surrogates.
    duration
        Length in seconds; 0 where unknown.
    """

    artist: str = ""
    title: str = ""
    album: str = ""
    album_artist: str = ""
    recording_mbid: str = ""
    track_mbid: str = ""
    path: str = ""
    duration: float = 0.0


class Listen(NamedTuple):
    """One play.

    Attributes
    ----------
    track
        The track played.
    time
        Start of the play: UTC, seconds since 1970.
    seconds
        Duration of the play; None where unknown.
    skipped
        Whether the listener went on before the track's end; None where unknown.
    user
        The account in the source; "" where the source has only one.
    """

    track: TrackText
    time: int
    seconds: float | None = None
    skipped: bool | None = None
    user: str = ""


class Tally(NamedTuple):
    """Counts of one track by a source without single plays.

    Attributes
    ----------
    track
        The track counted.
    plays, skips
        The counts.
    last
        Time of the last play: UTC, seconds since 1970; 0 where unknown.
    user
        The account in the source; "" where the source has only one.
    """

    track: TrackText
    plays: int
    skips: int = 0
    last: int = 0
    user: str = ""
