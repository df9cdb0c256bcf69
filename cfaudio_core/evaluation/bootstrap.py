"""Estimates with intervals: the bootstrap, drawing again what was drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.util.arrays import IntArray

REPLICATES = 300
COVERAGE = 0.95

Array = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A figure and the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float


def resampled(units: IntArray, seed: int) -> Array:
    """float64 (1 + REPLICATES, n): how often each of n things is there when units are drawn again with replacement.

    Parameters
    ----------
    units
        int64 (n,), from 0: things of one number are drawn together.
    seed
        Of the draws. The first row is all ones: what was measured.
    """
    m = int(units.max(initial=-1)) + 1
    if not m:
        return np.ones((1 + REPLICATES, 0))
    drawn = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / m), REPLICATES)
    return np.vstack([np.ones(len(units)), drawn[:, units]]).astype(np.float64)


def estimate(values: Array) -> Estimate:
    """From float64 (1 + REPLICATES,), what was measured first: the percentile interval (Efron, 1979).

    Replicates without a value, as when no relevant track was drawn, are left out.
    """
    drawn = values[1:][np.isfinite(values[1:])]
    if not len(drawn):
        return Estimate(float(values[0]), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Estimate(float(values[0]), float(low), float(high))
