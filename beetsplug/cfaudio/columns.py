"""The beets library as arrays, part by part and joined: what the catalogue keeps of each track."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from beetsplug.cfaudio.history import seconds
from beetsplug.cfaudio.library import album, artist, fields_query, recording
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

Counts = dict[str, tuple[IntArray, np.ndarray[Any, Any]]]
"""Field to the items that have it, int64 (k,), and their numbers (k,)."""

COLUMNS = ("id", "title", "artist", "albumartist", "album", "album_id", "mb_trackid")
"""Columns of an item that `read_part` reads."""

MILLISECONDS = "CAST(length * 1000 AS INTEGER)"
"""How long it is; SQLite takes long to write a fraction."""

FIELDS = "(key IN ('cf_embedding', 'cf_key', 'cf_model') OR key GLOB 'cf_score*')"
"""SQL for the flexible fields that it reads."""


_DATES = frozenset(DATES.values())


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
        rows = tx.query(
            f"SELECT {', '.join(COLUMNS)}, {MILLISECONDS} AS ms FROM items WHERE id BETWEEN ? AND ? ORDER BY id", within
        )
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
        "lengths": np.array([(row["ms"] or 0) / 1000 for row in rows], np.float32),
        "artist": prints(name.casefold() for name in artists),
        "model": prints(models),
        **of_tracks._asdict(),
        **_vectors(ids, fields.pop("cf_embedding", nothing)),
        **{f"score:{name}": _column(ids, found, coerce_count, _nothing(ids)) for name, found in fields.items()},
    }


def joined(parts: Sequence[Arrays], name: str, kind: npt.DTypeLike) -> np.ndarray[Any, Any]:
    """A column of all parts."""
    return np.concatenate([np.zeros(0, kind), *(part[name] for part in parts)])


def joined_vectors(parts: Sequence[Arrays]) -> tuple[BoolArray, FloatArray]:
    """Which tracks of all parts have a vector, bool (n,), and their vectors, float32 (n, d).

    Those of another model than most have mean nothing beside the others, nor do those of another length.
    """
    models = joined(parts, "model", np.uint64)
    known, uses = np.unique(models[models > 0], return_counts=True)
    placed = np.isin(models, known[np.argmax(uses)]) if len(known) else np.zeros(len(models), bool)
    rows: dict[int, int] = {}
    for name, array in ((name, array) for part in parts for name, array in part.items()):
        if name.startswith("vectors:"):
            rows[int(name[8:])] = rows.get(int(name[8:]), 0) + len(array)
    width = max(sorted(rows), key=rows.__getitem__, default=0)
    vectors = np.zeros((len(models), width), np.float32)
    start = 0
    for part in parts:
        if f"vectors:{width}" in part:
            vectors[start + part[f"at:{width}"]] = part[f"vectors:{width}"]
        start += len(part["ids"])
    vectors[~placed] = 0
    return placed, vectors


def joined_scores(parts: Sequence[Arrays]) -> dict[str, FloatArray]:
    """The scores of all parts, by field."""
    fields = sorted({name for part in parts for name in part if name.startswith("score:")})
    return {
        name[6:]: np.concatenate([part.get(name, np.full(len(part["ids"]), np.nan, np.float32)) for part in parts])
        for name in fields
    }


def counts_query(counts: Sequence[str]) -> tuple[str, list[str]]:
    """SQL for the counts of the items from one id to another, and the values for it that come after the ids."""
    names = [*counts, *sorted({DATES[name] for name in counts if name in DATES})]
    return fields_query(names), names


def read_counts(rows: Iterable[Any]) -> Counts:
    """Counts and dates of a part, of what `counts_query` finds."""
    fields: dict[str, Found] = {}
    for name, item, value in rows:
        items, numbers = fields.setdefault(name, ([], []))
        items.append(item)
        numbers.append(seconds(value) if name in _DATES else coerce_count(value))
    return {name: (np.array(items, np.int64), np.array(numbers)) for name, (items, numbers) in fields.items()}


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


def _positions(ids: IntArray, items: Sequence[int] | IntArray) -> tuple[IntArray, BoolArray]:
    """Positions of items among the ids, int64 (k,), and which of them there are: fields outlive a removed item."""
    wanted = np.array(items, np.int64)
    at = np.searchsorted(ids, wanted)
    there = at < len(ids)
    there[there] = ids[at[there]] == wanted[there]
    return at, there
