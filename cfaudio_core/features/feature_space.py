"""The space of sound: where two tracks lie as far apart as they sound different.

Sound changes within a track as well, from verse to chorus. The directions in which the windows of one and the same
track differ tell tracks apart the least, so the space is whitened by them (within-class covariance normalisation:
Hatch, Kajarekar and Stolcke, "Within-class covariance normalization for SVM-based speaker recognition", Interspeech
2006, with every track a class). How much a track changes belongs to how it sounds as well, and has its own, smaller
part of the space; so has how wide its stereo image is. None of this needs plays, and the tracks nobody has played are
learnt from like all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular

from cfaudio_core.util.arrays import FloatArray, IntArray, float32

_SHRINKAGE = 2.0  # so many times the mean variance within a track is added in every direction
_CHANGE = 0.5  # size of the part for what changes, against 1 for what stays
_WIDTH = 0.6  # size of the part for the stereo image, against 1 for all else
_TELLING = 5000  # tracks whose windows are looked into: more make no difference
_BLOCK = 4096  # tracks at a time: what is computed on the way must not take more memory than what comes out


def _signed_roots() -> FloatArray:
    """float32 (65536,): of every float16 there is, in the order of their bits."""
    with np.errstate(invalid="ignore"):  # some are no numbers
        wide = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
        return float32(np.sign(wide) * np.sqrt(np.abs(wide)))


_ROOTS = _signed_roots()  # of features there are hundreds a window: looked up, they take a third of the time


class FeatureSummaries(NamedTuple):
    """What was heard of n tracks.

    Attributes
    ----------
    summaries
        float32 (n, dim): the mean over each track's windows.
    spreads
        float32 (n, dim): the standard deviation over each track's windows.
    within
        float64 (dim, dim): covariance of windows around their track's mean; zeros where no track has two windows.
    widths
        So many of the last columns are of the stereo image.
    """

    summaries: FloatArray
    spreads: FloatArray
    within: npt.NDArray[np.float64]
    widths: int = 0

    def at(self, positions: IntArray) -> FeatureSummaries:
        """What was heard of the tracks at int64 (k,) positions."""
        return self._replace(summaries=self.summaries[positions], spreads=self.spreads[positions])

    def parts(self) -> list[tuple[slice, float]]:
        """Columns that belong together, and the size of their part of the space."""
        rest = self.summaries.shape[1] - self.widths
        return [(slice(0, rest), 1.0), *([(slice(rest, None), _WIDTH)] if self.widths else [])]


def summarize_windows(windows: npt.NDArray[np.float16]) -> tuple[FloatArray, FloatArray]:
    """The mean over a track's windows, and each window's deviation from it, after a signed root that draws tails in.

    Parameters
    ----------
    windows
        float16 (windows, dim), features as they were heard.

    Returns
    -------
    tuple
        float32 (dim,) and float32 (windows, dim).
    """
    bits = np.asarray(windows, np.float16).view(np.uint16)
    drawn_in = _ROOTS.take(bits, mode="clip")  # "clip" is quicker: there is nothing to check
    mean = drawn_in.mean(axis=0)
    drawn_in -= mean
    return mean, drawn_in


def summarize_tracks(
    heard: Iterable[tuple[str, npt.NDArray[np.float16]]], keys: Sequence[str], widths: int = 0, *, telling: bool = True
) -> FeatureSummaries:
    """Summaries in the order of `keys`, from (key, windows) pairs in any order; every key must be among them.

    `within`, which takes the most time, is left at zeros where this is not to tell what space a library lies in.
    """
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    looked_into = set(sorted(first)[:: max(len(first) // _TELLING, 1)]) if telling else set()
    summaries = spreads = np.zeros((0, 0), np.float32)
    within = np.zeros((0, 0))
    freedom = 0
    for key, windows in heard:
        mean, deviation = summarize_windows(windows)
        if not len(summaries):
            summaries = np.empty((len(keys), len(mean)), np.float32)
            spreads, within = np.empty_like(summaries), np.zeros((len(mean), len(mean)))
        summaries[first[key]], spreads[first[key]] = mean, np.sqrt(np.square(deviation).mean(axis=0))
        if key in looked_into:
            within += deviation.T @ deviation
            freedom += len(deviation) - 1
    for i, key in enumerate(keys):
        if first[key] != i:  # the same sound twice in the library
            summaries[i], spreads[i] = summaries[first[key]], spreads[first[key]]
    return FeatureSummaries(float32(summaries), float32(spreads), within / max(freedom, 1), widths)


class FeatureSpace(NamedTuple):
    """From what was heard to the space.

    Attributes
    ----------
    mean, spread
        float32 (dim,): of the library's summaries and of its spreads.
    whitening
        float32 (dim, dim), for what stays the same in a track.
    change
        float32 (dim,), for what changes.
    """

    mean: FloatArray
    spread: FloatArray
    whitening: FloatArray
    change: FloatArray

    @classmethod
    def of(cls, sound: FeatureSummaries) -> FeatureSpace:
        """The space of a library; its tracks have mean 0 and a mean squared length of 1."""
        mean, scale = _moments(sound.summaries)
        spread, change = _moments(sound.spreads)
        whitening = np.zeros_like(sound.within)
        for part, size in sound.parts():
            whitening[part, part] = _whitening(sound.within[part, part], scale[part])
            whitening[part, part] *= size / _length((sound.summaries - mean)[:, part] @ whitening[part, part])
            change[part] *= size * _CHANGE / _length((sound.spreads - spread)[:, part] * change[part])
        raw = cls(mean, spread, float32(whitening), float32(change))
        whole = _length(raw.apply(sound))
        return raw._replace(whitening=raw.whitening / whole, change=raw.change / whole)

    def apply(self, sound: FeatureSummaries) -> FloatArray:
        """float32 (n, 2 dim): places in the space."""
        dim = len(self.mean)
        places = np.empty((len(sound.summaries), 2 * dim), np.float32)
        for start in range(0, len(places), _BLOCK):
            part = slice(start, start + _BLOCK)
            places[part, :dim] = (sound.summaries[part] - self.mean) @ self.whitening
            places[part, dim:] = (sound.spreads[part] - self.spread) * self.change
        return places

    def windows(self, windows: npt.NDArray[np.float16]) -> FloatArray:
        """The places of one track's windows, float32 (windows, 2 dim); their mean is the track's own place."""
        mean, deviation = summarize_windows(windows)
        spread = np.sqrt(np.square(deviation).mean(axis=0))
        stays = (mean + deviation - self.mean) @ self.whitening
        changes = np.broadcast_to((spread - self.spread) * self.change, stays.shape)
        return float32(np.hstack([stays, changes]))


def _whitening(within: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64 (dim, dim): columns scaled, then whitened by what changes within tracks."""
    within = within * scale * scale[:, None]
    variance = np.trace(within) / max(np.count_nonzero(scale), 1)
    ridge = _SHRINKAGE * variance if variance > 1e-9 else 1.0
    root = cholesky(within + ridge * np.eye(len(within)))
    return np.asarray(scale[:, None] * solve_triangular(root, np.eye(len(root))))


