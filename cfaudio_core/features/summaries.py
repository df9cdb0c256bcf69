"""Feature summaries: what is kept of a track's windows, their mean and how far they spread around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.audio.melspec import N_MELS
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

Parts = tuple[tuple[str, int], ...]
"""Names and numbers of columns of parts that lie side by side."""

NET_PART, STEREO_PART = "net", "stereo"

_COVARIANCE_TRACKS = 5000  # whose windows make the covariance: more make no difference


class FeatureSummaries(NamedTuple):
    """Summaries of n tracks.

    Attributes
    ----------
    means
        float32 (n, dim): the mean over each track's windows, NaN in the parts that are not known of a track.
    spreads
        float32 (n, dim): the standard deviation over each track's windows, NaN in the same places.
    within
        float64 (dim, dim): covariance of windows around their track's mean; zeros where no track has two windows.
    parts
        Name and number of columns of each part of the summaries, in their order; all of dim is one part if empty.
    """

    means: FloatArray
    spreads: FloatArray
    within: npt.NDArray[np.float64]
    parts: Parts = ()

    def columns(self) -> dict[str, slice]:
        """Map the name of each part to its columns."""
        ends = np.cumsum([width for _, width in self.parts]).tolist()
        named = {name: slice(end - width, end) for (name, width), end in zip(self.parts, ends, strict=True)}
        return named or {NET_PART: slice(0, self.means.shape[1])}

    @property
    def activations(self) -> FloatArray:
        """float32 (n, d): means of the net's part without the levels of frequency bands, which are stored with it."""
        own = self.means[:, self.columns()[NET_PART]]
        return own[:, : -2 * N_MELS] if own.shape[1] > 2 * N_MELS else own

    def subset(self, positions: IntArray) -> FeatureSummaries:
        """Summaries of the tracks at int64 (k,) positions."""
        return self._replace(means=self.means[positions], spreads=self.spreads[positions])


def summarize_windows(windows: npt.NDArray[np.float16]) -> tuple[FloatArray, FloatArray]:
    """Average a track's windows, after a signed root that draws tails in.

    Parameters
    ----------
    windows
        float16 (windows, dim), features as they were extracted.

    Returns
    -------
    tuple
        The mean, float32 (dim,), and each window's deviation from it, float32 (windows, dim).
    """
    wide = np.asarray(windows, np.float32)
    roots = np.sqrt(np.abs(wide))
    np.copysign(roots, wide, out=roots)
    mean = roots.mean(axis=0)
    roots -= mean
    return mean, roots


def summarize_tracks(
    features: Iterable[tuple[str, npt.NDArray[np.float16]]],
    keys: Sequence[str],
    parts: Parts = (),
    *,
    covariance: bool = True,
) -> FeatureSummaries:
    """Summarize the windows of many tracks.

    Parameters
    ----------
    features
        (content key, features of its windows) pairs in any order; every key must be among them. NaN in columns that are
        not known of a track.
    keys
        Content keys of the n tracks, in the order of the summaries.
    parts
        See `FeatureSummaries`.
    covariance
        Compute `within`, which takes the most time and is needed to fit a `FeatureSpace`; else it is zeros.
    """
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    sampled = set(sorted(first)[:: max(len(first) // _COVARIANCE_TRACKS, 1)]) if covariance else set()
    means = spreads = np.zeros((0, 0), np.float32)
    within = np.zeros((0, 0))
    freedom = 0
    for key, windows in features:
        mean, deviation = summarize_windows(windows)
        if not len(means):
            means = np.empty((len(keys), len(mean)), np.float32)
            spreads, within = np.empty_like(means), np.zeros((len(mean), len(mean)))
        means[first[key]], spreads[first[key]] = mean, np.sqrt(np.square(deviation).mean(axis=0))
        if key in sampled:
            # Each part is scaled by itself when a space is fitted: tracks without it make no difference to that.
            np.nan_to_num(deviation, copy=False)
            within += deviation.T @ deviation
            freedom += len(deviation) - 1
    for i, key in enumerate(keys):
        if first[key] != i:  # the same audio twice in the library
            means[i], spreads[i] = means[first[key]], spreads[first[key]]
    return FeatureSummaries(float32(means), float32(spreads), within / max(freedom, 1), parts)
