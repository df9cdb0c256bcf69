"""Summaries of the stored history in numbers: what it holds of whom, and how much of that is of the library."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from cfaudio_core.history import schema
from cfaudio_core.history.columns import is_text
from cfaudio_core.history.records import EARLIEST
from cfaudio_core.util.values import to_int


class OriginSummary(NamedTuple):
    """Summary of one listener's records from one source; times are UTC, 0 where no listen has one."""

    listener: str
    source: str
    listens: int
    first: int
    last: int
    tallies: int
    plays: int


def summarize(connection: sa.Connection) -> list[OriginSummary]:
    """Summarize the records by listener and source."""
    listens, tallies, origins = schema.listens.c, schema.tallies.c, schema.origins.c
    count = sa.func.count().label("n")
    time = sa.case((listens.time >= EARLIEST, listens.time))  # NULL for plays without one
    times = (sa.func.min(time).label("first"), sa.func.max(time).label("last"))
    dated = sa.select(listens.origin_id, count, *times).group_by(listens.origin_id).subquery()
    plays = sa.func.sum(tallies.plays).label("plays")
    counted = sa.select(tallies.origin_id, count, plays).group_by(tallies.origin_id).subquery()
    query = (
        sa.select(origins.listener, origins.source, dated.c.n, *dated.c["first", "last"], *counted.c["n", "plays"])
        .outerjoin(dated, dated.c.origin_id == origins.id)
        .outerjoin(counted, counted.c.origin_id == origins.id)
        .where(sa.or_(dated.c.n > 0, counted.c.n > 0))
        .order_by(origins.listener, origins.source)
    )
    return [
        OriginSummary(listener, source, *map(to_int, numbers))
        for listener, source, *numbers in connection.execute(query)
        if is_text(listener, source)
    ]


def count_matched(connection: sa.Connection) -> dict[str, int]:
    """Count the listens with a time of tracks of the library, as matched last, by listener."""
    listens, origins, matches = schema.listens, schema.origins, schema.matches
    query = (
        sa.select(origins.c.listener, sa.func.count())
        .join_from(listens, origins, origins.c.id == listens.c.origin_id)
        .join(matches, matches.c.text_id == listens.c.text_id)
        .where(listens.c.time >= EARLIEST)
        .group_by(origins.c.listener)
    )
    return {listener: int(count) for listener, count in connection.execute(query) if is_text(listener)}
