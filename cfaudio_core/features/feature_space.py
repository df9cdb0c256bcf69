"""The feature space: two tracks are as far apart in it as they sound different.

Audio changes within a track as well, from verse to chorus. The directions in which the windows of one and the same
track differ tell tracks apart the least, so the space is whitened by them (within-class covariance normalisation:
Hatch, Kajarekar and Stolcke, "Within-class covariance normalization for SVM-based speaker recognition", Interspeech
2006, with every track a class). How much a track changes belongs to how it sounds as well, and has its own, smaller
part of the space. What the net makes of a track is one part beside others: the stereo image, and descriptors of timbre,
rhythm and harmony. Each is whitened by itself and has a size of its own. None of this needs plays: tracks that were
never played count like all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from cfaudio_core.features.adapter import Adapter
from cfaudio_core.features.summaries import NET_PART, FeatureSummaries, summarize_windows
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

_SHRINKAGE = 2.0  # so many times the mean variance within a track is added in every direction
_SPREAD_SIZE = 0.5  # of what changes within a track, against 1 for what stays
_BLOCK_TRACKS = 4096  # what is computed on the way must not take more memory than what comes out

SIZES: Mapping[str, float] = {"net": 1.0, "stereo": 0.3, "timbre": 0.5, "rhythm": 0.25, "harmony": 0.35}
"""Root mean squared length of tracks in each part of the space, against that of the others."""

TUNED_PART = "tuned"
"""What the library's own adapter makes of the net's part, see `adapter`; there only once it is trained."""


class FeatureSpace(NamedTuple):
    """A whitening of feature summaries, fitted to a library.

    Attributes
    ----------
    mean, spread
        float32 (dim,): means of the library's summaries, of both their parts.
    whitening
        float32 (dim, dim), for what stays the same in a track.
    spread_scale
        float32 (dim,), for what changes.
    parts
        Name of each part of the summaries to its number of columns, in their order.
    adapter
        Makes the part `TUNED_PART` of the net's part, where it was trained on this library.
    """

    mean: FloatArray
    spread: FloatArray
    whitening: FloatArray
    spread_scale: FloatArray
    parts: dict[str, int]
    adapter: Adapter = Adapter()

    @property
    def width(self) -> int:
        """Number of columns of the features."""
        return 2 * len(self.mean) + self.adapter.width

    def columns(self) -> dict[str, IntArray]:
        """Map the name of each part to its columns of the features, int64 (k,)."""
        dim, end = len(self.mean), np.cumsum(list(self.parts.values()))
        stays = {name: np.arange(last - n, last) for (name, n), last in zip(self.parts.items(), end, strict=True)}
        found = {name: np.concatenate([own, own + dim]) for name, own in stays.items()}
        return found | ({TUNED_PART: np.arange(2 * dim, self.width)} if self.adapter.width else {})

    @classmethod
    def fit(cls, summaries: FeatureSummaries, sizes: Mapping[str, float] = SIZES) -> FeatureSpace:
        """Fit to a library, so that its tracks have mean 0 and a mean squared length of 1.

        `sizes` has the size of each part of the summaries.
        """
        mean, scale = _moments(summaries.means)
        spread, spread_scale = _moments(summaries.spreads)
        whitening = np.zeros_like(summaries.within)
        for name, part in summaries.columns().items():
            size = sizes[name]
            whitening[part, part] = _whitening(summaries.within[part, part], scale[part])
            means = _known(summaries.means[:, part] - mean[part])
            whitening[part, part] *= size / _length(means @ whitening[part, part])
            spreads = _known(summaries.spreads[:, part] - spread[part]) * spread_scale[part]
            spread_scale[part] *= size * _SPREAD_SIZE / _length(spreads)
        parts = {name: part.stop - part.start for name, part in summaries.columns().items()}
        raw = cls(mean, spread, float32(whitening), float32(spread_scale), parts)
        length = _length(raw.transform(summaries))
        return raw._replace(whitening=raw.whitening / length, spread_scale=raw.spread_scale / length)

    def transform(self, summaries: FeatureSummaries) -> FloatArray:
        """Compute features, float32 (n, width), of n tracks; 0 in a part that is not known of a track."""
        dim = len(self.mean)
        features = np.empty((len(summaries.means), self.width), np.float32)
        for start in range(0, len(features), _BLOCK_TRACKS):
            part = slice(start, start + _BLOCK_TRACKS)
            features[part, :dim] = _known(summaries.means[part] - self.mean) @ self.whitening
            features[part, dim : 2 * dim] = _known(summaries.spreads[part] - self.spread) * self.spread_scale
            if self.adapter.width:
                features[part, 2 * dim :] = self.adapter.transform(features[part, : self.parts[NET_PART]])
        return features

    def transform_windows(self, windows: npt.NDArray[np.float16]) -> FloatArray:
        """Compute features of one track's windows, float32 (windows, 2 dim), without what the adapter makes of them.

        Their mean is that of the track.
        """
        mean, deviation = summarize_windows(windows)
        spread = np.sqrt(np.square(deviation).mean(axis=0))
        stays = _known(mean + deviation - self.mean) @ self.whitening
        changes = np.broadcast_to(_known(spread - self.spread) * self.spread_scale, stays.shape)
        return float32(np.hstack([stays, changes]))

    def transform_net(self, windows: npt.NDArray[np.float16]) -> FloatArray:
        """Compute the columns of the net's part that stay, float32 (windows, k), of windows (windows, k)."""
        mean, deviation = summarize_windows(windows)
        own = slice(0, self.parts[NET_PART])
        return float32((mean + deviation - self.mean[own]) @ self.whitening[own, own])

    def represent(self, roots: FloatArray) -> FloatArray:
        """Compute what the net's part is to this library, by the adapter or, where none was trained, by the whitening.

        float32 (n, width) of features after a signed root (n, k or more).
        """
        own = slice(0, self.parts[NET_PART])
        stays = float32((roots[:, own] - self.mean[own]) @ self.whitening[own, own])
        return self.adapter.transform(stays) if self.adapter.width else stays

    def with_adapter(self, adapter: Adapter) -> FeatureSpace:
        """Add the part that an adapter makes of the net's part."""
        return self._replace(adapter=adapter)

    def rescale(self, factors: Mapping[str, float]) -> FeatureSpace:
        """Multiply each part by a factor of its own, where one is named; the adapter's input stays what it was."""
        whitening, spread_scale, adapter = self.whitening.copy(), self.spread_scale.copy(), self.adapter
        dim = len(self.mean)
        for name, columns in self.columns().items():
            factor = float(factors.get(name, 1))
            if name == TUNED_PART:
                adapter = adapter._replace(scale=adapter.scale * factor)
                continue
            own = columns[columns < dim]
            whitening[:, own] *= factor
            spread_scale[own] *= factor
            if name == NET_PART:
                adapter = adapter.rescale_input(1 / factor)
        return self._replace(whitening=whitening, spread_scale=spread_scale, adapter=adapter)


