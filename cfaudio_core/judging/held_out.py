"""What a lesson was worth: its predictions for the tracks that were held out of it, against what was played."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.judging.metrics import concordance
from cfaudio_core.learning.model_files import Model


class HeldOut(NamedTuple):
    """Share of pairs of known tracks that are put in the right order; 0.5 is chance."""

    listener: str
    tracks: int
    sound: float
    sound_and_tags: float


def judge(model: Model) -> list[HeldOut]:
    """The held-out figures of each listener that a model was taught by; none if nothing was trained."""
    verdicts = []
    for j, name in enumerate(model.about["taught"]):
        truth = model.arrays["held_out.truth"][:, j]
        known = np.isfinite(truth)
        sound, both = (model.arrays[f"held_out.{what}"][known, j] for what in ("sound", "sound_and_tags"))
        verdicts.append(
            HeldOut(name, int(known.sum()), concordance(sound, truth[known]), concordance(both, truth[known]))
        )
    return verdicts
