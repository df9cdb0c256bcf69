"""Many small least-squares problems that share most of their matrix: a half-sweep of alternating least squares.

Each row's normal equations are (G + ridge_u I + sum_i w_ui y_i y_i') x_u = b_u with one G for all rows. In the
eigenbasis of G, what is shared is diagonal: multiplying by it costs d instead of d^2 operations, and it is a
preconditioner that leaves a row with n entries a problem of n + 1 distinct eigenvalues, so that conjugate gradients
(Takacs, Pilaszy and Tikk, RecSys 2011, without this rotation) are done after n + 1 steps whatever d is, and near
enough after two or three. Cost: entries x d x steps, and rows x d^2 for the rotation.

The inner loop is compiled by numba, where there is one: importing this module takes most of a second, and some seconds
once per installation, so import it where it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy import sparse

from cfaudio_core.factorization.conjugate_gradient import CONVERGED, improve_rows
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.optional import has_package

_SIGNATURE = "void(i8, i8, i4[::1], i4[::1], f4[::1], f4[:, ::1], f4[::1], f4[::1], f4[:, ::1], i8)"


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
    values, basis = np.linalg.eigh(gram.astype(np.float64))
    diagonal, basis = np.maximum(values, 0).astype(np.float32), basis.astype(np.float32)
    rotated = others @ basis
    solution = guess @ basis
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Small parts, taken as threads become free: rows differ in length by orders of magnitude.
    cuts = _cuts(matrix.indptr, max(20_000, int(matrix.indptr[-1]) // (16 * threads)))

    def improve(start: int, stop: int) -> None:
        _conjugate_gradient(
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


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    if not has_package("numba"):
        return improve_rows
    from numba import njit

    options: dict[str, Any] = {"nogil": True, "fastmath": True, "boundscheck": False}
    try:
        return njit(_SIGNATURE, cache=True, **options)(function)
    except RuntimeError:  # neither this folder nor the user's cache can be written
        return njit(_SIGNATURE, **options)(function)


@_compiled
def _conjugate_gradient(
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
    """Improve rows `start` to `stop` of `solution` in place; see `solve` for the arrays."""
    d = others.shape[1]
    longest = 1
    for row in range(start, stop):
        longest = max(longest, indptr[row + 1] - indptr[row])
    y = np.empty((longest, d), np.float32)  # the row's counterparts side by side: each is fetched once, not per step
    confidence = np.empty(longest, np.float32)
    base, x, r = np.empty(d, np.float32), np.empty(d, np.float32), np.empty(d, np.float32)
    z, p, ap = np.empty(d, np.float32), np.empty(d, np.float32), np.empty(d, np.float32)
    for row in range(start, stop):
        first = indptr[row]
        n = indptr[row + 1] - first
        for f in range(d):
            base[f] = gram[f] + ridge[row]
            x[f] = solution[row, f]
            r[f] = -base[f] * x[f]
        for k in range(n):
            w = weights[first + k]
            other = indices[first + k]
            s = np.float32(0)
            for f in range(d):
                y[k, f] = others[other, f]
                s += y[k, f] * x[f]
            confidence[k] = abs(w)
            pull = max(w, np.float32(0)) - abs(w) * s
            for f in range(d):
                r[f] += pull * y[k, f]
        rz = np.float32(0)
        for f in range(d):
            z[f] = r[f] / base[f]
            p[f] = z[f]
            rz += r[f] * z[f]
        for _ in range(steps):
            if not rz > CONVERGED:
                break
            for f in range(d):
                ap[f] = base[f] * p[f]
            for k in range(n):
                s = np.float32(0)
                for f in range(d):
                    s += y[k, f] * p[f]
                s *= confidence[k]
                for f in range(d):
                    ap[f] += s * y[k, f]
            curvature = np.float32(0)
            for f in range(d):
                curvature += p[f] * ap[f]
            step = rz / curvature
            before = rz
            rz = np.float32(0)
            for f in range(d):
                x[f] += step * p[f]
                r[f] -= step * ap[f]
                z[f] = r[f] / base[f]
                rz += r[f] * z[f]
            for f in range(d):
                p[f] = z[f] + (rz / before) * p[f]
        for f in range(d):
            solution[row, f] = x[f]
