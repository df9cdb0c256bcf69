"""Feedback in the store: who likes, dislikes, bans or rates which track, since when, and by which source.

What is stated here is of a content key, as far as the track has one: it holds for a moved, retagged or imported again
file. Of a track that was not analysed it is of the text's match, and of the item, as long as that was added at the same
time: SQLite gives the id of a removed item to another. Statements on tracks that are gone are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from cfaudio_core.data.feedback import latest_of
from cfaudio_core.data.tracks import TrackMarks, as_rows
from cfaudio_core.history import library_state, schema
from cfaudio_core.history.columns import is_text, is_whole
from cfaudio_core.history.merge import origin_id, store_text
from cfaudio_core.history.records import TrackText
from cfaudio_core.util.arrays import FloatArray, IntArray, float32
from cfaudio_core.util.fingerprint import Prints, prints

_MOST = 1e6  # far beyond any value
HERE = "cfaudio"
"""The source of what is stated by the commands and on the page."""


class Statement(NamedTuple):
    """A like, dislike, ban or rating.

    Attributes
    ----------
    listener, source
        Who stated it, and where.
    text
        Position of the track's names among the store's texts.
    value
        See `data.feedback`.
    time
        UTC, seconds; 0 where unknown.
    item, added
        The item, and when it was added to the library, in milliseconds; -1 and 0 where unknown.
    key
        Content key; "" where unknown.
    """

    listener: str
    source: str
    text: int
    value: float
    time: int
    item: int = -1
    added: int = 0
    key: str = ""


class Given(NamedTuple):
    """Feedback on an item of the library, described by a text, its marks, content key and time of addition in ms."""

    value: float
    time: int
    text: TrackText
    marks: TrackMarks
    key: str
    added: int


def read_statements(connection: sa.Connection, left_out: Counter[str]) -> list[Statement]:
    """Read all statements, the oldest first, and of one time those by the commands last; damaged rows are counted."""
    table, origins = schema.feedback.c, schema.origins.c
    columns = (table.text_id, table.value, table.time, table.item_id, table.added, table.cf_key)
    query = sa.select(origins.listener, origins.source, *columns).join(origins.id.table, origins.id == table.origin_id)
    rows = connection.execute(query.order_by(table.time, origins.source == HERE, table.text_id)).all()
    if not rows:
        return []
    known = connection.scalars(sa.select(schema.texts.c.id).order_by(schema.texts.c.id)).all()
    at = {text: position for position, text in enumerate(known)}
    statements = [
        Statement(row[0], row[1], at[row.text_id], *row[3:])
        for row in rows
        if row.text_id in at
        and is_text(row[0], row[1], row.cf_key)
        and is_whole(row.time, row.item_id, row.added)
        and isinstance(row.value, int | float)
        and abs(row.value) < _MOST
    ]
    left_out[schema.feedback.name] = len(rows) - len(statements)
    return statements


def write_statements(
    connection: sa.Connection, listener: str, given: Sequence[Given], taken_back: Sequence[Statement], library: str
) -> None:
    """Delete what was stated before, and store what a listener states here, of items of a library."""
    table = schema.feedback
    known = connection.scalars(sa.select(schema.texts.c.id).order_by(schema.texts.c.id)).all()
    for old in taken_back:
        origin = origin_id(connection, old.listener, old.source)
        connection.execute(table.delete().where(table.c.origin_id == origin, table.c.text_id == known[old.text]))
    origin = origin_id(connection, listener, HERE)
    rows, items = {}, {}
    for one in given:
        text = store_text(connection, one.text)
        item = int(one.marks.ids[0])
        row = (origin, text, one.value, one.time, item, one.added, one.key)
        rows[text] = dict(zip(table.c.keys(), row, strict=True))
        sound, name = as_rows(one.marks)[item]
        items[text] = dict(zip(schema.matches.c.keys(), (text, item, one.key, sound, name), strict=True))
    library_state.upsert(connection, table, list(rows.values()))
    if library_state.matched_library(connection) in (None, library):
        library_state.upsert(connection, schema.matches, list(items.values()))


def fill_keys(connection: sa.Connection, keys: Sequence[tuple[str, int]]) -> None:
    """Add the content keys of tracks that were analysed since: pairs of a key and a text's id."""
    table = schema.feedback
    for key, text in keys:
        unknown = (table.c.text_id == text) & (table.c.cf_key == "") & (table.c.item_id >= 0)
        connection.execute(table.update().where(unknown).values(cf_key=key))


def tracks_of(statements: Sequence[Statement], positions: IntArray, sounds: Prints) -> list[IntArray]:
    """Find the tracks that each statement is of: those with its content key, else the match of its text.

    Parameters
    ----------
    positions
        int64 (m,): the track of each of the store's m texts, negative where it is none.
    sounds
        uint64 (n,): digests of the tracks' content keys, 0 where unknown.
    """
    keys = prints(statement.key for statement in statements)
    order = np.argsort(sounds, kind="stable")
    first, last = (np.searchsorted(sounds, keys, side, sorter=order) for side in ("left", "right"))
    found = []
    for k, statement in enumerate(statements):
        copies = order[first[k] : last[k]] if statement.key else order[:0]
        match = int(positions[statement.text])
        found.append(copies if len(copies) else np.array([match] if match >= 0 else [], np.int64))
    return found


def feedback_of(
    statements: Sequence[Statement], tracks: Sequence[IntArray], listeners: Sequence[str], n: int
) -> tuple[FloatArray, IntArray]:
    """Collect the feedback of a listener under all their names: on each of n tracks, float32, and its time, int64."""
    mine = [(at, one) for at, one in zip(tracks, statements, strict=True) if one.listener in listeners]
    track = np.concatenate([np.zeros(0, np.int64), *(at for at, _ in mine)])
    sizes = [len(at) for at, _ in mine]
    value = np.repeat(float32([one.value for _, one in mine]), sizes)
    return latest_of(n, track, value, np.repeat(np.array([one.time for _, one in mine], np.int64), sizes))
