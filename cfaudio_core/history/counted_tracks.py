"""The tracks whose counts a snapshot has, among those that the library has now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cfaudio_core.data.identity import NOWHERE, TrackMarks, as_rows, from_rows
from cfaudio_core.history.count_growth import CountSnapshot, CountState

States = dict[str, dict[int, CountState]]


def of_these_tracks(
    snapshot: CountSnapshot, counts: Mapping[str, Mapping[int, int]], tracks: TrackMarks
) -> tuple[CountSnapshot, States]:
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
    now: States = {}
    outdated: States = {}
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
