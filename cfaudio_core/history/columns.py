"""Columns of the stored history, from which sessions and interactions are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from cfaudio_core.history import schema
from cfaudio_core.history.merge import to_track_text
from cfaudio_core.history.records import TrackText
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray
from cfaudio_core.util.values import to_number

_BATCH_ROWS = 50_000
_TOO_LARGE = 2.0**62  # for a number that is none of ours


@dataclass(frozen=True)
class _Columns:
    listeners: tuple[str, ...]
    sources: tuple[str, ...]
    listener: npt.NDArray[np.int32]
    source: npt.NDArray[np.int32]
    text: IntArray

    def __len__(self) -> int:
        return len(self.text)

    def is_from(self, listeners: Sequence[str], sources: Sequence[str]) -> BoolArray:
        """Bool (n,): the row belongs to one of the listeners and comes from one of the sources."""
        of_listener: BoolArray = np.array([name in listeners for name in self.listeners], bool)[self.listener]
        of_source: BoolArray = np.array([name in sources for name in self.sources], bool)[self.source]
        return of_listener & of_source


@dataclass(frozen=True)
class ListenColumns(_Columns):
    """`n` listens, sorted by listener and time.

    Attributes
    ----------
    listeners, sources
        The names that `listener` and `source` are positions in.
    listener, source
        int32 (n,).
    text
        int64 (n,); positions in the store's texts.
    time
        int64 (n,); UTC, seconds since 1970, when the play began; no time before `EARLIEST`.
    seconds
        float32 (n,); how long it was played, NaN where unknown.
    skipped
        int8 (n,); 1: skipped, 0: not, -1: unknown.
    """

    time: IntArray
    seconds: FloatArray
    skipped: npt.NDArray[np.int8]


@dataclass(frozen=True)
class TallyColumns(_Columns):
    """`n` tallies, sorted by listener and source; the first five columns are those of `ListenColumns`.

    Attributes
    ----------
    plays, skips
        int64 (n,).
    last
        int64 (n,); UTC, seconds since 1970, of the last play; 0 where unknown.
    """

    plays: IntArray
    skips: IntArray
    last: IntArray


def is_text(*values: object) -> bool:
    """Tell whether all values are texts, as in a row that is not damaged."""
    return all(isinstance(value, str) for value in values)


def is_whole(*values: object) -> bool:
    """Tell whether all values are whole numbers of 64 bits."""
    return all(isinstance(value, int) and abs(value) < 1 << 63 for value in values)


def read_texts(connection: sa.Connection) -> dict[int, TrackText]:
    """Map the id of each text to the text, in ascending order."""
    columns = schema.texts.c
    query = sa.select(*(columns[name] for name in TrackText._fields), columns.id).order_by(columns.id)
    rows = connection.execute(query.execution_options(yield_per=_BATCH_ROWS))
    return {row[-1]: to_track_text(row) for row in rows}


def read_columns(
    connection: sa.Connection, table: sa.Table, dtypes: Mapping[str, type], then_by: str, left_out: Counter[str]
) -> dict[str, Any]:
    """Read a table into columns, sorted by listener, the column `then_by` and text; damaged rows are counted."""
    origins = [row for row in connection.execute(sa.select(schema.origins)) if is_text(row.listener, row.source)]
    listeners = sorted({origin.listener for origin in origins})
    sources = sorted({origin.source for origin in origins})
    position = np.full((2, max((origin.id for origin in origins), default=0) + 1), -1, np.int32)
    for origin in origins:
        position[:, origin.id] = listeners.index(origin.listener), sources.index(origin.source)

    query = sa.select(table.c.origin_id, table.c.text_id, *(table.c[name] for name in dtypes))
    numbers = _read_numbers(connection, query)
    n_stored = numbers.shape[1]
    known_ids = np.array(connection.scalars(sa.select(schema.texts.c.id).order_by(schema.texts.c.id)).all(), np.int64)
    required = np.array([True, True, *(not table.c[name].nullable for name in dtypes)])
    numbers = numbers[:, (np.abs(numbers[required]) < _TOO_LARGE).all(axis=0)]  # NaN is not
    # Rows of an origin or a text that is not there are damaged too.
    text = np.searchsorted(known_ids, numbers[1])
    known = np.append(known_ids, -1)[text] == numbers[1]
    known &= position[0][np.clip(numbers[0], 0, position.shape[1] - 1).astype(np.int64)] >= 0
    known &= (numbers[0] >= 0) & (numbers[0] < position.shape[1])
    (origin_ids, _, *values), text = (numbers, text) if known.all() else (numbers[:, known], text[known])
    left_out[table.name] = n_stored - len(text)
    listener, source = position[:, origin_ids.astype(np.int64)]
    columns = {
        "listener": listener,
        "source": source,
        "text": text.astype(np.int64),
        **{name: column.astype(dtype) for (name, dtype), column in zip(dtypes.items(), values, strict=True)},
    }
    order = np.lexsort((columns["text"], columns[then_by], columns["listener"]))
    return {
        "listeners": tuple(listeners),
        "sources": tuple(sources),
        **{name: column[order] for name, column in columns.items()},
    }


def _read_numbers(connection: sa.Connection, query: sa.Select[Any]) -> npt.NDArray[np.float64]:
    """Read float64 (columns, rows), NaN for NULL and what is no number; exact for whole numbers below 2^53."""
    batches = [np.zeros((0, len(query.selected_columns)))]
    with connection.execute(query) as result:
        # Rows as the driver has them: to make SQLAlchemy's of them takes twice as long as all else.
        while rows := result.cursor.fetchmany(_BATCH_ROWS):
            try:
                batches.append(np.array(rows, np.float64))
            except (ValueError, TypeError):  # of a damaged database
                numbers = [[np.nan if (n := to_number(value)) is None else n for value in row] for row in rows]
                batches.append(np.array(numbers, np.float64))
    return np.concatenate(batches).T
