"""The embedding: what plays and what audio tell of a track, compressed to as many numbers as there are factors.

Two tracks are alike as far as they are played together, as far as they sound alike, and, a little, as far as they are
liked alike: the cosine of two embeddings is a weighted sum of the cosines of their factors and of their audio features,
and of the products of the preferences. Those are far more numbers than need be kept, so the embedding has the principal
components of all of them side by side, which keep such sums best (kernel principal component analysis of the sum,
Schölkopf, Smola and Müller, 1998).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.data.training_set import unit
from cfaudio_core.features.feature_space import principal_axes
from cfaudio_core.util.arrays import FloatArray, float32

FACTOR_LENGTH = 0.65
"""Length of the factors, beside audio of a length that makes both together 1."""

PREFERENCE_LENGTH = 0.3
"""Length of all listeners' preferences together, beside these, for a track that all like by a standard deviation."""

_MAX_PREFERENCE = 2.0  # standard deviations: the most loved track is not to be like nothing but itself

HALF_ENTRIES = 2.0
"""Number of a track's context entries whose factors weigh as much as those that are predicted of it."""


class EmbeddingAxes(NamedTuple):
    """Principal axes of factors, preferences and audio.

    Attributes
    ----------
    of_factors
        float32 (factors, d): the axes' part in the factors, which have length 1.
    of_preferences
        float32 (listeners, d): their part in the standardised preferences.
    of_audio
        float32 (dim, d): their part in the features, at length 1.
    """

    of_factors: FloatArray
    of_preferences: FloatArray
    of_audio: FloatArray

    @classmethod
    def fit(cls, directions: FloatArray, preferences: FloatArray, features: FloatArray, d: int) -> EmbeddingAxes:
        """Fit d axes to a sample of tracks.

        `directions` are float32 (k, factors), unit length, or (k, 0); `preferences` (k, listeners), of mean 0 and
        variance 1, or (k, 0); `features` (k, dim).
        """
        n, listeners = directions.shape[1], preferences.shape[1]
        of_factors = FACTOR_LENGTH if n else 0.0
        sizes = np.repeat(
            [of_factors, PREFERENCE_LENGTH / max(listeners, 1) ** 0.5, (1 - of_factors**2) ** 0.5],
            [n, listeners, features.shape[1]],
        )[:, None]
        parts = np.hstack([directions, _bounded(preferences), unit(features)])
        axes = float32(sizes * principal_axes(parts * sizes.T, d))
        return cls(axes[:n], axes[n : n + listeners], axes[n + listeners :])

    def project_audio(self, features: FloatArray) -> FloatArray:
        """Compute the audio's part of embeddings, float32 (n, d), from features (n, dim)."""
        return float32(unit(features) @ self.of_audio)

    def embed(self, directions: FloatArray, preferences: FloatArray, audio: FloatArray) -> FloatArray:
        """Compute embeddings, float32 (n, d), unit length, from directions, preferences and audio parts (n, d)."""
        return unit(directions @ self.of_factors + _bounded(preferences) @ self.of_preferences + audio)


def _bounded(preferences: FloatArray) -> FloatArray:
    return np.clip(preferences, -_MAX_PREFERENCE, _MAX_PREFERENCE)


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
