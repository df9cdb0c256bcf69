"""Metrics of a ranking."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau

from cfaudio_core.tracks import BoolArray, FloatArray

Array = npt.NDArray[np.float64]


RECALL_AT, NDCG_AT, PRECISION_AT = 20, 50, 500


def list_figures(relevant: BoolArray, gains: FloatArray, times: Array | None = None) -> tuple[Array, Array, Array]:
    """How good the beginning of a list is.

    Parameters
    ----------
    relevant
        bool (c,), best first.
    gains
        float32 (c,), 0 and up, for NDCG.
    times
        float64 (replicates, c): how often each stands there, one after the other; whole numbers. Once if left out.

    Returns
    -------
    tuple
        float64 (replicates,) each, NaN where nothing is relevant: Recall@20, hits of as many as could be there;
        NDCG@50 (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002); and mean
        average precision of the first 500, of as many as could be there.
    """
    times = np.ones((1, len(relevant))) if times is None else times
    last = np.cumsum(times, axis=1)
    first = last - times
    good = times * relevant
    total = good.sum(axis=1)
    return (
        _ratio(_hits(RECALL_AT, relevant, times), np.minimum(total, RECALL_AT)),
        _ndcg(gains, first, last, NDCG_AT),
        _average_precision(good, np.cumsum(good, axis=1) - good, first, total, PRECISION_AT),
    )


def auc(relevant: BoolArray, scores: FloatArray, times: Array | None = None) -> Array:
    """float64 (replicates,): share of pairs of a relevant and another in the right order; see `list_figures`.

    `scores`, float32 (c,), are falling; pairs with equal ones count half.
    """
    times = np.ones((1, len(relevant))) if times is None else times
    good = times * relevant
    bad = times - good
    ahead = np.cumsum(np.pad(bad, ((0, 0), (1, 0))), axis=1)
    others = ahead[:, -1:]
    first = np.searchsorted(-scores, -scores, side="left")
    after = np.searchsorted(-scores, -scores, side="right")
    behind = others - (ahead[:, first] + ahead[:, after]) / 2
    return _ratio((good * behind).sum(axis=1), good.sum(axis=1) * others[:, 0])


def found_in(k: int, relevant: BoolArray, times: Array | None = None) -> Array:
    """float64 (replicates,): share of all the relevant that are among the first k; see `list_figures`."""
    times = np.ones((1, len(relevant))) if times is None else times
    return _ratio(_hits(k, relevant, times), (times * relevant).sum(axis=1))


def _hits(k: int, relevant: BoolArray, times: Array) -> Array:
    last = np.cumsum(times, axis=1)
    inside = np.minimum(last, k) - np.minimum(last - times, k)
    return np.asarray((inside * relevant).sum(axis=1))


def _ndcg(gains: FloatArray, first: Array, last: Array, k: int) -> Array:
    """What stands several times in a row is discounted as at all these places."""
    best = np.argsort(-gains, kind="stable")
    last_best = np.cumsum((last - first)[:, best], axis=1)
    up_to = np.concatenate([[0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])

    def discounted(values: FloatArray, begin: Array, end: Array) -> Array:
        weight = up_to[np.minimum(end, k).astype(np.int64)] - up_to[np.minimum(begin, k).astype(np.int64)]
        return np.asarray(weight @ values.astype(np.float64))

    ideal = discounted(gains[best], last_best - (last - first)[:, best], last_best)
    return _ratio(discounted(gains, first, last), ideal)


def _average_precision(good: Array, before: Array, first: Array, total: Array, k: int) -> Array:
    found = np.zeros(len(good))
    for copy in range(1, int(good.max(initial=0)) + 1):
        place = first + copy
        found += np.where((good >= copy) & (place <= k), (before + copy) / np.maximum(place, 1), 0).sum(axis=1)
    return _ratio(found, np.minimum(total, k))


def _ratio(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def concordance(scores: FloatArray, truth: FloatArray) -> float:
    """Share of the pairs with different truth that the scores put in the right order; 0.5 is chance.

    With a truth of two values this is the area under the ROC curve.

    Parameters
    ----------
    scores, truth
        float (n,). Pairs with equal scores count half.

    Returns
    -------
    float
        0 to 1; 0.5 where no two truths differ.
    """
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(scores) == 0:
        return 0.5
    # Kendall's tau-b is (C - D) / sqrt(pairs untied in scores * pairs untied in truth).
    tau = float(kendalltau(scores, truth).statistic)
    return 0.5 + 0.5 * tau * float(np.sqrt(_untied(scores) / _untied(truth)))


def _untied(values: FloatArray) -> int:
    n, counts = len(values), np.unique(values, return_counts=True)[1].astype(np.int64)
    return int(n * (n - 1) // 2 - np.sum(counts * (counts - 1) // 2))
