"""The embedding: what plays and what audio tell of a track, compressed to as many numbers as there are factors.

Two tracks are alike as far as they are played together and as far as they sound alike: the cosine of two embeddings is
a weighted sum of the cosines of their factors and of their audio features. Those are far more numbers than need be
kept, so the embedding has the principal components of both side by side, which keep such sums best (kernel principal
component analysis of the sum, Schölkopf, Smola and Müller, 1998).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.data.training_set import unit
from cfaudio_core.features.feature_space import principal_axes
from cfaudio_core.util.arrays import FloatArray, float32

FACTOR_LENGTH = 0.65
"""Length of the factors, beside audio of a length that makes both together 1."""

HALF_ENTRIES = 2.0
"""Number of a track's context entries whose factors weigh as much as those that are predicted of it."""


class EmbeddingAxes(NamedTuple):
    """Principal axes of factors and audio.

    Attributes
    ----------
    of_factors
        float32 (factors, d): the axes' part in the factors, which have length 1.
    of_audio
        float32 (dim, d): their part in the features, at length 1.
    """

    of_factors: FloatArray
    of_audio: FloatArray

    @classmethod
    def fit(cls, directions: FloatArray, features: FloatArray, d: int) -> EmbeddingAxes:
        """Fit to a sample of tracks: `directions` (k, factors), unit length, or (k, 0); `features` (k, dim)."""
        n = directions.shape[1]
        of_factors, of_audio = (FACTOR_LENGTH, np.sqrt(1 - FACTOR_LENGTH**2)) if n else (1.0, 1.0)
        axes = principal_axes(np.hstack([of_factors * directions, of_audio * unit(features)]), d)
        return cls(float32(of_factors * axes[:n]), float32(of_audio * axes[n:]))

    def project_audio(self, features: FloatArray) -> FloatArray:
        """Compute the audio's part of embeddings, float32 (n, d), from features (n, dim)."""
        return float32(unit(features) @ self.of_audio)

    def embed(self, directions: FloatArray, audio: FloatArray) -> FloatArray:
        """Compute embeddings, float32 (n, d), unit length, from directions (n, factors) and audio parts (n, d)."""
        return unit(directions @ self.of_factors + audio)


def blend_directions(own: FloatArray, predicted: FloatArray, n_entries: FloatArray) -> FloatArray:
    """Blend factors that tracks have of their own with predicted ones, by evidence.

    How certain the own ones are is in the weight, and not in the length of what comes out.

    Parameters
    ----------
    own
        float32 (n, factors), unit length; zeros where a track has none.
    predicted
        float32 (n, factors).
    n_entries
        float32 (n,): in how many contexts each track is.

    Returns
    -------
    FloatArray
        float32 (n, factors), unit length.
    """
    weight = np.where(np.any(own, axis=1), n_entries / (n_entries + HALF_ENTRIES), 0)[:, None]
    return unit(float32(weight * own + (1 - weight) * unit(predicted)))
