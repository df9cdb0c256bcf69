"""The stored history as columns: what sessions and contexts are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from cfaudio_core.history import schema
from cfaudio_core.history.merge import text_of
from cfaudio_core.history.records import TrackText
from cfaudio_core.util.arrays import FloatArray, IntArray

_AT_ONCE = 50_000  # rows


class Texts(NamedTuple):
    """The distinct tracks that sources named: int64 ids (m,), ascending, and m texts."""

    ids: IntArray
    tracks: list[TrackText]


@dataclass(frozen=True)
class ListenColumns:
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
        int64 (n,); UTC, seconds since 1970, when the play began.
    seconds
        float32 (n,); how long it was played, NaN where unknown.
    skipped
        int8 (n,); 1: skipped, 0: not, -1: unknown.
    """

    listeners: tuple[str, ...]
    sources: tuple[str, ...]
    listener: npt.NDArray[np.int32]
    source: npt.NDArray[np.int32]
    text: IntArray
    time: IntArray
    seconds: FloatArray
    skipped: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class TallyColumns:
    """`n` tallies, sorted by listener and source.

    Attributes
    ----------
    listeners, sources
        The names that `listener` and `source` are positions in.
    listener, source
        int32 (n,).
    text
        int64 (n,); positions in the store's texts.
    plays, skips
        int64 (n,).
    last
        int64 (n,); UTC, seconds since 1970, of the last play; 0 where unknown.
    """

    listeners: tuple[str, ...]
    sources: tuple[str, ...]
    listener: npt.NDArray[np.int32]
    source: npt.NDArray[np.int32]
    text: IntArray
    plays: IntArray
    skips: IntArray
    last: IntArray

    def __len__(self) -> int:
        return len(self.plays)


def read_texts(connection: sa.Connection) -> Texts:
    """The texts in the order of their ids."""
    columns = schema.texts.c
    query = sa.select(*(columns[name] for name in TrackText._fields), columns.id).order_by(columns.id)
    ids, tracks = [], []
    for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)):
        ids.append(row[-1])
        tracks.append(text_of(row))
    return Texts(np.array(ids, np.int64), tracks)


def read_matches(connection: sa.Connection) -> tuple[npt.NDArray[np.float64], IntArray]:
    """Of the texts in the order of their ids: seconds, 0 where unknown, and the item last found to be each, or -1."""
    texts, matches = schema.texts, schema.matches
    query = (
        sa.select(texts.c.duration, sa.func.coalesce(matches.c.item_id, -1))
        .outerjoin(matches, matches.c.text_id == texts.c.id)
        .order_by(texts.c.id)
    )
    rows = [tuple(row) for row in connection.execute(query.execution_options(yield_per=_AT_ONCE))]
    durations, items = zip(*rows, strict=True) if rows else ((), ())
    return np.array(durations, np.float64), np.array(items, np.int64)


def read_listens(connection: sa.Connection, listener: str | None) -> ListenColumns:
    """The listens of a listener, or of all."""
    table = schema.listens.c
    origins = _Origins(connection, listener)
    values = (table.text_id, table.time, table.seconds, table.skipped)
    origin, text, time, seconds, skipped = _read(connection, table.origin_id, values, listener)
    who, source = origins.listener[origin.astype(np.int64)], origins.source[origin.astype(np.int64)]
    order = np.lexsort((text, time, who))
    return ListenColumns(
        origins.listeners,
        origins.sources,
        listener=who[order],
        source=source[order],
        text=_positions(connection, text)[order],
        time=time[order].astype(np.int64),
        seconds=seconds[order].astype(np.float32),
        skipped=skipped[order].astype(np.int8),
    )


def read_tallies(connection: sa.Connection, listener: str | None) -> TallyColumns:
    """The tallies of a listener, or of all."""
    table = schema.tallies.c
    origins = _Origins(connection, listener)
    values = (table.text_id, table.plays, table.skips, table.last)
    origin, text, plays, skips, last = _read(connection, table.origin_id, values, listener)
    who, source = origins.listener[origin.astype(np.int64)], origins.source[origin.astype(np.int64)]
    order = np.lexsort((text, source, who))
    return TallyColumns(
        origins.listeners,
        origins.sources,
        listener=who[order],
        source=source[order],
        text=_positions(connection, text)[order],
        plays=plays[order].astype(np.int64),
        skips=skips[order].astype(np.int64),
        last=last[order].astype(np.int64),
    )


class _Origins:
    """Names of listeners and sources, and which of them an origin's number stands for."""

    def __init__(self, connection: sa.Connection, listener: str | None) -> None:
        origins = schema.origins
        rows = connection.execute(sa.select(origins.c.id, origins.c.listener, origins.c.source)).all()
        mine = [row for row in rows if listener in (None, row.listener)]
        self.listeners = tuple(sorted({row.listener for row in mine}))
        self.sources = tuple(sorted({row.source for row in mine}))
        size = max((row.id for row in rows), default=0) + 1
        self.listener = np.zeros(size, np.int32)
        self.source = np.zeros(size, np.int32)
        for row in mine:
            self.listener[row.id] = self.listeners.index(row.listener)
            self.source[row.id] = self.sources.index(row.source)


def _read(
    connection: sa.Connection,
    origin: sa.ColumnElement[Any],
    values: tuple[sa.ColumnElement[Any], ...],
    listener: str | None,
) -> npt.NDArray[np.float64]:
    """An origin and four values of each row, float64 (5, n): exact for whole numbers below 2^53, NaN for NULL."""
    query = sa.select(origin, *values)
    if listener is not None:
        query = query.where(origin.in_(sa.select(schema.origins.c.id).filter_by(listener=listener)))
    parts = [np.zeros((0, 5))]
    parts += [
        np.array([tuple(row) for row in rows], np.float64)
        for rows in connection.execute(query.execution_options(yield_per=_AT_ONCE)).partitions()
    ]
    return np.concatenate(parts).T


def _positions(connection: sa.Connection, text_ids: npt.NDArray[np.float64]) -> IntArray:
    """Positions in the texts of the texts with these ids."""
    ids = np.array(connection.scalars(sa.select(schema.texts.c.id).order_by(schema.texts.c.id)).all(), np.int64)
    return np.searchsorted(ids, text_ids.astype(np.int64)).astype(np.int64)
