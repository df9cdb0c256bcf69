"""A kernel machine on the space of sound: tracks that sound alike are liked alike.

Kernel ridge regression with a Gaussian kernel, and on top of it what was found out to be wrong about the neighbours.
It is exact up to `MOST` tracks; beyond that a sample of them are the anchors, see `kernel_ridge`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.data.training_set import TrainingSet
from cfaudio_core.models.kernel_ridge import BLOCK, fits, gauss
from cfaudio_core.models.knn_graph import propagate
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

MOST = 3000
STRENGTHS = (0.0, 0.3, 0.6, 0.9)
"""How much of what was wrong about the neighbours is believed; which, is decided on held-out tracks."""


class KernelMachine(NamedTuple):
    """A fitted machine.

    Attributes
    ----------
    anchors
        float32 (a, dim)
    coefficients
        float32 (a, outputs)
    mean
        float32 (outputs,): predicted where nothing sounds alike.
    wrong
        float32 (m, outputs): what was left unexplained of each known track when it was held out, 0 where unknown.
    strength
        float32 (outputs,), of `STRENGTHS`.
    """

    anchors: FloatArray
    coefficients: FloatArray
    mean: FloatArray
    wrong: FloatArray
    strength: FloatArray

    def predict(self, features: FloatArray, graph: sparse.csr_array, row: IntArray) -> FloatArray:
        """Predict n tracks.

        Parameters
        ----------
        features
            float32 (n, dim), places in the space of sound.
        graph
            Of the n tracks, see `neighbours.knn_graph`.
        row
            int64 (n,): which of the m known tracks it is, -1 for none.

        Returns
        -------
        FloatArray
            float32 (n, outputs)
        """
        return self.corrected(self.by_likeness(features), graph, np.where(row[:, None] >= 0, self.wrong[row], 0))

    def by_likeness(self, features: FloatArray) -> FloatArray:
        """float32 (n, outputs): what the anchors foretell of n tracks, before anything is known of their neighbours."""
        blocks = [features[start : start + BLOCK] for start in range(0, max(len(features), 1), BLOCK)]
        return float32(np.concatenate([gauss(block, self.anchors) @ self.coefficients + self.mean for block in blocks]))

    def corrected(self, said: FloatArray, graph: sparse.csr_array, wrong: FloatArray) -> FloatArray:
        """float32 (n, outputs): what is foretold, corrected by how wrong it was about each track, (n, outputs)."""
        return float32(said + self.strength * propagate(graph, wrong)) if self.strength.any() else said


def fit_kernel(training_set: TrainingSet, seed: int) -> tuple[KernelMachine, FloatArray]:
    """Fit a machine, and say what it would have predicted of each known track had it not seen its fold.

    Parameters
    ----------
    lesson
        What is to be learnt, of m known tracks.
    seed
        For the anchors.

    Returns
    -------
    tuple
        The machine, and float32 (m, outputs).
    """
    features = training_set.features
    m = len(features)
    anchors = None
    if m > MOST:
        anchors = features[np.sort(np.random.default_rng(seed).choice(m, MOST, replace=False))]
    folds = np.unique(training_set.fold)
    fit = fits(training_set, anchors)
    held_out, reached = np.zeros_like(training_set.targets.values), np.zeros_like(training_set.targets.values)
    for k in folds:
        outside = training_set.fold == k
        held_out[outside] = fit.said(k)
        # What is wrong about the neighbours has to be found out by machines that did not see this fold either: one
        # that was fitted to a track is wrong about its neighbours in the other direction.
        wrong = np.zeros_like(held_out)
        for other in folds[folds != k]:
            inside = training_set.fold == other
            wrong[inside] = fit.wrong(inside, fit.said(other, k))
        reached[outside] = propagate(training_set.graph, training_set.to_all(wrong))[training_set.known[outside]]
    wrong = fit.wrong(training_set.fold >= 0, held_out)
    strength = _strength(wrong, reached, training_set)
    whole = KernelMachine(features if anchors is None else anchors, *fit.whole(), wrong, strength)
    return whole, float32(held_out + strength * reached)


def _strength(wrong: FloatArray, reached: FloatArray, training_set: TrainingSet) -> FloatArray:
    """float32 (outputs,): of `STRENGTHS`, the one that leaves the least error in the output's group."""
    weights = training_set.targets.weights
    errors = [np.bincount(training_set.groups, np.sum(weights * (wrong - s * reached) ** 2, axis=0)) for s in STRENGTHS]
    return float32(np.array(STRENGTHS)[np.argmin(errors, axis=0)][training_set.groups])
