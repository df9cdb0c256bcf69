"""Playback Reporting, a plugin of Jellyfin: every play with its length, in the server's local time."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from cfaudio_core.history.formats.source import SourceError, SourceOptions
from cfaudio_core.history.readers.accounts import chosen_account
from cfaudio_core.history.readers.files import members, rows
from cfaudio_core.history.readers.sqlite import columns
from cfaudio_core.history.readers.times import from_text
from cfaudio_core.history.records import Listen, TrackText
from cfaudio_core.util.values import number, text

Lookup = Callable[[str], TrackText | None]
"""From the id of a track, in lower case without dashes, to what Jellyfin's own database says of it."""

_COLUMNS = 9  # DateCreated UserId ItemId ItemType ItemName PlaybackMethod ClientName DeviceName PlayDuration
_NAME = re.compile(r"(?P<artist>.+?) - (?P<title>.+) \((?P<album>(?:[^()]|\([^()]*\))*)\)")
_UNKNOWN = "Not Known"  # what the plugin writes for a missing artist or album
_Row = tuple[object, object, object, object, object]


def stored(
    path: Path, database: sqlite3.Connection, users: Mapping[str, str], items: Lookup, options: SourceOptions
) -> Iterator[Listen]:
    """Read the plugin's database."""
    if not {"datecreated", "userid", "itemid", "itemtype", "itemname"} <= columns(database, "PlaybackActivity"):
        raise SourceError(f"{path}: not a database of Playback Reporting that is known")
    seconds = "PlayDuration" if "playduration" in columns(database, "PlaybackActivity") else "NULL"
    found = database.execute("SELECT DISTINCT UserId FROM PlaybackActivity WHERE ItemType = 'Audio'")
    accounts = _accounts((text(key) for (key,) in found), users)
    user = chosen_account(accounts, options.user, str(path))
    if user is None:
        return
    plays = database.execute(
        f"SELECT DateCreated, UserId, ItemId, ItemName, {seconds} FROM PlaybackActivity"
        " WHERE ItemType = 'Audio' AND UserId = ? ORDER BY DateCreated, rowid",
        (accounts[user],),
    )
    yield from _listens(plays, user, items)


def exported(source: str, users: Mapping[str, str], items: Lookup, options: SourceOptions) -> Iterator[Listen]:
    """Read the plugin's export: the same columns, separated by tabs, without headings."""
    accounts = _accounts({str(row[1]) for row in _exported_rows(source)}, users)
    user = chosen_account(accounts, options.user, source)
    if user is not None:
        yield from _listens((row for row in _exported_rows(source) if row[1] == accounts[user]), user, items)


def _exported_rows(source: str) -> Iterator[_Row]:
    with members(source, r"\.tsv$", ".tsv file") as files:
        for file in files:
            at = 0
            for at, row in rows(file, "\t", quoted=False):
                if len(row) != _COLUMNS or not (at > 1 or from_text(row[0], local=True)):
                    raise SourceError(f"{file.name}: line {at} is not a row of an export of Playback Reporting")
                date, user, item, kind, name, _, _, _, seconds = row
                if kind == "Audio":
                    yield date, user, item, name, seconds
            if at == 0:
                raise SourceError(f"{file.name}: empty")


def _accounts(keys: Iterable[str], users: Mapping[str, str]) -> dict[str, str]:
    return {users.get(key.replace("-", "").lower()) or key: key for key in keys}


def _listens(plays: Iterable[_Row], user: str, items: Lookup) -> Iterator[Listen]:
    known = lru_cache(maxsize=1 << 16)(items)
    for date, _, item, name, seconds in plays:
        track = known(text(item).replace("-", "").lower()) or _named(text(name))
        yield Listen(track, from_text(date, local=True), number(seconds), user=user)


def _named(name: str) -> TrackText:
    """Take "Artist - Title (Album)" apart, which is all there is of tracks that are gone."""
    found = _NAME.fullmatch(name)
    if found:
        artist, title, album = ("" if part == _UNKNOWN else part for part in found.group("artist", "title", "album"))
        return TrackText(artist, title, album)
    artist, _, title = name.partition(" - ")
    return TrackText(artist, title)
