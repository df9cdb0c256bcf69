"""What a track's score rests on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.models.model_files import Model
from cfaudio_core.models.track_predictions import effects_of
from cfaudio_core.pipeline.scoring import HALF
from cfaudio_core.util.arrays import FloatArray, float32


class Shares(NamedTuple):
    """What scores rest on, float32 (n,) each; the three add up to 1."""

    plays: FloatArray
    sound: FloatArray
    tags: FloatArray


def shares(model: Model | None, tracks: Tracks, person: Listener) -> Shares:
    """What scores rest on: the track's own plays, its sound, and what is known of its artist, album and genre.

    Parameters
    ----------
    model
        The model that made the scores; None: it is not known any more, and tags are taken to have said nothing.
    tracks, person
        n tracks, and their listener.
    """
    evidence = person.plays + person.skips
    plays = evidence / (evidence + HALF)
    covered = np.zeros(len(tracks), np.float32)
    if model is not None and person.name in model.about.get("taught", []):
        covered = effects_of(model).covered(tracks)
    return Shares(float32(plays), float32((1 - plays) * (1 - covered)), float32((1 - plays) * covered))
