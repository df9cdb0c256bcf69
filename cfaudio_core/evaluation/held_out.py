"""What a lesson was worth: its predictions for the tracks that were held out of it, against what was played."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.evaluation.metrics import concordance
from cfaudio_core.models.model_files import Model

WAYS = ("model", "net", "kernel", "artist", "shuffled")
"""What is compared: the model, a trained net, the kernel machine, the artist's mean, the kernel machine on nonsense."""


class HeldOut(NamedTuple):
    """Share of pairs of known tracks that are put in the right order; 0.5 is chance.

    Attributes
    ----------
    listener, tracks
        Of whom, and how many tracks of theirs are known.
    sound, sound_and_tags
        Of the model, a track held out at a time.
    compared
        Where whole albums are held out: the model, and the simpler means it is compared with, by name.
    net_share
        What a trained net's word counts for with this listener; 0 where it adds nothing.
    """

    listener: str
    tracks: int
    sound: float
    sound_and_tags: float
    compared: dict[str, float]
    net_share: float


def evaluate_held_out(model: Model) -> list[HeldOut]:
    """The held-out figures of each listener that a model was taught by; none if nothing was trained."""
    verdicts = []
    for j, name in enumerate(model.about["taught"]):
        truth = model.arrays["held_out.truth"][:, j]
        known = np.isfinite(truth)
        sound, both = (model.arrays[f"held_out.{what}"][known, j] for what in ("sound", "sound_and_tags"))
        compared = _compared(model, j)
        share = float(model.arrays["stack.shares"][1, j]) if "stack.shares" in model.arrays else 0.0
        figures = concordance(sound, truth[known]), concordance(both, truth[known])
        verdicts.append(HeldOut(name, int(known.sum()), *figures, compared, share))
    return verdicts


def _compared(model: Model, j: int) -> dict[str, float]:
    """The same share for all `WAYS` that a model was compared with, of its listener j."""
    ways = [way for way in WAYS if f"compared.{way}" in model.arrays]
    if not ways:  # a model of an earlier version
        return {}
    truth = model.arrays["compared.truth"][:, j]
    known = np.isfinite(truth)
    return {way: concordance(model.arrays[f"compared.{way}"][known, j], truth[known]) for way in ways}
