"""Records of a history: plays with their time, counts from sources that know no more, and what a person thinks."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

EARLIEST = 631_152_000
"""1990-01-01 UTC: no computer played a file before; devices without a clock claim 1970 or 1980.

An earlier time of a stored listen is none: it numbers the plays of a track that have no time, from 0.
"""

EVERY_START = frozenset({"spotify", "jellyfin", "rockbox"})
"""The sources that record every start of a track; the others record plays by the rule of a service or a plugin."""

BESIDE_LISTENS = frozenset({"snapshot"})
"""The sources whose tallies leave out the plays that they have as listens; those of others count all plays."""


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
        Start of the play: UTC, seconds since 1970; 0 where unknown.
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
    """Counts of one track by a source, which may have some of the plays as listens, too.

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


class Opinion(NamedTuple):
    """A rating, a star or a loved mark of one track.

    Attributes
    ----------
    track
        The track.
    value
        1 for a like to -1 for a dislike; 0: there was one, and there is none any more.
    time
        When it was given: UTC, seconds since 1970; 0 where unknown.
    user
        The account in the source; "" where the source has only one.
    """

    track: TrackText
    value: float
    time: int = 0
    user: str = ""


Record: TypeAlias = Listen | Tally | Opinion
