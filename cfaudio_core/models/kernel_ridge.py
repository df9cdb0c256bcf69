"""Kernel ridge regression with a Gaussian kernel, fitted to all known tracks but one or two folds of them.

Exact, with all tracks for landmarks; or with a sample of them (the subset of regressors: Smola and Schölkopf, "Sparse
greedy matrix approximation for machine learning", ICML 2000), so that time and memory grow with the number of tracks
and not with its square.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import scipy

from cfaudio_core.data.training_set import TrainingSet, same_columns
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

BLOCK_TRACKS = 4096
"""Tracks at a time: the similarities of all of them to the landmarks would fill the memory."""

_GAMMA = 1.2
_RIDGE = 0.5
_JITTER = 1e-6  # a track: landmarks that sound alike would leave nothing to divide by
_MAX_SIMILARITY_TRACKS = 20_000  # of so many tracks the similarities to the landmarks are kept


def gauss(one: FloatArray, other: FloatArray, gamma: float = _GAMMA) -> FloatArray:
    """Gaussian kernel, float32 (n, a): 1 for the same features, towards 0 for different ones."""
    # In place: there may be a hundred million of them.
    similarity = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)
    similarity += (-2 * one) @ other.T
    np.maximum(similarity, 0, out=similarity)
    similarity *= -gamma
    return float32(np.exp(similarity, out=similarity))


def cross_fit(training_set: TrainingSet, landmarks: FloatArray | None) -> _ExactFits | _LandmarkFits:
    """Fit to every choice of folds with landmarks, float32 (a, dim); None: with all m known tracks, and exactly."""
    return _ExactFits(training_set) if landmarks is None else _LandmarkFits(training_set, landmarks)


class _ExactFits:
    """Fits whose landmarks are all the known tracks, solved for when they are asked for."""

    def __init__(self, training_set: TrainingSet) -> None:
        targets = training_set.targets
        self._fold, self._values, self._seen = training_set.fold, targets.values, targets.weights > 0
        self._similarity = gauss(training_set.features, training_set.features)
        self._predictions: dict[frozenset[int], FloatArray] = {}

    def whole(self) -> tuple[FloatArray, FloatArray]:
        """Coefficients (a, outputs) and mean (outputs,) by all folds."""
        return self._solve(self._fold >= 0)

    def predict(self, fold: int, *others: int) -> FloatArray:
        """float32 (k, outputs): predictions for the tracks of a fold by a fit to neither it nor the others."""
        left_out = frozenset(int(k) for k in (fold, *others))
        if left_out not in self._predictions:
            coefficients, mean = self._solve(~np.isin(self._fold, list(left_out)))
            self._predictions[left_out] = self._similarity @ coefficients + mean
        return self._predictions[left_out][np.flatnonzero(self._fold == fold)]

    def _solve(self, inside: BoolArray) -> tuple[FloatArray, FloatArray]:
        seen = self._seen & inside[:, None]
        coefficients = np.zeros(seen.shape, np.float32)
        mean = float32(np.sum(self._values * seen, axis=0) / np.maximum(seen.sum(axis=0), 1))
        for outputs in same_columns(seen):
            rows = np.flatnonzero(seen[:, outputs[0]])
            centred = self._values[np.ix_(rows, outputs)] - mean[outputs]
            inner = self._similarity[np.ix_(rows, rows)] + _RIDGE * np.eye(len(rows), dtype=np.float32)
            coefficients[np.ix_(rows, outputs)] = scipy.linalg.cho_solve(scipy.linalg.cho_factor(inner), centred)
        return coefficients, mean


class _LandmarkFits:
    """Fits with a sample of the tracks for landmarks.

    Their normal equations are sums over tracks, so each fold's part is summed once, and every fit adds up the parts
    that it may see. The tracks are gone through in blocks, see `BLOCK_TRACKS`.
    """

    def __init__(self, training_set: TrainingSet, landmarks: FloatArray) -> None:
        targets = training_set.targets
        self._fold, self._values, self._seen = training_set.fold, targets.values, targets.weights > 0
        self._landmarks, self._features = landmarks, training_set.features
        m = len(self._features)
        self._kept: FloatArray | None = None
        if m <= _MAX_SIMILARITY_TRACKS:
            blocks = [gauss(self._features[at : at + BLOCK_TRACKS], landmarks) for at in range(0, m, BLOCK_TRACKS)]
            self._kept = np.concatenate(blocks)
        folds = [int(k) for k in np.unique(training_set.fold)]
        left_out = [frozenset(some) for n in (0, 1, 2) for some in combinations(folds, n)]
        outputs = self._values.shape[1]
        coefficients = np.zeros((len(left_out), len(landmarks), outputs), np.float32)
        mean = np.zeros((len(left_out), outputs), np.float32)
        between = gauss(landmarks, landmarks)
        for group in same_columns(self._seen):
            sums = {k: self._sums(k, group) for k in folds}
            for at, away in enumerate(left_out):
                inside = [sums[k] for k in folds if k not in away]
                count = sum(rows for rows, *_ in inside)
                mean[at, group] = sum(values for _, values, *_ in inside) / max(count, 1)
                inner = _RIDGE * between.astype(np.float64)
                for *_, products in inside:
                    inner += products
                inner[np.diag_indices_from(inner)] += _JITTER * count
                right = sum(right - np.outer(total, mean[at, group]) for _, _, right, total, _ in inside)
                coefficients[at][:, group] = scipy.linalg.cho_solve(
                    scipy.linalg.cho_factor(inner, overwrite_a=True), right
                )
        self._whole = coefficients[0], mean[0]
        # Of a track nothing is asked but predictions by fits that did not see its fold: a third of them.
        self._predictions: dict[tuple[int, frozenset[int]], FloatArray] = {}
        for k in folds:
            blind = [at for at, away in enumerate(left_out) if k in away]
            side_by_side = coefficients[blind].transpose(1, 0, 2).reshape(len(landmarks), -1)
            rows = np.flatnonzero(training_set.fold == k)
            predictions = np.empty((len(blind), len(rows), outputs), np.float32)
            for start in range(0, len(rows), BLOCK_TRACKS):
                block = slice(start, start + BLOCK_TRACKS)
                by_all = (self._similarity(rows[block]) @ side_by_side).reshape(-1, len(blind), outputs)
                predictions[:, block] = (by_all + mean[blind]).transpose(1, 0, 2)
            self._predictions |= {(k, left_out[at]): own for at, own in zip(blind, predictions, strict=True)}

    def whole(self) -> tuple[FloatArray, FloatArray]:
        """Coefficients (a, outputs) and mean (outputs,) by all folds."""
        return self._whole

    def predict(self, fold: int, *others: int) -> FloatArray:
        """float32 (k, outputs): predictions for the tracks of a fold by a fit to neither it nor the others."""
        return self._predictions[int(fold), frozenset(int(k) for k in (fold, *others))]

    def _sums(self, fold: int, outputs: IntArray) -> tuple[Any, ...]:
        """Sum over the tracks of a fold of which some outputs are known, which are known of the same tracks.

        Returns the number of tracks; the sums of their values (outputs,), of similarity to each landmark times value
        (a, outputs), of similarity (a,), and of the products of similarities to two landmarks (a, a).
        """
        rows = np.flatnonzero((self._fold == fold) & self._seen[:, outputs[0]])
        values, a = self._values[np.ix_(rows, outputs)], len(self._landmarks)
        right, total, products = np.zeros((a, len(outputs))), np.zeros(a), np.zeros((a, a), np.float32)
        for start in range(0, len(rows), BLOCK_TRACKS):
            part = slice(start, start + BLOCK_TRACKS)
            similarity = self._similarity(rows[part])
            right += similarity.T @ values[part]
            total += similarity.sum(axis=0)
            products += similarity.T @ similarity
        return len(rows), values.sum(axis=0, dtype=np.float64), right, total, products

    def _similarity(self, rows: IntArray) -> FloatArray:
        """float32 (k, a): similarities of the tracks at int64 (k,) positions to the landmarks."""
        if self._kept is not None:
            return self._kept[rows]
        return gauss(self._features[rows], self._landmarks)
