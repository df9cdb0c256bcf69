"""What a history says: plays with their time, and counts where that is all there is."""

from __future__ import annotations

from typing import NamedTuple


class TrackText(NamedTuple):
    """A track as a source names it; "" where the source does not say.

    Attributes
    ----------
    artist, title, album, album_artist
        Texts as received, only stripped of surrounding blanks.
    recording_mbid, track_mbid
        MusicBrainz recording and release-track ids (beets: `mb_trackid` and `mb_releasetrackid`), in lower case.
    path
        Where the source names the file: a path relative to the music folder, or an absolute one, with forward slashes;
        undecodable bytes as surrogates.
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
        What was played.
    time
        UTC, seconds since 1970: when the play began.
    seconds
        How long it was played; None where the source does not say.
    skipped
        Whether the listener went on before its end; None where the source does not say.
    user
        The account in the source; "" where the source has only one.
    """

    track: TrackText
    time: int
    seconds: float | None = None
    skipped: bool | None = None
    user: str = ""


class Tally(NamedTuple):
    """All that a source without single plays knows of a track.

    Attributes
    ----------
    track
        What was played.
    plays, skips
        How often.
    last
        UTC, seconds since 1970, of the last play; 0 where unknown.
    user
        The account in the source; "" where the source has only one.
    """

    track: TrackText
    plays: int
    skips: int = 0
    last: int = 0
    user: str = ""
