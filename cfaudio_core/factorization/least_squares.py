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
from itertools import pairwise

import numpy as np
from scipy import sparse

from cfaudio_core.util.arrays import FloatArray, float32

COMPILING_PAYS = 5e7
"""Entries x factors x half-sweeps from which importing numba costs less than it saves."""

CONVERGED = 1e-12
"""Squared length of a preconditioned residual, below which a row has nothing more to gain."""


def solve(
    matrix: sparse.csr_array,
    others: FloatArray,
    gram: FloatArray,
    ridge: FloatArray,
    guess: FloatArray,
    prior: FloatArray | None = None,
    steps: int = 3,
    compiled: bool = False,
) -> FloatArray:
    """Improve a guess at many regressions with a common part.

    For every row u, x_u is to minimise ::

        sum_observed |w_ui| (p_ui - x_u.y_i)^2 + (x_u - prior_u)' (gram + ridge_u I) (x_u - prior_u)

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
    prior
        float32 (rows, d), zeros if left out.
    steps
        Conjugate gradient steps.
    compiled
        Whether to use numba and all cores; the result is the same but for rounding, see `compiling_pays`.

    Returns
    -------
    FloatArray
        float32 (rows, d); a row without entries is its prior exactly.
    """
    values, basis = np.linalg.eigh(gram.astype(np.float64))
    diagonal, basis = np.maximum(values, 0).astype(np.float32), basis.astype(np.float32)
    rotated = others @ basis
    solution = guess @ basis
    centre = prior @ basis if prior is not None else np.zeros((0, len(diagonal)), np.float32)
    (_in_threads if compiled else _in_numpy)(matrix, rotated, diagonal, ridge, centre, solution, steps)
    solution = float32(solution @ basis.T)
    empty = np.diff(matrix.indptr) == 0
    solution[empty] = 0 if prior is None else prior[empty]
    return solution


def compiling_pays(entries: int, factors: int, half_sweeps: int) -> bool:
    """Whether `solve` should be compiled for this much work."""
    if entries * factors * half_sweeps < COMPILING_PAYS:
        return False
    try:
        import cfaudio_core.factorization.conjugate_gradient  # noqa: F401
    except (ImportError, RuntimeError):  # no numba for this Python yet, or nowhere that it may keep what it compiled
        return False
    return True


def _in_threads(
    matrix: sparse.csr_array,
    others: FloatArray,
    gram: FloatArray,
    ridge: FloatArray,
    prior: FloatArray,
    solution: FloatArray,
    steps: int,
) -> None:
    from cfaudio_core.factorization.conjugate_gradient import conjugate_gradient

    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Small parts, taken as threads become free: rows differ in length by orders of magnitude.
    cuts = _cuts(matrix.indptr, max(20_000, int(matrix.indptr[-1]) // (16 * threads)))

    def part(start: int, stop: int) -> None:
        conjugate_gradient(
            start, stop, matrix.indptr, matrix.indices, matrix.data, others, gram, ridge, prior, solution, steps
        )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, cuts[:-1], cuts[1:]))


def _in_numpy(
    matrix: sparse.csr_array,
    others: FloatArray,
    gram: FloatArray,
    ridge: FloatArray,
    prior: FloatArray,
    solution: FloatArray,
    steps: int,
) -> None:
    cuts = _cuts(matrix.indptr, 4_000_000 // max(len(gram), 1))
    for start, stop in pairwise(cuts):
        first, last = matrix.indptr[start], matrix.indptr[stop]
        indptr, indices = matrix.indptr[start : stop + 1] - first, matrix.indices[first:last]
        w = matrix.data[first:last]
        row = np.repeat(np.arange(stop - start), np.diff(indptr))
        y, base = others[indices], gram + ridge[start:stop, None]

        def spread(values: FloatArray, indptr: np.ndarray = indptr, indices: np.ndarray = indices) -> FloatArray:
            """Sum of y_i by row, each times its entry's value."""
            rows: FloatArray = sparse.csr_array((values, indices, indptr), (len(indptr) - 1, len(others))) @ others
            return rows

        x = solution[start:stop]
        r = spread(np.maximum(w, 0) - np.abs(w) * np.einsum("kf,kf->k", y, x[row])) - base * x
        if len(prior):
            r += base * prior[start:stop]
        z = r / base
        p, rz = z, np.einsum("uf,uf->u", r, z)
        for _ in range(steps):
            if not np.any(rz > CONVERGED):
                break
            ap = base * p + spread(np.abs(w) * np.einsum("kf,kf->k", y, p[row]))
            step = rz / np.maximum(np.einsum("uf,uf->u", p, ap), np.float32(1e-30))
            x += step[:, None] * p
            r -= step[:, None] * ap
            z = r / base
            before, rz = np.maximum(rz, np.float32(1e-30)), np.einsum("uf,uf->u", r, z)
            p = z + (rz / before)[:, None] * p


def _cuts(indptr: np.ndarray, size: int) -> list[int]:
    """Where to cut the rows into parts of about `size` entries, a row counting for eight of its own."""
    cost = indptr.astype(np.int64) + 8 * np.arange(len(indptr))
    ends = np.searchsorted(cost, np.arange(size, int(cost[-1]), size))
    return [int(cut) for cut in np.unique(np.concatenate([[0], ends, [len(indptr) - 1]]))]
