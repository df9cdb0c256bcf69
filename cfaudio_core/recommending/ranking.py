"""The choice: best first, familiar and never heard in the wanted share, and no artist too often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cfaudio_core.tracks import BoolArray, FloatArray, IntArray


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
    seed
        None: the best tracks. A number: a draw in which the best are the likeliest, the same for the same number.
    """

    n: int = 50
    unplayed: float = 0.5
    per_artist: int = 2
    seed: int | None = None


def choose(scores: FloatArray, played: BoolArray, artists: Sequence[str], wish: Wish) -> IntArray:
    """Choose tracks and put them in order.

    Parameters
    ----------
    scores
        float32 (n,): higher is better; NaN: not to be chosen.
    played
        bool (n,).
    artists
        n texts; "" where unknown, and then no limit applies.
    wish
        What is asked for.

    Returns
    -------
    IntArray
        int64, at most `wish.n` positions. Familiar and never heard tracks alternate as evenly as their numbers allow,
        each kind best first, and a familiar one opens the list.
    """
    ranked = _ranked(scores, wish)
    n = min(wish.n, len(ranked))
    fresh, familiar = ranked[~played[ranked]], ranked[played[ranked]]
    n_fresh = min(round(wish.unplayed * n), len(fresh))
    n_familiar = min(n - n_fresh, len(familiar))
    n_fresh = n - n_familiar  # what one kind cannot give, the other does
    taken: Counter[str] = Counter()
    chosen_fresh = _take(fresh, n_fresh, artists, wish.per_artist, taken)
    chosen_familiar = _take(familiar, n_familiar, artists, wish.per_artist, taken)
    return _interleave(chosen_familiar, chosen_fresh)


def _ranked(scores: FloatArray, wish: Wish) -> IntArray:
    """Positions, best first; equal scores keep the library's order."""
    ranked = np.argsort(-scores, kind="stable")
    ranked = ranked[np.isfinite(scores[ranked])]
    if wish.seed is not None and len(ranked):
        # Plackett and Luce: a draw without replacement in which the track of rank r has weight exp(-r/n).
        noise = np.random.default_rng(wish.seed).gumbel(size=len(ranked))
        ranked = ranked[np.argsort(np.arange(len(ranked)) / max(wish.n, 1) - noise, kind="stable")]
    return ranked


def _take(ranked: IntArray, n: int, artists: Sequence[str], per_artist: int, taken: Counter[str]) -> list[int]:
    """The first n, passing over an artist who has had his share; the share grows when nobody else is left."""
    chosen: list[int] = []
    waiting = [int(i) for i in ranked]
    share = per_artist
    while len(chosen) < n and waiting:
        passed: list[int] = []
        for i in waiting:
            artist = artists[i].casefold()
            if len(chosen) < n and (not artist or taken[artist] < share):
                chosen.append(i)
                taken[artist] += 1
            else:
                passed.append(i)
        waiting, share = passed, share + 1
    rank = {int(i): r for r, i in enumerate(ranked)}
    return sorted(chosen, key=rank.__getitem__)


def _interleave(familiar: Sequence[int], fresh: Sequence[int]) -> IntArray:
    """Both in their order, spread evenly over the list."""
    at = [
        ((r + 0.5) / len(group), kind, i) for kind, group in enumerate((familiar, fresh)) for r, i in enumerate(group)
    ]
    order = [i for _, _, i in sorted(at, key=lambda entry: entry[:2])]
    if familiar and order[0] != familiar[0]:
        order.remove(familiar[0])
        order.insert(0, familiar[0])
    return np.array(order, np.int64)
