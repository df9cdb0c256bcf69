"""Many small least-squares problems that share most of their matrix: a half-sweep of alternating least squares.

Each row's normal equations are (G + ridge_u I + sum_i w_ui y_i y_i') x_u = b_u with one G for all rows. In the
eigenbasis of G, what is shared is diagonal: multiplying by it costs d instead of d^2 operations, and it is a
preconditioner that leaves a row with n entries a problem of n + 1 distinct eigenvalues, so that conjugate gradients
(Takacs, Pilaszy and Tikk, RecSys 2011, without this rotation) are done after n + 1 steps whatever d is, and near
enough after two or three. Cost: entries x d x steps, and rows x d^2 for the rotation.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from cfaudio_core.util.arrays import FloatArray, float32


def solve(
    matrix: sparse.csr_array,
    others: FloatArray,
    gram: FloatArray,
    ridge: FloatArray,
    guess: FloatArray,
    steps: int = 3,
) -> FloatArray:
    """Improve a guess at many regressions with a common part, on all cores.

    For every row u, x_u is to minimise ::

        sum_observed |w_ui| (p_ui - x_u.y_i)^2 + x_u' (gram + ridge_u I) x_u

    with p = 1 where w > 0 and p = 0 where w < 0.

    Parameters
    ----------
    matrix
        float32 CSR (rows, others) with int32 indices: w.
    others
        float32 (others, d): y.
    gram
        float32 (d, d), positive semidefinite.
    ridge
        float32 (rows,), positive.
    guess
        float32 (rows, d) to start from; left alone.
    steps
        Conjugate gradient steps.

    Returns
    -------
    FloatArray
        float32 (rows, d); zeros for a row without entries.
    """
    from cfaudio_core.factorization.conjugate_gradient import conjugate_gradient  # here: it imports numba

    values, basis = np.linalg.eigh(gram.astype(np.float64))
    diagonal, basis = np.maximum(values, 0).astype(np.float32), basis.astype(np.float32)
    rotated = others @ basis
    solution = guess @ basis
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Small parts, taken as threads become free: rows differ in length by orders of magnitude.
    cuts = _cuts(matrix.indptr, max(20_000, int(matrix.indptr[-1]) // (16 * threads)))

    def improve(start: int, stop: int) -> None:
        conjugate_gradient(
            start, stop, matrix.indptr, matrix.indices, matrix.data, rotated, diagonal, ridge, solution, steps
        )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(improve, cuts[:-1], cuts[1:]))
    solution = float32(solution @ basis.T)
    solution[np.diff(matrix.indptr) == 0] = 0
    return solution


def _cuts(indptr: np.ndarray, size: int) -> list[int]:
    """Where to cut the rows into parts of about `size` entries, a row counting for eight of its own."""
    cost = indptr.astype(np.int64) + 8 * np.arange(len(indptr))
    ends = np.searchsorted(cost, np.arange(size, int(cost[-1]), size))
    return [int(cut) for cut in np.unique(np.concatenate([[0], ends, [len(indptr) - 1]]))]
