"""Conjugate gradients of many rows at once, in numpy: what `least_squares` does where numba cannot be had."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cfaudio_core.util.arrays import FloatArray

CONVERGED = 1e-12
"""Squared length of a preconditioned residual, below which a row has nothing more to gain."""


def improve_rows(
    start: int,
    stop: int,
    indptr: np.ndarray,
    indices: np.ndarray,
    weights: FloatArray,
    others: FloatArray,
    gram: FloatArray,
    ridge: FloatArray,
    solution: FloatArray,
    steps: int,
) -> None:
    """Improve rows `start` to `stop` of `solution` in place; see `least_squares.solve` for the arrays."""
    ends = indptr[start : stop + 1] - indptr[start]
    own = slice(indptr[start], indptr[stop])
    index, weight = indices[own], weights[own]
    confidence, row = np.abs(weight), np.repeat(np.arange(stop - start), np.diff(ends))
    y = others[index]
    base = gram + ridge[start:stop, None]
    x = solution[start:stop].copy()

    def product(rows: FloatArray) -> FloatArray:
        """(entries,): each entry's counterpart times its row."""
        return np.asarray(np.einsum("ed,ed->e", y, rows[row]))

    def gather(values: FloatArray) -> FloatArray:
        """(rows, d): sum of the counterparts of each row's entries, each times a value."""
        return np.asarray(sparse.csr_array((values, index, ends), shape=(stop - start, len(others))) @ others)

    r = gather(np.maximum(weight, 0) - confidence * product(x)) - base * x
    z = r / base
    p, rz = z, (r * z).sum(axis=1)
    for _ in range(steps):
        going = rz > CONVERGED
        if not going.any():
            break
        ap = base * p + gather(confidence * product(p))
        step = np.divide(rz, (p * ap).sum(axis=1), out=np.zeros_like(rz), where=going)
        x += step[:, None] * p
        r -= step[:, None] * ap
        z = r / base
        again = np.divide((r * z).sum(axis=1), rz, out=np.zeros_like(rz), where=going)
        p = z + again[:, None] * p
        rz = np.where(going, again * rz, rz)
    solution[start:stop] = x
