"""Columns of the stored history, from which sessions and interactions are made."""

from __future__ import annotations

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

_BATCH_ROWS = 50_000


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


def read_texts(connection: sa.Connection) -> dict[int, TrackText]:
    """Map the id of each text to the text, in ascending order."""
    columns = schema.texts.c
    query = sa.select(*(columns[name] for name in TrackText._fields), columns.id).order_by(columns.id)
    rows = connection.execute(query.execution_options(yield_per=_BATCH_ROWS))
    return {row[-1]: to_track_text(row) for row in rows}


def read_matches(connection: sa.Connection) -> tuple[npt.NDArray[np.float64], IntArray]:
    """Durations in seconds (0: unknown) and last matched items (-1: none) of the texts in the order of their ids."""
    texts, matches = schema.texts, schema.matches
    query = (
        sa.select(texts.c.duration, sa.func.coalesce(matches.c.item_id, -1))
        .outerjoin(matches, matches.c.text_id == texts.c.id)
        .order_by(texts.c.id)
    )
    durations, items = _read_numbers(connection, query)
    return durations, items.astype(np.int64)


def read_columns(
    connection: sa.Connection, table: sa.Table, dtypes: Mapping[str, type], then_by: str
) -> dict[str, Any]:
    """Read a table into columns, sorted by listener, the column `then_by` and text."""
    origins = connection.execute(sa.select(schema.origins)).all()
    listeners = sorted({origin.listener for origin in origins})
    sources = sorted({origin.source for origin in origins})
    position = np.zeros((2, max((origin.id for origin in origins), default=0) + 1), np.int32)
    for origin in origins:
        position[:, origin.id] = listeners.index(origin.listener), sources.index(origin.source)

    query = sa.select(table.c.origin_id, table.c.text_id, *(table.c[name] for name in dtypes))
    origin_ids, text_ids, *values = _read_numbers(connection, query)
    known_ids = np.array(connection.scalars(sa.select(schema.texts.c.id).order_by(schema.texts.c.id)).all(), np.int64)
    listener, source = position[:, origin_ids.astype(np.int64)]
    columns = {
        "listener": listener,
        "source": source,
        "text": np.searchsorted(known_ids, text_ids.astype(np.int64)).astype(np.int64),
        **{name: column.astype(dtype) for (name, dtype), column in zip(dtypes.items(), values, strict=True)},
    }
    order = np.lexsort((columns["text"], columns[then_by], columns["listener"]))
    return {
        "listeners": tuple(listeners),
        "sources": tuple(sources),
        **{name: column[order] for name, column in columns.items()},
    }


def _read_numbers(connection: sa.Connection, query: sa.Select[Any]) -> npt.NDArray[np.float64]:
    """Read float64 (columns, rows), NaN for NULL; exact for whole numbers below 2^53."""
    batches = [np.zeros((0, len(query.selected_columns)))]
    with connection.execute(query) as result:
        # Rows as the driver has them: to make SQLAlchemy's of them takes twice as long as all else.
        while rows := result.cursor.fetchmany(_BATCH_ROWS):
            batches.append(np.array(rows, np.float64))
    return np.concatenate(batches).T
