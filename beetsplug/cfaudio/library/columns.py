"""The beets library as arrays, part by part and joined: what the catalogue keeps of each track."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from beetsplug.cfaudio.library.fields import fields_query
from beetsplug.cfaudio.library.history import seconds
from beetsplug.cfaudio.library.tracks import album, artist, recording
from cfaudio_core.data.listeners import coerce_count
from cfaudio_core.history.count_growth import DATES
from cfaudio_core.ranking.duplicates import marks, prints
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray
from cfaudio_core.util.shelf import Arrays
from cfaudio_core.util.vector_codec import decode_all

if TYPE_CHECKING:
    from beets.library import Library

Found = tuple[list[int], list[Any]]
"""Items that have a field, and its values."""

Counts = dict[str, tuple[IntArray, np.ndarray[Any, Any]]]
"""Field to the items that have it, int64 (k,), and their numbers (k,)."""

COLUMNS = ("id", "title", "artist", "albumartist", "album", "album_id", "mb_trackid")
"""Columns of an item that `read_names` reads."""

MILLISECONDS = "CAST(length * 1000 AS INTEGER)"
"""How long it is; SQLite takes long to write a fraction."""

KEYS = "key = 'cf_key'"
"""SQL for the flexible field that it reads."""

PLACES = "(key IN ('cf_embedding', 'cf_model') OR key GLOB 'cf_score*')"
"""SQL for the flexible fields that `read_places` reads."""

_DATES = frozenset(DATES.values())


def read_names(lib: Library, within: tuple[int, int]) -> Arrays:
    """What the n tracks from one id to another are called.

    Returns
    -------
    Arrays
        `ids` and `lengths` (n,), and `artist` and the fields of `Marks` (n,), 64 bits of a digest each.
    """
    with lib.transaction() as tx:
        rows = tx.query(
            f"SELECT {', '.join(COLUMNS)}, {MILLISECONDS} AS ms FROM items WHERE id BETWEEN ? AND ? ORDER BY id", within
        )
    key_of = {item: str(value) for _, item, value in _stored(lib, within, KEYS)}
    artists = [artist(row) for row in rows]
    titles = [row["title"] or "" for row in rows]
    keys = [key_of.get(row["id"], "") for row in rows]
    of_tracks = marks(artists, titles, [album(row) for row in rows], keys, [recording(row) for row in rows])
    return {
        "ids": np.array([row["id"] for row in rows], np.int64),
        "lengths": np.array([(row["ms"] or 0) / 1000 for row in rows], np.float32),
        "artist": prints(name.casefold() for name in artists),
        **of_tracks._asdict(),
    }


def read_places(lib: Library, within: tuple[int, int]) -> Arrays:
    """Where the tracks from one id to another stand.

    Returns
    -------
    Arrays
        Of the k tracks that have each: `model` (k,), 64 bits of a digest; `score:FIELD` (k,) for every field of scores;
        and `vectors:d` (k, d) for every length d that vectors have. The items are in an array of the same name with
        "of:" before it.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, (items, values) in _by_field(_stored(lib, within, PLACES)).items():
        if name == "cf_embedding":
            arrays |= _vectors(items, values)
            continue
        full = "model" if name == "cf_model" else f"score:{name}"
        arrays[f"of:{full}"] = np.array(items, np.int64)
        arrays[full] = (
            prints(map(str, values)) if name == "cf_model" else np.array([coerce_count(v) for v in values], np.float32)
        )
    return arrays


def joined(parts: Sequence[Arrays], name: str, kind: npt.DTypeLike) -> np.ndarray[Any, Any]:
    """A column of all parts."""
    return np.concatenate([np.zeros(0, kind), *(part[name] for part in parts)])


def joined_vectors(parts: Sequence[Arrays], ids: IntArray) -> tuple[BoolArray, FloatArray]:
    """Which tracks have a vector, bool (n,), and their vectors, float32 (n, d), of the places of all parts.

    Those of another model than most have mean nothing beside the others, nor do those of another length.
    """
    models = _spread(parts, "model", ids, np.zeros(len(ids), np.uint64))
    known, uses = np.unique(models[models > 0], return_counts=True)
    placed = np.isin(models, known[np.argmax(uses)]) if len(known) else np.zeros(len(models), bool)
    rows: Counter[int] = Counter()
    for part in parts:
        for name in part:
            if name.startswith("vectors:"):
                rows[int(name[8:])] += int(_positions(ids, part[f"of:{name}"])[1].sum())
    width = max(sorted(rows), key=rows.__getitem__, default=0)
    vectors = _spread(parts, f"vectors:{width}", ids, np.zeros((len(ids), width), np.float32))
    vectors[~placed] = 0
    return placed, vectors


