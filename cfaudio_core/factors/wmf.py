"""Weighted matrix factorisation of implicit feedback, by alternating least squares.

The model is that of Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets" (ICDM 2008), in
the form that Rendle, Krichene, Zhang and Koren found best in "Revisiting the performance of iALS on item recommendation
benchmarks" (RecSys 2022): one weight for all that was not observed, and regularisation scaled by how often a row or a
track was observed. Contexts get factors x_u and tracks factors y_i that minimise ::

    sum_observed |w_ui| (p_ui - x_u.y_i)^2  +  a0 sum_all (x_u.y_i)^2
    + reg (sum_u (|I_u| + a0 N) |x_u|^2  +  sum_i (|U_i| + a0 M) |y_i|^2)

where p is 1 for a positive weight and 0 for a negative one: a skip is evidence of not belonging.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.tracks import FloatArray


@dataclass(frozen=True)
class WmfSettings:
    """How to factorise.

    Attributes
    ----------
    factors
        Number of latent factors.
    unobserved
        a0, the weight of every pair, against a mean of 1 for the observed ones.
    regularisation
        `reg` above.
    iterations
        Sweeps over contexts and tracks.
    """

    factors: int = 40
    unobserved: float = 0.1
    regularisation: float = 0.01
    iterations: int = 16


class Factors(NamedTuple):
    """float32 (contexts, factors) and (tracks, factors); a track in no context has zeros."""

    contexts: FloatArray
    tracks: FloatArray


def factorize(matrix: sparse.csr_array, settings: WmfSettings, rng: np.random.Generator) -> Factors:
    """Factorise a contexts x tracks matrix.

    Parameters
    ----------
    matrix
        float32 CSR (contexts, tracks); see `contexts.gather`. Zeros are not observed.
    settings
        The hyper-parameters.
    rng
        For the first guess of the track factors; the result depends on nothing else that is random.

    Returns
    -------
    Factors
        Both sides' factors.
    """
    matrix = sparse.csr_array(matrix, dtype=np.float32, copy=True)  # the caller's stays as it is
    matrix.eliminate_zeros()
    if not matrix.nnz:
        empty = (np.zeros((size, settings.factors), np.float32) for size in matrix.shape)
        return Factors(*empty)
    matrix.data /= np.abs(matrix.data).mean()
    by_track = sparse.csr_array(matrix.T)
    by_track.sort_indices()
    scale = 0.1 / np.sqrt(settings.factors)  # as Rendle et al. begin
    tracks = rng.normal(0, scale, (matrix.shape[1], settings.factors)).astype(np.float32)
    contexts = np.zeros((matrix.shape[0], settings.factors), np.float32)
    for _ in range(settings.iterations):
        contexts = solve_rows(matrix, tracks, settings)
        tracks = solve_rows(by_track, contexts, settings)
    return Factors(contexts, tracks)


def solve_rows(matrix: sparse.csr_array, others: FloatArray, settings: WmfSettings) -> FloatArray:
    """The factors of each row, given those of the other side: one half-sweep, and the fold-in of new rows.

    Parameters
    ----------
    matrix
        float32 CSR (rows, others).
    others
        float32 (others, factors).

    Returns
    -------
    FloatArray
        float32 (rows, factors); zeros for a row with nothing observed.
    """
    n_rows, d = matrix.shape[0], others.shape[1]
    solved = np.zeros((n_rows, d), np.float32)
    lengths = np.diff(matrix.indptr)
    gram = settings.unobserved * (others.T @ others)
    everywhere = settings.unobserved * matrix.shape[1]
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    for rows in _batches(order, lengths, d):
        index, weight = _padded(matrix, rows, int(lengths[rows].max()))
        y = others[index]  # (batch, longest, d)
        a = np.matmul((y * np.abs(weight)[..., None]).transpose(0, 2, 1), y) + gram
        ridge = settings.regularisation * (lengths[rows] + everywhere)
        a[:, np.arange(d), np.arange(d)] += ridge[:, None].astype(np.float32)
        b = np.matmul(np.maximum(weight, 0)[:, None, :], y)[:, 0, :]
        solved[rows] = np.linalg.solve(a, b[..., None])[..., 0]
    return solved


def _batches(order: np.ndarray, lengths: np.ndarray, d: int, cells: int = 4_000_000) -> list[np.ndarray]:
    """Rows in batches of like length, so that padding is short and a batch fits into the cache's neighbourhood."""
    batches, start = [], 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * (lengths[order[stop]] + d) * d <= cells:
            stop += 1
        batches.append(order[start:stop])
        start = stop
    return batches


def _padded(matrix: sparse.csr_array, rows: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Column indices and weights of `rows`, each (rows, longest); the padding has weight 0."""
    starts, stops = matrix.indptr[rows], matrix.indptr[rows + 1]
    at = starts[:, None] + np.arange(longest)[None, :]
    real = at < stops[:, None]
    at = np.where(real, at, starts[:, None])
    return matrix.indices[at], np.where(real, matrix.data[at], np.float32(0))
