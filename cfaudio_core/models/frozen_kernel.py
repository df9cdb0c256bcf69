"""Frozen kernel: plays predicted from what the pretrained net makes of a track, the simple model to be better than.

Gaussian kernel ridge regression of log(1 + plays) on the net's pooled activations, each with mean 0 and variance 1 over
the library: no whitening, adapter, descriptors, factors or tags.
"""

from __future__ import annotations

import numpy as np
import scipy

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.kernel_ridge import gauss
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

_GAMMA, _RIDGE = 1.0, 0.3
_MAX_FITTED_TRACKS = 3000
_MAX_MOMENT_TRACKS = 4000  # whose mean and variance stand for those of a larger library


def frozen_features(feature_matrix: FeatureMatrix, positions: IntArray, seed: int) -> FloatArray:
    """float32 (k, dim): standardised activations of the tracks at int64 (k,) positions, with length 1 on average."""
    n = len(feature_matrix)
    if n <= _MAX_MOMENT_TRACKS:
        library = feature_matrix.activations(np.arange(n))
        rows = library[positions]
    else:
        some = np.random.default_rng(seed).choice(n, _MAX_MOMENT_TRACKS, replace=False)
        library, rows = (feature_matrix.activations(at) for at in (np.sort(some), positions))
    deviation = library.std(axis=0)
    standardised = (rows - library.mean(axis=0)) / np.where(deviation > 1e-6, deviation, np.inf)
    return float32(standardised / np.sqrt(max(rows.shape[1], 1)))


def frozen_kernel(features: FloatArray, known: FloatArray, plays: FloatArray, seed: int) -> FloatArray:
    """Predict log(1 + plays), less its mean: float32 (n,).

    Parameters
    ----------
    features
        float32 (n, dim), see `frozen_features`.
    known, plays
        float32 (k, dim) and (k,): features of the tracks that it is fitted to, and their plays.
    seed
        Chooses those that it is fitted to where they are more than 3,000.
    """
    if not len(plays):
        return np.zeros(len(features), np.float32)
    if len(plays) > _MAX_FITTED_TRACKS:
        some = np.sort(np.random.default_rng(seed).choice(len(plays), _MAX_FITTED_TRACKS, replace=False))
        known, plays = known[some], plays[some]
    target = np.log1p(plays)
    inner = gauss(known, known, _GAMMA) + _RIDGE * np.eye(len(known), dtype=np.float32)
    coefficients = scipy.linalg.cho_solve(scipy.linalg.cho_factor(inner), target - target.mean())
    return float32(gauss(features, known, _GAMMA) @ coefficients)