def joined_scores(parts: Sequence[Arrays], ids: IntArray) -> dict[str, FloatArray]:
    """The scores of the tracks by field, float32 (n,) each, NaN where there is none, of the places of all parts."""
    fields = sorted({name for part in parts for name in part if name.startswith("score:")})
    return {name[6:]: _spread(parts, name, ids, _nothing(ids)) for name in fields}


def counts_query(counts: Sequence[str]) -> tuple[str, list[str]]:
    """SQL for the counts of the items from one id to another, and the values for it that come after the ids."""
    names = [*counts, *sorted({DATES[name] for name in counts if name in DATES})]
    return fields_query(names), names


def read_counts(rows: Iterable[Any]) -> Counts:
    """Counts and dates of a part, of what `counts_query` finds."""
    counts: Counts = {}
    for name, (items, values) in _by_field(rows).items():
        number = seconds if name in _DATES else coerce_count
        counts[name] = np.array(items, np.int64), np.array([number(value) for value in values])
    return counts


def spread_counts(parts: Sequence[Counts], ids: IntArray) -> Arrays:
    """The counts of all parts in the places of their items.

    Returns
    -------
    Arrays
        `count:FIELD` float32 (n,), NaN where a track has none, and `date:FIELD` int64 (n,), UTC in seconds, 0 where it
        has none; those that no track has are left out.
    """
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for part in parts:
        for name, (items, numbers) in part.items():
            full = f"date:{name}" if name in _DATES else f"count:{name}"
            if full not in columns:
                columns[full] = np.zeros(len(ids), np.int64) if name in _DATES else _nothing(ids)
            at, there = _positions(ids, items)
            columns[full][at[there]] = numbers[there]
    return columns


def _stored(lib: Library, within: tuple[int, int], which: str) -> list[Any]:
    """Flexible fields of the items from one id to another: name, item and value."""
    with lib.transaction() as tx:
        return tx.query(
            f"SELECT key, entity_id, value FROM item_attributes WHERE entity_id BETWEEN ? AND ? AND {which}", within
        )


def _by_field(rows: Iterable[Any]) -> dict[str, Found]:
    """Rows of name, item and value, by their names."""
    fields: dict[str, Found] = {}
    for name, item, value in rows:
        items, values = fields.setdefault(name, ([], []))
        items.append(item)
        values.append(value)
    return fields


def _vectors(items: Sequence[int], texts: Sequence[object]) -> Arrays:
    """Vectors by their length: those of another model may have another one."""
    by_size: dict[int, tuple[list[int], list[str]]] = {}
    for item, text in zip(items, map(str, texts), strict=True):
        of, alike = by_size.setdefault(len(text), ([], []))
        of.append(item)
        alike.append(text)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for of, alike in by_size.values():
        vectors = decode_all(alike)
        name = f"vectors:{vectors.shape[1]}"
        if vectors.shape[1] and name not in arrays:
            arrays |= {f"of:{name}": np.array(of, np.int64), name: vectors}
    return arrays


def _nothing(ids: IntArray) -> FloatArray:
    return np.full(len(ids), np.nan, np.float32)


def _spread(parts: Sequence[Arrays], name: str, ids: IntArray, column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The column with what all parts have under a name in the places of its items."""
    for part in parts:
        if name in part:
            at, there = _positions(ids, part[f"of:{name}"])
            column[at[there]] = part[name][there]
    return column


def _positions(ids: IntArray, items: Sequence[int] | IntArray) -> tuple[IntArray, BoolArray]:
    """Positions of items among the ids, int64 (k,), and which of them there are: fields outlive a removed item."""
    wanted = np.array(items, np.int64)
    at = np.searchsorted(ids, wanted)
    there = at < len(ids)
    there[there] = ids[at[there]] == wanted[there]
    return at, there
