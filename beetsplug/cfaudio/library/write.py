"""Writes fields into the beets library: by bulk SQL, only where they differ, and all or none."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.library.fields import BETWEEN, Value, ranges, read_parts, without_cycle_search
from cfaudio_core.util.arrays import IntArray

_WAIT_S = 60  # for other programs to end writing

_NEW = (
    "CREATE TEMP TABLE cfaudio_new "
    "(entity_id INTEGER, key TEXT, value TEXT, PRIMARY KEY (entity_id, key)) WITHOUT ROWID"
)
_FORGET_SAME = (
    f"DELETE FROM cfaudio_new WHERE entity_id {BETWEEN} AND value IS (SELECT value FROM item_attributes AS old "
    "WHERE old.entity_id = cfaudio_new.entity_id AND old.key = cfaudio_new.key)"
)
# SQLite replaces a value in less than half the time that it takes for a row with its place in the index.
_WRITE = (
    "INSERT INTO item_attributes (key, value, entity_id) SELECT key, value, entity_id FROM cfaudio_new "
    "WHERE value IS NOT NULL AND entity_id IN (SELECT id FROM items) "
    "ON CONFLICT (entity_id, key) DO UPDATE SET value = excluded.value"
)
_REMOVE = (
    "DELETE FROM item_attributes WHERE (entity_id, key) IN (SELECT entity_id, key FROM cfaudio_new WHERE value IS NULL)"
)


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


@without_cycle_search()
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

    def compare(connection: sqlite3.Connection, within: tuple[int, int]) -> None:
        given = ((name, _within(values, within)) for name, values in fields.items())
        rows = ((item, name, value) for name, values in given for item, value in values.items())
        connection.executemany("INSERT INTO cfaudio_new VALUES (?, ?, ?)", rows)
        connection.execute(_FORGET_SAME, within)

    connection = lib._connection()
    # Compared by SQLite and before the transaction, for whose end others wait, in a table that no other program sees.
    connection.execute(_NEW)
    try:
        for _ in read_parts(lib, ranges(lib), compare):
            pass
        changed: int = connection.execute("SELECT count(DISTINCT entity_id) FROM cfaudio_new").fetchone()[0]
        if changed:
            change(lib, {_WRITE: [()], _REMOVE: [()]})
    except sqlite3.OperationalError as error:  # the disk is full, say
        raise UserError(f"beets' library cannot be written: {error}") from error
    finally:
        connection.execute("DROP TABLE cfaudio_new")
    return changed


def _within(values: Mapping[int, Value] | Column, within: tuple[int, int]) -> dict[int, Value]:
    """Select the values of the items from one id to another."""
    first, last = within
    if isinstance(values, Column):
        return values.within(first, last)
    return {item: values[item] for item in values.keys() & range(first, last + 1)}


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
