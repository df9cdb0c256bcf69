"""Simple recommenders, to be better than: each gives a score to every track, the same or another for every task."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.training_set import unit
from cfaudio_core.evaluation.tasks import EvalData, Split
from cfaudio_core.models.kernel_ridge import gauss
from cfaudio_core.ranking.taste import HALF_LIFE
from cfaudio_core.util.arrays import FloatArray, float32

_GAMMA, _RIDGE = 1.0, 0.3
_MOST = 3000  # known tracks that the kernel machine is fitted to


def chance(world: EvalData, case: Split) -> FloatArray:
    """float32 (n,): all equal, and so in any order."""
    return np.zeros(len(world.tracks), np.float32)


def popularity(world: EvalData, case: Split) -> FloatArray:
    """float32 (n,): plays."""
    return case.listener.plays


def decayed_counts(world: EvalData, case: Split) -> FloatArray:
    """float32 (n,): plays, each worth half after 90 days; where no play has a date, plays."""
    person, n = case.listener, len(world.tracks)
    sessions = person.sessions
    if not len(sessions):
        return person.plays
    weight = np.where(sessions.rejected, 0, 0.5 ** ((case.now - sessions.time) / HALF_LIFE))
    dated = np.bincount(sessions.track, weight, minlength=n)
    # Counts that do not say when, weigh as little as the oldest play that does.
    undated = np.maximum(person.plays - sessions.plays(n), 0) * weight.min(initial=1, where=weight > 0)
    return float32(dated + undated)


def artist_mean(world: EvalData, case: Split) -> FloatArray:
    """float32 (n,): mean preference of the artist's known tracks; the listener's mean where there are none.

    For a session to be completed: the share of what is given that is by the artist.
    """
    number = np.unique(case.tracks.artists, return_inverse=True)[1]
    named = np.array([bool(artist) for artist in case.tracks.artists], bool)
    if case.completes:
        return float32(
            [np.where(named, np.bincount(number[t.given], minlength=number.max() + 1)[number], 0) for t in case.tasks]
        )
    person = case.listener
    known, preference = person.known & named, person.preference
    count = np.bincount(number, known)
    mean = np.bincount(number, known * preference) / np.maximum(count, 1)
    usual = float(preference[person.known].mean()) if person.known.any() else 0.0
    return float32(np.where(named & (count[number] > 0), mean[number], usual))


def frozen_cosine(world: EvalData, case: Split) -> FloatArray:
    """float32 (n,) or (tasks, n): cosine of the net's features to the mean of what is played, or of what is given."""
    features = unit(standard_features(world))
    if case.completes:
        return float32([features @ unit(features[task.given].mean(axis=0)[None])[0] for task in case.tasks])
    return float32(features @ (np.maximum(case.listener.preference, 0) @ features))


def frozen_kernel(world: EvalData, case: Split) -> FloatArray:
    """float32 (n,) or (tasks, n): Gaussian kernel ridge regression of the preference from the net's features.

    For a session to be completed: the mean kernel to what is given.
    """
    features = standard_features(world)
    if case.completes:
        return float32([gauss(features, features[task.given], _GAMMA).mean(axis=1) for task in case.tasks])
    known = _sample(case.listener, case.seed)
    return kernel_regression(features, known, case.listener.preference[known])


def kernel_regression(features: FloatArray, known: np.ndarray, wanted: FloatArray) -> FloatArray:
    """float32 (n,): what Gaussian kernel ridge regression foretells, from float32 (k,) of the tracks at k positions.

    It is less the mean of what is wanted, and so as good to rank by.
    """
    inner = gauss(features[known], features[known], _GAMMA) + _RIDGE * np.eye(len(known), dtype=np.float32)
    coefficients = cho_solve(cho_factor(inner), wanted - wanted.mean())
    return float32(gauss(features, features[known], _GAMMA) @ coefficients)


def standard_features(world: EvalData) -> FloatArray:
    """float32 (n, dim): what a window sounds like in mono, each feature with mean 0 and variance 1 / dim."""
    summaries = world.sound.means[:, : world.sound.means.shape[1] - world.sound.n_widths]
    return float32(standardised(summaries) / np.sqrt(summaries.shape[1]))


def standardised(rows: FloatArray) -> FloatArray:
    """Each column with mean 0 and variance 1; 0 where it does not vary."""
    deviation = rows.std(axis=0)
    return float32((rows - rows.mean(axis=0)) / np.where(deviation > 1e-6, deviation, np.inf))


def _sample(person: Listener, seed: int) -> np.ndarray:
    known = np.flatnonzero(person.known)
    if len(known) > _MOST:
        known = np.sort(np.random.default_rng(seed).choice(known, _MOST, replace=False))
    return known
