"""What every record goes through before it leaves a source: nothing odd gets past, and nothing is dropped unsaid."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterator

from cfaudio_core.history.formats.source import Reader, SourceOptions
from cfaudio_core.history.records import Listen, Tally, TrackText

EARLIEST = 631_152_000
"""1990-01-01 UTC: no file was played by a computer before; devices without a clock claim 1970 or 1980."""
LATEST_AHEAD = 86_400
"""Seconds by which a clock may be ahead of this one."""

NAMELESS = "no artist and title"
NO_TIME = "no time (or playing just then)"
IMPOSSIBLE_TIME = "time before 1990 or in the future"
IMPOSSIBLE_COUNT = "impossible count"
TOO_LONG = "text longer than 1,000 characters"
NOT_MUSIC = "not music"

_LONGEST = 1000  # texts are keys of the store's indexes, which have bounds
_LONGEST_PATH = 4096
_MOST = 1_000_000  # a larger count is a broken counter
_LONGEST_PLAY = 86_400.0  # seconds
_MBID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def screened(entries: Reader) -> Reader:
    """Make a reader of `entries`, whose records may have any value of the right type.

    Texts lose surrounding blanks and what a database cannot store; ids that are none become "". A record is left out,
    and its reason told to `on_skip`, where it names no track or has an impossible time or count. A tally of no plays
    and no skips is no history and goes without a word.
    """

    @functools.wraps(entries)
    def read(source: str, options: SourceOptions) -> Iterator[Listen | Tally]:
        latest = int(time.time()) + LATEST_AHEAD
        for record in entries(source, options):
            if isinstance(record, Tally):
                if record.plays == 0 and record.skips == 0:
                    continue
                if not (0 <= record.plays <= _MOST and 0 <= record.skips <= _MOST):
                    options.on_skip(IMPOSSIBLE_COUNT)
                    continue
            elif not EARLIEST <= record.time <= latest:
                options.on_skip(IMPOSSIBLE_TIME if record.time else NO_TIME)
                continue
            track = _storable(record.track)
            if not (track.path or (track.artist and track.title)):
                options.on_skip(NAMELESS)
            elif len(track.path) > _LONGEST_PATH or max(map(len, track[:4])) > _LONGEST:
                options.on_skip(TOO_LONG)
            elif isinstance(record, Tally):
                last = record.last if EARLIEST <= record.last <= latest else 0
                yield Tally(track, record.plays, record.skips, last, _clean(record.user))
            else:
                yield Listen(track, record.time, _length(record.seconds), record.skipped, _clean(record.user))

    return read


def _storable(track: TrackText) -> TrackText:
    artist, title, album, album_artist, recording, release_track, path, duration = track
    return TrackText(
        _clean(artist),
        _clean(title),
        _clean(album) if album else "",
        _clean(album_artist) if album_artist else "",
        _mbid(recording) if recording else "",
        _mbid(release_track) if release_track else "",
        _clean_path(path) if path else "",
        _length(duration) or 0.0,
    )


def _clean(value: str) -> str:
    if not value.isprintable():
        value = value.replace("\0", "").encode("utf-8", "replace").decode()
    return value.strip()


def _clean_path(value: str) -> str:
    value = value.replace("\0", "")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte, which JSON can spell
        return value.encode("utf-8", "replace").decode()
    return value


def _mbid(value: str) -> str:
    value = value.strip().lower()
    return value if _MBID.fullmatch(value) else ""


def _length(seconds: float | None) -> float | None:
    # What is not a number at all compares false as well.
    return seconds if seconds is not None and 0 <= seconds <= _LONGEST_PLAY else None
