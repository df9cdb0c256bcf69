"""Jellyfin: counts from its own database, single plays from the plugin Playback Reporting.

The plugin records every play with its length, in the server's local time.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions
from cfaudio_core.history.readers.files import local_path, members, rows, starts_with
from cfaudio_core.history.readers.sqlite import columns, database_file, read_only, select_list
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import join_artists, parse_date, to_int, to_number, to_text

Lookup = Callable[[str], TrackText | None]
"""Map the id of a track, in lower case without dashes, to its names in Jellyfin's own database."""

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
_EXPORT_COLUMNS = 9  # DateCreated UserId ItemId ItemType ItemName Method Client Device PlayDuration; Emby has more
_NAME = re.compile(r"(?P<artist>.+?) - (?P<title>.+) \((?P<album>(?:[^()]|\([^()]*\))*)\)")
_UNKNOWN = "Not Known"  # what the plugin writes for a missing artist or album
_Row = tuple[object, object, object, object, object]


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read one of Jellyfin's databases, the plugin's export as TSV, or the folder they lie in.

    - ``playback_reporting.db`` and its TSV: plays, with names and paths from the databases beside it;
    - ``jellyfin.db`` from 10.11 on: counts;
    - ``library.db`` up to 10.10: counts, with the users' names from the ``jellyfin.db`` beside it.

    In a folder the first of these is read, and beside plays the counts, which are also of earlier plays.
    """
    if (path := local_path(source)).is_dir():
        path = database_file(source, "playback_reporting.db", "library.db", "jellyfin.db")
        counted = [other for other in map(path.with_name, ("library.db", "jellyfin.db")) if other.is_file()]
        if path not in counted:
            user = options.user
            for listen in parse(str(path), options):
                user = listen.user
                yield listen
            for other in counted[:1]:
                yield from parse(str(other), replace(options, user=user, lenient=True))
            return
    elif not starts_with(path, b"SQLite format 3"):
        with _open_beside(path) as (users, items):
            yield from _exported_plays(source, users, items, options)
        return
    with read_only(path) as database:
        if not columns(database, "PlaybackActivity"):
            yield from _read_counts(path, database, options)
            return
    # The database of plays is opened last, so that an error while it is read names it.
    with _open_beside(path) as (users, items), read_only(path) as database:
        yield from _stored_plays(path, database, users, items, options)


def _read_counts(path: Path, database: sqlite3.Connection, options: ReadOptions) -> Iterator[Tally]:
    if columns(database, "UserData") and columns(database, "BaseItems"):
        return _read_current(path, database, options)
    if columns(database, "UserDatas") and columns(database, "TypedBaseItems"):
        return _read_former(path, database, options)
    if not options.lenient:
        raise SourceError(f"{path}: not a database of Jellyfin with plays")
    return iter(())


def _track(values: tuple[object, ...]) -> TrackText:
    artists, title, album, album_artists, path, ticks = values
    return TrackText(
        artist=join_artists(part.strip() for part in to_text(artists).split("|")),
        title=to_text(title),
        album=to_text(album),
        album_artist=join_artists(part.strip() for part in to_text(album_artists).split("|")),
        path=to_text(path).replace("\\", "/"),
        duration=(to_number(ticks) or 0.0) / _TICKS,
    )


def _read_current(path: Path, database: sqlite3.Connection, options: ReadOptions) -> Iterator[Tally]:
    """Read 10.11 and later. A track has a row for each of its keys; they count the same plays."""
    played = "SELECT DISTINCT UserId FROM UserData WHERE PlayCount > 0"
    names = _users(database)
    accounts = {names.get(_plain_id(key), _plain_id(key)): key for (key,) in database.execute(played)}
    user = options.choose_account(accounts, str(path))
    if user is None:
        return
    skips = "max(d.SkipCount)" if "skipcount" in columns(database, "UserData") else "0"
    for plays, skipped, last, *values in database.execute(
        f"SELECT max(d.PlayCount), {skips}, max(d.LastPlayedDate), {select_list(database, 'BaseItems', _TRACK)}"
        " FROM UserData d JOIN BaseItems i ON i.Id = d.ItemId"
        " WHERE d.UserId = ? AND i.Type LIKE ? GROUP BY d.ItemId ORDER BY d.ItemId",
        (accounts[user], _AUDIO),
    ):
        yield Tally(_track(tuple(values)), to_int(plays), to_int(skipped), parse_date(last), user)


def _read_former(path: Path, database: sqlite3.Connection, options: ReadOptions) -> Iterator[Tally]:
    """Read 10.10 and earlier, where users are numbers and several copies of a track can share one key."""
    names = {}
    beside = path.with_name("jellyfin.db")
    if beside.is_file():
        with read_only(beside) as other:
            if "internalid" in columns(other, "Users"):
                names = {key: to_text(name) for key, name in other.execute("SELECT InternalId, Username FROM Users")}
    played = "SELECT DISTINCT userId FROM UserDatas WHERE playCount > 0"
    accounts = {names.get(key) or f"user {to_text(key)}": key for (key,) in database.execute(played)}
    user = options.choose_account(accounts, str(path))
    if user is None:
        return
    for plays, last, *values in database.execute(
        f"SELECT max(d.playCount), max(d.lastPlayedDate), {select_list(database, 'TypedBaseItems', _TRACK)}"
        " FROM UserDatas d JOIN TypedBaseItems i ON i.UserDataKey = d.key"
        " WHERE d.userId = ? AND d.playCount > 0 AND i.type LIKE ? GROUP BY d.key ORDER BY d.key",
        (accounts[user], _AUDIO),
    ):
        yield Tally(_track(tuple(values)), to_int(plays), last=parse_date(last), user=user)


def _users(database: sqlite3.Connection) -> dict[str, str]:
    if not {"id", "username"} <= columns(database, "Users"):
        return {}
    return {_plain_id(key): to_text(name) for key, name in database.execute("SELECT Id, Username FROM Users")}


def _plain_id(key: object) -> str:
    """Write an id as the plugin does: in lower case without dashes."""
    if isinstance(key, bytes) and len(key) == 16:
        return uuid.UUID(bytes_le=key).hex
    return to_text(key).replace("-", "").lower()


@contextlib.contextmanager
def _open_beside(path: Path) -> Iterator[tuple[dict[str, str], Lookup]]:
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
                selected = select_list(database, table, _TRACK)
                lookups.append((name, database, f"SELECT {selected} FROM {table} i WHERE i.{key} = ?", former))

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


def _stored_plays(
    path: Path, database: sqlite3.Connection, users: Mapping[str, str], lookup: Lookup, options: ReadOptions
) -> Iterator[Listen]:
    """Read the database of Playback Reporting."""
    if not {"datecreated", "userid", "itemid", "itemtype", "itemname"} <= columns(database, "PlaybackActivity"):
        raise SourceError(f"{path}: not a database of Playback Reporting that is known")
    seconds = "PlayDuration" if "playduration" in columns(database, "PlaybackActivity") else "NULL"
    found = database.execute("SELECT DISTINCT UserId FROM PlaybackActivity WHERE ItemType = 'Audio'")
    accounts = _accounts_by_name((to_text(key) for (key,) in found), users)
    user = options.choose_account(accounts, str(path))
    if user is None:
        return
    plays = database.execute(
        f"SELECT DateCreated, UserId, ItemId, ItemName, {seconds} FROM PlaybackActivity"
        " WHERE ItemType = 'Audio' AND UserId = ? ORDER BY DateCreated, rowid",
        (accounts[user],),
    )
    yield from _to_listens(plays, user, lookup)


def _exported_plays(source: str, users: Mapping[str, str], lookup: Lookup, options: ReadOptions) -> Iterator[Listen]:
    """Read the export of Playback Reporting: the same columns, separated by tabs, without headings."""
    accounts = _accounts_by_name({str(row[1]) for row in _exported_rows(source)}, users)
    user = options.choose_account(accounts, source)
    if user is not None:
        yield from _to_listens((row for row in _exported_rows(source) if row[1] == accounts[user]), user, lookup)


def _exported_rows(source: str) -> Iterator[_Row]:
    with members(source, r"\.tsv$", ".tsv file") as files:
        for file in files:
            at = 0
            for at, row in rows(file, "\t", quoted=False):
                if len(row) < _EXPORT_COLUMNS or not (at > 1 or parse_date(row[0], local=True)):
                    raise SourceError(f"{file.name}: line {at} is not a row of an export of Playback Reporting")
                date, user, item, kind, name, _, _, _, seconds = row[:_EXPORT_COLUMNS]
                if kind == "Audio":
                    yield date, user, item, name, seconds
            if at == 0:
                raise SourceError(f"{file.name}: empty")


def _accounts_by_name(keys: Iterable[str], users: Mapping[str, str]) -> dict[str, str]:
    return {users.get(key.replace("-", "").lower()) or key: key for key in keys}


def _to_listens(plays: Iterable[_Row], user: str, lookup: Lookup) -> Iterator[Listen]:
    known = lru_cache(maxsize=1 << 16)(lookup)
    for date, _, item, name, seconds in plays:
        track = known(to_text(item).replace("-", "").lower()) or _split_name(to_text(name))
        yield Listen(track, parse_date(date, local=True), to_number(seconds), user=user)


def _split_name(name: str) -> TrackText:
    """Split "Artist - Title (Album)", which is all that is known of removed tracks."""
    found = _NAME.fullmatch(name)
    if found:
        artist, title, album = ("" if part == _UNKNOWN else part for part in found.group("artist", "title", "album"))
        return TrackText(artist, title, album)
    artist, _, title = name.partition(" - ")
    return TrackText(artist, title)


_SUMMARY = "Jellyfin, Emby: plays out of Playback Reporting (database or TSV), counts out of jellyfin.db or library.db"
JELLYFIN = Format("jellyfin", _SUMMARY, "/var/lib/jellyfin/data", parse)
