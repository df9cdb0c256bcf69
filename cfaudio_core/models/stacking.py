"""Stacking of the kernel machine and a trained net, by what each predicts of tracks held out.

The weighted sum that comes nearest to the truth, without negative weights (Breiman, "Stacked regressions", Machine
Learning 24, 1996). A net that adds nothing gets no weight: it has to make the sum better on tracks that the weights
were not chosen on, and by more than luck would, or the kernel machine stands alone, as it would have without a net.
Better is a smaller squared error of a listener's preferences; of factors it is a smaller angle, since it is their
direction that is used. Better than what: than the kernel machine, whatever it is multiplied by, and however far it is
drawn to the mean.
"""

from __future__ import annotations

import numpy as np

from cfaudio_core.data.training_set import TrainingSet, unit
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

_MIN_GAIN = 0.01  # share of the kernel machine's error that a net must take away
_MIN_STANDARD_ERRORS = 2.0  # what a net gains must be so many of them, or it may as well be luck


def fit_stack(
    by_kernel: FloatArray, by_net: FloatArray, training_set: TrainingSet, units: IntArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Fit the weights of the kernel machine and a net.

    Parameters
    ----------
    by_kernel, by_net
        float32 (m, outputs): predictions for the known tracks, each without its fold; NaN where the net has none.
    training_set
        The truth about the m tracks, and their folds.
    units
        int64 (m,): tracks of one number were held out together, and may be predicted well or badly together; each is
        one of its own if left out.

    Returns
    -------
    tuple
        Weights, float32 (2, outputs); and float32 (m, outputs), the stacked predictions of each track by weights that
        were chosen without its fold.
    """
    targets, groups, fold = training_set.targets, training_set.groups, training_set.fold
    units = np.arange(len(fold)) if units is None else units
    stack_weights = np.zeros((2, len(groups)), np.float32)
    stacked = by_kernel.copy()
    stack_weights[0] = 1
    of_factors = groups[-1] if targets.direction.shape[1] else -1
    predicted: BoolArray = np.asarray(np.isfinite(by_net).all(axis=1))
    for group in np.unique(groups):
        own = groups == group
        seen, truth = (targets.weights[:, own] > 0) & predicted[:, None], targets.values[:, own]
        both = np.stack([by_kernel[:, own], by_net[:, own]])
        error_of = _angular_errors if group == of_factors else _squared_errors
        summed, scaled, drawn = np.empty_like(truth), np.empty_like(truth), np.empty_like(truth)
        for k in np.unique(fold):
            outside = fold == k
            weights = _weights(both[:, ~outside], truth[~outside], seen[~outside])
            summed[outside] = np.tensordot(weights, both[:, outside], 1)
            # A net must not be credited with what another length of the kernel machine's predictions does.
            length = _weights(both[:1, ~outside], truth[~outside], seen[~outside])
            scaled[outside] = length * both[0, outside]
            # Nor with what a constant does: where audio tells nothing, the mean is the best prediction.
            level = np.sum(truth * seen, axis=0, where=~outside[:, None]) / max(seen[~outside].any(axis=1).sum(), 1)
            leaning = np.stack([both[0], np.broadcast_to(level, truth.shape)])
            weights = _weights(leaning[:, ~outside], truth[~outside], seen[~outside])
            drawn[outside] = np.tensordot(weights, leaning[:, outside], 1)
        weights = _weights(both, truth, seen)
        without = min((error_of(by, truth, seen) for by in (both[0], scaled, drawn)), key=np.nanmean)
        if weights[1] > 0 and _is_better(error_of(summed, truth, seen), without, units):
            stack_weights[:, own] = weights[:, None]
            stacked[np.ix_(predicted, own)] = summed[predicted]
    return stack_weights, float32(stacked)


def apply_stack(weights: FloatArray, by_kernel: FloatArray, by_net: FloatArray) -> FloatArray:
    """Stack predictions, float32 (n, outputs): the kernel machine alone where the net's are NaN."""
    return float32(np.where(np.isfinite(by_net), weights[0] * by_kernel + weights[1] * by_net, by_kernel))


def _is_better(errors: FloatArray, without: FloatArray, units: IntArray) -> bool:
    """Whether the errors of a sum, one a track, are smaller than those without a net, and not by luck.

    The standard error is that of clustered data (Liang and Zeger, "Longitudinal data analysis using generalized linear
    models", Biometrika 1986).
    """
    seen = np.isfinite(errors)
    gain = (without - errors)[seen]
    off = np.bincount(units[seen], gain - gain.mean()) if len(gain) else np.zeros(1)
    luck = np.sqrt(np.square(off).sum()) / max(len(gain), 1)
    return bool(len(gain) and gain.mean() > max(_MIN_GAIN * without[seen].mean(), _MIN_STANDARD_ERRORS * luck))


def _squared_errors(predictions: FloatArray, truth: FloatArray, seen: BoolArray) -> FloatArray:
    """float32 (m,): squared error of each track, NaN where the truth is not known."""
    errors = np.sum(np.where(seen, truth - np.nan_to_num(predictions), 0) ** 2, axis=1)
    return float32(np.where(seen.any(axis=1), errors, np.nan))


def _angular_errors(predictions: FloatArray, truth: FloatArray, seen: BoolArray) -> FloatArray:
    """float32 (m,): 1 less the cosine of each track, NaN where its direction is not known."""
    errors = 1 - np.sum(unit(np.nan_to_num(predictions)) * truth, axis=1)
    return float32(np.where(seen.all(axis=1) & np.any(truth, axis=1), errors, np.nan))


def _weights(parts: FloatArray, truth: FloatArray, seen: BoolArray) -> FloatArray:
    """float32, one of each part: the weights that bring their sum nearest to the truth where it is known."""
    from scipy.optimize import nnls  # here: it takes long to import, and only a fit needs it

    columns = parts[:, seen].T.astype(np.float64)
    return float32(nnls(columns, truth[seen].astype(np.float64))[0])
