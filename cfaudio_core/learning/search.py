"""The nearest of many points: by looking at all of them, or in a large library at those of the cells around.

Looking at all costs the square of the number of points. In a large library the points are put into about sqrt(n)
cells by k-means, and each point is compared with those of the cells nearest to its own: the inverted file of Sivic and
Zisserman, "Video Google" (ICCV 2003), as Jégou, Douze and Schmid search in it (TPAMI 2011).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cfaudio_core.learning.space import principal_axes
from cfaudio_core.tracks import FloatArray, IntArray, float32

LARGE = 20_000
"""In larger libraries neighbours are looked for along the principal axes alone, and in the cells around."""

_AXES = 128
_LOOKED_INTO = 24  # cells
_ROUNDS = 8  # of k-means
_BLOCK = 1024


def search_basis(features: FloatArray) -> FloatArray:
    """float32 (dim, d): the axes along which the neighbours of n tracks are looked for; (dim, 0) stands for all.

    Parameters
    ----------
    features
        float32 (n, dim), places in the space of sound.
    """
    if len(features) <= LARGE:
        return np.zeros((features.shape[1], 0), np.float32)
    return principal_axes(features, _AXES, seed=0)


def along(features: FloatArray, basis: FloatArray) -> FloatArray:
    """float32 (n, d): where neighbours are looked for; see `search_basis`."""
    return float32(features @ basis) if basis.shape[1] else features


def nearest(points: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """The k nearest others of each point.

    Parameters
    ----------
    points
        float32 (n, dim)
    k
        1 to n - 1.

    Returns
    -------
    tuple
        int64 (n, k) positions and float32 (n, k) squared distances, nearest first. Beyond `LARGE` points they are the
        nearest among those of the cells around.
    """
    near, squared = np.empty((len(points), k), np.int64), np.empty((len(points), k), np.float32)
    for own, others in _groups(points, k):
        there = points[others]
        length = np.square(there).sum(axis=1)
        for start in range(0, len(own), _BLOCK):
            at = np.arange(start, min(start + _BLOCK, len(own)))  # its own points come first among the others
            distance = length[at, None] + length - 2 * there[at] @ there.T
            distance[np.arange(len(at)), at] = np.inf
            found = np.argpartition(distance, k - 1, axis=1)[:, :k]
            order = np.argsort(np.take_along_axis(distance, found, axis=1), axis=1, kind="stable")
            found = np.take_along_axis(found, order, axis=1)
            near[own[at]] = others[found]
            squared[own[at]] = np.maximum(np.take_along_axis(distance, found, axis=1), 0)
    return near, squared


def _groups(points: FloatArray, k: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Positions of points, and of more than k that they are compared with: themselves first, then those around."""
    everybody = np.arange(len(points))
    if len(points) <= LARGE:
        yield everybody, everybody
        return
    cell, centres = _cells(points)
    count = np.bincount(cell, minlength=len(centres))
    members = np.split(np.argsort(cell, kind="stable"), np.cumsum(count)[:-1])
    length = np.square(centres).sum(axis=1)
    apart = length[:, None] + length - 2 * centres @ centres.T
    np.fill_diagonal(apart, -np.inf)
    for own, around in zip(members, np.argsort(apart, axis=1, kind="stable"), strict=True):
        enough = int(np.searchsorted(np.cumsum(count[around]), k, side="right")) + 1
        yield own, np.concatenate([members[c] for c in around[: max(_LOOKED_INTO, enough)]])


def _cells(points: FloatArray) -> tuple[IntArray, FloatArray]:
    """The cell of each point, int64 (n,), and the middle of each, float32 (cells, dim)."""
    rng = np.random.default_rng(0)
    sample = points[np.sort(rng.choice(len(points), LARGE, replace=False))]
    centres = sample[np.sort(rng.choice(len(sample), int(np.sqrt(len(points))), replace=False))]
    for _ in range(_ROUNDS):
        cell = _nearest_centre(sample, centres)
        count = np.bincount(cell, minlength=len(centres))
        inside = np.flatnonzero(count)
        starts = (np.cumsum(count) - count)[inside]
        sums = np.add.reduceat(sample[np.argsort(cell, kind="stable")], starts, axis=0)
        centres = float32(sums / count[inside, None])
    return _nearest_centre(points, centres), centres


def _nearest_centre(points: FloatArray, centres: FloatArray) -> IntArray:
    length = np.square(centres).sum(axis=1)
    starts = range(0, len(points), _BLOCK)
    return np.concatenate([np.argmin(length - 2 * points[s : s + _BLOCK] @ centres.T, axis=1) for s in starts])
