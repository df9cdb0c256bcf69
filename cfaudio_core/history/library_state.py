"""State of libraries in the store: the tracks that texts were matched to, and the counts at the last snapshots.

Items are kept with their marks (`TrackMarks`), as SQLite gives the id of a removed item to another, and with their
library, as each has ids of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from cfaudio_core.data.tracks import NOWHERE, TrackMarks, as_rows, from_rows
from cfaudio_core.history import schema
from cfaudio_core.history.columns import is_text, is_whole
from cfaudio_core.history.count_growth import CountSnapshot, CountState
from cfaudio_core.history.merge import insert
from cfaudio_core.util.fingerprint import prints
from cfaudio_core.util.values import to_int, to_number

Marks = tuple[int, int]
"""Marks of sound and name, as signed numbers."""

_SNAPSHOT = "snapshot"  # names of notes; with the library behind it
_MATCHED = "matched"
_MADE_OF = "matched of"


def read_matches(connection: sa.Connection, left_out: Counter[str]) -> tuple[npt.NDArray[np.float64], TrackMarks]:
    """Durations in seconds (0: unknown) and last matched items (id -1: none) of the texts in the order of their ids.

    Damaged rows are counted.
    """
    texts, matches = schema.texts, schema.matches
    missing = {"item_id": -1, "sound": 0, "name": 0}
    columns = (sa.func.coalesce(matches.c[name], number) for name, number in missing.items())
    query = sa.select(texts.c.duration, *columns).outerjoin(matches, matches.c.text_id == texts.c.id)
    rows = connection.execute(query.order_by(texts.c.id)).fetchall()
    durations = [to_number(row[0]) or 0.0 for row in rows]
    items = [(row[1], row[2], row[3]) for row in rows if is_whole(*row[1:])]
    left_out[matches.name] = len(rows) - len(items)
    if len(items) < len(rows):
        items = [(row[1], row[2], row[3]) if is_whole(*row[1:]) else (-1, 0, 0) for row in rows]
    return np.array(durations, np.float64), from_rows(items)


def match_rows(matches: Mapping[int, tuple[int, str]], names: Mapping[int, int]) -> list[tuple[Any, ...]]:
    """Make rows of matches: text id to item id and content key, and to the mark of the item's name."""
    sounds = prints(key for _, key in matches.values()).view(np.int64).tolist()
    return [
        (text, item, key, sound, names.get(text, 0))
        for (text, (item, key)), sound in zip(matches.items(), sounds, strict=True)
    ]


def matched_library(connection: sa.Connection) -> str | None:
    """Read the library that the texts were matched to last; None where it is unknown."""
    return connection.scalar(sa.select(schema.notes.c.value).where(schema.notes.c.name == _MATCHED))


def matches_are_of(connection: sa.Connection, library: str) -> str:
    """Read what the matches to a library were made of; "" where it was another, or is unknown."""
    if matched_library(connection) != library:
        return ""
    return connection.scalar(sa.select(schema.notes.c.value).where(schema.notes.c.name == _MADE_OF)) or ""


