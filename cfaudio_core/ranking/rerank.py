"""The choice: the best of the familiar and of the never heard, each mode of the taste with its share, no two alike.

Greedy, one track after the other, by its rank among its kind, by how near it is to what was taken (maximal marginal
relevance: Carbonell and Goldstein, 1998), and by how much the modes that it belongs to are wanting (calibration: Steck,
"Calibrated recommendations", RecSys 2018, whose divergence is taken times the length of the list).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cfaudio_core.ranking.taste import Taste
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

_ALIKE = 0.5  # tracks of one mode are alike, so that nearness alone must not undo what calibration does
_DRAW = 0.5  # in lengths of the list: how far a draw may take a track from its rank
_WINDOW = 4000  # so many of the best-ranked are looked at for each place
_REACH = 20.0  # in lengths of the list: tracks of lower ranks are not compared with what is on it
_WEIGHED = 1000  # places that diversity has a say in; a longer list goes on by rank


@dataclass(frozen=True)
class Wish:
    """What is asked of a list.

    Attributes
    ----------
    n
        Number of tracks.
    unplayed
        Share of never played tracks, 0 to 1; met exactly while there are such tracks.
    per_artist
        Most tracks of one artist, as long as there are others to choose from.
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
class Pool:
    """`n` tracks to choose from.

    Attributes
    ----------
    appeal
        float32 (n,): higher is better among tracks of one kind; only the order counts. Not finite: not to be chosen.
    fresh
        bool (n,): never heard.
    artists
        int64 (n,): one number an artist; 0 where unknown, and then no limit applies.
    vectors
        float32 (n, d), unit length or zeros.
    """

    appeal: FloatArray
    fresh: BoolArray
    artists: IntArray
    vectors: FloatArray


def choose(pool: Pool, taste: Taste, wish: Wish) -> IntArray:
    """Choose tracks.

    Parameters
    ----------
    pool
        What there is.
    taste
        The modes that the list is to serve in their shares.
    wish
        What is asked for.

    Returns
    -------
    IntArray
        int64, at most `wish.n` positions, in the order in which they were taken.
    """
    open_ = np.flatnonzero(np.isfinite(pool.appeal))
    n = min(wish.n, len(open_))
    kinds = [open_[pool.fresh[open_]], open_[~pool.fresh[open_]]]
    n_fresh = min(round(wish.unplayed * n), len(kinds[0]))
    n_fresh = n - min(n - n_fresh, len(kinds[1]))  # what one kind cannot give, the other does
    quota = [n_fresh, n - n_fresh]
    cost = _costs(pool, kinds, quota, wish)
    queues = [_Queue(positions[np.argsort(cost[positions], kind="stable")], wish.per_artist) for positions in kinds]
    artist = pool.artists
    taken_of = np.zeros(artist.max(initial=0) + 1, np.int64)
    served = _Served(pool.vectors, taste, wish.diversity, np.flatnonzero(cost <= _REACH))
    chosen: list[int] = []
    got = [0, 0]
    for place in range(n):
        kind = min((k for k in (1, 0) if got[k] < quota[k]), key=lambda k: (got[k] + 0.5) / quota[k])
        window = queues[kind].best(artist, taken_of)
        first = int(np.argmax(served.gain(window) - cost[window])) if place < _WEIGHED else 0
        at = int(window[first])
        queues[kind].drop(first)
        if place < _WEIGHED:
            served.take(at)
        if artist[at]:
            taken_of[artist[at]] += 1
            for queue in queues:
                queue.hold(artist, int(artist[at]), int(taken_of[artist[at]]))
        got[kind] += 1
        chosen.append(at)
    return np.array(chosen, np.int64)


class _Queue:
    """Tracks of one kind in the order of their ranks; those of artists who had their share wait apart."""

    def __init__(self, ranked: IntArray, per_artist: int) -> None:
        self._ranked, self._left, self._cap = ranked, ranked, per_artist
        self._gone = np.zeros(int(ranked.max(initial=-1)) + 1, bool)

    def best(self, artist: IntArray, taken_of: IntArray) -> IntArray:
        """int64 (m,): positions of the best, at least one; the artists' share grows when nobody else is left."""
        while not len(self._left):
            self._cap += 1
            waiting = self._ranked[~self._gone[self._ranked]]
            self._left = waiting[taken_of[artist[waiting]] < self._cap]
        return self._left[:_WINDOW]

    def drop(self, at: int) -> None:
        """Take the track at a position of `best` away."""
        self._gone[self._left[at]] = True
        self._left = np.delete(self._left, at)

    def hold(self, artist: IntArray, who: int, taken: int) -> None:
        """Let an artist's tracks wait if so many taken are the share."""
        if taken >= self._cap:
            self._left = self._left[artist[self._left] != who]


def _costs(pool: Pool, kinds: Sequence[IntArray], quota: Sequence[int], wish: Wish) -> FloatArray:
    """float32 (n,): the rank of each track among its kind, in lengths of what the list takes of that kind."""
    rng = np.random.default_rng(wish.seed) if wish.seed is not None else None
    cost = np.full(len(pool.appeal), np.inf, np.float32)
    for positions, wanted in zip(kinds, quota, strict=True):
        ranked = positions[np.argsort(-pool.appeal[positions], kind="stable")]
        rank = np.arange(len(ranked))
        if rng is not None:
            # Plackett and Luce: a draw without replacement in which the track of rank r has weight exp(-2r/n).
            drawn = np.argsort(rank / max(wanted, 1) - _DRAW * rng.gumbel(size=len(ranked)), kind="stable")
            ranked = ranked[drawn]
        cost[ranked] = rank / max(wanted, 1)
    return cost


class _Served:
    """What the list has of each mode, and how near every track is to what is on it."""

    def __init__(self, vectors: FloatArray, taste: Taste, weight: float, reach: IntArray) -> None:
        self._vectors, self._weight = vectors, weight
        self._reach, self._reached = reach, vectors[reach]
        self._near = np.zeros(len(vectors), np.float32)
        self._shares = taste.shares
        self._of_mode = taste.belonging(vectors) if len(taste.shares) else np.zeros((len(vectors), 0), np.float32)
        self._count = taste.shares.astype(np.float32).copy()  # as if one track in the right proportions were there
        self._length = 1

    def gain(self, positions: IntArray) -> FloatArray:
        """float32 (m,): what the list gains by each of some tracks, but for their rank."""
        if not self._weight:
            return np.zeros(len(positions), np.float32)
        lacking = self._length * np.log1p(self._of_mode[positions] / self._count) @ self._shares
        return float32(self._weight * (lacking - _ALIKE * np.square(self._near[positions])))

    def take(self, at: int) -> None:
        """Put a track on the list."""
        if self._weight:
            near = self._reached @ self._vectors[at]
            self._near[self._reach] = np.maximum(self._near[self._reach], near)
            self._count = self._count + self._of_mode[at]
            self._length += 1
