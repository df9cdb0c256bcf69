"""Lyrion Music Server, once Logitech Media Server: counts, and the plays that the plugin TrackStat records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions
from cfaudio_core.history.readers.sqlite import columns, database_file, read_only, select_list
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import parse_time, to_int, to_text, url_to_path

NOT_A_FILE = "not a local file"

_HISTORY = "track_history"
_COUNTS = ("alternativeplaycount", "tracks_persistent")


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read the plays of TrackStat, and the counts of the plugin Alternative Play Count and of the server itself.

    All of them count the same plays, each since it was installed, and the plugin better than the server.
    """
    path = database_file(source, "persist.db", "prefs/persist.db", "cache/persist.db")
    with read_only(path) as database:
        tables = [name for name in (_HISTORY, *_COUNTS) if columns(database, name)]
        if not tables:
            raise SourceError(f"{path}: not the persist.db of Lyrion: it has no {' or '.join((_HISTORY, *_COUNTS))}")
        if _HISTORY in tables:
            yield from _listens(database, options)
        if counts := [name for name in tables if name != _HISTORY]:
            yield from _tallies(database, counts, options)


def _track(url: object, mbid: object, options: ReadOptions) -> TrackText | None:
    path = url_to_path(to_text(url))
    if not path:
        options.on_skip(NOT_A_FILE)
        return None
    return TrackText(path=path, recording_mbid=to_text(mbid))


def _listens(database: sqlite3.Connection, options: ReadOptions) -> Iterator[Listen]:
    selected = select_list(database, "track_history", {"url": "url", "musicbrainz_id": "musicbrainz_id"})
    for url, mbid, played in database.execute(f"SELECT {selected}, played FROM track_history ORDER BY played, url"):
        if track := _track(url, mbid, options):
            yield Listen(track, parse_time(played))


def _tallies(database: sqlite3.Connection, tables: list[str], options: ReadOptions) -> Iterator[Tally]:
    """Read the counts of each track, by the plugin, and what the server had counted before it was installed."""
    names = ("url", "musicbrainz_id", "playcount", "skipcount", "lastplayed")
    known: dict[object, tuple[int, int, int]] = {}
    tracks: dict[object, TrackText] = {}
    for table in tables:
        selected = select_list(database, table, {name: name for name in names})
        for url, mbid, plays, skips, last in database.execute(f"SELECT {selected} FROM {table} ORDER BY url"):
            counts = to_int(plays), to_int(skips)
            if any(counts) and (track := tracks.get(url) or _track(url, mbid, options)):
                before_plays, before_skips, before_last = known.get(url, (0, 0, 0))
                # The server counts what is skipped as well.
                more = max(0, counts[0] - before_plays - before_skips)
                tracks.setdefault(url, track)
                known[url] = before_plays + more, before_skips or counts[1], max(before_last, parse_time(last))
    for url, track in tracks.items():
        plays, skips, last = known[url]
        yield Tally(track, plays, skips, last)


LYRION = Format(
    "lyrion",
    "Lyrion (Logitech Media Server): counts, and TrackStat's history",
    "/var/lib/squeezeboxserver/persist.db",
    parse,
)
