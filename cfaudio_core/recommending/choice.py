"""The choice: the best of the familiar and of the never heard, each mode of the taste with its share, no two alike.

Greedy, one track after the other, by its rank among its kind, by how near it is to what was taken (maximal marginal
relevance: Carbonell and Goldstein, 1998), and by how much the modes that it belongs to are wanting (calibration: Steck,
"Calibrated recommendations", RecSys 2018, whose divergence is taken times the length of the list).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cfaudio_core.recommending.taste import Taste
from cfaudio_core.tracks import BoolArray, FloatArray, IntArray, float32


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
        n texts; "" where unknown, and then no limit applies.
    vectors
        float32 (n, d), unit length or zeros.
    """

    appeal: FloatArray
    fresh: BoolArray
    artists: Sequence[str]
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
    artist = _numbers(pool.artists)
    taken_of = np.zeros(artist.max(initial=0) + 1, np.int64)
    cap = [wish.per_artist, wish.per_artist]
    served = _Served(pool.vectors, taste, wish.diversity)
    chosen: list[int] = []
    got = [0, 0]
    for _ in range(n):
        kind = min((k for k in (1, 0) if got[k] < quota[k]), key=lambda k: (got[k] + 0.5) / quota[k])
        left = kinds[kind]
        while not len(allowed := left[taken_of[artist[left]] < cap[kind]]):
            cap[kind] += 1  # nobody else is left
        at = int(allowed[np.argmax(served.gain(allowed) - cost[allowed])])
        served.take(at)
        if artist[at]:
            taken_of[artist[at]] += 1
        kinds[kind] = left[left != at]
        got[kind] += 1
        chosen.append(at)
    return np.array(chosen, np.int64)


def _costs(pool: Pool, kinds: Sequence[IntArray], quota: Sequence[int], wish: Wish) -> FloatArray:
    """float32 (n,): the rank of each track among its kind, in lengths of what the list takes of that kind."""
    rng = np.random.default_rng(wish.seed) if wish.seed is not None else None
    cost = np.full(len(pool.appeal), np.inf, np.float32)
    for positions, wanted in zip(kinds, quota, strict=True):
        ranked = positions[np.argsort(-pool.appeal[positions], kind="stable")]
        rank = np.arange(len(ranked))
        if rng is not None:
            # Plackett and Luce: a draw without replacement in which the track of rank r has weight exp(-r/n).
            drawn = np.argsort(rank / max(wanted, 1) - rng.gumbel(size=len(ranked)), kind="stable")
            ranked = ranked[drawn]
        cost[ranked] = rank / max(wanted, 1)
    return cost


class _Served:
    """What the list has of each mode, and how near every track is to what is on it."""

    def __init__(self, vectors: FloatArray, taste: Taste, weight: float) -> None:
        self._vectors, self._weight = vectors, weight
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
        return float32(self._weight * (lacking - self._near[positions]))

    def take(self, at: int) -> None:
        """Put a track on the list."""
        if self._weight:
            np.maximum(self._near, self._vectors @ self._vectors[at], out=self._near)
            self._count = self._count + self._of_mode[at]
            self._length += 1


def _numbers(names: Sequence[str]) -> IntArray:
    """int64 (n,): one number a name, whatever its capitals; 0 for no name."""
    number = {"": 0}
    return np.array([number.setdefault(name.casefold(), len(number)) for name in names], np.int64)
