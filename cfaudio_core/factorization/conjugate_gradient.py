"""The inner loop of alternating least squares, compiled by numba.

Importing this module takes most of a second, and some seconds once per installation, when it is compiled: import it
where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from cfaudio_core.util.arrays import FloatArray

CONVERGED = 1e-12
"""Squared length of a preconditioned residual, below which a row has nothing more to gain."""

_SIGNATURE = "void(i8, i8, i4[::1], i4[::1], f4[::1], f4[:, ::1], f4[::1], f4[::1], f4[:, ::1], i8)"


def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    options: dict[str, Any] = {"nogil": True, "fastmath": True, "boundscheck": False}
    try:
        return njit(_SIGNATURE, cache=True, **options)(function)
    except RuntimeError:  # neither this folder nor the user's cache can be written
        return njit(_SIGNATURE, **options)(function)


@_compiled
def conjugate_gradient(
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
