"""The stored history over the tracks of the library: who heard what of it, and in which sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cfaudio_core.data.listeners import MAIN_LISTENER, Listener
from cfaudio_core.data.sessions import Listens, Sessions, find_sessions
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

if TYPE_CHECKING:
    from cfaudio_core.history.columns import ListenColumns
    from cfaudio_core.history.store import ListenStore


def with_history(
    people: Sequence[Listener],
    store: ListenStore,
    durations: npt.NDArray[np.float64],
    lengths: FloatArray,
    positions: IntArray,
    gap: float,
) -> list[Listener]:
    """Listeners by their counts and by what is stored.

    Parameters
    ----------
    people
        By the count fields, at least one, over n tracks; the first is the main listener.
    store
        Listens and tallies. What is kept under `MAIN_LISTENER` is the main listener's, unless someone has that name.
        Names that are not among `people` are further listeners, if any track of the library is known of them, and if
        they can end a field's name.
    durations
        float64 (m,), seconds; of all m texts of the store, as told by their sources; 0 where unknown.
    lengths
        float32 (n,), seconds; of the tracks, 0 where unknown.
    positions
        int64 (m,): the track that each text is, negative where it is none; see `matching`.
    gap
        Seconds of silence that end a session.
    """
    listens, tallies = store.columns(), store.tallies()
    if not len(listens) and not len(tallies):
        return list(people)
    names = [person.name for person in people]
    main = MAIN_LISTENER if MAIN_LISTENER in names else names[0]
    stored: dict[str, list[str]] = {}
    for name in sorted({*listens.listeners, *tallies.listeners}):
        stored.setdefault(main if name == MAIN_LISTENER else name, []).append(name)

    nothing = np.zeros(len(lengths), np.float32)
    of_name = {person.name: person for person in people}

    def heard(listener_names: Sequence[str], sources: Sequence[str]) -> Sessions:
        mine = _is_one_of(listens.listeners, listens.listener, listener_names)
        mine &= _is_one_of(listens.sources, listens.source, sources)
        return _sessions(listens, np.flatnonzero(mine), durations, positions, lengths, gap)

    for name in [*names, *(name for name in stored if name not in of_name and name.isidentifier())]:
        person = of_name.get(name, Listener(name, nothing, nothing))
        aliases = stored.get(name, [])
        sessions = heard(aliases, listens.sources)
        plays, skips = person.plays, person.skips
        # Within one source listens and tallies are different plays, as a snapshot makes them, and add up. Two sources
        # have mostly seen the same plays, as two count fields have: the one that tells most of a track is believed.
        for source in tallies.sources:
            told = _is_one_of(tallies.listeners, tallies.listener, aliases)
            told &= _is_one_of(tallies.sources, tallies.source, [source])
            at = positions[tallies.text[told]]
            dated = heard(aliases, [source])
            plays = np.maximum(plays, dated.plays(len(lengths)) + _sum(at, tallies.plays[told], len(lengths)))
            skips = np.maximum(skips, dated.skips(len(lengths)) + _sum(at, tallies.skips[told], len(lengths)))
        merged = Listener(
            name,
            plays=float32(np.maximum(plays, sessions.plays(len(lengths)))),
            skips=float32(np.maximum(skips, sessions.skips(len(lengths)))),
            sessions=sessions,
        )
        if name in of_name or merged.known.any():
            of_name[name] = merged
    return list(of_name.values())


def _sessions(
    listens: ListenColumns,
    mine: IntArray,
    durations: npt.NDArray[np.float64],
    positions: IntArray,
    lengths: FloatArray,
    gap: float,
) -> Sessions:
    """The sessions of the listens at `mine`, one listener's."""
    text = listens.text[mine]
    item = positions[text]
    return find_sessions(
        Listens(
            listener=np.zeros(len(mine), np.int64),
            item=np.where(item >= 0, item, -1 - text),  # texts of no known track are still different tracks
            time=listens.time[mine],
            seconds=listens.seconds[mine].astype(np.float64),
            skipped=listens.skipped[mine].astype(np.int64),
            source=listens.source[mine].astype(np.int64),
            length=np.where((item >= 0) & (lengths[item] > 0), lengths[item], durations[text]),
        ),
        gap,
    )


def _is_one_of(names: Sequence[str], column: npt.NDArray[np.int32], wanted: Sequence[str]) -> BoolArray:
    """Bool (m,): where one of the wanted names stands in the column."""
    return np.isin(names, list(wanted))[column] if names else np.zeros(len(column), bool)


def _sum(at: IntArray, counts: IntArray, n: int) -> IntArray:
    """int64 (n,): the sum of the counts at each position; negative positions are left out."""
    known = at >= 0
    return np.bincount(at[known], counts[known], minlength=n).astype(np.int64)
