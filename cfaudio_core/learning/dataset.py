"""What a head learns from: tracks as standardised features, and targets that are known for some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.tracks import BoolArray, FloatArray, float32


def summarise(windows: npt.NDArray[np.float16]) -> FloatArray:
    """One vector a track: the mean over its windows, its tails drawn in by a signed root.

    Parameters
    ----------
    windows
        float16 (windows, dim), the net's pooled features.

    Returns
    -------
    FloatArray
        float32 (dim,).
    """
    mean = windows.astype(np.float32).mean(axis=0)
    return float32(np.sign(mean) * np.sqrt(np.abs(mean)))


class Scaling(NamedTuple):
    """Mean and scale of each feature over the library; float32 (dim,) each."""

    mean: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, summaries: FloatArray) -> Scaling:
        """The scaling that gives (n, dim) `summaries` mean 0 and standard deviation 1; a constant feature gives 0."""
        # Summed in float64: over many tracks, a float32 mean is off by enough to give a constant a deviation.
        mean = float32(summaries.mean(axis=0, dtype=np.float64))
        deviation = np.sqrt(np.square(summaries - mean).mean(axis=0, dtype=np.float64))
        return cls(mean, float32(np.where(deviation > 1e-6, deviation, np.inf)))

    def apply(self, summaries: FloatArray) -> FloatArray:
        """float32 (n, dim), standardised."""
        return float32((summaries - self.mean) / self.scale)


@dataclass(frozen=True)
class Targets:
    """What is to be predicted of `m` tracks.

    Attributes
    ----------
    preference
        float32 (m, listeners), standardised over what is known of each listener.
    known
        bool (m, listeners): where a preference is known.
    direction
        float32 (m, factors): unit latent factors, or (m, 0) where contexts say nothing.
    """

    preference: FloatArray
    known: BoolArray
    direction: FloatArray

    def __len__(self) -> int:
        return len(self.preference)

    @property
    def values(self) -> FloatArray:
        """float32 (m, listeners + factors): all that is to be predicted, side by side."""
        return np.hstack([np.where(self.known, self.preference, 0), self.direction]).astype(np.float32)

    @property
    def weights(self) -> FloatArray:
        """float32 (m, listeners + factors): the weight of each value's error.

        A listener's preferences and all the factors together weigh the same: a unit direction has variance 1 in all.
        """
        return np.hstack([self.known, np.ones_like(self.direction)]).astype(np.float32)


def unit(vectors: FloatArray) -> FloatArray:
    """Rows at unit length; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return float32(vectors / np.where(norms > 0, norms, 1))


def principal_axes(features: FloatArray, n: int, seed: int, sample: int = 10_000) -> FloatArray:
    """float32 (dim, n): the axes along which the library's sound varies most; zeros where it has fewer."""
    if len(features) > sample:
        features = features[np.sort(np.random.default_rng(seed).choice(len(features), sample, replace=False))]
    wide = features.astype(np.float64)
    if len(wide) < wide.shape[1]:  # the same axes, in a moment instead of seconds
        _, spread, rows = np.linalg.svd(wide, full_matrices=False)
        values, axes = spread**2 / max(len(wide), 1), rows.T
    else:
        ascending, axes = np.linalg.eigh(wide.T @ wide / len(wide))
        values, axes = ascending[::-1], axes[:, ::-1]
    axes = axes[:, :n] * (values[:n] > 1e-9)
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)  # one sign on any machine
    return np.pad(axes, ((0, 0), (0, n - axes.shape[1]))).astype(np.float32)
