"""Kernel ridge regression with a Gaussian kernel, fitted to all known tracks but some folds of them.

Exact, with all tracks for anchors; or with a sample of them (the subset of regressors: Smola and Schölkopf, "Sparse
greedy matrix approximation for machine learning", ICML 2000), so that time and memory grow with the number of tracks
and not with its square.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from cfaudio_core.data.training_set import TrainingSet, same_columns
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

BLOCK = 4096
"""Tracks at a time: how alike all are to the anchors would fill the memory."""

_GAMMA = 1.0
_RIDGE = 0.3
_JITTER = 1e-6  # a track: anchors that sound alike would leave nothing to divide by
_KEPT = 20_000  # of so many tracks it is kept how alike they are to the anchors


def gauss(one: FloatArray, other: FloatArray, gamma: float = _GAMMA) -> FloatArray:
    """float32 (n, a): 1 for the same sound, towards 0 for a different one."""
    # In place: there may be a hundred million of them.
    likeness = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)
    likeness += (-2 * one) @ other.T
    np.maximum(likeness, 0, out=likeness)
    likeness *= -gamma
    return float32(np.exp(likeness, out=likeness))


def fits(training_set: TrainingSet, anchors: FloatArray | None) -> Fits:
    """Machines for a lesson with some anchors, float32 (a, dim); None: all m known tracks are, and the fit is exact."""
    return _Exact(training_set) if anchors is None else _Anchored(training_set, anchors)


class Fits(ABC):
    """Machines fitted to all known tracks but one or two folds of them."""

    def __init__(self, training_set: TrainingSet) -> None:
        self._fold, self._values, self._seen = (
            training_set.fold,
            training_set.targets.values,
            training_set.targets.weights > 0,
        )

    @abstractmethod
    def whole(self) -> tuple[FloatArray, FloatArray]:
        """Coefficients (a, outputs) and mean (outputs,) by all folds."""

    @abstractmethod
    def said(self, fold: int, *others: int) -> FloatArray:
        """float32 (k, outputs): predictions for the tracks of a fold by a machine that saw neither it nor others."""

    def wrong(self, rows: BoolArray, said: FloatArray) -> FloatArray:
        """float32 (k, outputs): truth about some tracks less what is said of them, 0 where unknown."""
        return np.where(self._seen[rows], self._values[rows] - said, 0)


class _Exact(Fits):
    """Those whose anchors are all the tracks."""

    def __init__(self, training_set: TrainingSet) -> None:
        super().__init__(training_set)
        self._similarity = gauss(training_set.features, training_set.features)
        self._said: dict[frozenset[int], FloatArray] = {}

    def whole(self) -> tuple[FloatArray, FloatArray]:
        return self._solved(self._fold >= 0)

    def said(self, fold: int, *others: int) -> FloatArray:
        left_out = frozenset(int(k) for k in (fold, *others))
        if left_out not in self._said:
            coefficients, mean = self._solved(~np.isin(self._fold, list(left_out)))
            self._said[left_out] = self._similarity @ coefficients + mean
        rows = np.flatnonzero(self._fold == fold)
        return self._said[left_out][rows]

    def _solved(self, inside: BoolArray) -> tuple[FloatArray, FloatArray]:
        seen = self._seen & inside[:, None]
        coefficients = np.zeros(seen.shape, np.float32)
        mean = float32(np.sum(self._values * seen, axis=0) / np.maximum(seen.sum(axis=0), 1))
        for outputs in same_columns(seen):
            rows = np.flatnonzero(seen[:, outputs[0]])
            wanted = self._values[np.ix_(rows, outputs)] - mean[outputs]
            inner = self._similarity[np.ix_(rows, rows)] + _RIDGE * np.eye(len(rows), dtype=np.float32)
            coefficients[np.ix_(rows, outputs)] = cho_solve(cho_factor(inner), wanted)
        return coefficients, mean


class _Anchored(Fits):
    """Those with a sample of the tracks for anchors.

    Their normal equations are sums over tracks, so each fold's part is summed once, and every machine adds up the parts
    that it may see. The tracks are gone through in blocks: how alike they are to the anchors would fill the memory.
    """

    def __init__(self, training_set: TrainingSet, anchors: FloatArray) -> None:
        super().__init__(training_set)
        self._anchors, self._features = anchors, training_set.features
        m = len(self._features)
        self._similarity: FloatArray | None = None
        if m <= _KEPT:
            blocks = [gauss(self._features[at : at + BLOCK], anchors) for at in range(0, m, BLOCK)]
            self._similarity = np.concatenate(blocks)
        folds = [int(k) for k in np.unique(training_set.fold)]
        left_out = [frozenset(some) for n in (0, 1, 2) for some in combinations(folds, n)]
        outputs = self._values.shape[1]
        coefficients = np.zeros((len(left_out), len(anchors), outputs), np.float32)
        mean = np.zeros((len(left_out), outputs), np.float32)
        among = gauss(anchors, anchors)
        for group in same_columns(self._seen):
            sums = {k: self._sums(k, group) for k in folds}
            for at, away in enumerate(left_out):
                inside = [sums[k] for k in folds if k not in away]
                count = sum(part.rows for part in inside)
                mean[at, group] = sum(part.values for part in inside) / max(count, 1)
                inner = _RIDGE * among.astype(np.float64)
                for part in inside:
                    inner += part.inner
                inner[np.diag_indices_from(inner)] += _JITTER * count
                right = sum(part.right - np.outer(part.alike, mean[at, group]) for part in inside)
                coefficients[at][:, group] = cho_solve(cho_factor(inner, overwrite_a=True), right)
        self._whole = coefficients[0], mean[0]
        # Of a track nothing is asked but what machines say that did not see its fold: a third of them.
        self._said: dict[tuple[int, frozenset[int]], FloatArray] = {}
        for k in folds:
            blind = [at for at, away in enumerate(left_out) if k in away]
            side_by_side = coefficients[blind].transpose(1, 0, 2).reshape(len(anchors), -1)
            rows = np.flatnonzero(training_set.fold == k)
            said = np.empty((len(blind), len(rows), outputs), np.float32)
            for start in range(0, len(rows), BLOCK):
                block = slice(start, start + BLOCK)
                by_all = (self._likeness(rows[block]) @ side_by_side).reshape(-1, len(blind), outputs)
                said[:, block] = (by_all + mean[blind]).transpose(1, 0, 2)
            self._said |= {(k, left_out[at]): of_tracks for at, of_tracks in zip(blind, said, strict=True)}

    def whole(self) -> tuple[FloatArray, FloatArray]:
        return self._whole

    def said(self, fold: int, *others: int) -> FloatArray:
        return self._said[int(fold), frozenset(int(k) for k in (fold, *others))]

    def _sums(self, fold: int, outputs: IntArray) -> _Sums:
        """Over the tracks of a fold of which some outputs are known, which are known of the same tracks."""
        rows = np.flatnonzero((self._fold == fold) & self._seen[:, outputs[0]])
        values, a = self._values[np.ix_(rows, outputs)], len(self._anchors)
        right, alike, inner = np.zeros((a, len(outputs))), np.zeros(a), np.zeros((a, a), np.float32)
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            similarity = self._likeness(rows[part])
            right += similarity.T @ values[part]
            alike += similarity.sum(axis=0)
            inner += similarity.T @ similarity
        return _Sums(len(rows), values.sum(axis=0, dtype=np.float64), right, alike, inner)

    def _likeness(self, rows: IntArray) -> FloatArray:
        """float32 (k, a): how alike the tracks at int64 (k,) positions are to the anchors."""
        if self._similarity is not None:
            return self._similarity[rows]
        return gauss(self._features[rows], self._anchors)


class _Sums(NamedTuple):
    """Over the tracks of one fold.

    Attributes
    ----------
    rows
        Their number.
    values
        float64 (outputs,), of their values.
    right
        float64 (a, outputs): of their likeness to each anchor times their values.
    alike
        float64 (a,): of their likeness to each anchor.
    inner
        float32 (a, a): of the products of their likenesses to two anchors.
    """

    rows: int
    values: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    alike: npt.NDArray[np.float64]
    inner: FloatArray
