"""The beets library as arrays, by bulk SQL; `writing` is the way back.

Going through `Item` objects is 30 to 80 times slower, and would have the types of other plugins' fields decide what a
count is.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import TYPE_CHECKING, Any

import numpy as np
from beets.dbcore.pathutils import expand_path_from_db
from beets.dbcore.types import MULTI_VALUE_DELIMITER
from beets.exceptions import UserError

from cfaudio_core.data.listeners import coerce_count
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.util.arrays import IntArray

if TYPE_CHECKING:
    from beets.library import Library


Value = str | float | None
"""A field's value; None takes the field away."""

Part = tuple[str, Sequence[int]]
"""SQL for what an id has to be, and the numbers for it."""

BETWEEN = "BETWEEN ? AND ?"
PART = 10_000
"""Ids that are read at a time."""

_NAN = np.float32(np.nan)
_FEW = 500  # ids that are asked for one by one
_COLUMNS = (
    *("artists", "albums", "genres", "titles", "album_titles", "albumartists", "recording_mbids", "track_mbids"),
    *("lengths", "keys", "models"),
)
_UNTIDY = re.compile(rb"(^|/)\.{0,2}(/|$)")  # "a//b", "./a", "a/..": for beets to tidy up


def read_tracks(lib: Library, count_fields: Sequence[str], only: Sequence[int] | None = None) -> Tracks:
    """Every track of the library, or those of a few ids, in the order of the ids.

    Parameters
    ----------
    lib
        The library.
    count_fields
        The flexible fields to read as counts; those that no track has are left out.
    only
        Ids, in ascending order; None: all.
    """
    ids: list[int] = []
    stored: list[bytes] = []
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    flexible: dict[str, dict[int, object]] = {name: {} for name in count_fields}
    genres: dict[str, tuple[str, ...]] = {}
    for which, numbers in parts(lib) if only is None else few(only):
        with lib.transaction() as tx:
            rows = tx.query(
                "SELECT id, path, artist, albumartist, album, album_id, genres, title, length, "
                f"mb_trackid, mb_releasetrackid FROM items WHERE id {which} ORDER BY id",
                numbers,
            )
        own = read_fields(lib, [*count_fields, "cf_key", "cf_model"], [(which, numbers)])
        for name, values in flexible.items():
            values |= own[name]
        for row in rows:
            if (text := row["genres"] or "") not in genres:
                genres[text] = tuple(intern(genre) for genre in text.split(MULTI_VALUE_DELIMITER) if genre)
        ids += [row["id"] for row in rows]
        stored += [bytes(row["path"] or b"") for row in rows]
        # What many tracks share is kept once: a large library's names take most of the memory there is to save.
        part: dict[str, list[Any]] = {
            "artists": [intern(artist(row)) for row in rows],
            "albums": [intern(album(row)) for row in rows],
            "genres": [genres[row["genres"] or ""] for row in rows],
            "titles": [row["title"] or "" for row in rows],
            "album_titles": [intern(row["album"] or "") for row in rows],
            "albumartists": [intern(row["albumartist"] or "") for row in rows],
            "recording_mbids": [recording(row) for row in rows],
            "track_mbids": [(row["mb_releasetrackid"] or "").strip().lower() for row in rows],
            "lengths": [row["length"] or 0 for row in rows],
            "keys": [str(own["cf_key"].get(row["id"], "")) for row in rows],
            "models": [intern(str(own["cf_model"].get(row["id"], ""))) for row in rows],
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


def ranges(lib: Library) -> list[tuple[int, int]]:
    """First and last id of parts of the library: rows take many times the memory of what is kept of them.

    A part is the same ids whatever else is in the library.
    """
    with lib.transaction() as tx:
        first, last = tx.query("SELECT (SELECT min(id) FROM items), (SELECT max(id) FROM items)")[0]
    starts = [] if last is None else range(first // PART * PART, last + 1, PART)
    return [(at, at + PART - 1) for at in starts]


def parts(lib: Library) -> Iterator[Part]:
    """The same parts as SQL takes them."""
    return ((BETWEEN, within) for within in ranges(lib))


def few(ids: Sequence[int]) -> Iterator[Part]:
    """Some ids, so many at a time."""
    for start in range(0, len(ids), _FEW):
        some = [int(i) for i in ids[start : start + _FEW]]
        yield f"IN ({', '.join('?' * len(some))})", some


def matching(lib: Library, query: list[str]) -> list[int]:
    """Ids of the tracks that match a query, at least one."""
    ids = ids_of(lib, query)
    if not ids:
        raise UserError(f"no track matches {' '.join(query)}")
    return ids


def ids_of(lib: Library, query: str | list[str]) -> list[int]:
    """Ids of the tracks that match a query."""
    return [item.id for item in lib.items(query) if item.id is not None]


def read_fields(
    lib: Library, names: Sequence[str], within: Iterable[Part] | None = None
) -> dict[str, dict[int, object]]:
    """Flexible fields as they are stored, of all items or those of some parts: field to id to value."""
    values: dict[str, dict[int, object]] = {name: {} for name in names}
    for which, ids in parts(lib) if within is None else within:
        with lib.transaction() as tx:
            found = tx.query(fields_query(names, which), [*ids, *names])
        for row in found:
            values[row["key"]][row["entity_id"]] = row["value"]
    return values


def items_without(lib: Library, name: str) -> set[int]:
    """Ids of the items that lack a flexible field."""
    query = (
        f"SELECT id FROM items WHERE id {BETWEEN} "
        "AND NOT EXISTS (SELECT 1 FROM item_attributes WHERE entity_id = items.id AND key = ?)"
    )
    items: set[int] = set()
    for within in ranges(lib):
        with lib.transaction() as tx:
            items.update(row["id"] for row in tx.query(query, [*within, name]))
    return items


def count_values(lib: Library, name: str) -> Counter[str]:
    """How many items have each value of a flexible field."""
    counts: Counter[str] = Counter()
    query = f"SELECT value, count(*) AS n FROM item_attributes WHERE entity_id {BETWEEN} AND key = ? GROUP BY value"
    for within in ranges(lib):
        with lib.transaction() as tx:
            found = tx.query(query, [*within, name])
        counts.update({str(row["value"] or ""): row["n"] for row in found})
    return counts


def fields_query(names: Sequence[str], which: str = BETWEEN) -> str:
    """SQL for flexible fields of the items whose ids are as `parts` or `few` say: name, id and value."""
    # In this order, so that SQLite takes the index that has the names in it.
    return (
        f"SELECT key, entity_id, value FROM item_attributes WHERE entity_id {which} "
        f"AND key IN ({', '.join('?' * len(names))}) ORDER BY entity_id, key"
    )


def column(
    ids: IntArray, values: Mapping[int, object], number: Callable[[object], float] = coerce_count, empty: Any = _NAN
) -> np.ndarray[Any, Any]:
    """Stored values as numbers (n,) of the type of `empty`, which stands where an item has none that is a number.

    Parameters
    ----------
    ids
        int64 (n,), ascending.
    values
        Item to value; fields outlive a removed item.
    """
    items = np.fromiter(values, np.int64, len(values))
    at = np.searchsorted(ids, items)
    there = np.append(ids, -1)[at] == items
    numbers = np.full(len(ids), empty)
    numbers[at[there]] = np.array([number(value) for value in values.values()], numbers.dtype)[there]
    return numbers


def _paths(lib: Library, stored: Sequence[bytes]) -> list[bytes]:
    """Absolute file names. What is plainly below the music folder is put there in a hundredth of beets' time."""
    with lib.music_dir_context():
        folder = expand_path_from_db(b"x")[:-1]
        return [
            folder + path
            if os.sep == "/" and path and path[:1] not in b"/~" and not _UNTIDY.search(path)
            else expand_path_from_db(path)
            for path in stored
        ]


def artist(row: sqlite3.Row) -> str:
    """Who plays an item."""
    return str(row["artist"] or row["albumartist"] or "").strip()


def album(row: sqlite3.Row) -> str:
    """A text that two items share if they are on one album; singletons have none."""
    if row["album_id"] is not None:
        return f"#{row['album_id']}"
    return f"{row['albumartist'] or ''}\0{row['album']}" if row["album"] else ""


def recording(row: sqlite3.Row) -> str:
    """The MusicBrainz recording of an item; "" where unknown."""
    return (row["mb_trackid"] or "").strip().lower()
