"""A part of the beets library as arrays: what the catalogue keeps of each track."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from beetsplug.cfaudio.history import seconds
from beetsplug.cfaudio.library import album, artist, read_fields, recording
from cfaudio_core.embedding.codec import decode_all
from cfaudio_core.listening.counts import coerce_count
from cfaudio_core.listening.snapshot import DATES
from cfaudio_core.recommending.duplicates import marks, prints
from cfaudio_core.shelf import Arrays
from cfaudio_core.tracks import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from beets.library import Library

Found = tuple[list[int], list[Any]]
"""Items that have a field, and its values."""

COLUMNS = ("id", "title", "artist", "albumartist", "album", "album_id", "length", "mb_trackid")
"""Columns of an item that `read_part` reads."""

FIELDS = "(key IN ('cf_embedding', 'cf_key', 'cf_model') OR key GLOB 'cf_score*')"
"""SQL for the flexible fields that it reads."""


def read_part(lib: Library, within: tuple[int, int]) -> Arrays:
    """The tracks from one id to another.

    Returns
    -------
    Arrays
        Of n tracks: `ids`, `lengths`; `artist`, `model`, and the fields of `Marks`, 64 bits of a digest each;
        `score:FIELD` where any has one; and for every length d that vectors have, `vectors:d` (k, d) of the tracks at
        positions `at:d` (k,).
    """
    with lib.transaction() as tx:
        rows = tx.query(f"SELECT {', '.join(COLUMNS)} FROM items WHERE id BETWEEN ? AND ? ORDER BY id", within)
        stored = tx.query(
            f"SELECT entity_id, key, value FROM item_attributes WHERE entity_id BETWEEN ? AND ? AND {FIELDS}", within
        )
    ids = np.array([row["id"] for row in rows], np.int64)
    fields: dict[str, Found] = {}
    for row in stored:
        items, values = fields.setdefault(row["key"], ([], []))
        items.append(row["entity_id"])
        values.append(row["value"])
    nothing: Found = ([], [])
    keys = _texts(ids, fields.pop("cf_key", nothing))
    models = _texts(ids, fields.pop("cf_model", nothing))
    artists = [artist(row) for row in rows]
    titles = [row["title"] or "" for row in rows]
    of_tracks = marks(artists, titles, [album(row) for row in rows], keys, [recording(row) for row in rows])
    return {
        "ids": ids,
        "lengths": np.array([row["length"] or 0 for row in rows], np.float32),
        "artist": prints(name.casefold() for name in artists),
        "model": prints(models),
        **of_tracks._asdict(),
        **_vectors(ids, fields.pop("cf_embedding", nothing)),
        **{f"score:{name}": _column(ids, found, coerce_count, _nothing(ids)) for name, found in fields.items()},
    }


def read_counts(lib: Library, names: Sequence[str], ids: IntArray, ranges: Sequence[tuple[int, int]]) -> Arrays:
    """Counts and the dates beside them.

    Returns
    -------
    Arrays
        `count:FIELD` float32 (n,), NaN where a track has none, and `date:FIELD` int64 (n,), UTC in seconds, 0 where it
        has none; those that no track has are left out.
    """
    dates = sorted({DATES[name] for name in names if name in DATES})
    fields: dict[str, Found] = {}
    for within in ranges:
        for name, stored in read_fields(lib, [*names, *dates], within).items():
            if stored:
                items, values = fields.setdefault(name, ([], []))
                items += stored
                values += stored.values()
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for name, found in fields.items():
        if name in dates:
            columns[f"date:{name}"] = _column(ids, found, seconds, np.zeros(len(ids), np.int64))
        if name in names:
            columns[f"count:{name}"] = _column(ids, found, coerce_count, _nothing(ids))
    return columns


def _vectors(ids: IntArray, found: Found) -> Arrays:
    """Vectors by their length: those of another model may have another one."""
    by_size: dict[int, Found] = {}
    for item, text in zip(*found, strict=True):
        items, texts = by_size.setdefault(len(str(text)), ([], []))
        items.append(item)
        texts.append(str(text))
    arrays: dict[str, Any] = {}
    for items, texts in by_size.values():
        vectors = decode_all(texts)
        at, there = _positions(ids, items)
        size = vectors.shape[1]
        if size and f"at:{size}" not in arrays:
            arrays |= {f"at:{size}": at[there], f"vectors:{size}": vectors[there]}
    return arrays


def _nothing(ids: IntArray) -> FloatArray:
    return np.full(len(ids), np.nan, np.float32)


def _texts(ids: IntArray, found: Found) -> list[str]:
    """A text a track, "" where there is none."""
    of_item = dict(zip(*found, strict=True))
    return [str(of_item.get(item, "")) for item in ids.tolist()]


def _column(ids: IntArray, found: Found, number: Callable[[object], float], column: np.ndarray[Any, Any]) -> Any:
    """The column with stored values in the places of their items."""
    at, there = _positions(ids, found[0])
    values = np.array([number(value) for value in found[1]], column.dtype)
    column[at[there]] = values[there]
    return column


def _positions(ids: IntArray, items: Sequence[int]) -> tuple[IntArray, BoolArray]:
    """Positions of items among the ids, int64 (k,), and which of them there are: fields outlive a removed item."""
    wanted = np.array(items, np.int64)
    at = np.searchsorted(ids, wanted)
    there = at < len(ids)
    there[there] = ids[at[there]] == wanted[there]
    return at, there
