"""What excites the units of the net and the directions of the vectors: how much on the whole, and where in a track.

Features are kept by window, so nothing is decoded again: the top layers are computed anew from what was kept. A window
is 3 s; the moment of a peak is where its window begins.
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

WindowFeatures = Iterable[tuple[str, npt.NDArray[np.float16]]]
Top = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Takes (windows, dim) stored features to units (windows, u) and tags (windows, t)."""

WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE
_STRETCHES = 20  # of a track that was heard whole, see `worker.MOST_KEPT`
_AT_ONCE = 256  # tracks
_RIDGES = (0.01, 0.1, 1.0, 10.0)  # of the mean variance
_FOLDS = 5


class Excitement(NamedTuple):
    """Of n tracks and u units.

    Attributes
    ----------
    mean, peak
        float32 (n, u): over the windows of each track.
    at
        uint8 (n, u): the window of the peak.
    """

    mean: FloatArray
    peak: FloatArray
    at: npt.NDArray[np.uint8]

    @classmethod
    def none(cls, tracks: int, units: int) -> Excitement:
        """Zeros, to be filled."""
        shape = (tracks, units)
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.uint8))


class Listening(NamedTuple):
    """What comes of going through the stored windows once.

    Attributes
    ----------
    units
        Of the units of the net.
    tags
        float32 (n, t): mean probability of each sound tag.
    sound
        float32 (n, dim): mean features, drawn in by a signed root.
    windows
        int64 (n,): how many windows each track has.
    """

    units: Excitement
    tags: FloatArray
    sound: FloatArray
    windows: IntArray


@one_thread
def listen(
    heard: WindowFeatures, keys: Sequence[str], top: Top, on_progress: Callable[[int], None] = lambda n: None
) -> Listening:
    """Go through stored features once.

    Parameters
    ----------
    heard
        (key, float16 (windows, dim)) pairs in any order, for every key.
    keys
        n content keys; the same sound may be there twice.
    top
        The top layers.
    on_progress
        Called with the number of tracks done since the last call.
    """
    where = _places(keys)
    found: Listening | None = None
    for batch in _batches(heard):
        windows, starts, counts = _stacked([features for _, features in batch])
        units, tags = top(windows)
        drawn_in = _drawn_in(windows)
        if found is None:
            n = len(keys)
            found = Listening(
                Excitement.none(n, units.shape[1]),
                np.zeros((n, tags.shape[1]), np.float32),
                np.zeros((n, windows.shape[1]), np.float32),
                np.zeros(n, np.int64),
            )
        rows, sources = _rows(where, [key for key, _ in batch])
        _fill(found.units, units, starts, counts, rows, sources)
        found.tags[rows] = _means(tags, starts, counts)[sources]
        found.sound[rows] = _means(drawn_in, starts, counts)[sources]
        found.windows[rows] = counts[sources]
        on_progress(len(batch))
    if found is None:
        nothing = np.zeros((len(keys), 0), np.float32)
        return Listening(Excitement.none(len(keys), 0), nothing, nothing, np.zeros(len(keys), np.int64))
    return found


class Reading(NamedTuple):
    """How the directions of vectors can be read from sound, linearly.

    Attributes
    ----------
    weights
        float32 (dim, d), for features drawn in by a signed root, minus `mean`.
    mean
        float32 (dim,)
    told
        float32 (d,): the share of each direction's variance that is read of tracks that were not fitted to, 0 to 1.
    """

    weights: FloatArray
    mean: FloatArray
    told: FloatArray


def read_directions(sound: FloatArray, vectors: FloatArray) -> Reading:
    """Fit each of d directions to the mean features of n tracks, by ridge regression.

    How strong the ridge is, is decided on held-out tracks: fifths of the library as it is ordered, so that the tracks
    of an album, and mostly of an artist, are held out together.
    """
    mean = float32(sound.mean(axis=0, dtype=np.float64))
    scale = float32(1 / np.maximum(sound.std(axis=0, dtype=np.float64), 1e-3))
    features, goal = (sound - mean) * scale, float32(vectors - vectors.mean(axis=0))
    folds = [fold for fold in np.array_split(np.arange(len(sound)), _FOLDS) if len(fold)]
    parts = [_products(features[fold], goal[fold]) for fold in folds]
    gram, cross = (np.sum([part[k] for part in parts], axis=0) for k in range(2))
    wrong = []
    for ridge in _RIDGES:
        fits = [_solved(gram - part[0], cross - part[1], ridge) for part in parts]
        rests = [goal[fold] - features[fold] @ fit for fold, fit in zip(folds, fits, strict=True)]
        wrong.append(np.sum([np.square(rest).sum(axis=0) for rest in rests], axis=0))
    best = int(np.argmin([error.sum() for error in wrong]))
    told = 1 - wrong[best] / np.maximum(np.square(goal).sum(axis=0), 1e-12)
    return Reading(_solved(gram, cross, _RIDGES[best]) * scale[:, None], mean, float32(np.clip(told, 0, 1)))


