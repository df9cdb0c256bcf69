"""Held-out figures of a model: its predictions for tracks that were held out of the fit, against what was played."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.evaluation.metrics import concordance
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.util.arrays import FloatArray


class HeldOut(NamedTuple):
    """Shares of pairs of one listener's known tracks that are put in the right order; 0.5 is chance.

    Attributes
    ----------
    listener, tracks
        Name of the listener, and how many tracks are known of them.
    by_audio, by_audio_and_tags
        Of the model, a track held out at a time.
    baselines
        Where whole artists or albums are held out: of the model, and of the simpler means it is compared with, by name.
    net_weight
        Weight of a trained net's predictions; 0 where it adds nothing.
    """

    listener: str
    tracks: int
    by_audio: float
    by_audio_and_tags: float
    baselines: dict[str, float]
    net_weight: float


def evaluate_held_out(model: HybridModel) -> list[HeldOut]:
    """Compute the held-out figures of each listener that a model was trained on; none if nothing was trained."""
    held_out = model.held_out
    ways = {way: predictions for way, predictions in held_out.baselines.items() if way != "truth"}
    truth_by_album = held_out.baselines.get("truth", held_out.truth)
    return [
        HeldOut(
            name,
            int(np.isfinite(held_out.truth[:, j]).sum()),
            _concordance(held_out.by_audio, held_out.truth, j),
            _concordance(held_out.by_audio_and_tags, held_out.truth, j),
            {way: _concordance(predictions, truth_by_album, j) for way, predictions in ways.items()},
            float(model.stack_weights[1, j]),
        )
        for j, name in enumerate(model.info.trained_listeners)
    ]


def _concordance(predictions: FloatArray, truth: FloatArray, listener: int) -> float:
    known = np.isfinite(truth[:, listener])
    return concordance(predictions[known, listener], truth[known, listener])
