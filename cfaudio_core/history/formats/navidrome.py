"""Navidrome's database: single plays where its version keeps them, counts, stars and ratings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions
from cfaudio_core.history.formats.subsonic import opinion
from cfaudio_core.history.readers.sqlite import columns, database_file, read_only, select_list
from cfaudio_core.history.records import Listen, Opinion, Record, Tally, TrackText
from cfaudio_core.util.values import parse_time, to_int, to_number, to_text

_TRACK = {  # the order of TrackText
    "artist": "m.artist",
    "title": "m.title",
    "album": "m.album",
    "album_artist": "m.album_artist",
    "mbz_recording_id": "m.mbz_recording_id",
    "mbz_release_track_id": "m.mbz_release_track_id",
    "path": "m.path",
    "duration": "m.duration",
}
_OPINION = {name: f"a.{name}" for name in ("starred", "rating", "starred_at", "rated_at")}


def parse(source: str, options: ReadOptions) -> Iterator[Record]:
    """Read the plays, stars and ratings of one user.

    Versions since the end of 2025 record plays in `scrobbles`, and all of them count plays in `annotation`, also those
    from before.
    Paths are relative to the folder of the library that a file is in.
    """
    path = database_file(source, "navidrome.db")
    with read_only(path) as database:
        if not all(columns(database, table) for table in ("annotation", "media_file", "user")):
            raise SourceError(f"{path}: not a database of Navidrome")
        scrobbles = bool(columns(database, "scrobbles"))
        accounts = _accounts(database, scrobbles)
        user = options.choose_account(accounts, str(path))
        if user is None:
            return
        key = accounts[user]
        if scrobbles:
            yield from _listens(database, key, user)
        yield from _tallies(database, key, user)
        yield from _opinions(database, key, user)


def _accounts(database: sqlite3.Connection, scrobbles: bool) -> dict[str, str]:
    played = "SELECT user_id FROM annotation WHERE item_type = 'media_file' AND play_count > 0"
    if {"starred", "rating"} <= columns(database, "annotation"):
        played += " UNION SELECT user_id FROM annotation WHERE item_type = 'media_file' AND (starred OR rating > 0)"
    if scrobbles:
        played += " UNION SELECT user_id FROM scrobbles"
    found = database.execute(f"SELECT user_name, id FROM user WHERE id IN ({played})")
    return {to_text(name) or to_text(key): key for name, key in found}


def _track(values: tuple[Any, ...]) -> TrackText:
    *texts, duration = values
    return TrackText._make([*map(to_text, texts), to_number(duration) or 0.0])


def _listens(database: sqlite3.Connection, key: str, user: str) -> Iterator[Listen]:
    for time, *values in database.execute(
        f"SELECT s.submission_time, {select_list(database, 'media_file', _TRACK)}"
        " FROM scrobbles s LEFT JOIN media_file m ON m.id = s.media_file_id"
        " WHERE s.user_id = ? ORDER BY s.submission_time, s.rowid",
        (key,),
    ):
        yield Listen(_track(tuple(values)), parse_time(time), user=user)


def _tallies(database: sqlite3.Connection, key: str, user: str) -> Iterator[Tally]:
    for plays, last, *values in database.execute(
        f"SELECT a.play_count, a.play_date, {select_list(database, 'media_file', _TRACK)}"
        " FROM annotation a LEFT JOIN media_file m ON m.id = a.item_id"
        " WHERE a.user_id = ? AND a.item_type = 'media_file' AND a.play_count > 0 ORDER BY a.item_id",
        (key,),
    ):
        yield Tally(_track(tuple(values)), to_int(plays), last=parse_time(last), user=user)


def _opinions(database: sqlite3.Connection, key: str, user: str) -> Iterator[Opinion]:
    for starred, rating, starred_at, rated_at, *values in database.execute(
        f"SELECT {select_list(database, 'annotation', _OPINION)}, {select_list(database, 'media_file', _TRACK)}"
        " FROM annotation a LEFT JOIN media_file m ON m.id = a.item_id"
        " WHERE a.user_id = ? AND a.item_type = 'media_file' ORDER BY a.item_id",
        (key,),
    ):
        if value := opinion(starred, rating):
            yield Opinion(_track(tuple(values)), value, max(parse_time(starred_at), parse_time(rated_at)), user)


NAVIDROME = Format(
    "navidrome",
    "Navidrome's database: plays, counts, stars and ratings of one user",
    "/var/lib/navidrome/navidrome.db",
    parse,
    states_all=True,
)
