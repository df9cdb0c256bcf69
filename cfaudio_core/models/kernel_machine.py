"""Kernel machine: tracks that sound alike are liked alike.

Kernel ridge regression on the feature space, corrected by the residuals of the neighbours. It is exact up to
`MAX_LANDMARKS` known tracks; beyond that a sample of them are the landmarks, see `kernel_ridge`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.data.training_set import TrainingSet
from cfaudio_core.models.kernel_ridge import BLOCK_TRACKS, cross_fit, gauss
from cfaudio_core.models.knn_graph import propagate
from cfaudio_core.util.arrays import BoolArray, FloatArray, float32

MAX_LANDMARKS = 3000
STRENGTHS = (0.0, 0.3, 0.6, 0.9)
"""How much of the neighbours' residuals is believed; which, is decided on held-out tracks."""

_NO_ROWS, _NOTHING = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)


class KernelMachine(NamedTuple):
    """Kernel ridge regression with residual propagation; without any outputs until it is fitted.

    Attributes
    ----------
    landmarks
        float32 (a, dim): features of the tracks that others are compared with.
    coefficients
        float32 (a, outputs)
    mean
        float32 (outputs,): predicted where nothing sounds alike.
    residuals
        float32 (m, outputs): target less prediction of each known track when it was held out, 0 where unknown.
    strength
        float32 (outputs,), of `STRENGTHS`.
    """

    landmarks: FloatArray = _NO_ROWS
    coefficients: FloatArray = _NO_ROWS
    mean: FloatArray = _NOTHING
    residuals: FloatArray = _NO_ROWS
    strength: FloatArray = _NOTHING

    @classmethod
    def fit(cls, training_set: TrainingSet, seed: int) -> tuple[KernelMachine, FloatArray]:
        """Fit to m known tracks; the seed chooses the landmarks.

        Returns
        -------
        tuple
            The machine, and float32 (m, outputs): predictions for the known tracks, each without its fold.
        """
        features, fold = training_set.features, training_set.fold
        values, seen = training_set.targets.values, training_set.targets.weights > 0
        m = len(features)
        landmarks = None
        if m > MAX_LANDMARKS:
            landmarks = features[np.sort(np.random.default_rng(seed).choice(m, MAX_LANDMARKS, replace=False))]

        def residuals_of(rows: BoolArray, predictions: FloatArray) -> FloatArray:
            return np.where(seen[rows], values[rows] - predictions, 0)

        folds = np.unique(fold)
        fits = cross_fit(training_set, landmarks)
        held_out, propagated = np.zeros_like(values), np.zeros_like(values)
        for k in folds:
            outside = fold == k
            held_out[outside] = fits.predict(k)
            # The neighbours' residuals have to come from fits that did not see this fold either: one that was fitted
            # to a track errs about its neighbours in the other direction.
            residuals = np.zeros_like(held_out)
            for other in folds[folds != k]:
                inside = fold == other
                residuals[inside] = residuals_of(inside, fits.predict(other, k))
            spread = propagate(training_set.graph, training_set.scatter(residuals))
            propagated[outside] = spread[training_set.known[outside]]
        residuals = residuals_of(fold >= 0, held_out)
        strength = _strength(residuals, propagated, training_set)
        machine = cls(features if landmarks is None else landmarks, *fits.whole(), residuals, strength)
        return machine, float32(held_out + strength * propagated)

    def predict(self, features: FloatArray) -> FloatArray:
        """Predict n tracks from their features (n, dim), before any correction: float32 (n, outputs)."""
        if not len(self.mean):
            return np.zeros((len(features), 0), np.float32)
        starts = range(0, max(len(features), 1), BLOCK_TRACKS)
        blocks = [features[start : start + BLOCK_TRACKS] for start in starts]
        return float32(
            np.concatenate([gauss(block, self.landmarks) @ self.coefficients + self.mean for block in blocks])
        )

    def correct(self, predictions: FloatArray, graph: sparse.csr_array, residuals: FloatArray) -> FloatArray:
        """Correct predictions (n, outputs) by the residuals of the tracks around, (n, outputs), 0 where unknown."""
        return (
            float32(predictions + self.strength * propagate(graph, residuals)) if self.strength.any() else predictions
        )


def _strength(residuals: FloatArray, propagated: FloatArray, training_set: TrainingSet) -> FloatArray:
    """float32 (outputs,): of `STRENGTHS`, the one that leaves the least error in the output's group."""
    weights = training_set.targets.weights
    errors = [
        np.bincount(training_set.groups, np.sum(weights * (residuals - s * propagated) ** 2, axis=0)) for s in STRENGTHS
    ]
    return float32(np.array(STRENGTHS)[np.argmin(errors, axis=0)][training_set.groups])
