"""What the stored features of windows make of tracks: audio tags, means, and where in a track a direction peaks.

Features are stored by window, so nothing is decoded again: the top layers are computed anew from them. A window is 3 s;
the moment of a peak is where its window begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.util.arrays import FloatArray, IntArray, float32
from cfaudio_core.util.threads import one_thread

StoredFeatures = Iterable[tuple[str, npt.NDArray[np.float16]]]
"""Pairs of a content key and features (windows, dim), in any order."""

TopLayers = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Takes (windows, dim) stored features to units (windows, u) and tags (windows, t)."""

WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE
_WHOLE_STRETCHES = 20  # of a track that was analysed whole, see `features.worker`
_BATCH_TRACKS = 256
_RIDGES = (0.01, 0.1, 1.0, 10.0)  # of the mean variance
_FOLDS = 5
_BARS = 10

_Wide = npt.NDArray[np.float64]


class NetOutputs(NamedTuple):
    """Outputs of the net's top layers over n tracks.

    Attributes
    ----------
    tags
        float32 (n, t): mean probability of each audio tag.
    features
        float32 (n, dim): mean features after a signed root.
    windows
        int64 (n,): number of windows of each track.
    """

    tags: FloatArray
    features: FloatArray
    windows: IntArray


class _Batch(NamedTuple):
    """Windows of some tracks one after the other, and the rows of the library that they belong to.

    `rows` and `sources` are pairs: a row of the library, and the member of the batch that it takes its values from.
    """

    windows: FloatArray
    starts: IntArray
    counts: IntArray
    rows: IntArray
    sources: IntArray

    def means(self, values: FloatArray) -> FloatArray:
        """float32 (rows, u): means over the windows of each track."""
        return float32(np.add.reduceat(values, self.starts, axis=0) / self.counts[:, None])[self.sources]


@one_thread
def net_outputs(
    stored: StoredFeatures,
    keys: Sequence[str],
    top: TopLayers,
    on_progress: Callable[[int], None] = lambda n: None,
) -> NetOutputs:
    """Compute the outputs of the top layers over n tracks.

    Parameters
    ----------
    stored
        Features of every key.
    keys
        n content keys; the same audio may be there twice.
    top
        The top layers.
    on_progress
        Called with the number of tracks done since the last call.
    """
    n = len(keys)
    outputs: NetOutputs | None = None
    for batch in _batches(stored, keys, on_progress):
        _, tags = top(batch.windows)
        if outputs is None:
            outputs = _no_outputs(n, tags.shape[1], batch.windows.shape[1])
        outputs.tags[batch.rows] = batch.means(tags)
        outputs.features[batch.rows] = batch.means(signed_root(batch.windows))
        outputs.windows[batch.rows] = batch.counts[batch.sources]
    return outputs or _no_outputs(n, 0, 0)


@one_thread
def fit_directions(features: FloatArray, vectors: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit each of d directions to the mean features of n tracks, by ridge regression.

    The ridge is chosen on held-out tracks: fifths of the library as it is ordered, so that the tracks of an album, and
    mostly of an artist, are held out together. Returns weights, float32 (dim, d), for features minus a mean, float32
    (dim,), and the explained variance, float32 (d,).
    """
    mean = float32(features.mean(axis=0, dtype=np.float64))
    scale = float32(1 / np.maximum(features.std(axis=0, dtype=np.float64), 1e-3))
    features, target = (features - mean) * scale, float32(vectors - vectors.mean(axis=0))
    folds = [fold for fold in np.array_split(np.arange(len(features)), _FOLDS) if len(fold)]
    parts = [_products(features[fold], target[fold]) for fold in folds]
    gram, cross = (np.sum([part[k] for part in parts], axis=0) for k in range(2))
    errors = []
    for ridge in _RIDGES:
        fits = [_solve(gram - part[0], cross - part[1], ridge) for part in parts]
        residuals = [target[fold] - features[fold] @ fit for fold, fit in zip(folds, fits, strict=True)]
        errors.append(np.sum([np.square(rest).sum(axis=0) for rest in residuals], axis=0))
    best = int(np.argmin([error.sum() for error in errors]))
    explained = 1 - errors[best] / np.maximum(np.square(target).sum(axis=0), 1e-12)
    return _solve(gram, cross, _RIDGES[best]) * scale[:, None], mean, float32(np.clip(explained, 0, 1))


def profiles(stored: StoredFeatures, project: Callable[[FloatArray], FloatArray]) -> dict[str, FloatArray]:
    """Compute how active directions are in each window of some tracks.

    Parameters
    ----------
    stored
        Their features.
    project
        Takes features after a signed root, float32 (windows, dim), to activations (windows, k).
    """
    return {key: project(signed_root(float32(features))) for key, features in stored}


def bars(values: FloatArray) -> list[int]:
    """Ten heights, 1 to 9, of a track's windows, float32 (w,), in their order: of each tenth the largest."""
    tenths = [part for part in np.array_split(values, min(_BARS, len(values))) if len(part)]
    highest = np.array([part.max() for part in tenths])
    low, high = float(highest.min()), float(highest.max())
    heights: list[int] = np.rint(1 + 8 * (highest - low) / max(high - low, 1e-9)).astype(int).tolist()
    return heights


def _products(features: FloatArray, target: FloatArray) -> tuple[_Wide, _Wide]:
    return (features.T @ features).astype(np.float64), (features.T @ target).astype(np.float64)


def _solve(gram: _Wide, cross: _Wide, ridge: float) -> FloatArray:
    ridged = gram.copy()
    ridged.flat[:: len(gram) + 1] += ridge * max(np.trace(gram) / max(len(gram), 1), 1e-9)
    return float32(cho_solve(cho_factor(ridged), cross))


def moment(window: int, windows: int, length: float, *, whole: bool) -> float:
    """Seconds from the beginning of a track to where a window begins; see `audio.windows`.

    Where silent windows were left out, it is an approximation. `length` is in seconds, 0 where unknown. A track that
    was analysed `whole` has equal stretches or windows that touch.
    """
    if length <= 0:
        return 0.0
    if whole:
        seconds = length * window / windows if windows == _WHOLE_STRETCHES else window * WINDOW_SECONDS
        return round(seconds, 1)
    centre = (window + 0.5) / windows * length
    return round(max(0.0, min(centre - WINDOW_SECONDS / 2, length - WINDOW_SECONDS)), 1)


def signed_root(windows: FloatArray) -> FloatArray:
    """Compress features as `features.feature_space` does, whose summaries the vectors are made of."""
    return float32(np.sign(windows) * np.sqrt(np.abs(windows)))


def _no_outputs(tracks: int, tags: int, dim: int) -> NetOutputs:
    of_tags, features = np.zeros((tracks, tags), np.float32), np.zeros((tracks, dim), np.float32)
    return NetOutputs(of_tags, features, np.zeros(tracks, np.int64))


def _batches(stored: StoredFeatures, keys: Sequence[str], on_progress: Callable[[int], None]) -> Iterator[_Batch]:
    rows_of: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        rows_of.setdefault(key, []).append(i)
    rest = iter(stored)
    while tracks := list(islice(rest, _BATCH_TRACKS)):
        counts = np.array([len(features) for _, features in tracks], np.int64)
        pairs = [(row, b) for b, (key, _) in enumerate(tracks) for row in rows_of.get(key, ())]
        rows, sources = np.array(pairs, np.int64).reshape(-1, 2).T
        windows = float32(np.concatenate([features for _, features in tracks]))
        yield _Batch(windows, np.cumsum(counts) - counts, counts, rows, sources)
        on_progress(len(tracks))
