"""Spotify's vector_exp: a track's probability in a context is the softmax of a dot product.

After Erik Bernhardsson, "More recommender algorithms" (2013); its factors were the targets of the net of Dieleman's
"Recommending music on Spotify with deep learning" (2014). Contexts have vectors u, tracks vectors v, and a context's
plays are independent draws from P(i|u) = exp(u.v_i) / Z_u. The log-likelihood of the counts is maximised, which is to
minimise ::

    sum_ui n_ui (log Z_u - u.v_i)  +  sum_skipped n_ui log(1 + exp(u.v_i))
    + reg / 2 (sum_u n_u |u - u0|^2  +  sum_i n_i |v_i - v0_i|^2)

The means u0 and v0_i are zero but for the first factor, in which u0.v0_i is the logarithm of the track's popularity:
what is regularised is how a context differs from everybody. A skip, which the published model lacks, makes the track
less likely than an average one. Tracks without an entry are no part of it and stay at their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from cfaudio_core.factorization.confidence import Confidence
from cfaudio_core.factorization.wmf import Factors
from cfaudio_core.util.arrays import FloatArray, IntArray, float32


@dataclass(frozen=True)
class VectorExpSettings:
    """How to factorise.

    Attributes
    ----------
    factors
        Number of latent factors.
    regularisation
        `reg` above.
    epochs
        Passes over the contexts.
    batch
        Contexts a step.
    rate
        Adam's step size in the beginning; it falls to nothing over the epochs.
    confidence
        How weights become counts, see `confidence.KINDS`.
    """

    factors: int = 40
    regularisation: float = 0.3
    epochs: int = 20
    batch: int = 128
    rate: float = 0.06
    confidence: str = "row_log"


def _prior_means(counts: sparse.csr_array, factors: int) -> tuple[FloatArray, FloatArray]:
    """Compute the means that vectors are drawn to: u0, float32 (factors,), and v0, float32 (tracks, factors).

    A track without a count is given a tenth of one, so that it is less likely than any other.
    """
    plays = np.bincount(counts.indices, np.maximum(counts.data, 0), counts.shape[1])
    log, played = np.log(np.maximum(plays, 0.1)), plays > 0
    size = 1.0
    if np.any(played):
        log -= log[played].mean()
        # Both sides share the scale. Where all are equally popular the contexts' side keeps some all the same, lest a
        # track without a count lie far out on a factor of which contexts have little.
        size = max(float(np.mean(log[played] ** 2)) ** 0.25, 1.0)
    context, tracks = np.zeros(factors, np.float32), np.zeros((len(plays), factors), np.float32)
    context[0], tracks[:, 0] = size, log / size
    return context, tracks


class _Adam:
    """Adam (Kingma and Ba, ICLR 2015) of which each step updates some rows; every row has its own count of steps."""

    def __init__(self, values: FloatArray, momentum: float, memory: float) -> None:
        self.values, self.momentum, self.memory = values, momentum, memory
        self.mean, self.square = np.zeros_like(values), np.zeros_like(values)
        self.steps = np.zeros(len(values), np.int64)

    def step(self, rows: IntArray | slice, gradient: FloatArray, rate: float) -> None:
        self.steps[rows] += 1
        times = self.steps[rows][:, None]
        mean = self.momentum * self.mean[rows] + (1 - self.momentum) * gradient
        square = self.memory * self.square[rows] + (1 - self.memory) * gradient**2
        self.mean[rows], self.square[rows] = mean, square
        size = np.sqrt(square / (1 - self.memory**times).astype(np.float32)) + np.float32(1e-8)
        self.values[rows] -= np.float32(rate) * (mean / (1 - self.momentum**times).astype(np.float32)) / size


def factorize(matrix: sparse.csr_array, settings: VectorExpSettings, rng: np.random.Generator) -> Factors:
    """Factorise a contexts x tracks matrix: Adam over batches of contexts, then each context to its optimum.

    Parameters
    ----------
    matrix
        CSR (contexts, tracks) of weights; a negative one is a skip.
    settings
        The hyper-parameters.
    rng
        For the first guess and the order of the contexts.

    Returns
    -------
    Factors
        Both sides' vectors; u0 for a context without an entry, v0 for a track without one.
    """
    confidence = Confidence.of(matrix, settings.confidence)
    counts = confidence.apply(matrix)
    met = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]))
    mean, tracks = _prior_means(counts, settings.factors)
    memory = {"unit": confidence.unit, "emphasis": confidence.emphasis, "mean": mean}
    memory["met"] = np.isin(np.arange(counts.shape[1]), met).astype(np.float32)
    rows = np.flatnonzero(np.diff(counts.indptr))
    if not len(rows):
        return Factors(np.tile(mean, (counts.shape[0], 1)), tracks, memory)
    counts = sparse.csr_array(counts[:, met])
    centre = tracks[met]
    totals = np.bincount(counts.indices, np.abs(counts.data), len(met)).astype(np.float32)
    first = rng.normal(0, 0.1, (len(rows) + len(met), settings.factors)).astype(np.float32)
    u, v = np.tile(mean, (counts.shape[0], 1)), centre + first[len(rows) :]
    u[rows] += first[: len(rows)]
    # A context has one step an epoch, a track one a batch: the former's gradient must be trusted sooner.
    for_contexts, for_tracks = _Adam(u, 0.7, 0.9), _Adam(v, 0.9, 0.99)
    batches = -(-len(rows) // settings.batch) * settings.epochs
    done = 0
    for _ in range(settings.epochs):
        order = rng.permutation(rows)
        for start in range(0, len(order), settings.batch):
            batch = np.sort(order[start : start + settings.batch])
            part = counts[batch]
            gradient, _ = _likelihood(part, u[batch], v)
            pull = settings.regularisation * _weights(part) * (u[batch] - mean)
            share = settings.regularisation * len(batch) / len(rows) * totals[:, None]
            for_u = gradient @ v + pull
            for_v = gradient.T @ u[batch] + share * (v - centre)
            rate = settings.rate * min(1.0, 2 * (1 - done / batches))
            for_contexts.step(batch, for_u, 3 * rate)
            for_tracks.step(slice(None), for_v, rate)
            done += 1
    tracks[met] = v
    return Factors(_optimum(counts, v, mean, settings, start=u), tracks, memory)


def fold_in(rows: sparse.csr_array, factors: Factors, settings: VectorExpSettings) -> FloatArray:
    """Compute the vectors of new contexts, given those of the tracks.

    Parameters
    ----------
    rows
        CSR (rows, tracks) of weights, as `factorize` was given; those of tracks it did not meet are ignored.
    factors
        The result of that fit.
    settings
        The hyper-parameters of that fit.

    Returns
    -------
    FloatArray
        float32 (rows, factors); u0 for a row without a track that it met.
    """
    confidence = Confidence(settings.confidence, factors.memory["unit"], factors.memory["emphasis"])
    met = np.flatnonzero(factors.memory["met"])
    counts = sparse.csr_array(confidence.apply(rows)[:, met])
    return _optimum(counts, factors.tracks[met], factors.memory["mean"], settings)


def _likelihood(counts: sparse.csr_array, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute sum_i n_i (log Z - u.v_i) + sum_skipped n_i log(1 + exp(u.v_i)) of some contexts, and its gradient.

    Parameters
    ----------
    counts
        float32 CSR (contexts, tracks): n, negative where skipped.
    u, v
        float32 (contexts, factors) and (tracks, factors).

    Returns
    -------
    tuple
        float32 (contexts, tracks): the gradient by u.v; and float32 (contexts,): the loss.
    """
    row = np.repeat(np.arange(len(u)), np.diff(counts.indptr))
    played, skipped = np.maximum(counts.data, 0), np.maximum(-counts.data, 0)
    total = np.bincount(row, played, len(u)).astype(np.float32)
    expected = u @ v.T
    score = expected[row, counts.indices]
    top = expected.max(axis=1, keepdims=True)  # the shift without which exp overflows
    expected -= top
    np.exp(expected, out=expected)
    z = expected.sum(axis=1)
    expected *= (total / z)[:, None]
    expected[row, counts.indices] += skipped / (1 + np.exp(-score)) - played
    terms = skipped * np.logaddexp(0, score) - played * score
    return expected, float32(total * (np.log(z) + top[:, 0]) + np.bincount(row, terms, len(u)))


def _weights(counts: sparse.csr_array) -> FloatArray:
    """Sum the counts of each context, skips included: float32 (contexts, 1)."""
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    return float32(np.bincount(row, np.abs(counts.data), counts.shape[0]))[:, None]


def _optimum(
    counts: sparse.csr_array,
    v: FloatArray,
    mean: FloatArray,
    settings: VectorExpSettings,
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
    whiten = (basis / np.sqrt(np.maximum(values, 0) + settings.regularisation)).astype(np.float32)
    for batch in np.array_split(rows, -(-len(rows) // settings.batch)):
        part = counts[batch]
        weight = _weights(part)

        def evaluate(
            flat: np.ndarray, part: sparse.csr_array = part, weight: FloatArray = weight
        ) -> tuple[float, np.ndarray]:
            away = flat.reshape(len(weight), -1).astype(np.float32) @ whiten.T / np.sqrt(weight)
            by_score, loss = _likelihood(part, mean + away, v)
            pull = settings.regularisation * weight * away
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