def write_matches(connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Replace all matches."""
    connection.execute(schema.matches.delete())
    if rows:
        names = schema.matches.c.keys()
        connection.execute(schema.matches.insert(), [dict(zip(names, row, strict=True)) for row in rows])


def note_matches(connection: sa.Connection, library: str, made_of: str) -> None:
    """Note the library that the matches are to, and what they were made of."""
    notes = {_MATCHED: library, _MADE_OF: made_of}
    upsert(connection, schema.notes, [{"name": name, "value": value} for name, value in notes.items()])


def read_counts(connection: sa.Connection, library: str | None, left_out: Counter[str]) -> CountSnapshot | None:
    """Read the last snapshot of a library, or the last of all; None before the first. Damaged rows are counted.

    One that 0.1.0 took, which knew no libraries, is that of the first library that asks.
    """
    notes, table = schema.notes.c, schema.snapshots.c
    found = connection.execute(sa.select(notes.name, notes.value).where(notes.name.startswith(_SNAPSHOT)))
    times = {name.removeprefix(_SNAPSHOT).strip(): to_int(time) for name, time in found}
    if library is None:
        library = max(times, key=times.__getitem__, default="")
    library = library if library in times else ""
    if library not in times:
        return None
    counts: dict[str, dict[int, CountState]] = {}
    marks: dict[str, dict[int, Marks]] = {}
    columns = (table.item_id, table.field, table.base, table.count, table.sound, table.name)
    left_out[schema.snapshots.name] = 0
    for item, field, base, count, sound, name in connection.execute(
        sa.select(*columns).where(table.library == library)
    ):
        if not is_text(field) or not is_whole(item, base, count, sound, name):
            left_out[schema.snapshots.name] += 1
        else:
            counts.setdefault(field, {})[item] = CountState(base, count)
            marks.setdefault(field, {})[item] = (sound, name)
    return CountSnapshot(times[library], counts, marks)


def of_these_tracks(
    snapshot: CountSnapshot, counts: Mapping[str, Mapping[int, int]], tracks: TrackMarks
) -> tuple[CountSnapshot, dict[str, dict[int, CountState]]]:
    """Give the counts of a snapshot to the tracks that they are of, whatever their ids are now.

    A track that has got the id of another one begins with its counts as they are: nobody knows what of it is new.

    Parameters
    ----------
    snapshot
        The last snapshot.
    counts
        Count field to item to count, as they are now.
    tracks
        The tracks with counts, and those whose ids have one in the snapshot.

    Returns
    -------
    CountSnapshot
        The snapshot by the ids of now.
    dict
        What of it has other marks or ids than in the store: count field to item to state.
    """
    now: dict[str, dict[int, CountState]] = {}
    outdated: dict[str, dict[int, CountState]] = {}
    others: set[int] = set()
    known: set[int] = set()
    present = set(tracks.ids.tolist())
    of_now = as_rows(tracks)
    for field, states in snapshot.counts.items():
        of_then = {item: snapshot.marks.get(field, {}).get(item, (0, 0)) for item in states}
        at = tracks.find(from_rows((item, *marks) for item, marks in of_then.items()))
        found = np.where(at == NOWHERE, NOWHERE, tracks.ids[at] if len(tracks.ids) else NOWHERE).tolist()
        here = now.setdefault(field, {})
        # A track that still has its id goes before a copy of it that is gone.
        for item, then in sorted(zip(found, states, strict=True), key=lambda pair: pair[0] != pair[1]):
            if item != then and then in present:
                others.add(then)
            if item == NOWHERE or item in here:
                continue
            here[item] = states[then]
            known.add(item)
            if item != then or of_now[item] != of_then[then]:
                outdated.setdefault(field, {})[item] = states[then]
    for field, values in counts.items():
        for item in others - known:
            state = CountState(values.get(item, 0), values.get(item, 0))
            now.setdefault(field, {})[item] = state
            outdated.setdefault(field, {})[item] = state
    return replace(snapshot, counts=now), outdated


def write_counts(
    connection: sa.Connection,
    time: int,
    changed: Mapping[str, Mapping[int, CountState]],
    marks: Mapping[int, Marks],
    library: str,
) -> None:
    """Write the counts that changed since the last snapshot of a library, and the time of this one."""
    notes, table = schema.notes, schema.snapshots
    rows = [
        (library, item, field, state.base, state.count, *marks.get(item, (0, 0)))
        for field, items in changed.items()
        for item, state in items.items()
    ]
    if library and connection.execute(notes.delete().where(notes.c.name == _SNAPSHOT)).rowcount:
        connection.execute(table.update().values(library=library).where(table.c.library == ""))
    upsert(connection, table, [dict(zip(table.c.keys(), row, strict=True)) for row in rows])
    upsert(connection, notes, [{"name": f"{_SNAPSHOT} {library}".strip(), "value": str(time)}])


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows in place of those with the same key."""
    statement = insert(connection, table)
    key = list(table.primary_key)
    new = {column.name: statement.excluded[column.name] for column in table.columns if column not in key}
    if rows:
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), rows)
