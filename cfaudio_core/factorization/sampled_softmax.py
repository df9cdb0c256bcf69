"""The likelihood of counts under a softmax over many tracks, and what its gradient needs.

P(i|u) = exp(u.v_i) / Z_u. Z_u is a sum over all tracks, or an estimate by importance sampling (Bengio and Senecal,
"Quick training of probabilistic neural nets by importance sampling", AISTATS 2003): the batch's own tracks, which stand
for themselves, and a sample of the others, each of which stands for as many as it was unlikely to be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from cfaudio_core.util.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Candidates:
    """Tracks that stand for all: `index`, and float32 `offset`, the logarithm of how many each stands for."""

    index: IntArray | slice
    offset: FloatArray | None


def candidates(
    part: sparse.csr_array, totals: FloatArray, exact_up_to: int, sample: int, rng: np.random.Generator
) -> Candidates:
    """All tracks, or the batch's own and a sample drawn half by popularity and half evenly.

    Parameters
    ----------
    part
        float32 CSR (contexts, tracks), the batch's counts.
    totals
        float32 (tracks,), how often each was counted in all.
    exact_up_to
        Number of tracks up to which all are taken.
    sample
        Number of draws beyond that.
    rng
        Who draws.
    """
    n = len(totals)
    if n <= exact_up_to:
        return Candidates(slice(None), None)
    likely = 0.5 * totals.astype(np.float64) / totals.sum(dtype=np.float64) + 0.5 / n
    likely /= likely.sum()
    drawn, times = np.unique(rng.choice(n, sample, p=likely), return_counts=True)
    stands_for = np.zeros(n)
    stands_for[drawn] = times / (sample * likely[drawn])
    stands_for[part.indices] = 1  # certain to be there, so each stands for itself
    index = np.flatnonzero(stands_for)
    return Candidates(index, np.log(stands_for[index]).astype(np.float32))


def residuals(part: sparse.csr_array, u: FloatArray, v: FloatArray, among: Candidates) -> tuple[FloatArray, FloatArray]:
    """The loss of some contexts, sum_i n_i (log Z - u.v_i) + sum_skipped n_i log(1 + exp(u.v_i)), and its gradient.

    Parameters
    ----------
    part
        float32 CSR (contexts, tracks): n, negative where skipped.
    u, v
        float32 (contexts, factors) and (tracks, factors).
    among
        What Z is a sum over.

    Returns
    -------
    FloatArray
        float32 (contexts, candidates): the gradient by u.v.
    FloatArray
        float32 (contexts,): the loss.
    """
    row = np.repeat(np.arange(len(u)), np.diff(part.indptr))
    column = part.indices if among.offset is None else np.searchsorted(np.asarray(among.index), part.indices)
    played, skipped = np.maximum(part.data, 0), np.maximum(-part.data, 0)
    total = np.bincount(row, played, len(u)).astype(np.float32)
    expected = u @ v[among.index].T
    score = expected[row, column]
    if among.offset is not None:
        expected += among.offset
    top = expected.max(axis=1, keepdims=True)  # the shift without which exp overflows
    expected -= top
    np.exp(expected, out=expected)
    z = expected.sum(axis=1)
    expected *= (total / z)[:, None]
    expected[row, column] += skipped / (1 + np.exp(-score)) - played
    terms = skipped * np.logaddexp(0, score) - played * score
    return expected, (total * (np.log(z) + top[:, 0]) + np.bincount(row, terms, len(u))).astype(np.float32)
