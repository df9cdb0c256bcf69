"""The tracks of the beets library as columns, read by bulk SQL; `write` is the way back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from sqlite3 import Connection
from sys import intern
from typing import Any

import numpy as np
from beets.dbcore.pathutils import expand_path_from_db
from beets.dbcore.types import MULTI_VALUE_DELIMITER
from beets.library import Library

from beetsplug.cfaudio.library.fields import (
    Part,
    column,
    few,
    fields_query,
    joined_texts,
    parts,
    read_parts,
    split_texts,
    without_cycle_search,
)
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.util.values import to_number

_COLUMNS = (
    *("artists", "albums", "genres", "titles", "album_titles", "albumartists", "recording_mbids", "track_mbids"),
    *("lengths", "keys", "models", "credits"),
)
_TEXTS = (
    *("artist", "artists", "albumartist", "album", "album_id", "genres", "title"),
    *("mb_trackid", "mb_releasetrackid"),
)
_FIELDS = ("cf_key", "cf_model")
_MAX_SECONDS = 1e8  # three years, which milliseconds of 64 bits hold by far
_UNTIDY = re.compile(rb"(^|/)\.{0,2}(/|$)")  # "a//b", "./a", "a/..": for beets to tidy up


@without_cycle_search()
def read_tracks(lib: Library, count_fields: Sequence[str], only: Sequence[int] | None = None) -> Tracks:
    """Read every track of the library, or those of some ids, in ascending order.

    `count_fields` are read as counts; those that no track has are left out.
    """

    def read(connection: Connection, part: Part) -> tuple[list[Any], Sequence[bytes | None]]:
        which, numbers = part
        for name, item, count in connection.execute(fields_query(count_fields, which), [*numbers, *count_fields]):
            flexible[name][item] = count
        # Fractions, which SQLite takes long to write as text, and file names, which may have any sign in them.
        query = f"SELECT id, path, length FROM items WHERE id {which} ORDER BY id"
        return connection.execute(query, numbers).fetchall(), joined_texts(connection, _TEXTS, _FIELDS, part)

    ids: list[int] = []
    stored: list[bytes] = []
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    flexible: dict[str, dict[int, object]] = {name: {} for name in count_fields}
    genres: dict[str, tuple[str, ...]] = {}
    credits: dict[str, tuple[str, ...]] = {}
    for rows, joined in read_parts(lib, parts(lib) if only is None else few(only), read):
        texts = dict(zip([*_TEXTS, *_FIELDS], split_texts(joined), strict=True))
        for text in {*texts["genres"]}.difference(genres):
            genres[text] = tuple(intern(genre) for genre in text.split(MULTI_VALUE_DELIMITER) if genre)
        for text in {*texts["artists"]}.difference(credits):
            names = tuple(text.split(MULTI_VALUE_DELIMITER))
            credits[text] = names if len(names) > 1 else ()
        own = [row[0] for row in rows]
        ids += own
        stored += [as_path(row[1]) for row in rows]
        # Texts that many tracks share are kept once: names take most of the memory of a large library.
        part: dict[str, Iterable[Any]] = {
            "artists": map(intern, map(artist, texts["artist"], texts["albumartist"])),
            "albums": map(intern, map(album, texts["album_id"], texts["albumartist"], texts["album"])),
            "genres": map(genres.__getitem__, texts["genres"]),
            "titles": texts["title"],
            "album_titles": map(intern, texts["album"]),
            "albumartists": map(intern, texts["albumartist"]),
            "recording_mbids": map(mbid, texts["mb_trackid"]),
            "track_mbids": map(mbid, texts["mb_releasetrackid"]),
            "lengths": [seconds_of(row[2]) for row in rows],
            "keys": texts["cf_key"],
            "credits": map(credits.__getitem__, texts["artists"]),
            "models": map(intern, texts["cf_model"]),
        }
        for name, more in part.items():
            columns[name] += more
    lengths = np.array(columns.pop("lengths"), np.float32)
    return Tracks(
        ids=np.array(ids, np.int64),
        paths=_paths(lib, stored),
        lengths=lengths,
        playlists=[()] * len(ids),
        counts={name: column(np.array(ids, np.int64), values) for name, values in flexible.items() if values},
        **columns,
    )


def library_file(lib: Library) -> Path:
    """Name the library's database."""
    return Path(os.fsdecode(lib.path))


def read_paths(lib: Library) -> dict[int, bytes]:
    """Read the file names of all tracks, absolute, by their ids."""
    with lib.transaction() as tx:
        rows = tx.query("SELECT id, path FROM items ORDER BY id")
    return dict(zip([row["id"] for row in rows], _paths(lib, [as_path(row["path"]) for row in rows]), strict=True))


def ids_of(lib: Library, query: str | list[str]) -> list[int]:
    """Find the ids of the tracks that match a query."""
    return [item.id for item in lib.items(query) if item.id is not None]


def read_titles(lib: Library, ids: Sequence[int]) -> list[str]:
    """Read the titles of tracks, in the order of their ids."""
    titles: dict[int, str] = {}
    for which, numbers in few(ids):
        with lib.transaction() as tx:
            rows = tx.query(f"SELECT id, title FROM items WHERE id {which}", numbers)
        titles |= {row["id"]: as_text(row["title"]) for row in rows}
    return [titles.get(i, "") for i in ids]


def _paths(lib: Library, stored: Sequence[bytes]) -> list[bytes]:
    """Make file names absolute; those plainly below the music folder in a hundredth of beets' time."""
    with lib.music_dir_context():
        folder = expand_path_from_db(b"x")[:-1]
        return [
            folder + path
            if os.sep == "/" and path and path[:1] not in b"/~" and not _UNTIDY.search(path)
            else expand_path_from_db(path)
            for path in stored
        ]


def as_text(value: object) -> str:
    """Convert what is stored in a column of texts: old and foreign databases hold bytes and numbers there too."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def seconds_of(length: object) -> float:
    """Length of an item in seconds; 0 where that is unknown or no length."""
    return min(max(to_number(length) or 0.0, 0.0), _MAX_SECONDS)


def as_path(value: object) -> bytes:
    """Convert what is stored in a column of paths: old and foreign databases hold texts there too."""
    return value if isinstance(value, bytes) else os.fsencode(as_text(value))


def artist(artist: str, albumartist: str) -> str:
    """Name the artist of an item."""
    return (artist or albumartist).strip()


def album(album_id: str, albumartist: str, album: str) -> str:
    """Make a text that two items share if they are on one album; singletons have none."""
    if album_id:
        return f"#{album_id}"
    return f"{albumartist}\0{album}" if album else ""


def mbid(text: str) -> str:
    """MusicBrainz id as it is compared; "" where unknown."""
    return text.strip().lower()