def _moments(values: FloatArray) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Mean of each column, float32, and the inverse of its standard deviation, 0 for a constant."""
    # Summed in float64: over many tracks, a float32 mean is off by enough to give a constant a deviation.
    mean = float32(values.mean(axis=0, dtype=np.float64))
    deviation = np.sqrt(np.square(values - mean).mean(axis=0, dtype=np.float64))
    return mean, np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0)


def _length(features: npt.NDArray[np.floating]) -> np.float32:
    """The root mean squared length of the rows, 1 where they have none."""
    squared = np.square(features).sum(axis=1).mean()
    return np.float32(np.sqrt(squared)) if squared > 1e-12 else np.float32(1)


def principal_axes(features: FloatArray, n: int) -> FloatArray:
    """float32 (dim, n): the axes along which the sound of some tracks varies most; zeros where it has fewer."""
    wide = features.astype(np.float64)
    if len(wide) < wide.shape[1]:  # the same axes, in a moment instead of seconds
        _, spread, rows = np.linalg.svd(wide, full_matrices=False)
        values, axes = spread**2 / max(len(wide), 1), rows.T
    else:
        ascending, axes = np.linalg.eigh(wide.T @ wide / len(wide))
        values, axes = ascending[::-1], axes[:, ::-1]
    axes = axes[:, :n] * (values[:n] > 1e-9 * values.sum())
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)  # one sign on any machine
    return np.pad(axes, ((0, 0), (0, n - axes.shape[1]))).astype(np.float32)
