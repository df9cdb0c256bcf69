"""The order: from track to similar track, as a tour that is as short as its rules allow.

A nearest neighbour tour, shortened by 2-opt moves, as Pohle, Pampalk and Widmer ("Generating similarity-based playlists
using traveling salesman algorithms", DAFx 2005) order a collection.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray

MAX_UNPLAYED_RUN = 3
"""Most never played tracks in a row, unless the list has too few others."""

_OPENING_TRACKS = 2  # familiar ones at the beginning
_SAME_ARTIST_COST = 8.0  # added to the distance; the largest there is between two tracks is 2
_TEMPO_COST = 0.3  # of a tempo twice as fast, added to the distance; a little faster costs a little
_UNKNOWN_JUMP = 0.25  # in octaves, about the mean in a list: else tracks without a tempo would be put between others
_MAX_MOVES = 4000
_PART_TRACKS = 100  # a list of more than two such parts is put in order part by part

_Costs = npt.NDArray[np.float64]


def order(vectors: FloatArray, unplayed: BoolArray, artists: IntArray, tempi: FloatArray | None = None) -> IntArray:
    """Put a list in order: int64 (n,), positions in the order to play them.

    The first familiar track opens the list, or the first track where none is familiar.

    Parameters
    ----------
    vectors
        float32 (n, d), unit length or zeros; where there are none, the order stays much as it is.
    unplayed
        bool (n,): never played.
    artists
        int64 (n,): one number an artist, 0 where unknown.
    tempi
        float32 (n,): beats a minute, NaN where unknown; None: all are.
    """
    n = len(unplayed)
    tempi = np.full(n, np.nan, np.float32) if tempi is None else tempi
    parts = [np.arange(n)] if n <= 2 * _PART_TRACKS else np.array_split(np.arange(n), -(-n // _PART_TRACKS))
    done: list[int] = []
    for part in parts if n else []:
        # Every part of a long list goes on from the end of the one before.
        part = np.concatenate((done[-1:], part)).astype(np.int64)
        ordered = part[_order_part(vectors[part], unplayed[part], artists[part], tempi[part], goes_on=bool(done))]
        done.extend(ordered[1:] if done else ordered)
    return np.array(done, np.int64)


def _order_part(
    vectors: FloatArray, unplayed: BoolArray, artists: IntArray, tempi: FloatArray, *, goes_on: bool
) -> IntArray:
    """Order a list; one that goes on begins with its first track, which the part before it has ended with."""
    new = unplayed[int(goes_on) :]
    kinds = pattern(int(new.sum()), int((~new).sum()), 1 if goes_on else _OPENING_TRACKS)
    opening = int(np.argmax(kinds)) if kinds.any() else len(kinds)
    if goes_on:
        kinds, opening = np.concatenate((unplayed[:1], kinds)), 0
    costs = _costs(vectors, artists, tempi)
    tour = _nearest_neighbours(costs, unplayed, kinds)
    return _shorten(tour, costs, unplayed, max(MAX_UNPLAYED_RUN, _longest_run(kinds)), opening)


def pattern(unplayed: int, familiar: int, opening: int = _OPENING_TRACKS) -> BoolArray:
    """Bool (n,): the places of never played tracks; spread evenly, after familiar ones."""
    if not familiar:
        return np.ones(unplayed, bool)
    opening = min(opening, familiar)
    while opening > 1 and unplayed > MAX_UNPLAYED_RUN * (familiar - opening + 1):
        opening -= 1
    # Every familiar track from the last of the opening on is followed by its part of the never played ones.
    gaps = familiar - opening + 1
    until = np.arange(gaps + 1) * unplayed // gaps
    kinds = [False] * (opening - 1)
    for size in np.diff(until):
        kinds += [False] + [True] * int(size)
    return np.array(kinds, bool)


def _longest_run(kinds: BoolArray) -> int:
    """The most never played tracks in a row."""
    breaks = np.flatnonzero(np.concatenate(([True], ~kinds, [True])))
    return int(np.diff(breaks).max(initial=1)) - 1


def _costs(vectors: FloatArray, artists: IntArray, tempi: FloatArray) -> _Costs:
    """float64 (n, n): how badly one track follows another."""
    octaves = np.log2(tempi.astype(np.float64))
    jumps = np.nan_to_num(np.abs(octaves[:, None] - octaves), nan=_UNKNOWN_JUMP)
    wide = vectors.astype(np.float64)
    same = (artists[:, None] == artists[None, :]) & (artists > 0)[:, None]
    costs: _Costs = 1 - wide @ wide.T + _SAME_ARTIST_COST * same + _TEMPO_COST * jumps
    return costs


def _nearest_neighbours(costs: _Costs, unplayed: BoolArray, kinds: BoolArray) -> IntArray:
    left = [list(np.flatnonzero(~unplayed)), list(np.flatnonzero(unplayed))]
    tour = [int(left[int(kinds[0])].pop(0))]  # where the list goes on, that is the track at 0
    for kind in kinds[1:]:
        waiting = left[int(kind)]
        tour.append(int(waiting.pop(int(np.argmin(costs[tour[-1], waiting])))))
    return np.array(tour, np.int64)


def _shorten(tour: IntArray, costs: _Costs, unplayed: BoolArray, longest: int, opening: int) -> IntArray:
    """Apply the best allowed reversal of a part, time and again, until none makes the tour shorter.

    The first track stays; a reversal is allowed that leaves no more than `longest` never played tracks in a row, and
    the first `opening` ones familiar.
    """
    n = len(tour)
    if n < 3:
        return tour
    # A place after the end that costs nothing, so that the last track moves as any other does.
    padded = np.zeros((n + 1, n + 1))
    padded[:n, :n] = costs
    for _ in range(_MAX_MOVES):
        moved = _best_reversal(tour, padded, unplayed, longest, opening)
        if moved is None:
            break
        tour = moved
    return tour


def _best_reversal(tour: IntArray, padded: _Costs, unplayed: BoolArray, longest: int, opening: int) -> IntArray | None:
    n = len(tour)
    ends = np.append(tour, n)
    before, after = ends[:-2], ends[2:]  # of places 1 to n-1
    inner = ends[1:-1]
    steps = padded[ends[:-1], ends[1:]]
    # Reversing places i to j joins the one before i to j, and i to the one after j.
    change = padded[np.ix_(before, inner)] + padded[np.ix_(inner, after)] - steps[:-1, None] - steps[None, 1:]
    change = np.where(np.triu(np.ones(change.shape, bool), 1), change, 0)
    flat = change.ravel()
    better = np.flatnonzero(flat < -1e-9)
    for at in better[np.argsort(flat[better], kind="stable")]:
        i, j = int(at) // len(inner) + 1, int(at) % len(inner) + 1
        reversed_ = np.concatenate((tour[:i], tour[i : j + 1][::-1], tour[j + 1 :]))
        kinds = unplayed[reversed_]
        if not kinds[:opening].any() and _longest_run(kinds) <= longest:
            return reversed_
    return None
