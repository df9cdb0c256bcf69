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
from cfaudio_core.factorization.softmax_likelihood import likelihood, solve_contexts, sum_weights
from cfaudio_core.factorization.wmf import Factors
from cfaudio_core.util.arrays import FloatArray, IntArray

MAX_EXACT_TRACKS = 10_000
"""Tracks beyond which each step sees a sample of those that its contexts have not."""

_SAMPLED_TRACKS = 4096


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


def factorize(
    matrix: sparse.csr_array, settings: VectorExpSettings, rng: np.random.Generator, *, optimise_contexts: bool = True
) -> Factors:
    """Factorise a contexts x tracks matrix: Adam over batches of contexts, then each context to its optimum.

    Parameters
    ----------
    matrix
        CSR (contexts, tracks) of weights; a negative one is a skip.
    settings
        The hyper-parameters.
    rng
        For the first guess, the order of the contexts, and the sample of tracks.
    optimise_contexts
        False: leave the contexts' vectors as Adam does. In a large library their optimum takes longer than all else.

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
    done, everything = 0, np.arange(len(met))
    for _ in range(settings.epochs):
        order = rng.permutation(rows)
        for start in range(0, len(order), settings.batch):
            batch = np.sort(order[start : start + settings.batch])
            part, at, shift = counts[batch], everything, np.zeros(len(met), np.float32)
            theirs = np.float32(len(batch) / len(rows)) * totals
            if len(met) > MAX_EXACT_TRACKS:
                part, at, shift = _sampled(part, rng)
                theirs = np.bincount(part.indices, np.abs(part.data), len(at)).astype(np.float32)
            gradient, _ = likelihood(part, u[batch], v[at], shift)
            pull = settings.regularisation * sum_weights(part) * (u[batch] - mean)
            for_u = gradient @ v[at] + pull
            for_v = gradient.T @ u[batch] + settings.regularisation * theirs[:, None] * (v[at] - centre[at])
            rate = settings.rate * min(1.0, 2 * (1 - done / batches))
            for_contexts.step(batch, for_u, 3 * rate)
            for_tracks.step(at, for_v, rate)
            done += 1
    tracks[met] = v
    if optimise_contexts:
        u = solve_contexts(counts, v, mean, settings.regularisation, settings.batch, start=u)
    return Factors(u, tracks, memory)


def _sampled(counts: sparse.csr_array, rng: np.random.Generator) -> tuple[sparse.csr_array, IntArray, FloatArray]:
    """Choose the tracks that stand for all in one step: those of its contexts, and a sample of the others.

    The sample's part of Z is weighted by how many tracks each of it stands for (importance sampling: Bengio and
    Senécal, "Quick training of probabilistic neural nets by importance sampling", AISTATS 2003), so that a step takes
    as long in a library of any size.

    Returns
    -------
    tuple
        The counts, CSR (contexts, a), of the a chosen tracks; their positions, int64 (a,); and the logarithm of how
        many tracks each stands for, float32 (a,).
    """
    n, own = counts.shape[1], np.unique(counts.indices)
    others = np.setdiff1d(rng.integers(0, n, _SAMPLED_TRACKS), own)
    chosen = np.concatenate([own, others]).astype(np.int64)
    shift = np.zeros(len(chosen), np.float32)
    shift[len(own) :] = np.log(max(n - len(own), 1) / max(len(others), 1))
    columns = np.searchsorted(own, counts.indices)
    return (
        sparse.csr_array((counts.data, columns, counts.indptr), shape=(len(counts.indptr) - 1, len(chosen))),
        chosen,
        shift,
    )


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
    return solve_contexts(counts, factors.tracks[met], factors.memory["mean"], settings.regularisation, settings.batch)
