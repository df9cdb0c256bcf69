"""A kernel machine on the space of sound: tracks that sound alike are liked alike.

Kernel ridge regression with a Gaussian kernel, and on top of it what was found out to be wrong about the neighbours.
It is exact up to `MOST` tracks. Beyond that a sample of them are the anchors (the subset of regressors: Smola and
Schölkopf, "Sparse greedy matrix approximation for machine learning", ICML 2000), so that time and memory grow with the
number of tracks and not with its square.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from cfaudio_core.learning.dataset import Lesson, same_columns
from cfaudio_core.learning.neighbours import spread
from cfaudio_core.tracks import BoolArray, FloatArray, IntArray, float32

MOST = 3000
STRENGTHS = (0.0, 0.3, 0.6, 0.9)
"""How much of what was wrong about the neighbours is believed; which, is decided on held-out tracks."""

_GAMMA = 1.0
_RIDGE = 0.3
_JITTER = 1e-6  # a track: anchors that sound alike would leave nothing to divide by
_BLOCK = 4096  # tracks at a time


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
            Of the n tracks, see `neighbours.sound_graph`.
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
        blocks = [features[start : start + _BLOCK] for start in range(0, max(len(features), 1), _BLOCK)]
        return float32(np.concatenate([gauss(block, self.anchors) @ self.coefficients + self.mean for block in blocks]))

    def corrected(self, said: FloatArray, graph: sparse.csr_array, wrong: FloatArray) -> FloatArray:
        """float32 (n, outputs): what is foretold, corrected by how wrong it was about each track, (n, outputs)."""
        return float32(said + self.strength * spread(graph, wrong)) if self.strength.any() else said


def fit_kernel(lesson: Lesson, seed: int) -> tuple[KernelMachine, FloatArray]:
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
    features = lesson.features[lesson.known]
    m = len(features)
    chosen = np.arange(m)
    if m > MOST:
        chosen = np.sort(np.random.default_rng(seed).choice(m, MOST, replace=False))
    anchors = features[chosen]
    similarity = np.concatenate([gauss(features[at : at + _BLOCK], anchors) for at in range(0, m, _BLOCK)])
    fit = _Fits(similarity, chosen, lesson)
    folds = np.unique(lesson.fold)
    held_out, reached = np.zeros_like(lesson.targets.values), np.zeros_like(lesson.targets.values)
    for k in folds:
        outside = lesson.fold == k
        held_out[outside] = fit.without(k)[outside]
        # What is wrong about the neighbours has to be found out by machines that did not see this fold either: one
        # that was fitted to a track is wrong about its neighbours in the other direction.
        wrong = np.zeros_like(held_out)
        for other in folds[folds != k]:
            inside = lesson.fold == other
            wrong[inside] = fit.wrong(fit.without(k, other))[inside]
        reached[outside] = spread(lesson.graph, lesson.to_all(wrong))[lesson.known[outside]]
    wrong = fit.wrong(held_out)
    strength = _strength(wrong, reached, lesson)
    return KernelMachine(anchors, *fit.solved(lesson.fold >= 0), wrong, strength), float32(
        held_out + strength * reached
    )


class _Fits:
    """Machines fitted to this and that part of the same tracks."""

    def __init__(self, similarity: FloatArray, chosen: IntArray, lesson: Lesson) -> None:
        self._similarity, self._chosen, self._fold = similarity, chosen, lesson.fold
        self._values, self._seen = lesson.targets.values, lesson.targets.weights > 0
        self._pairs: dict[frozenset[int], FloatArray] = {}

    def wrong(self, said: FloatArray) -> FloatArray:
        """float32 (m, outputs): truth less what is said, 0 where unknown."""
        return np.where(self._seen, self._values - said, 0)

    def without(self, *folds: int) -> FloatArray:
        """float32 (m, outputs): predictions for all m tracks by a machine that did not see some folds."""
        left_out = frozenset(int(k) for k in folds)
        if left_out not in self._pairs:
            coefficients, mean = self.solved(~np.isin(self._fold, folds))
            self._pairs[left_out] = self._similarity @ coefficients + mean
        return self._pairs[left_out]

    def solved(self, inside: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Coefficients (a, outputs) and mean (outputs,) by the tracks that are inside, bool (m,)."""
        seen, exact = self._seen & inside[:, None], len(self._chosen) == len(self._similarity)
        coefficients = np.zeros((len(self._chosen), seen.shape[1]), np.float32)
        mean = float32(np.sum(self._values * seen, axis=0) / np.maximum(seen.sum(axis=0), 1))
        for outputs in same_columns(seen):
            rows = np.flatnonzero(seen[:, outputs[0]])
            wanted = self._values[np.ix_(rows, outputs)] - mean[outputs]
            part = self._similarity[rows]
            if exact:
                inner = part[:, rows] + _RIDGE * np.eye(len(rows), dtype=np.float32)
                coefficients[np.ix_(rows, outputs)] = cho_solve(cho_factor(inner), wanted)
            else:
                inner = (part.T @ part + _RIDGE * self._similarity[self._chosen]).astype(np.float64)
                inner[np.diag_indices_from(inner)] += _JITTER * len(rows)
                coefficients[:, outputs] = cho_solve(cho_factor(inner), (part.T @ wanted).astype(np.float64))
        return coefficients, mean


def _strength(wrong: FloatArray, reached: FloatArray, lesson: Lesson) -> FloatArray:
    """float32 (outputs,): of `STRENGTHS`, the one that leaves the least error in the output's group."""
    weights = lesson.targets.weights
    errors = [np.bincount(lesson.groups, np.sum(weights * (wrong - s * reached) ** 2, axis=0)) for s in STRENGTHS]
    return float32(np.array(STRENGTHS)[np.argmin(errors, axis=0)][lesson.groups])


def gauss(one: FloatArray, other: FloatArray, gamma: float = _GAMMA) -> FloatArray:
    """float32 (n, a): 1 for the same sound, towards 0 for a different one."""
    squared = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1) - 2 * one @ other.T
    return float32(np.exp(-gamma * np.maximum(squared, 0)))
