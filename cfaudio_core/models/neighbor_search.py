"""The nearest of many points: by looking at all of them, or in a large library at those of the cells around.

Looking at all costs the square of the number of points. In a large library the points are put into cells by k-means,
and each point is compared with those of the cells nearest to its own: the inverted file of Sivic and Zisserman, "Video
Google" (ICCV 2003), as Jégou, Douze and Schmid search in it (TPAMI 2011). There are about sqrt(n) cells, until they
hold `_FULL` points. Beyond that the cells are divided into cells, as in the vocabulary tree of Nistér and Stewénius
(CVPR 2006), and the cells around are found as the points around are, so that n points cost n log n.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import principal_axes
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

LARGE = 20_000
"""In larger libraries neighbours are looked for along the principal axes alone, and in the cells around."""

TELLING = 10_000
"""So many tracks tell what axes sound varies along."""

_AXES = 128
_LOOKED_INTO = 24  # cells
_FULL = 250  # points a cell
_WIDE = 16  # columns that are looked at together, to find small numbers among many
_ROUNDS = 8  # of k-means
_BLOCK = 1024
_AT_ONCE = 2**25  # distances


def search_basis(feature_matrix: FeatureMatrix) -> FloatArray:
    """float32 (dim, d): the axes along which neighbours are looked for; (dim, 0) stands for all."""
    if len(feature_matrix) <= LARGE:
        return np.zeros((2 * len(feature_matrix.space.mean), 0), np.float32)
    return principal_axes(feature_matrix.sample(TELLING, seed=0), _AXES)


def along(features: FloatArray, basis: FloatArray) -> FloatArray:
    """float32 (n, d): where neighbours are looked for; see `search_basis`."""
    return float32(features @ basis) if basis.shape[1] else features


def all_along(feature_matrix: FeatureMatrix, basis: FloatArray) -> FloatArray:
    """float32 (n, d): the same for a whole library."""
    places = np.empty((len(feature_matrix), basis.shape[1] or basis.shape[0]), np.float32)
    for part, features in feature_matrix.blocks():
        places[part] = along(features, basis)
    return places


def nearest(points: FloatArray, k: int) -> tuple[npt.NDArray[np.int32], FloatArray]:
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
        int32 (n, k) positions and float32 (n, k) squared distances, nearest first. Beyond `LARGE` points they are the
        nearest among those of the cells around.
    """
    near, squared = np.empty((len(points), k), np.int32), np.empty((len(points), k), np.float32)
    for own, others in _groups(points, k):
        there = points[others]
        length = np.square(there).sum(axis=1)
        step = max(min(_BLOCK, _AT_ONCE // len(others)), 1)
        for start in range(0, len(own), step):
            at = np.arange(start, min(start + step, len(own)))  # its own points come first among the others
            distance = length[at, None] + length - 2 * there[at] @ there.T
            distance[np.arange(len(at)), at] = np.inf
            found = _smallest(distance, k)
            near[own[at]] = others[found]
            squared[own[at]] = np.maximum(np.take_along_axis(distance, found, axis=1), 0)
    return near, squared


def _smallest(numbers: FloatArray, k: int) -> IntArray:
    """int64 (rows, k): where the k smallest numbers of each row are, the smallest first.

    Parting millions of numbers costs more than computing them. But no more than k groups of columns have a minimum
    among the k smallest minima, and what is greater than all of these is not wanted.
    """
    rows, columns = numbers.shape
    together = columns // _WIDE * _WIDE
    minima = numbers[:, :together].reshape(rows, _WIDE, -1).min(axis=1)
    if minima.shape[1] < k:
        minima = numbers
    bound = np.partition(minima, k - 1, axis=1)[:, k - 1]
    row, column = np.nonzero(numbers <= bound[:, None])
    order = np.lexsort((numbers[row, column], row))
    begins = np.searchsorted(row, np.arange(rows))
    return np.asarray(column[order[begins[:, None] + np.arange(k)]])


def _groups(points: FloatArray, k: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Positions of points, and of more than k that they are compared with: themselves first, then those around."""
    everybody = np.arange(len(points))
    if len(points) <= LARGE:
        yield everybody, everybody
        return
    cell, centres = _cells(points)
    count = np.bincount(cell, minlength=len(centres))
    members = np.split(np.argsort(cell, kind="stable"), np.cumsum(count)[:-1])
    if len(centres) == 1:
        yield everybody, everybody
        return
    beside = nearest(centres, min(len(centres) - 1, max(_LOOKED_INTO, k)))[0]  # k cells have k points at least
    for at, own in enumerate(members):
        around = np.append(at, beside[at])
        enough = int(np.searchsorted(np.cumsum(count[around]), k, side="right")) + 1
        yield own, np.concatenate([members[c] for c in around[: max(_LOOKED_INTO, enough)]])


def _cells(points: FloatArray) -> tuple[IntArray, FloatArray]:
    """The cell of each point, int64 (n,), and the middle of each, float32 (cells, dim); none is empty."""
    if len(points) <= _FULL**2:
        return _divided(points, int(np.sqrt(len(points))))
    large, middles = _divided(points, _FULL)
    if len(middles) == 1:  # they all are at one place
        return large, middles
    cell, centres, cells = np.empty(len(points), np.int64), [], 0
    for members in np.split(np.argsort(large, kind="stable"), np.cumsum(np.bincount(large))[:-1]):
        own = points[members]
        within, middles = _cells(own) if len(own) > _FULL**2 else _divided(own, -(-len(own) // _FULL))
        cell[members] = cells + within
        centres.append(middles)
        cells += len(middles)
    return cell, np.concatenate(centres)


def _divided(points: FloatArray, n: int) -> tuple[IntArray, FloatArray]:
    """The same for at most n cells, by k-means on a sample of the points."""
    rng = np.random.default_rng(0)
    sample = points
    if len(points) > LARGE:
        sample = points[np.sort(rng.choice(len(points), LARGE, replace=False))]
    centres = sample[np.sort(rng.choice(len(sample), n, replace=False))]
    for _ in range(_ROUNDS):
        cell = _nearest_centre(sample, centres)
        count = np.bincount(cell, minlength=len(centres))
        inside = np.flatnonzero(count)
        starts = (np.cumsum(count) - count)[inside]
        sums = np.add.reduceat(sample[np.argsort(cell, kind="stable")], starts, axis=0)
        centres = float32(sums / count[inside, None])
    there, cell = np.unique(_nearest_centre(points, centres), return_inverse=True)
    return cell, centres[there]


def _nearest_centre(points: FloatArray, centres: FloatArray) -> IntArray:
    length = np.square(centres).sum(axis=1)
    starts = range(0, len(points), _BLOCK)
    return np.concatenate([np.argmin(length - 2 * points[s : s + _BLOCK] @ centres.T, axis=1) for s in starts])
