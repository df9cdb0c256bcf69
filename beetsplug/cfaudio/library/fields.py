"""Flexible fields of items, read by bulk SQL.

Going through `Item` objects is 30 to 80 times slower, and would have the types of other plugins' fields decide what a
count is.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from sqlite3 import Connection, Row
from typing import Any, TypeVar

import numpy as np
from beets.library import Library

from cfaudio_core.data.listeners import coerce_count
from cfaudio_core.util.arrays import IntArray

P = TypeVar("P")
T = TypeVar("T")

Value = str | float | None
"""A field's value; None removes the field."""

Part = tuple[str, Sequence[int]]
"""SQL for a condition on an id, and its parameters."""

BETWEEN = "BETWEEN ? AND ?"
PART_IDS = 10_000
"""Ids that are read at a time."""

_NAN = np.float32(np.nan)
_MAX_LISTED_IDS = 500  # in one query
_SIGN = "\x1e"
END = _SIGN.encode()
"""End of a value, where those of a column are joined."""


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Make millions of objects, such as the rows of a table, without Python's search for cycles among them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def ranges(lib: Library) -> list[tuple[int, int]]:
    """Split the ids of the library into ranges, first and last, the same whatever else is in the library.

    Rows take many times the memory of what is kept of them.
    """
    with lib.transaction() as tx:
        first, last = tx.query("SELECT (SELECT min(id) FROM items), (SELECT max(id) FROM items)")[0]
    starts = [] if last is None else range(first // PART_IDS * PART_IDS, last + 1, PART_IDS)
    return [(at, at + PART_IDS - 1) for at in starts]


def parts(lib: Library) -> Iterator[Part]:
    """Yield the same ranges as SQL takes them."""
    return ((BETWEEN, within) for within in ranges(lib))


def few(ids: Sequence[int]) -> Iterator[Part]:
    """Yield some ids in lists of limited length, as SQL takes them."""
    for start in range(0, len(ids), _MAX_LISTED_IDS):
        some = [int(i) for i in ids[start : start + _MAX_LISTED_IDS]]
        yield f"IN ({', '.join('?' * len(some))})", some


def fields_query(names: Sequence[str], which: str = BETWEEN) -> str:
    """Make SQL for the name, id and value of fields of the items in a `Part`."""
    # In this order, so that SQLite takes the index that has the names in it.
    return (
        f"SELECT key, entity_id, value FROM item_attributes WHERE entity_id {which} "
        f"AND key IN ({', '.join('?' * len(names))}) ORDER BY entity_id, key"
    )


def joined_texts(
    connection: Connection, columns: Sequence[str], fields: Sequence[str], part: Part
) -> Sequence[bytes | None]:
    """Read columns and fields of the items in a part, in the order of the ids, as one text each for `split_texts`.

    NULL and a missing field are "". SQLite does it in one step; rows of as many values take it and Python four times as
    long.
    """
    which, ids = part
    values = [*columns, *(["(SELECT value FROM item_attributes WHERE entity_id = items.id AND key = ?)"] * len(fields))]

    def read(value: str) -> tuple[int, Sequence[bytes | None]]:
        joined = (f"CAST(group_concat(ifnull({value.format(one)}, ''), '{_SIGN}') AS BLOB)" for one in values)
        # Without an index SQLite goes by the ids.
        query = f"SELECT count(*), {', '.join(joined)} FROM items NOT INDEXED WHERE id {which}"
        n, *texts = connection.execute(query, [*fields, *ids]).fetchone()
        return n, texts

    n, texts = read("{}")
    if any(text is not None and text.count(END) >= n for text in texts):
        _, texts = read(f"replace({{}}, '{_SIGN}', ' ')")  # takes longer
    return texts


def split_texts(joined: Sequence[bytes | None]) -> list[list[str]]:
    """Split columns of `joined_texts` into their values."""
    return [[] if column is None else column.decode("utf-8", "replace").split(_SIGN) for column in joined]


def read_fields(
    lib: Library, names: Sequence[str], within: Iterable[Part] | None = None
) -> dict[str, dict[int, object]]:
    """Read fields as they are stored, of all items or those of some parts: field to id to value."""
    values: dict[str, dict[int, object]] = {name: {} for name in names}

    def read(connection: Connection, part: Part) -> list[Row]:
        which, ids = part
        return connection.execute(fields_query(names, which), [*ids, *names]).fetchall()

    for rows in read_parts(lib, parts(lib) if within is None else within, read) if names else ():
        for name, item, value in rows:
            values[name][item] = value
    return values


def read_parts(lib: Library, parts: Iterable[P], read: Callable[[Connection, P], T]) -> Iterator[T]:
    """Yield what is read of each part of the library, each from one state of it."""
    connection = lib._connection()
    for part in parts:
        connection.execute("SAVEPOINT cfaudio")
        try:
            found = read(connection, part)
        finally:
            connection.execute("RELEASE cfaudio")
        yield found


def items_without(lib: Library, name: str) -> set[int]:
    """Find the ids of the items that lack a field."""
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
    """Count the items that have each value of a field."""
    counts: Counter[str] = Counter()
    query = f"SELECT value, count(*) AS n FROM item_attributes WHERE entity_id {BETWEEN} AND key = ? GROUP BY value"
    for within in ranges(lib):
        with lib.transaction() as tx:
            found = tx.query(query, [*within, name])
        counts.update({str(row["value"] or ""): row["n"] for row in found})
    return counts


def column(
    ids: IntArray, values: Mapping[int, object], convert: Callable[[object], float] = coerce_count, missing: Any = _NAN
) -> np.ndarray[Any, Any]:
    """Convert stored values to numbers (n,) of the type of `missing`, which stands where an item has none.

    Parameters
    ----------
    ids
        int64 (n,), ascending.
    values
        Item to value; fields outlive a removed item.
    """
    items = np.fromiter(values, np.int64, len(values))
    at = np.searchsorted(ids, items)
    existing = np.append(ids, -1)[at] == items
    numbers = np.full(len(ids), missing)
    numbers[at[existing]] = np.array([convert(value) for value in values.values()], numbers.dtype)[existing]
    return numbers
