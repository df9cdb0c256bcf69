"""Counts of what each source of a listener's history holds, and how much of it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.data.listeners import Listener, find_name
from cfaudio_core.data.sessions import find_sessions
from cfaudio_core.history.listeners import matched_listens
from cfaudio_core.util.arrays import FloatArray, IntArray

if TYPE_CHECKING:
    from cfaudio_core.history.store import ListenStore


class SourceCounts(NamedTuple):
    """Counts of one listener's records from one source.

    Attributes
    ----------
    source
        The source's name.
    listens
        Plays with a time, as recorded.
    unmatched
        Those of no track of the library.
    doubles
        Those that tell of a play which another one of the source tells of too.
    undated
        Plays that are known by a count alone, of any track.
    """

    source: str
    listens: int = 0
    unmatched: int = 0
    doubles: int = 0
    undated: int = 0


def count_sources(
    listeners: list[Listener],
    of: Listener,
    store: ListenStore,
    durations: npt.NDArray[np.float64],
    lengths: FloatArray,
    positions: IntArray,
    gap: float,
) -> list[SourceCounts]:
    """Count the stored records of one of the listeners by source; see `with_history` for the other arguments."""
    names = [listener.name for listener in listeners]
    listens, tallies = store.listens(), store.tallies()
    played = matched_listens(listens, durations, lengths, positions)
    stored = [name for name in {*listens.listeners, *tallies.listeners} if find_name(name, names) == of.name]
    sources = []
    for source in sorted({*listens.sources, *tallies.sources}):
        rows = listens.is_from(stored, [source])
        known = int((played.track[rows] >= 0).sum())
        counts = SourceCounts(
            source,
            listens=int(rows.sum()),
            unmatched=int(rows.sum()) - known,
            doubles=known - len(find_sessions(played.take(rows), gap).track),
            undated=int(tallies.plays[tallies.is_from(stored, [source])].sum()),
        )
        if any(counts[1:]):
            sources.append(counts)
    return sources
