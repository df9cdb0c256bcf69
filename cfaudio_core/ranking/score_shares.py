"""Shares of the evidence that a track's score rests on."""

from __future__ import annotations

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.pipeline.scoring import HALF_PLAYS
from cfaudio_core.util.arrays import FloatArray, float32


def score_shares(model: HybridModel | None, tracks: Tracks, listener: Listener) -> dict[str, FloatArray]:
    """Share out scores to `plays` of the track, its `audio`, and the `tags` artist, album and genre.

    Parameters
    ----------
    model
        The model that made the scores; None: it is not there any more, and tags count for nothing.
    tracks, listener
        n tracks, and their listener.

    Returns
    -------
    dict
        float32 (n,) each; the three add up to 1.
    """
    n_plays = listener.plays + listener.skips
    by_plays = n_plays / (n_plays + HALF_PLAYS)
    known = np.zeros(len(tracks), np.float32)
    if model is not None and listener.name in model.info.trained_listeners:
        known = model.tag_effects.known_share(tracks)
    parts = {"plays": by_plays, "audio": (1 - by_plays) * (1 - known), "tags": (1 - by_plays) * known}
    return {name: float32(share) for name, share in parts.items()}
