"""From weights to confidences: how much more a thousand plays count than one.

Plays are distributed by a power law, so that raw counts leave a model little but the few tracks played most. Hu, Koren
and Volinsky (ICDM 2008) offer the logarithm; taking it after dividing by the row's mean makes a heavy and a light
listener count alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.util.arrays import FloatArray

KINDS = ("raw", "log", "row_log", "binary")
"""`raw` keeps the weights, `log` is log(1 + 3 w / mean), `row_log` the same with the row's own mean, `binary` is 1."""

STEEPNESS = 3.0
"""The logarithm's argument: a weight equal to the mean counts log(4), one of ten times the mean 2.5 times as much."""


class Confidence(NamedTuple):
    """A transformation of weights, fitted to one matrix so that its confidences have a mean of 1.

    Attributes
    ----------
    kind
        One of `KINDS`.
    unit
        float32 (1,): the mean weight of the matrix it was fitted to.
    emphasis
        float32 (tracks,): what a track's transformed weights are multiplied by.
    damping
        Minus the power of a context's number of tracks, by which its transformed weights are multiplied too.
    """

    kind: str
    unit: FloatArray
    emphasis: FloatArray
    damping: float = 0.0

    @classmethod
    def of(cls, matrix: sparse.csr_array, kind: str, damping: float = 0.0) -> Confidence:
        """Fit to a matrix of weights.

        Parameters
        ----------
        matrix
            CSR (contexts, tracks).
        kind
            One of `KINDS`.
        damping
            Weights are divided by the track's number of contexts and the context's number of tracks, each to this
            power: belonging to everything is little evidence of any one thing.
        """
        if kind not in KINDS:
            raise ValueError(f"unknown kind of confidence {kind!r}: one of {', '.join(KINDS)}")
        observed = matrix.data[matrix.data != 0]
        unit = np.abs(observed).mean(dtype=np.float64) if len(observed) else 1.0
        plain = cls(kind, np.array([unit], np.float32), np.ones(matrix.shape[1], np.float32), damping)
        result = plain.apply(matrix)
        emphasis = np.maximum(np.bincount(result.indices, minlength=matrix.shape[1]), 1.0) ** -damping
        if result.nnz:
            emphasis /= np.mean(np.abs(result.data) * emphasis[result.indices])
        return plain._replace(emphasis=emphasis.astype(np.float32))

    def apply(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """Transform a contexts x tracks matrix of weights to confidences.

        Parameters
        ----------
        matrix
            CSR (contexts, tracks) of any number type; a negative weight stays negative, zeros are not observed.

        Returns
        -------
        scipy.sparse.csr_array
            float32 with int32 indices in ascending order, no zeros and no duplicates; the argument is left alone.
        """
        result = sparse.csr_array(matrix, dtype=np.float32, copy=True)
        result.sum_duplicates()
        result.eliminate_zeros()
        size = np.abs(result.data)
        lengths = np.diff(result.indptr)
        if self.kind == "binary":
            size = np.ones_like(size)
        elif self.kind == "log":
            size = np.log1p(STEEPNESS / self.unit * size)
        elif self.kind == "row_log":
            sums = np.bincount(np.repeat(np.arange(len(lengths)), lengths), size, len(lengths))
            means = (sums / np.maximum(lengths, 1)).astype(np.float32)
            size = np.log1p(STEEPNESS * size / np.repeat(means, lengths))
        size = size * self.emphasis[result.indices]
        if self.damping:
            size = size * np.repeat(np.maximum(lengths, 1.0) ** -self.damping, lengths)
        result.data = np.copysign(size, result.data).astype(np.float32)
        result.indices, result.indptr = result.indices.astype(np.int32), result.indptr.astype(np.int32)
        return result
