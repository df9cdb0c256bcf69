"""Who has how much say: a stack of the kernel machine and a trained net, by what each said of tracks held out.

The sum that comes nearest to the truth, without negative weights (Breiman, "Stacked regressions", Machine Learning 24,
1996). A net that adds nothing gets no say: it has to make the sum better on tracks that the weights were not chosen
on, and by more than luck would, or the kernel machine stands alone, as it would have without a net. Better is a smaller
squared error of a listener's preferences; of factors it is a smaller angle, since it is their direction that is used.
Better than what: than the kernel machine, however long its word, and however far it is drawn to the mean.
"""

from __future__ import annotations

import numpy as np

from cfaudio_core.data.training_set import Targets, unit
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

_GAIN = 0.01
"""A net must take away this share of what the kernel machine gets wrong, at least."""

_SURE = 2.0
"""So many times its standard error what a net gains must be, or it may as well be luck."""


def fit_stack(
    by_kernel: FloatArray, by_net: FloatArray, targets: Targets, groups: IntArray, fold: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Find out how much say the kernel machine and a net have.

    Parameters
    ----------
    by_kernel, by_net
        float32 (m, outputs): what each said of the tracks when they were held out; NaN where the net says nothing.
    targets
        The truth about the m tracks.
    groups
        int64 (outputs,): outputs with one number share their weights.
    fold
        int64 (m,): tracks with one number were held out together.

    Returns
    -------
    tuple
        float32 (2, outputs), what each is multiplied by; and float32 (m, outputs), what both say together of each
        track, by weights that were chosen without its fold.
    """
    shares = np.zeros((2, len(groups)), np.float32)
    together = by_kernel.copy()
    shares[0] = 1
    of_factors = groups[-1] if targets.direction.shape[1] else -1
    heard: BoolArray = np.asarray(np.isfinite(by_net).all(axis=1))
    for group in np.unique(groups):
        own = groups == group
        seen, truth = (targets.weights[:, own] > 0) & heard[:, None], targets.values[:, own]
        both = np.stack([by_kernel[:, own], by_net[:, own]])
        wrong = _apart if group == of_factors else _squared
        summed, alone, drawn = np.empty_like(truth), np.empty_like(truth), np.empty_like(truth)
        for k in np.unique(fold):
            outside = fold == k
            weights = _weights(both[:, ~outside], truth[~outside], seen[~outside])
            summed[outside] = np.tensordot(weights, both[:, outside], 1)
            # A net must not be credited with what another length of the kernel machine's word does.
            length = _weights(both[:1, ~outside], truth[~outside], seen[~outside])
            alone[outside] = length * both[0, outside]
            # Nor with what a word does that is the same for all: where sound tells nothing, the mean is the best word.
            level = np.sum(truth * seen, axis=0, where=~outside[:, None]) / max(seen[~outside].any(axis=1).sum(), 1)
            leaning = np.stack([both[0], np.broadcast_to(level, truth.shape)])
            weights = _weights(leaning[:, ~outside], truth[~outside], seen[~outside])
            drawn[outside] = np.tensordot(weights, leaning[:, outside], 1)
        weights = _weights(both, truth, seen)
        without = min((wrong(said, truth, seen) for said in (both[0], alone, drawn)), key=np.mean)
        if weights[1] > 0 and _better(wrong(summed, truth, seen), without):
            shares[:, own] = weights[:, None]
            together[np.ix_(heard, own)] = summed[heard]
    return shares, float32(together)


def apply_stack(shares: FloatArray, by_kernel: FloatArray, by_net: FloatArray) -> FloatArray:
    """float32 (n, outputs): what both say together; the kernel machine alone where the net says NaN."""
    return float32(np.where(np.isfinite(by_net), shares[0] * by_kernel + shares[1] * by_net, by_kernel))


def _better(errors: FloatArray, without: FloatArray) -> bool:
    """Whether the errors of a sum, one a track, are smaller than those without a net, and not by luck."""
    gain = without - errors
    luck = gain.std() / np.sqrt(max(len(gain), 1))
    return bool(gain.mean() > max(_GAIN * without.mean(), _SURE * luck))


def _squared(said: FloatArray, truth: FloatArray, seen: BoolArray) -> FloatArray:
    """Squared error of each track of which the truth is known."""
    told = seen.any(axis=1)
    return float32(np.sum(np.where(seen, truth - np.nan_to_num(said), 0)[told] ** 2, axis=1))


def _apart(said: FloatArray, truth: FloatArray, seen: BoolArray) -> FloatArray:
    """1 less the cosine of each track whose direction is known."""
    told = seen.all(axis=1) & np.any(truth, axis=1)
    return float32(1 - np.sum(unit(said[told]) * truth[told], axis=1))


def _weights(both: FloatArray, truth: FloatArray, seen: BoolArray) -> FloatArray:
    """float32, one of each: the weights that bring the sum nearest to the truth where it is known."""
    from scipy.optimize import nnls  # here: it takes long to import, and only a lesson needs it

    columns = both[:, seen].T.astype(np.float64)
    return float32(nnls(columns, truth[seen].astype(np.float64))[0])
