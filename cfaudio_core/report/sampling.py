"""Which tracks of a large library the page shows."""

from __future__ import annotations

import numpy as np

from cfaudio_core.util.arrays import FloatArray, IntArray

MOST = 100_000
"""Tracks that the page shows: so many are 12 MB to load and dots that a browser still moves in one stroke; a million of
them would be 120 MB, a map whose dots cover one another, and hours to lay it out."""

_PLAYED = 0.5  # of these at most are chosen for being played
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 by the golden ratio


def shown(ids: IntArray, plays: FloatArray, most: int = MOST) -> IntArray:
    """The tracks to show: those that are played most, and an even draw of the rest.

    Multiples of the golden ratio lie evenly, whichever stretch of the numbers they are taken over. So albums and
    artists, whose tracks have numbers in a row, are drawn in proportion, and what is shown stays shown while a library
    grows, but for the few that make room.

    Parameters
    ----------
    ids
        int64 (n,): the library's own numbers.
    plays
        float32 (n,).
    most
        So many at most.

    Returns
    -------
    IntArray
        int64 (k,), ascending: their positions.
    """
    if len(ids) <= most:
        return np.arange(len(ids))
    draw = ids.astype(np.uint64) * _GOLDEN
    by_plays = np.lexsort((draw, -plays))[: int(most * _PLAYED)]
    first = by_plays[plays[by_plays] > 0]
    rest = np.setdiff1d(np.arange(len(ids)), first, assume_unique=True)
    return np.sort(np.concatenate([first, rest[np.argsort(draw[rest], kind="stable")[: most - len(first)]]]))
