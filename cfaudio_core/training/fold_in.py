"""Fold-in: residuals of a model for tracks that became known after it was fitted.

No part of the model changes. The residuals of newly played tracks, which the model never saw, correct the predictions
of the tracks around them; their factors are folded in by `KnownFactors.fold_in`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.training_set import standard_preference
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.util.arrays import FloatArray, IntArray, float32


def fold_in_residuals(
    model: HybridModel, listeners: Sequence[Listener], rows: IntArray, by_audio: FloatArray, factors: FloatArray
) -> FloatArray:
    """Compute the residuals of n tracks.

    Parameters
    ----------
    model, listeners
        A model, and the listeners that it was trained on, over the n tracks.
    rows, factors
        int64 (n,) and float32 (n, factors), see `KnownFactors`.
    by_audio
        float32 (n, outputs), see `TrackPredictions`.

    Returns
    -------
    FloatArray
        float32 (n, outputs), 0 where nothing is known. Of a track that the model was trained on, it is the residual
        when that track was held out, by as much more or less as the track is liked more or less since.
    """
    known = rows >= 0
    residuals = np.where(known[:, None], model.kernel.residuals[rows], 0)
    for listener in listeners:
        output, now = model.info.trained_listeners.index(listener.name), standard_preference(listener)
        then = model.held_out.truth[:, output]
        latest, still_known = then.copy(), np.flatnonzero(listener.known & known)
        latest[rows[still_known]] = now[still_known]  # of two tracks with one key the last one counts, as in `rows`
        residuals[:, output] += np.where(known, np.nan_to_num(latest - then)[rows], 0)
        new = listener.known & (~known | np.isnan(then[rows]))
        residuals[new, output] = now[new] - by_audio[new, output]
    folded_in = np.any(factors, axis=1) & ~known
    first = len(model.info.trained_listeners)
    residuals[folded_in, first:] = factors[folded_in] - by_audio[folded_in, first:]
    return float32(residuals)
