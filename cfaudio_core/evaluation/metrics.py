"""Metrics of a ranking, and their intervals by the bootstrap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray

Array = npt.NDArray[np.float64]

RECALL_AT, NDCG_AT, PRECISION_AT = 20, 50, 500
REPLICATES = 300
CONFIDENCE = 0.95


class Ranking:
    """A ranked list, in many replicates at once.

    Equal scores share their places: every figure but the average precision is the mean over all their orders (McSherry
    and Najork, "Computing information retrieval performance measures efficiently in the presence of tied scores", ECIR
    2008).

    Parameters
    ----------
    scores
        float32 (c,), falling.
    relevant
        bool (c,).
    times
        float64 (replicates, c): how often each stands there, one after the other; whole numbers. Once if left out.
    """

    def __init__(self, scores: FloatArray, relevant: BoolArray, times: Array | None = None) -> None:
        self._times = np.ones((1, len(scores))) if times is None else times
        self._good = self._times * relevant
        self._relevant = relevant
        self._first = np.searchsorted(-scores, -scores, side="left")
        self._after = np.searchsorted(-scores, -scores, side="right")
        self._begin, self._end = self._around(self._times)

    def recall(self, k: int = RECALL_AT) -> Array:
        """float64 (replicates,): relevant among the first k, of as many as could be there; NaN if none is relevant."""
        return _ratio(self._hits(k), np.minimum(self._good.sum(axis=1), k))

    def list_recall(self, k: int) -> Array:
        """float64 (replicates,): relevant among the first k, of all."""
        return _ratio(self._hits(k), self._good.sum(axis=1))

    def ndcg(self, gains: FloatArray, k: int = NDCG_AT) -> Array:
        """float64 (replicates,): discounted gain of the first k, of the most there could be.

        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002; `gains` are float32
        (c,), 0 and up.
        """
        best = np.argsort(-gains, kind="stable")
        ideal = np.cumsum(self._times[:, best], axis=1)
        value = gains.astype(np.float64)
        got = self._share(_discounts(k)) @ value
        return _ratio(got, _between(_discounts(k), ideal - self._times[:, best], ideal) @ value[best])

    def precision(self, k: int = PRECISION_AT) -> Array:
        """float64 (replicates,): mean precision at the relevant ones of the first k, as the list stands."""
        last = np.cumsum(self._times, axis=1)
        before = np.cumsum(self._good, axis=1) - self._good
        total = np.zeros(len(self._times))
        for copy in range(1, int(self._good.max(initial=0)) + 1):
            place = last - self._times + copy
            counts = (self._good >= copy) & (place <= k)
            total += np.where(counts, (before + copy) / np.maximum(place, 1), 0).sum(axis=1)
        return _ratio(total, np.minimum(self._good.sum(axis=1), k))

    def auc(self) -> Array:
        """float64 (replicates,): share of pairs of a relevant and another in the right order; 0.5 is chance."""
        bad = self._times - self._good
        begin, end = self._around(bad)
        others = bad.sum(axis=1, keepdims=True)
        return _ratio((self._good * (others - (begin + end) / 2)).sum(axis=1), self._good.sum(axis=1) * others[:, 0])

    def _around(self, times: Array) -> tuple[Array, Array]:
        """Tracks before each with its equals, and tracks up to their end."""
        ahead = np.cumsum(np.pad(times, ((0, 0), (1, 0))), axis=1)
        return ahead[:, self._first], ahead[:, self._after]

    def _hits(self, k: int) -> Array:
        return np.asarray(self._share(np.arange(k + 1, dtype=np.float64)) @ self._relevant.astype(np.float64))

    def _share(self, up_to: Array) -> Array:
        """float64 (replicates, c): the share of each in the sum over the places that it shares with its equals."""
        return _between(up_to, self._begin, self._end) / np.maximum(self._end - self._begin, 1) * self._times


def _between(up_to: Array, begin: Array, end: Array) -> Array:
    """Sums over places, `up_to` (k + 1,) being those from the first one on; beyond k there is nothing."""
    last = len(up_to) - 1
    return np.asarray(up_to[np.minimum(end, last).astype(np.int64)] - up_to[np.minimum(begin, last).astype(np.int64)])


def _discounts(k: int) -> Array:
    return np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])


def _ratio(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def concordance(scores: FloatArray, truth: FloatArray) -> float:
    """Share of the pairs of float (n,) with different truth that the scores put in the right order; 0.5 is chance.

    With a truth of two values this is the area under the ROC curve. Pairs with equal scores count half; where no two
    truths differ, the share is 0.5.
    """
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(scores) == 0:
        return 0.5
    from scipy.stats import kendalltau  # here: it takes a second to import, and only training needs it

    # Kendall's tau-b is (C - D) / sqrt(pairs untied in scores * pairs untied in truth).
    tau = float(kendalltau(scores, truth).statistic)
    return 0.5 + 0.5 * tau * float(np.sqrt(_untied(scores) / _untied(truth)))


def _untied(values: FloatArray) -> int:
    n, counts = len(values), np.unique(values, return_counts=True)[1].astype(np.int64)
    return int(n * (n - 1) // 2 - np.sum(counts * (counts - 1) // 2))


class Estimate(NamedTuple):
    """A figure and the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float


def resampled(units: IntArray, seed: int) -> Array:
    """Draw units again with replacement, float64 (1 + REPLICATES, n): how often each of n things is drawn.

    Things of one number in `units`, int64 (n,), from 0, are drawn together. The first row is all ones: the measurement.
    """
    m = int(units.max(initial=-1)) + 1
    if not m:
        return np.ones((1 + REPLICATES, 0))
    drawn = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / m), REPLICATES)
    return np.vstack([np.ones(len(units)), drawn[:, units]]).astype(np.float64)


def estimate(values: Array) -> Estimate:
    """Compute the percentile interval (Efron, 1979) of float64 (1 + REPLICATES,); the first is the measurement.

    Replicates without a value, as when no relevant track was drawn, are left out.
    """
    drawn = values[1:][np.isfinite(values[1:])]
    if not len(drawn):
        return Estimate(float(values[0]), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(values[0]), float(low), float(high))
