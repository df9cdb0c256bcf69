"""Metrics of a ranking."""

from __future__ import annotations

import numpy as np

from cfaudio_core.tracks import FloatArray


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
    from scipy.stats import kendalltau  # here: it takes a second to import, and only a lesson is judged

    # Kendall's tau-b is (C - D) / sqrt(pairs untied in scores * pairs untied in truth).
    tau = float(kendalltau(scores, truth).statistic)
    return 0.5 + 0.5 * tau * float(np.sqrt(_untied(scores) / _untied(truth)))


def _untied(values: FloatArray) -> int:
    n, counts = len(values), np.unique(values, return_counts=True)[1].astype(np.int64)
    return int(n * (n - 1) // 2 - np.sum(counts * (counts - 1) // 2))
