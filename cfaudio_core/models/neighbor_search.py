"""Nearest neighbours of many points: by looking at all of them, or in a large library at those of the cells around.

Looking at all costs the square of the number of points. In a large library the points are put into cells by k-means,
and each point is compared with those of the cells nearest to its own: the inverted file of Sivic and Zisserman, "Video
Google" (ICCV 2003), as Jégou, Douze and Schmid search in it (TPAMI 2011). There are about sqrt(n) cells, until they
hold `_CELL_POINTS` points. Beyond that the cells are divided into cells, as in the vocabulary tree of Nistér and
Stewénius (CVPR 2006), and the cells around are found as the points around are, so that n points cost n log n.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import principal_axes
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

MAX_EXACT_TRACKS = 20_000
"""In larger libraries neighbours are looked for along the principal axes alone, and in the cells around."""

AXES_TRACKS = 10_000
"""Number of tracks that principal axes are computed from."""

_AXES = 128
_SEARCHED_CELLS = 24
_CELL_POINTS = 250
_KMEANS_ROUNDS = 8
_BLOCK_POINTS = 1024
_BLOCK_DISTANCES = 2**23


def neighbor_basis(feature_matrix: FeatureMatrix) -> FloatArray:
    """float32 (dim, d): axes along which neighbours are looked for; (dim, 0) stands for all of them."""
    if len(feature_matrix) <= MAX_EXACT_TRACKS:
        return np.zeros((feature_matrix.space.width, 0), np.float32)
    return principal_axes(feature_matrix.sample(AXES_TRACKS, seed=0), _AXES)


def project(features: FloatArray, basis: FloatArray) -> FloatArray:
    """Project features, float32 (n, dim), on a `neighbor_basis`: float32 (n, d)."""
    return float32(features @ basis) if basis.shape[1] else features


def neighbor_features(feature_matrix: FeatureMatrix, basis: FloatArray) -> FloatArray:
    """Project the features of a whole library on a `neighbor_basis`: float32 (n, d)."""
    projected = np.empty((len(feature_matrix), basis.shape[1] or basis.shape[0]), np.float32)
    for part, features in feature_matrix.blocks():
        projected[part] = project(features, basis)
    return projected


def nearest(points: FloatArray, k: int) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Find the k nearest others, 1 to n - 1, of each of n points, float32 (n, dim).

    Returns
    -------
    tuple
        int32 (n, k) positions and float32 (n, k) squared distances, nearest first. Beyond `MAX_EXACT_TRACKS` points
        they are the nearest among those of the cells around.
    """
    near, squared = np.empty((len(points), k), np.int32), np.empty((len(points), k), np.float32)
    for own, others in _groups(points, k):
        there = points[others]
        length = np.square(there).sum(axis=1)
        step = max(min(_BLOCK_POINTS, _BLOCK_DISTANCES // len(others)), 1)
        for start in range(0, len(own), step):
            at = np.arange(start, min(start + step, len(own)))  # its own points come first among the others
            distance = length[at, None] + length - 2 * there[at] @ there.T
            distance[np.arange(len(at)), at] = np.inf
            found = np.sort(np.argpartition(distance, k - 1, axis=1)[:, :k], axis=1)
            among = np.take_along_axis(distance, found, axis=1)
            order = np.argsort(among, axis=1, kind="stable")
            near[own[at]] = others[np.take_along_axis(found, order, axis=1)]
            squared[own[at]] = np.maximum(np.take_along_axis(among, order, axis=1), 0)
    return near, squared


def _groups(points: FloatArray, k: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield positions of points, and of more than k to compare them with: themselves first, then those around."""
    everything = np.arange(len(points))
    if len(points) <= MAX_EXACT_TRACKS:
        yield everything, everything
        return
    cell, centres = _cells(points)
    count = np.bincount(cell, minlength=len(centres))
    members = np.split(np.argsort(cell, kind="stable"), np.cumsum(count)[:-1])
    if len(centres) == 1:
        yield everything, everything
        return
    beside = nearest(centres, min(len(centres) - 1, max(_SEARCHED_CELLS, k)))[0]  # k cells have k points at least
    for at, own in enumerate(members):
        around = np.append(at, beside[at])
        enough = int(np.searchsorted(np.cumsum(count[around]), k, side="right")) + 1
        yield own, np.concatenate([members[c] for c in around[: max(_SEARCHED_CELLS, enough)]])


def _cells(points: FloatArray) -> tuple[IntArray, FloatArray]:
    """Cell of each point, int64 (n,), and the middle of each cell, float32 (cells, dim); none is empty."""
    if len(points) <= _CELL_POINTS**2:
        return _divide(points, int(np.sqrt(len(points))))
    large, middles = _divide(points, _CELL_POINTS)
    if len(middles) == 1:  # they all are at one place
        return large, middles
    cell, centres, cells = np.empty(len(points), np.int64), [], 0
    for members in np.split(np.argsort(large, kind="stable"), np.cumsum(np.bincount(large))[:-1]):
        own = points[members]
        within, middles = _cells(own) if len(own) > _CELL_POINTS**2 else _divide(own, -(-len(own) // _CELL_POINTS))
        cell[members] = cells + within
        centres.append(middles)
        cells += len(middles)
    return cell, np.concatenate(centres)


def _divide(points: FloatArray, n: int) -> tuple[IntArray, FloatArray]:
    """Divide points into at most n cells, by k-means on a sample of them."""
    rng = np.random.default_rng(0)
    sample = points
    if len(points) > MAX_EXACT_TRACKS:
        sample = points[np.sort(rng.choice(len(points), MAX_EXACT_TRACKS, replace=False))]
    centres = sample[np.sort(rng.choice(len(sample), n, replace=False))]
    for _ in range(_KMEANS_ROUNDS):
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
    starts = range(0, len(points), _BLOCK_POINTS)
    return np.concatenate([np.argmin(length - 2 * points[s : s + _BLOCK_POINTS] @ centres.T, axis=1) for s in starts])
