"""The choice: the best of the familiar and of the never played, each mode of the taste with its share, no two alike.

Greedy, one track after the other, by its rank among its kind, by how near it is to what is on the list (maximal
marginal relevance: Carbonell and Goldstein, 1998), and by how much its modes are lacking (calibration: Steck,
"Calibrated recommendations", RecSys 2018, whose divergence is taken times the length of the list).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cfaudio_core.ranking.taste import Taste
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

_SIMILARITY_COST = 0.5  # tracks of one mode are similar, so that nearness alone must not undo what calibration does
_GUMBEL_SCALE = 0.5  # in lengths of the list: how far a draw may take a track from its rank
_WINDOW_TRACKS = 4000  # so many of the best-ranked are compared for each place
_MAX_RANK = 20.0  # in lengths of the list: tracks of lower ranks are not compared with what is on it
_TASTE_GAP = 10.0  # points of liking: by more, no other artist's track is taken to keep to the limit of one
_DIVERSE_TRACKS = 1000  # places that diversity has a say in; a longer list goes on by rank


@dataclass(frozen=True)
class ListRules:
    """The properties that a list is to have.

    Attributes
    ----------
    n
        Number of tracks.
    unplayed
        Share of never played tracks, 0 to 1; met exactly while there are such tracks.
    per_artist
        Most tracks of one artist, as long as there are others to choose from that are liked nearly as much.
    diversity
        0: the best, come what may. 1: calibration and diversity may cost as many ranks as there are tracks on the list.
    seed
        None: the best tracks. A number: a draw in which the best are the likeliest, the same for the same number.
    """

    n: int = 50
    unplayed: float = 0.5
    per_artist: int = 2
    diversity: float = 0.0
    seed: int | None = None


@dataclass(frozen=True)
class Candidates:
    """`n` tracks to choose from.

    Attributes
    ----------
    scores
        float32 (n,): higher is better among tracks of one kind; only the order counts. Not finite: not to be chosen.
    unplayed
        bool (n,): never played.
    artists
        int64 (n,): one number an artist; 0 where unknown, and then no limit applies.
    vectors
        float32 (n, d), unit length or zeros.
    liking
        float32 (n,), 0 to 100: how much each is liked; NaN where unknown. None: all the same.
    """

    scores: FloatArray
    unplayed: BoolArray
    artists: IntArray
    vectors: FloatArray
    liking: FloatArray | None = None


def choose(candidates: Candidates, taste: Taste, rules: ListRules) -> IntArray:
    """Choose tracks that serve the modes of a taste in their shares.

    Returns
    -------
    IntArray
        int64, at most `rules.n` positions, in the order in which they were chosen.
    """
    possible = np.flatnonzero(np.isfinite(candidates.scores))
    n = min(rules.n, len(possible))
    kinds = [possible[candidates.unplayed[possible]], possible[~candidates.unplayed[possible]]]
    n_unplayed = min(round(rules.unplayed * n), len(kinds[0]))
    n_unplayed = n - min(n - n_unplayed, len(kinds[1]))  # what one kind cannot give, the other does
    quota = [n_unplayed, n - n_unplayed]
    cost = _costs(candidates, kinds, quota, rules)
    liking = np.zeros(len(cost), np.float32) if candidates.liking is None else np.nan_to_num(candidates.liking)
    ranked = [positions[np.argsort(cost[positions], kind="stable")] for positions in kinds]
    queues = [_Queue(positions, liking, rules.per_artist) for positions in ranked]
    artist = candidates.artists
    per_artist = np.zeros(artist.max(initial=0) + 1, np.int64)
    served = _Served(candidates.vectors, taste, rules.diversity, np.flatnonzero(cost <= _MAX_RANK))
    chosen: list[int] = []
    per_kind = [0, 0]
    for place in range(n):
        open_kinds = (k for k in (1, 0) if per_kind[k] < quota[k])
        kind = min(open_kinds, key=lambda k: (per_kind[k] + 0.5) / quota[k])
        window = queues[kind].best(artist, per_artist)
        first = int(np.argmax(served.gain(window) - cost[window])) if place < _DIVERSE_TRACKS else 0
        at = int(window[first])
        queues[kind].drop(first)
        if place < _DIVERSE_TRACKS:
            served.add(at)
        if artist[at]:
            per_artist[artist[at]] += 1
            for queue in queues:
                queue.hold(artist, int(artist[at]), int(per_artist[artist[at]]))
        per_kind[kind] += 1
        chosen.append(at)
    return np.array(chosen, np.int64)


class _Queue:
    """Tracks of one kind in the order of their ranks; those of artists at their limit wait."""

    def __init__(self, ranked: IntArray, liking: FloatArray, per_artist: int) -> None:
        self._ranked, self._left, self._liking, self._limit = ranked, ranked, liking, per_artist
        self._held = np.zeros(0, np.int64)
        self._gone = np.zeros(int(ranked.max(initial=-1)) + 1, bool)

    def best(self, artist: IntArray, per_artist: IntArray) -> IntArray:
        """int64 (m,): positions of the best, at least one; the limit grows when only less liked ones are left."""
        while not len(self._left) or (
            self._liking[self._held].max(initial=0) > self._liking[self._left].max() + _TASTE_GAP
        ):
            self._limit += 1
            waiting = self._ranked[~self._gone[self._ranked]]
            free = per_artist[artist[waiting]] < self._limit
            self._left, self._held = waiting[free], waiting[~free]
        return self._left[:_WINDOW_TRACKS]

    def drop(self, at: int) -> None:
        """Remove the track at a position of `best`."""
        self._gone[self._left[at]] = True
        self._left = np.delete(self._left, at)

    def hold(self, artist: IntArray, number: int, count: int) -> None:
        """Let the tracks of an artist wait, of whom `count` are chosen, if that is the limit."""
        if count >= self._limit:
            same = artist[self._left] == number
            self._held = np.concatenate((self._held, self._left[same]))
            self._left = self._left[~same]


def _costs(candidates: Candidates, kinds: Sequence[IntArray], quota: Sequence[int], rules: ListRules) -> FloatArray:
    """float32 (n,): the rank of each track among its kind, in lengths of what the list takes of that kind."""
    rng = np.random.default_rng(rules.seed) if rules.seed is not None else None
    cost = np.full(len(candidates.scores), np.inf, np.float32)
    for positions, places in zip(kinds, quota, strict=True):
        ranked = positions[np.argsort(-candidates.scores[positions], kind="stable")]
        rank = np.arange(len(ranked)) / max(places, 1)
        if rng is not None:
            # Plackett and Luce: a draw without replacement in which the track of rank r has weight exp(-2r/n).
            ranked = ranked[np.argsort(rank - _GUMBEL_SCALE * rng.gumbel(size=len(ranked)), kind="stable")]
        cost[ranked] = rank
    return cost


class _Served:
    """How much of each mode is on the list, and how near every track is to what is on it."""

    def __init__(self, vectors: FloatArray, taste: Taste, weight: float, compared: IntArray) -> None:
        self._vectors, self._weight = vectors, weight
        self._compared, self._of_compared = compared, vectors[compared]
        self._near = np.zeros(len(vectors), np.float32)
        self._shares = taste.shares
        self._of_mode = taste.memberships(vectors) if len(taste.shares) else np.zeros((len(vectors), 0), np.float32)
        self._count = taste.shares.astype(np.float32).copy()  # as if one track in the right proportions were there
        self._length = 1

    def gain(self, positions: IntArray) -> FloatArray:
        """float32 (m,): the list's gain by each of some tracks, but for their rank."""
        if not self._weight:
            return np.zeros(len(positions), np.float32)
        lacking = self._length * np.log1p(self._of_mode[positions] / self._count) @ self._shares
        return float32(self._weight * (lacking - _SIMILARITY_COST * np.square(self._near[positions])))

    def add(self, at: int) -> None:
        """Put a track on the list."""
        if self._weight:
            near = self._of_compared @ self._vectors[at]
            self._near[self._compared] = np.maximum(self._near[self._compared], near)
            self._count = self._count + self._of_mode[at]
            self._length += 1
