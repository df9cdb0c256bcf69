"""The weighted prediction error of factors, as a parabola around each track.

Van den Oord, Dieleman and Schrauwen ("Deep content-based music recommendation", NIPS 2013) train a net to make
sum_ui c_ui (p_ui - x_u.y_i)^2 small, for fixed factors x_u of the contexts. Of one track that is
y'Ay - 2 b'y + c with A = sum_u c_ui x_u x_u', so that no context has to be gone through again in training.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cfaudio_core.data.training_set import Parabolas
from cfaudio_core.factorization.confidence import Confidence
from cfaudio_core.factorization.wmf import Factors, WmfSettings
from cfaudio_core.util.arrays import IntArray, float32


def prediction_error(matrix: sparse.csr_array, factors: Factors, settings: WmfSettings, known: IntArray) -> Parabolas:
    """The error that a unit vector makes in the place of each track's factors, its length being known.

    Parameters
    ----------
    matrix
        CSR (contexts, tracks) of weights, as it was factorised.
    factors
        What came of it.
    settings
        Of the factorisation.
    known
        int64 (m,): the tracks wanted.

    Returns
    -------
    Parabolas
        In a unit in which they are as steep as the squared error, on the mean over tracks and directions.
    """
    confidences = Confidence.of(matrix, settings.confidence, settings.damping).apply(matrix)
    columns = sparse.csc_array(confidences)[:, known]
    x = factors.contexts.astype(np.float64)
    lengths = np.linalg.norm(factors.tracks[known], axis=1)
    everywhere = settings.unobserved * (x.T @ x)
    curvature = np.empty((len(known), x.shape[1], x.shape[1]), np.float32)
    slope, level = np.empty((len(known), x.shape[1]), np.float32), np.empty(len(known), np.float32)
    for i, length in enumerate(lengths):
        part = slice(columns.indptr[i], columns.indptr[i + 1])
        there, weight = x[columns.indices[part]], columns.data[part].astype(np.float64)
        curvature[i] = length**2 * (everywhere + (there.T * np.abs(weight)) @ there)
        slope[i] = length * np.maximum(weight, 0) @ there
        level[i] = np.maximum(weight, 0).sum()
    steepness = max(float(np.trace(curvature, axis1=1, axis2=2).mean()) / x.shape[1], 1e-12)
    return Parabolas(float32(curvature / steepness), float32(slope / steepness), float32(level / steepness))
