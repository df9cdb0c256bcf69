"""Weighted matrix factorisation of implicit feedback, by alternating least squares.

The model is that of Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets" (ICDM 2008), in
the form that Rendle, Krichene, Zhang and Koren found best in "Revisiting the performance of iALS on item recommendation
benchmarks" (RecSys 2022): one weight for all that was not observed, and regularisation scaled by how often a row or a
track was observed. M contexts get factors x_u and N tracks factors y_i that minimise ::

    sum_observed |w_ui| (p_ui - x_u.y_i)^2  +  a0 sum_all (x_u.y_i)^2
    + reg (sum_u (|I_u| + a0 N)^nu |x_u|^2  +  sum_i (|U_i| + a0 M)^nu |y_i|^2)

where p is 1 for a positive weight and 0 for a negative one: a skip is evidence of not belonging. Contexts and tracks
without an entry are no part of it, so that they change nothing.

Tracks may have a prior mean, say what a net predicts from their sound. Then y_i is normally distributed around it with
the precision that the rest of the loss has without it, a0 sum_u x_u x_u' + reg (..) I: what was not observed counts
against leaving the prior, not against the prior itself. A track without an entry sits at its prior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.factorization.confidence import Confidence
from cfaudio_core.factorization.least_squares import compiling_pays, solve
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.threads import one_thread


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
    """What a factorizer finds: the score of a track in a context is the dot product of their factors.

    Attributes
    ----------
    contexts, tracks
        float32 (contexts, factors) and (tracks, factors).
    memory
        float32 arrays by name that folding in new contexts needs besides; the factorizer understands them.
    """

    contexts: FloatArray
    tracks: FloatArray
    memory: Mapping[str, FloatArray] = MappingProxyType({})


@one_thread
def factorize(
    matrix: sparse.csr_array, settings: WmfSettings, rng: np.random.Generator, prior: FloatArray | None = None
) -> Factors:
    """Factorise a contexts x tracks matrix.

    Parameters
    ----------
    matrix
        float32 CSR (contexts, tracks); see `gather_interactions`. Zeros are not observed.
    settings
        The hyper-parameters.
    rng
        For the first guess of the track factors; the result depends on nothing else that is random.
    prior
        float32 (tracks, factors), the prior mean of the tracks; zeros if left out.

    Returns
    -------
    Factors
        Both sides' factors; zeros for a context without an entry, the prior for a track without one.
    """
    confidence = Confidence.of(matrix, settings.confidence, settings.damping)
    by_context = confidence.apply(matrix)
    by_track = _transposed(by_context)
    observed = np.diff(by_track.indptr) > 0
    contexts = np.zeros((matrix.shape[0], settings.factors), np.float32)
    tracks = np.zeros((matrix.shape[1], settings.factors), np.float32)
    if by_context.nnz:
        tracks = _first_guess(by_context, by_track, settings.factors, rng)
    if prior is not None:
        tracks = tracks + prior
    compiled = compiling_pays(by_context.nnz, settings.factors, 2 * settings.iterations)
    for _ in range(settings.iterations):
        known = tracks if prior is None else np.where(observed[:, None], tracks, np.float32(0))
        contexts = _half_sweep(by_context, known, settings, contexts, None, compiled)
        tracks = _half_sweep(by_track, contexts, settings, tracks, prior, compiled)
    return Factors(contexts, tracks, {"unit": confidence.unit, "emphasis": confidence.emphasis})


def solve_rows(
    matrix: sparse.csr_array, others: FloatArray, settings: WmfSettings, prior: FloatArray | None = None
) -> FloatArray:
    """The factors of each row, given those of the other side, to convergence: the fold-in of new rows.

    Parameters
    ----------
    matrix
        CSR (rows, others) of confidences, see `confidence.Confidence.apply`.
    others
        float32 (others, factors); zeros for one that was never observed.
    settings
        The hyper-parameters of the factorisation.
    prior
        float32 (rows, factors), the rows' prior mean; zeros if left out.

    Returns
    -------
    FloatArray
        float32 (rows, factors); the prior for a row with nothing observed.
    """
    guess = np.zeros((matrix.shape[0], others.shape[1]), np.float32) if prior is None else prior
    exact = others.shape[1] + 1
    compiled = compiling_pays(matrix.nnz, others.shape[1], exact // max(settings.steps, 1))
    return _half_sweep(matrix, others, settings, guess, prior, compiled, exact)


def fold_in(rows: sparse.csr_array, factors: Factors, settings: WmfSettings) -> FloatArray:
    """float32 (rows, factors): the factors of new contexts, CSR (rows, tracks) of weights as `factorize` was given."""
    confidence = Confidence(settings.confidence, factors.memory["unit"], factors.memory["emphasis"], settings.damping)
    return solve_rows(confidence.apply(rows), factors.tracks, settings)


def loss(matrix: sparse.csr_array, factors: Factors, settings: WmfSettings) -> float:
    """What `factorize` without a prior minimises: the module's formula at these factors, in float64.

    Parameters
    ----------
    matrix
        CSR (contexts, tracks) of confidences.
    factors
        Both sides' factors.
    settings
        The hyper-parameters; `confidence` is not applied again.
    """
    x, y = factors.contexts.astype(np.float64), factors.tracks.astype(np.float64)
    lengths = np.diff(matrix.indptr)
    total = settings.unobserved * float(np.sum((x.T @ x) * (y.T @ y)))
    for start in range(0, matrix.shape[0], 1000):  # a part of the contexts at a time keeps memory flat
        part = matrix[start : start + 1000]
        score = np.einsum("kf,kf->k", np.repeat(x[start : start + 1000], np.diff(part.indptr), axis=0), y[part.indices])
        total += float(np.sum(np.abs(part.data) * ((part.data > 0) - score) ** 2))
    times = np.bincount(matrix.indices, minlength=matrix.shape[1])
    total += float(np.sum(_ridge(lengths, int(np.sum(times > 0)), settings) @ (x**2)))
    return total + float(np.sum(_ridge(times, int(np.sum(lengths > 0)), settings) @ (y**2)))


def _first_guess(
    by_context: sparse.csr_array, by_track: sparse.csr_array, d: int, rng: np.random.Generator, rounds: int = 2
) -> FloatArray:
    """float32 (tracks, d), small: about the leading singular vectors of the normalised matrix.

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
    for _ in range(rounds):
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
    """The positive entries times their row's and column's number; indices are shared with `matrix`, not copied."""
    data = np.maximum(matrix.data, 0) * np.repeat(rows, np.diff(matrix.indptr))
    data *= columns[matrix.indices]
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _half_sweep(
    matrix: sparse.csr_array,
    others: FloatArray,
    settings: WmfSettings,
    guess: FloatArray,
    prior: FloatArray | None,
    compiled: bool,
    steps: int | None = None,
) -> FloatArray:
    gram = settings.unobserved * (others.T @ others)
    ridge = _ridge(np.diff(matrix.indptr), int(np.count_nonzero(others.any(axis=1))), settings)
    return solve(matrix, others, gram, ridge.astype(np.float32), guess, prior, steps or settings.steps, compiled)


def _ridge(lengths: np.ndarray, others: int, settings: WmfSettings) -> np.ndarray:
    """float64 (rows,): each row's ridge, of how many entries it has and how many there are on the other side."""
    frequency = np.maximum(lengths + settings.unobserved * others, 1e-6)
    return np.asarray(settings.regularisation * frequency**settings.frequency, np.float64)


def _transposed(matrix: sparse.csr_array) -> sparse.csr_array:
    result = sparse.csr_array(matrix.T)
    result.indices, result.indptr = result.indices.astype(np.int32), result.indptr.astype(np.int32)
    return result
