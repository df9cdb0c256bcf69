"""Jellyfin: counts out of its own database, single plays out of the plugin Playback Reporting."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

from cfaudio_core.history.formats.source import Source, SourceError, SourceOptions
from cfaudio_core.history.readers.accounts import chosen_account
from cfaudio_core.history.readers.files import local_path
from cfaudio_core.history.readers.playback_reporting import Lookup, exported, stored
from cfaudio_core.history.readers.screening import screened
from cfaudio_core.history.readers.sqlite import columns, database_file, read_only, select_list
from cfaudio_core.history.readers.times import from_text
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import credit, number, text, whole

_AUDIO = "%.Audio"  # the end of the .NET name of the class of tracks
_TICKS = 1e7  # a second
_TRACK = {
    "Artists": "i.Artists",
    "Name": "i.Name",
    "Album": "i.Album",
    "AlbumArtists": "i.AlbumArtists",
    "Path": "i.Path",
    "RunTimeTicks": "i.RunTimeTicks",
}


@screened
def read(source: str, options: SourceOptions) -> Iterator[Listen | Tally]:
    """Read one of Jellyfin's databases, the plugin's export as TSV, or the folder they lie in.

    - ``playback_reporting.db`` and its TSV: plays, with names and paths out of the databases beside it;
    - ``jellyfin.db`` from 10.11 on: counts;
    - ``library.db`` up to 10.10: counts, with the users' names out of the ``jellyfin.db`` beside it.

    In a folder the first of these is read.
    """
    if local_path(source).is_dir():
        path = database_file(source, "playback_reporting.db", "library.db", "jellyfin.db")
    else:
        path = local_path(source)
        if not _is_sqlite(path):
            with _beside(path) as (users, items):
                yield from exported(source, users, items, options)
            return
    with read_only(path) as database:
        if not columns(database, "PlaybackActivity"):
            yield from _counts(path, database, options)
            return
    # The database of plays is opened last: what is wrong with it while it is read is then said of it.
    with _beside(path) as (users, items), read_only(path) as database:
        yield from stored(path, database, users, items, options)


def _counts(path: Path, database: sqlite3.Connection, options: SourceOptions) -> Iterator[Tally]:
    if columns(database, "UserData") and columns(database, "BaseItems"):
        return _current(path, database, options)
    if columns(database, "UserDatas") and columns(database, "TypedBaseItems"):
        return _former(path, database, options)
    raise SourceError(f"{path}: not a database of Jellyfin with plays")


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(15) == b"SQLite format 3"


def _track(values: tuple[object, ...]) -> TrackText:
    artists, title, album, album_artists, path, ticks = values
    return TrackText(
        artist=credit(part.strip() for part in text(artists).split("|")),
        title=text(title),
        album=text(album),
        album_artist=credit(part.strip() for part in text(album_artists).split("|")),
        path=text(path).replace("\\", "/"),
        duration=(number(ticks) or 0.0) / _TICKS,
    )


def _current(path: Path, database: sqlite3.Connection, options: SourceOptions) -> Iterator[Tally]:
    """Read 10.11 and later. A track has a row for each of its keys; they count the same plays."""
    played = "SELECT DISTINCT UserId FROM UserData WHERE PlayCount > 0"
    names = _users(database)
    accounts = {names.get(_plain_id(key), _plain_id(key)): key for (key,) in database.execute(played)}
    user = chosen_account(accounts, options.user, str(path))
    if user is None:
        return
    skips = "max(d.SkipCount)" if "skipcount" in columns(database, "UserData") else "0"
    for plays, skipped, last, *values in database.execute(
        f"SELECT max(d.PlayCount), {skips}, max(d.LastPlayedDate), {select_list(database, 'BaseItems', _TRACK)}"
        " FROM UserData d JOIN BaseItems i ON i.Id = d.ItemId"
        " WHERE d.UserId = ? AND i.Type LIKE ? GROUP BY d.ItemId ORDER BY d.ItemId",
        (accounts[user], _AUDIO),
    ):
        yield Tally(_track(tuple(values)), whole(plays), whole(skipped), from_text(last), user)


def _former(path: Path, database: sqlite3.Connection, options: SourceOptions) -> Iterator[Tally]:
    """Read 10.10 and earlier, where users are numbers and several copies of a track can share one key."""
    names = {}
    beside = path.with_name("jellyfin.db")
    if beside.is_file():
        with read_only(beside) as other:
            if "internalid" in columns(other, "Users"):
                names = {key: text(name) for key, name in other.execute("SELECT InternalId, Username FROM Users")}
    played = "SELECT DISTINCT userId FROM UserDatas WHERE playCount > 0"
    accounts = {names.get(key) or f"user {text(key)}": key for (key,) in database.execute(played)}
    user = chosen_account(accounts, options.user, str(path))
    if user is None:
        return
    for plays, last, *values in database.execute(
        f"SELECT max(d.playCount), max(d.lastPlayedDate), {select_list(database, 'TypedBaseItems', _TRACK)}"
        " FROM UserDatas d JOIN TypedBaseItems i ON i.UserDataKey = d.key"
        " WHERE d.userId = ? AND d.playCount > 0 AND i.type LIKE ? GROUP BY d.key ORDER BY d.key",
        (accounts[user], _AUDIO),
    ):
        yield Tally(_track(tuple(values)), whole(plays), last=from_text(last), user=user)


def _users(database: sqlite3.Connection) -> dict[str, str]:
    if not {"id", "username"} <= columns(database, "Users"):
        return {}
    return {_plain_id(key): text(name) for key, name in database.execute("SELECT Id, Username FROM Users")}


def _plain_id(key: object) -> str:
    """Write an id as the plugin does: in lower case without dashes."""
    if isinstance(key, bytes) and len(key) == 16:
        return uuid.UUID(bytes_le=key).hex
    return text(key).replace("-", "").lower()


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[tuple[dict[str, str], Lookup]]:
    """Open the databases in the folder of `path`: the users' names, and a function from a track's id to the track."""
    with contextlib.ExitStack() as stack:
        users: dict[str, str] = {}
        lookups: list[tuple[str, sqlite3.Connection, str, bool]] = []
        for name, table in (("jellyfin.db", "BaseItems"), ("library.db", "TypedBaseItems")):
            other = path.with_name(name)
            if not other.is_file():
                continue
            database = stack.enter_context(read_only(other))
            users.update(_users(database))
            if columns(database, table):
                former = table == "TypedBaseItems"
                key = "guid" if former else "Id"
                wanted = select_list(database, table, _TRACK)
                lookups.append((name, database, f"SELECT {wanted} FROM {table} i WHERE i.{key} = ?", former))

        def item(plain: str) -> TrackText | None:
            try:
                known = uuid.UUID(plain)
            except ValueError:
                return None
            for name, database, query, former in lookups:
                try:
                    row = database.execute(query, (known.bytes_le if former else str(known).upper(),)).fetchone()
                except sqlite3.Error as error:
                    raise SourceError(f"{name} beside {path}: {error}") from error
                if row:
                    return _track(row)
            return None

        yield users, item


SOURCE = Source(
    "jellyfin",
    "Jellyfin: plays out of Playback Reporting (database or TSV), or counts out of jellyfin.db or library.db",
    "/var/lib/jellyfin/data",
    read,
)
