"""The map: vectors on a plane, where what is near stays near, and the tracks of a large library that are on it.

t-SNE (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008) in the way of Kobak and Berens ("The art
of using t-SNE for single-cell transcriptomics", Nature Communications 2019): begun from the principal components, so
that the large picture is that of the data and the same at each run, and with a learning rate that grows with it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cfaudio_core.util.arrays import FloatArray, IntArray, float32

MAX_TRACKS = 100_000
"""Tracks on the map: so many are 12 MB to load and dots that a browser still moves in one stroke; a million of them
would be 120 MB, a map whose dots cover one another, and hours to lay it out."""

_PLAYED_SHARE = 0.5  # of these at most are chosen for being played
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 by the golden ratio
_PERPLEXITY = 30  # at most; in small libraries the square root of the number of tracks, lest all be neighbours
_EXAGGERATION, _EARLY_ITERATIONS, _ITERATIONS = 12.0, 250, 400
_CALLBACK_ITERATIONS = 10
_COARSE_TRACKS = 20_000  # from here on forces are interpolated on a grid twice as coarse, which is not to be seen
_NEIGHBOUR_SHARE = 0.25  # of the work is finding neighbours
_MIN_TRACKS = 10  # fewer have no neighbourhoods to keep


def tracks_shown(ids: IntArray, plays: FloatArray, most: int = MAX_TRACKS) -> IntArray:
    """Choose the tracks on the map, int64 (k,), ascending: those that are played most, and an even draw of the rest.

    Multiples of the golden ratio lie evenly, whichever stretch of the numbers they are taken over. So albums and
    artists, whose tracks have ids in a row, are drawn in proportion, and what is shown stays shown while a library
    grows, but for the few that make room.
    """
    if len(ids) <= most:
        return np.arange(len(ids))
    draw = ids.astype(np.uint64) * _GOLDEN
    by_plays = np.lexsort((draw, -plays))[: int(most * _PLAYED_SHARE)]
    first = by_plays[plays[by_plays] > 0]
    rest = np.setdiff1d(np.arange(len(ids)), first, assume_unique=True)
    return np.sort(np.concatenate([first, rest[np.argsort(draw[rest], kind="stable")[: most - len(first)]]]))


def project(
    vectors: FloatArray, seed: int = 0, jobs: int = 1, on_progress: Callable[[float], None] = lambda share: None
) -> FloatArray:
    """Lay n vectors, float32 (n, d), out on a plane: float32 (n, 2), centred on 0, within -1 to 1.

    The same seed and data give the same map on one machine. `on_progress` is called with the share of the work, 0 to 1,
    that was done since the last call.
    """
    if len(np.unique(vectors, axis=0)) < _MIN_TRACKS:
        return _framed(_principal(vectors))
    import openTSNE

    affinities = openTSNE.affinity.PerplexityBasedNN(
        vectors,
        perplexity=min(_PERPLEXITY, max(np.sqrt(len(vectors)), 3)),
        n_jobs=jobs,
        random_state=seed,
    )
    begin = _principal(vectors)
    begin *= 1e-4 / max(float(begin[:, 0].std()), 1e-12)
    on_progress(_NEIGHBOUR_SHARE)

    def advance(*_: object) -> None:
        on_progress((1 - _NEIGHBOUR_SHARE) * _CALLBACK_ITERATIONS / (_EARLY_ITERATIONS + _ITERATIONS))

    plane = openTSNE.TSNEEmbedding(
        begin,
        affinities,
        n_jobs=jobs,
        random_state=seed,
        ints_in_interval=2 if len(vectors) > _COARSE_TRACKS else 1,
        callbacks=advance,
        callbacks_every_iters=_CALLBACK_ITERATIONS,
    )
    plane = plane.optimize(_EARLY_ITERATIONS, exaggeration=_EXAGGERATION, momentum=0.5, learning_rate="auto")
    plane = plane.optimize(_ITERATIONS, momentum=0.8, learning_rate="auto")
    return _framed(np.asarray(plane))


def _principal(vectors: FloatArray) -> npt.NDArray[np.float64]:
    """float64 (n, 2): the first principal components, each with the sign that makes its largest loading positive."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, : -3 if axes.shape[1] > 2 else None : -1]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
    plane = centred @ axes
    return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))


def _framed(plane: npt.NDArray[np.float64]) -> FloatArray:
    if not len(plane):
        return np.zeros((0, 2), np.float32)
    plane = _principal(float32(plane))  # rotated so that it is widest from left to right
    low, high = plane.min(axis=0), plane.max(axis=0)
    size = float((high - low).max())
    return float32((plane - (low + high) / 2) * (2 / size if size > 0 else 1))
