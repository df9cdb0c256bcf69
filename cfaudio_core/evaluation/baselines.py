"""Simple recommenders to compare with: each scores every track, once or once for every task."""

from __future__ import annotations

import numpy as np

from cfaudio_core.data.training_set import unit
from cfaudio_core.evaluation.tasks import EvalData, Split
from cfaudio_core.models.frozen_kernel import frozen_features, frozen_kernel
from cfaudio_core.models.kernel_ridge import gauss
from cfaudio_core.ranking.taste import HALF_LIFE_S
from cfaudio_core.util.arrays import FloatArray, float32


def chance(data: EvalData, split: Split) -> FloatArray:
    """float32 (n,): all equal, and so in any order."""
    return np.zeros(len(data.tracks), np.float32)


def popularity(data: EvalData, split: Split) -> FloatArray:
    """float32 (n,): plays."""
    return split.listener.plays


def decayed_counts(data: EvalData, split: Split) -> FloatArray:
    """float32 (n,): plays, each worth half after 90 days; where no play has a date, plays."""
    listener, n = split.listener, len(data.tracks)
    sessions = listener.sessions
    if not len(sessions):
        return listener.plays
    weight = np.where(sessions.rejected, 0, 0.5 ** ((split.now - sessions.time) / HALF_LIFE_S))
    dated = np.bincount(sessions.track, weight, minlength=n)
    # Counts that do not say when, weigh as little as the oldest play that does.
    undated = np.maximum(listener.plays - sessions.plays(n), 0) * weight.min(initial=1, where=weight > 0)
    return float32(dated + undated)


def artist_mean(data: EvalData, split: Split) -> FloatArray:
    """float32 (n,): mean preference of the artist's known tracks; the listener's mean where there are none.

    For a session to be completed, (tasks, n): the share of the given tracks that are by the artist.
    """
    number = np.unique(split.tracks.artists, return_inverse=True)[1]
    named = np.array([bool(artist) for artist in split.tracks.artists], bool)
    if split.is_completion:
        return float32(
            [np.where(named, np.bincount(number[t.given], minlength=number.max() + 1)[number], 0) for t in split.tasks]
        )
    listener = split.listener
    known, preference = listener.known & named, listener.log_play_ratio
    count = np.bincount(number, known)
    mean = np.bincount(number, known * preference) / np.maximum(count, 1)
    usual = float(preference[listener.known].mean()) if listener.known.any() else 0.0
    return float32(np.where(named & (count[number] > 0), mean[number], usual))


def frozen_cosine(data: EvalData, split: Split) -> FloatArray:
    """float32 (n,) or (tasks, n): cosine of the net's features to their mean over the played or the given tracks."""
    features = unit(_frozen_features(data))
    if split.is_completion:
        return float32([features @ unit(features[task.given].mean(axis=0)[None])[0] for task in split.tasks])
    return float32(features @ (np.maximum(split.listener.log_play_ratio, 0) @ features))


def kernel_of_frozen(data: EvalData, split: Split) -> FloatArray:
    """float32 (n,) or (tasks, n): log(1 + plays) by the frozen kernel.

    For a session to be completed: the mean kernel to the given tracks.
    """
    features = _frozen_features(data)
    if split.is_completion:
        return float32([gauss(features, features[task.given]).mean(axis=1) for task in split.tasks])
    known = split.listener.known
    return frozen_kernel(features, features[known], split.listener.plays[known], split.seed)


def _frozen_features(data: EvalData) -> FloatArray:
    return frozen_features(data.feature_matrix, np.arange(len(data.tracks)), data.training.seed)