def _products(features: FloatArray, goal: FloatArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return (features.T @ features).astype(np.float64), (features.T @ goal).astype(np.float64)


def _solved(gram: npt.NDArray[np.float64], cross: npt.NDArray[np.float64], ridge: float) -> FloatArray:
    ridged = gram.copy()
    ridged.flat[:: len(gram) + 1] += ridge * max(np.trace(gram) / max(len(gram), 1), 1e-9)
    return float32(cho_solve(cho_factor(ridged), cross))


@one_thread
def excite_directions(
    heard: WindowFeatures,
    keys: Sequence[str],
    vectors: FloatArray,
    reading: Reading,
    on_progress: Callable[[int], None] = lambda n: None,
) -> Excitement:
    """How far n tracks lie in each direction, float32 (n, d) `vectors`, and the window that sounds most like it."""
    where = _places(keys)
    excited = Excitement.none(len(keys), vectors.shape[1])
    for batch in _batches(heard):
        windows, starts, counts = _stacked([features for _, features in batch])
        said = (_drawn_in(windows) - reading.mean) @ reading.weights
        rows, sources = _rows(where, [key for key, _ in batch])
        _fill(excited, float32(said), starts, counts, rows, sources)
        on_progress(len(batch))
    return excited._replace(mean=float32(vectors))


def moment(window: int, windows: int, length: float, *, whole: bool) -> float:
    """Seconds from the beginning of a track to where a window begins; see `decode.read_windows`.

    Parameters
    ----------
    window, windows
        Which one it is of how many. Where silent ones were left out, the moment is as near as that allows.
    length
        Of the track, in seconds; 0 where unknown.
    whole
        The track was heard whole, in `windows` equal stretches or in windows that touch.
    """
    if length <= 0:
        return 0.0
    if whole:
        return round(length * window / windows, 1) if windows == _STRETCHES else round(window * WINDOW_SECONDS, 1)
    centre = (window + 0.5) / windows * length
    return round(max(0.0, min(centre - WINDOW_SECONDS / 2, length - WINDOW_SECONDS)), 1)


def _drawn_in(windows: FloatArray) -> FloatArray:
    """As in `space.summarise`: what the vectors are made of."""
    return float32(np.sign(windows) * np.sqrt(np.abs(windows)))


def _places(keys: Sequence[str]) -> dict[str, list[int]]:
    where: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        where.setdefault(key, []).append(i)
    return where


def _batches(heard: WindowFeatures) -> Iterator[list[tuple[str, npt.NDArray[np.float16]]]]:
    rest = iter(heard)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch


def _stacked(parts: Sequence[npt.NDArray[np.float16]]) -> tuple[FloatArray, IntArray, IntArray]:
    counts = np.array([len(part) for part in parts], np.int64)
    return float32(np.concatenate(parts)), np.cumsum(counts) - counts, counts


def _rows(where: dict[str, list[int]], keys: Sequence[str]) -> tuple[IntArray, IntArray]:
    """The tracks that a batch is about, and which member of the batch each of them is."""
    pairs = [(row, b) for b, key in enumerate(keys) for row in where.get(key, ())]
    rows, sources = np.array(pairs, np.int64).reshape(-1, 2).T
    return rows, sources


def _means(values: FloatArray, starts: IntArray, counts: IntArray) -> FloatArray:
    return float32(np.add.reduceat(values, starts, axis=0) / counts[:, None])


def _fill(
    excited: Excitement, values: FloatArray, starts: IntArray, counts: IntArray, rows: IntArray, sources: IntArray
) -> None:
    peak = np.maximum.reduceat(values, starts, axis=0)
    at = np.zeros(peak.shape, np.uint8)
    for b, (start, count) in enumerate(zip(starts, counts, strict=True)):
        at[b] = values[start : start + count].argmax(axis=0)
    excited.mean[rows] = _means(values, starts, counts)[sources]
    excited.peak[rows] = peak[sources]
    excited.at[rows] = at[sources]
