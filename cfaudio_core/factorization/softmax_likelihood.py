"""Likelihood of contexts under a softmax over tracks, and the contexts' vectors that make it largest."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cfaudio_core.util.arrays import FloatArray, float32


def likelihood(
    counts: sparse.csr_array, u: FloatArray, v: FloatArray, shift: FloatArray | float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Compute sum_i n_i (log Z - u.v_i) + sum_skipped n_i log(1 + exp(u.v_i)) of some contexts, and its gradient.

    Parameters
    ----------
    counts
        float32 CSR (contexts, tracks): n, negative where skipped.
    u, v
        float32 (contexts, factors) and (tracks, factors).
    shift
        float32 (tracks,), added to u.v: the logarithm of how many tracks each stands for; 0 for those with counts.

    Returns
    -------
    tuple
        float32 (contexts, tracks): the gradient by u.v; and float32 (contexts,): the loss.
    """
    row = np.repeat(np.arange(len(u)), np.diff(counts.indptr))
    played, skipped = np.maximum(counts.data, 0), np.maximum(-counts.data, 0)
    total = np.bincount(row, played, len(u)).astype(np.float32)
    expected = u @ v.T
    expected += shift
    score = expected[row, counts.indices]
    top = expected.max(axis=1, keepdims=True)  # the shift without which exp overflows
    expected -= top
    np.exp(expected, out=expected)
    z = expected.sum(axis=1)
    expected *= (total / z)[:, None]
    expected[row, counts.indices] += skipped / (1 + np.exp(-score)) - played
    terms = skipped * np.logaddexp(0, score) - played * score
    return expected, float32(total * (np.log(z) + top[:, 0]) + np.bincount(row, terms, len(u)))


def sum_weights(counts: sparse.csr_array) -> FloatArray:
    """Sum the counts of each context, skips included: float32 (contexts, 1)."""
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    return float32(np.bincount(row, np.abs(counts.data), counts.shape[0]))[:, None]


def solve_contexts(
    counts: sparse.csr_array,
    v: FloatArray,
    mean: FloatArray,
    regularisation: float,
    batch_size: int,
    start: FloatArray | None = None,
) -> FloatArray:
    """Find the best vectors for given tracks, float32 (contexts, factors): a convex problem, solved by L-BFGS.

    Its curvature is about n_u (C + reg I), C being the covariance of track vectors under the mean context: in
    coordinates in which that is the identity a few steps do.
    """
    from scipy.optimize import minimize  # here: it takes long to import, and this factorizer alone needs it

    result = np.tile(mean, (counts.shape[0], 1))
    rows = np.flatnonzero(np.diff(counts.indptr))
    if not len(rows):
        return result
    likely = np.exp(v @ mean - (v @ mean).max()).astype(np.float64)
    likely /= likely.sum()
    covariance = (v * likely[:, None]).T @ v - np.outer(likely @ v, likely @ v)
    values, basis = np.linalg.eigh(covariance)
    whiten = (basis / np.sqrt(np.maximum(values, 0) + regularisation)).astype(np.float32)
    for batch in np.array_split(rows, -(-len(rows) // batch_size)):
        part = counts[batch]
        weight = sum_weights(part)

        def evaluate(
            flat: np.ndarray, part: sparse.csr_array = part, weight: FloatArray = weight
        ) -> tuple[float, np.ndarray]:
            away = flat.reshape(len(weight), -1).astype(np.float32) @ whiten.T / np.sqrt(weight)
            by_score, loss = likelihood(part, mean + away, v)
            pull = regularisation * weight * away
            value = np.sum(loss, dtype=np.float64) + 0.5 * np.sum(pull * away, dtype=np.float64)
            gradient = (by_score @ v + pull) / np.sqrt(weight) @ whiten
            return float(value), gradient.astype(np.float64).ravel()

        guess: np.ndarray = np.zeros((len(batch), len(mean)))
        if start is not None:
            guess = (start[batch] - mean) * np.sqrt(weight) @ np.linalg.inv(whiten.astype(np.float64)).T
        found = minimize(
            evaluate, guess.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 50, "ftol": 1e-7, "maxcor": 10}
        )
        result[batch] += found.x.reshape(guess.shape).astype(np.float32) @ whiten.T / np.sqrt(weight)
    return result
