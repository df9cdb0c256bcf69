"""Weighted matrix factorisation of implicit feedback, by alternating least squares.

The model is that of Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets" (ICDM 2008), in
the form that Rendle, Krichene, Zhang and Koren found best in "Revisiting the performance of iALS on item recommendation
benchmarks" (RecSys 2022): one weight for all that was not observed, and regularisation scaled by how often a row or a
track was observed. M contexts get factors x_u and N tracks factors y_i that minimise ::

    sum_observed |w_ui| (p_ui - x_u.y_i)^2  +  a0 sum_all (x_u.y_i)^2
    + reg (sum_u (|I_u| + a0 N)^nu |x_u|^2  +  sum_i (|U_i| + a0 M)^nu |y_i|^2)

where p is 1 for a positive weight and 0 for a negative one: a skip is evidence of not belonging. Contexts and tracks
without an entry are no part of it, so that they change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.factorization.confidence import Confidence
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.threads import one_thread

_GUESS_ROUNDS = 2  # of subspace iteration


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
    confidence
        How weights become confidences, see `confidence.KINDS`.
    damping
        How much less the confidences of a popular track or a long context weigh, see `confidence.Confidence.of`.
    frequency
        nu: 1 scales regularisation by frequency, 0 is plain ridge.
    steps
        Conjugate gradient steps of a row in a half-sweep.
    """

    factors: int = 40
    unobserved: float = 0.1
    regularisation: float = 0.01
    iterations: int = 16
    confidence: str = "raw"
    damping: float = 0.0
    frequency: float = 1.0
    steps: int = 3


class Factors(NamedTuple):
    """Latent factors of both sides: the score of a track in a context is the dot product of their factors.

    Attributes
    ----------
    contexts, tracks
        float32 (contexts, factors) and (tracks, factors).
    memory
        float32 arrays by name that the factorizer needs besides for folding in new contexts.
    """

    contexts: FloatArray
    tracks: FloatArray
    memory: Mapping[str, FloatArray] = MappingProxyType({})


@one_thread
def factorize(matrix: sparse.csr_array, settings: WmfSettings, rng: np.random.Generator) -> Factors:
    """Factorise a contexts x tracks matrix.

    Parameters
    ----------
    matrix
        float32 CSR (contexts, tracks); see `gather_interactions`. Zeros are not observed.
    rng
        For the first guess of the track factors; the result depends on nothing else that is random.

    Returns
    -------
    Factors
        Zeros for a context or a track without an entry.
    """
    confidence = Confidence.of(matrix, settings.confidence, settings.damping)
    by_context = confidence.apply(matrix)
    by_track = _transposed(by_context)
    contexts = np.zeros((matrix.shape[0], settings.factors), np.float32)
    tracks = np.zeros((matrix.shape[1], settings.factors), np.float32)
    if by_context.nnz:
        tracks = _first_guess(by_context, by_track, settings.factors, rng)
    for _ in range(settings.iterations):
        contexts = _half_sweep(by_context, tracks, settings, contexts, settings.steps)
        tracks = _half_sweep(by_track, contexts, settings, tracks, settings.steps)
    return Factors(contexts, tracks, {"unit": confidence.unit, "emphasis": confidence.emphasis})


def solve_rows(matrix: sparse.csr_array, others: FloatArray, settings: WmfSettings) -> FloatArray:
    """Solve for the factors of each row, given those of the other side, to convergence: the fold-in of new rows.

    `matrix` is CSR (rows, others) of confidences, see `Confidence.apply`; `others` float32 (others, factors), zeros for
    one that was never observed. The result is float32 (rows, factors), zeros for a row with nothing observed.
    """
    guess = np.zeros((matrix.shape[0], others.shape[1]), np.float32)
    return _half_sweep(matrix, others, settings, guess, others.shape[1] + 1)


def fold_in(rows: sparse.csr_array, factors: Factors, settings: WmfSettings) -> FloatArray:
    """Solve for the factors of new contexts, float32 (rows, factors).

    `rows` is CSR (rows, tracks) of weights, as `factorize` was given.
    """
    confidence = Confidence(settings.confidence, factors.memory["unit"], factors.memory["emphasis"], settings.damping)
    return solve_rows(confidence.apply(rows), factors.tracks, settings)


def _first_guess(
    by_context: sparse.csr_array, by_track: sparse.csr_array, d: int, rng: np.random.Generator
) -> FloatArray:
    """Approximate the leading singular vectors of the normalised matrix: float32 (tracks, d), small.

    A random start costs the first sweeps their worth; subspace iteration (Halko, Martinsson and Tropp, SIAM Review
    2011) gets as far for a fraction of a sweep.
    """
    observed = np.diff(by_track.indptr) > 0
    noise = np.zeros((len(observed), d), np.float32)
    noise[observed] = rng.standard_normal((int(observed.sum()), d), np.float32)
    by_row, by_column = (_positive_sums(m) ** -0.5 for m in (by_context, by_track))
    there = _normalised(by_context, by_row, by_column)
    back = _normalised(by_track, by_column, by_row)
    guess = noise
    for _ in range(_GUESS_ROUNDS):
        guess = back @ (there @ guess)
        values, basis = np.linalg.eigh((guess.T @ guess).astype(np.float64))
        guess = guess @ (basis / np.sqrt(np.maximum(values, 1e-6 * values.max() + 1e-30))).astype(np.float32)
    guess += noise * np.float32(1e-3 / np.sqrt(max(len(noise), 1)))  # for directions that the matrix lacks
    return float32(guess * np.float32(0.01 / np.sqrt(d) / max(float(np.sqrt(np.mean(guess[observed] ** 2))), 1e-9)))


def _positive_sums(matrix: sparse.csr_array) -> FloatArray:
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    sums = np.bincount(row, np.maximum(matrix.data, 0), matrix.shape[0])
    return np.maximum(sums, 1e-6).astype(np.float32)


def _normalised(matrix: sparse.csr_array, rows: FloatArray, columns: FloatArray) -> sparse.csr_array:
    """Multiply the positive entries by their row's and column's number; indices are shared with `matrix`."""
    data = np.maximum(matrix.data, 0) * np.repeat(rows, np.diff(matrix.indptr))
    data *= columns[matrix.indices]
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _half_sweep(
    matrix: sparse.csr_array, others: FloatArray, settings: WmfSettings, guess: FloatArray, steps: int
) -> FloatArray:
    from cfaudio_core.factorization.least_squares import solve  # here: it imports numba

    gram = settings.unobserved * (others.T @ others)
    ridge = _ridge(np.diff(matrix.indptr), int(np.count_nonzero(others.any(axis=1))), settings)
    return solve(matrix, others, gram, ridge.astype(np.float32), guess, steps)


def _ridge(lengths: np.ndarray, others: int, settings: WmfSettings) -> np.ndarray:
    """Compute each row's ridge, float64 (rows,), from its number of entries and that of the other side."""
    frequency = np.maximum(lengths + settings.unobserved * others, 1e-6)
    return np.asarray(settings.regularisation * frequency**settings.frequency, np.float64)


def _transposed(matrix: sparse.csr_array) -> sparse.csr_array:
    result = sparse.csr_array(matrix.T)
    result.indices, result.indptr = result.indices.astype(np.int32), result.indptr.astype(np.int32)
    return result
