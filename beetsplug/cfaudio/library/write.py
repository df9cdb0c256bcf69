"""Writes fields into the beets library: by bulk SQL, only where they differ, and all or none."""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.library.fields import BETWEEN, Value, ranges, read_fields
from cfaudio_core.util.arrays import IntArray

_WAIT_S = 60  # for other programs to end writing


@dataclass(frozen=True)
class Column:
    """A field of many items, whose values are made part by part: scores of twenty listeners as objects take gigabytes.

    Attributes
    ----------
    ids
        int64 (n,), ascending.
    make
        Maps int64 (k,) positions among the ids to k values.
    """

    ids: IntArray
    make: Callable[[IntArray], Iterable[Value]]

    def within(self, first: int, last: int) -> dict[int, Value]:
        """Make the values of the items from one id to another."""
        at = np.arange(*np.searchsorted(self.ids, (first, last + 1)))
        return dict(zip(self.ids[at].tolist(), self.make(at), strict=True))


Fields = Mapping[str, Mapping[int, Value] | Column]
"""Field to item id to value."""


def write_fields(lib: Library, fields: Fields) -> int:
    """Write flexible fields, all in one transaction, and only where they differ from what is there.

    An item that was removed meanwhile is skipped.

    Returns
    -------
    int
        The number of items that were changed.

    Raises
    ------
    UserError
        If the library cannot be written; then nothing has changed.
    """
    fields = {name: values for name, values in fields.items() if values}
    # Compared before the transaction: beets commits one even when its body raises, and others wait for it to end.
    new = _New(fields)
    removed: list[tuple[str, int]] = []
    for within in ranges(lib):
        stored = read_fields(lib, list(fields), [(BETWEEN, within)])
        for name, values in fields.items():
            old, given = stored[name], _within(values, within)
            new.add(name, within, [item for item in sorted(given) if _is_new(old.get(item), given[item])])
            removed += [(name, item) for item in sorted(given) if given[item] is None and old.get(item) is not None]
    changed = {*new.items(), *(item for _, item in removed)}
    if changed:
        # SQLite replaces a value in less than half the time that it takes for a row with its place in the index.
        insert = (
            "INSERT INTO item_attributes (key, value, entity_id) SELECT ?, ?, id FROM items WHERE id = ? "
            "ON CONFLICT (entity_id, key) DO UPDATE SET value = excluded.value"
        )
        change(lib, {insert: new, "DELETE FROM item_attributes WHERE key = ? AND entity_id = ?": removed})
    return len(changed)


class _New:
    """Rows to write, iterated as often as it takes: the ids of items are kept, not their values."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._parts: list[tuple[str, tuple[int, int], array[int]]] = []

    def add(self, name: str, within: tuple[int, int], items: Sequence[int]) -> None:
        """Add some of the items from one id to another, of a field."""
        if items:
            self._parts.append((name, within, array("q", items)))

    def items(self) -> Iterator[int]:
        """Iterate over the items, once for each field."""
        return (item for _, _, items in self._parts for item in items)

    def __iter__(self) -> Iterator[tuple[str, Value, int]]:
        for name, within, items in self._parts:
            values = _within(self._fields[name], within)
            yield from ((name, values[item], item) for item in items)


def _within(values: Mapping[int, Value] | Column, within: tuple[int, int]) -> dict[int, Value]:
    """Select the values of the items from one id to another."""
    first, last = within
    if isinstance(values, Column):
        return values.within(first, last)
    return {item: values[item] for item in values.keys() & range(first, last + 1)}


def _is_new(old: object, new: Value) -> bool:
    """Whether there is a new value, other than the stored one."""
    return new is not None and old != new and (old is None or str(old) != str(new))


def change(lib: Library, statements: Mapping[str, Iterable[tuple[Any, ...]]]) -> None:
    """Run statements, each for its rows of values, all or none of them.

    While another program writes to the library it waits, and then starts again from the first row.

    Raises
    ------
    UserError
        If it cannot be done.
    """
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            with lib.transaction() as tx:
                try:
                    for statement, rows in statements.items():
                        tx.mutate_many(statement, rows)  # type: ignore[arg-type]  # SQLite takes them one by one
                    tx.mutate("COMMIT")
                except BaseException:
                    # beets would commit what has been done until now.
                    with suppress(sqlite3.Error):
                        tx.mutate("ROLLBACK")
                    raise
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise UserError(f"beets' library cannot be written: {error}") from error
            if time.monotonic() > until:
                raise UserError(
                    "beets' library is in use by another program; nothing is lost: run this again"
                ) from error
        else:
            return