def _whitening(within: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scale columns, then whiten by what changes within tracks: float64 (dim, dim)."""
    within = within * scale * scale[:, None]
    variance = np.trace(within) / max(np.count_nonzero(scale), 1)
    ridge = _SHRINKAGE * variance if variance > 1e-9 else 1.0
    root = scipy.linalg.cholesky(within + ridge * np.eye(len(within)))
    return np.asarray(scale[:, None] * scipy.linalg.solve_triangular(root, np.eye(len(root))))


def _moments(values: FloatArray) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Mean of each column, float32, and the inverse of its standard deviation, 0 for a constant; NaN is left out."""
    known = np.maximum(np.isfinite(values).sum(axis=0), 1)
    # Summed in float64: over many tracks, a float32 mean is off by enough to give a constant a deviation.
    mean = float32(np.nansum(values, axis=0, dtype=np.float64) / known)
    deviation = np.sqrt(np.nansum(np.square(values - mean), axis=0, dtype=np.float64) / known)
    return mean, np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0)


def _known(differences: FloatArray) -> FloatArray:
    """Set to 0 what is not known, in place: such a track lies at the mean."""
    return np.nan_to_num(differences, copy=False)


def _length(features: npt.NDArray[np.floating]) -> np.float32:
    """Root mean squared length of the rows, 1 where they have none."""
    squared = np.square(features).sum(axis=1).mean()
    return np.float32(np.sqrt(squared)) if squared > 1e-12 else np.float32(1)


def principal_axes(features: FloatArray, n: int) -> FloatArray:
    """float32 (dim, n): axes along which features vary most; zeros where there are fewer."""
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
