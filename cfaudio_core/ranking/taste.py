"""A listener's taste: several modes of preferred music, never their mean.

The mean of all that is played lies where most of the library lies, and recommends the most ordinary music there is. So
the preferred tracks are clustered by spherical k-means (Dhillon and Modha, "Concept decompositions for large sparse
text data using clustering", 2001), each weighted by how much and how recently it was played.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

HALF_LIFE_S = 90 * 86400.0
"""Seconds after which a play predicts half as much of the next month's."""

MAX_MODES = 8

_FEWEST_KNOWN = 10  # tracks, for a floor to be found
_SEPARATED = 0.5  # of what perfect scores would separate, for a floor to be found
_SEED_TRACKS = 1500  # the heaviest, among which the first centres are chosen
_FITTED_TRACKS = 20_000  # the heaviest, which the centres are fitted to; lighter ones are assigned to the nearest
_MAX_ITERATIONS = 30
_TEMPERATURE = 0.1  # of the soft assignment, in cosine


@dataclass(frozen=True)
class Taste:
    """`k` modes of a taste.

    Attributes
    ----------
    centres
        float32 (k, d), unit length.
    shares
        float32 (k,): share of the weights in each mode, heaviest first; they add up to 1.
    members
        int64 (m,): positions of the tracks that the taste is made of.
    weights
        float32 (m,): their taste weights.
    mode
        int64 (m,): the mode that each of them is in.
    """

    centres: FloatArray
    shares: FloatArray
    members: IntArray
    weights: FloatArray
    mode: IntArray

    def memberships(self, vectors: FloatArray) -> FloatArray:
        """float32 (n, k): soft assignment of each track to the modes, by its vector; rows add up to 1."""
        closeness = vectors @ self.centres.T / _TEMPERATURE
        share = np.exp(closeness - closeness.max(axis=1, keepdims=True, initial=-np.inf))
        return float32(share / np.maximum(share.sum(axis=1, keepdims=True), 1e-9))

    def parts(self, vectors: FloatArray, tracks: IntArray, fewest: int) -> list[tuple[int, IntArray]]:
        """Share out tracks to the modes that they are nearest to: the mode and positions of its tracks, int64 (m,).

        A mode with fewer tracks than `fewest` has none, and its tracks go to the next nearest; the last one may.
        """
        cosines = vectors[tracks] @ self.centres.T
        left = np.flatnonzero(np.ones(len(self.shares), bool))
        while len(left):
            nearest = left[np.argmax(cosines[:, left], axis=1)]
            sizes = np.bincount(nearest, minlength=len(self.shares))[left]
            if len(left) == 1 or sizes.min() >= fewest:
                return [(int(mode), tracks[nearest == mode]) for mode in left if (nearest == mode).any()]
            left = np.delete(left, np.argmin(sizes))
        return []

    def nearest(self, vectors: FloatArray, song: IntArray, tracks: IntArray, most: int = 2) -> list[list[int]]:
        """Positions of the members that each of k tracks is nearest to: of the heavier half, other songs than itself.

        Vectors are float32 (n, d), unit length or zeros; `song`, int64 (n,), has the same number for the same song.
        """
        heavy = self.weights >= np.median(self.weights) if len(self.weights) else self.weights > 0
        members = self.members[heavy]
        of_members, of_song = vectors[members], song[members]
        neighbours: list[list[int]] = []
        for at in tracks:
            cosines = np.where(of_song != song[at], of_members @ vectors[at], 0)
            neighbours.append([])
            for _ in range(min(most, len(members))):
                best = int(np.argmax(cosines))
                if cosines[best] > 0:
                    neighbours[-1].append(int(members[best]))
                    cosines[best] = 0
        return neighbours


def decayed_counts(listener: Listener, last_played: IntArray) -> tuple[FloatArray, FloatArray]:
    """Plays and skips with a half-life, float32 (n,) each, counted back from the listener's last play.

    `last_played`, int64 (n,), is in seconds, UTC; 0 where unknown. Plays without a time are taken to be as long ago as
    that, or else one half-life.
    """
    sessions, n = listener.sessions, len(listener.plays)
    now = max(int(last_played.max(initial=0)), int(sessions.time.max(initial=0)))
    weight = 0.5 ** ((now - sessions.time) / HALF_LIFE_S)
    undated = np.where(last_played > 0, 0.5 ** ((now - last_played) / HALF_LIFE_S), 0.5)

    def decayed(counts: FloatArray, of_sessions: np.ndarray) -> FloatArray:
        dated = np.bincount(sessions.track[of_sessions], minlength=n)
        recent = np.bincount(sessions.track[of_sessions], weight[of_sessions], minlength=n)
        return float32(recent + undated * np.maximum(counts - dated, 0))

    return decayed(listener.plays, ~sessions.rejected), decayed(listener.skips, sessions.rejected)


def familiarity(plays: FloatArray, skips: FloatArray) -> FloatArray:
    """float32 (n,): predicts best, from decayed counts, which known tracks are played next month."""
    return float32(np.log1p(plays) - np.log1p(skips))


def taste_weights(listener: Listener, decayed_plays: FloatArray) -> FloatArray:
    """float32 (n,), 0 to 1: how much each track counts in a listener's taste; half of it wears off with time.

    Squared, since there are many tracks of little preference, which together would be a large part of the taste.
    """
    recency = decayed_plays / np.maximum(listener.plays, 1)
    preference = np.square(np.maximum(listener.preference, 0))
    return float32(preference * (0.5 + 0.5 * recency / max(recency.max(initial=0), 1e-9)))


def liking_floor(scores: FloatArray, listener: Listener, margin: float = 0.0) -> float:
    """Find the score from which on a track is liked at least as well as the average one that was played or skipped.

    Scores only rank, so that this is where they best separate the known tracks above the average from those below,
    each counted by its distance from it. Never played tracks are scored on the same scale. Disliked ones, which
    scores may not know yet, have no part in it where enough others were played or skipped.

    Parameters
    ----------
    scores
        float32 (n,), NaN where there is none.
    margin
        By how much better than the average, in standard deviations.

    Returns
    -------
    float
        A score; minus infinity where too little is known, or the scores separate them too badly.
    """
    scored = np.isfinite(scores)
    met = scored & ((listener.plays > 0) | (listener.skips > 0)) & ~(listener.feedback < 0)
    known = np.flatnonzero(met if met.sum() >= _FEWEST_KNOWN else scored & listener.known)
    if len(known) < _FEWEST_KNOWN:
        return -np.inf
    known = known[np.argsort(scores[known], kind="stable")]
    values, first = np.unique(scores[known], return_index=True)
    liking = listener.log_play_ratio[known].astype(np.float64)
    better = liking - liking.mean() - margin * liking.std()
    above = np.cumsum(better[::-1])[::-1][first]  # of all tracks with that score or a higher one
    best = int(np.argmax(above))
    perfect = better[better > 0].sum() - max(better.sum(), 0)
    return float(values[best]) if above[best] - max(above[0], 0) > max(_SEPARATED * perfect, 1e-6) else -np.inf


def mean_taste(vectors: FloatArray, weights: FloatArray) -> Taste:
    """The original's user vector: one mode, in the direction of the weighted mean."""
    members = np.flatnonzero((weights > 0) & vectors.any(axis=1))
    return _taste(vectors, weights, members, np.zeros(len(members), np.int64))


def modes(vectors: FloatArray, weights: FloatArray) -> Taste:
    """Cluster the tracks that have a weight and a vector; no modes where there are none.

    Parameters
    ----------
    vectors
        float32 (n, d), unit length; zeros where a track has none.
    weights
        float32 (n,): taste weights; 0: not part of the taste.
    """
    members = np.flatnonzero((weights > 0) & vectors.any(axis=1))
    if not len(members):
        return _taste(vectors, weights, members, np.zeros(0, np.int64))
    of_members, weight = vectors[members], weights[members].astype(np.float64)
    # The number of tracks of equal weight whose sum would be as uneven (Kish's effective sample size).
    effective = weight.sum() ** 2 / np.square(weight).sum()
    k = int(np.clip(round(np.sqrt(effective / 2)), 1, MAX_MODES))
    heaviest = np.sort(np.argsort(-weight, kind="stable")[:_FITTED_TRACKS])
    fitted = of_members[heaviest]
    centres, weighted = _first_centres(of_members, weight, k), _weighted(fitted, weight[heaviest])
    mode = np.zeros(len(fitted), np.int64)
    for iteration in range(_MAX_ITERATIONS):
        nearest = np.argmax(fitted @ centres.T, axis=1)
        if iteration and np.array_equal(nearest, mode):
            break
        mode = nearest
        centres = _centres(weighted, mode, centres)
    if len(fitted) < len(members):
        mode = np.argmax(of_members @ centres.T, axis=1)
    return _taste(vectors, weights, members, mode)


def _first_centres(vectors: FloatArray, weight: np.ndarray, k: int) -> FloatArray:
    """float32 (k, d): one after the other the track that brings most tracks nearest to a centre (greedy k-means++)."""
    heaviest = np.argsort(-weight, kind="stable")[:_SEED_TRACKS]
    vectors, weight = vectors[heaviest], weight[heaviest]
    distances = np.maximum(1 - vectors @ vectors.T, 0)
    to_centre = np.full(len(vectors), np.inf)
    chosen: list[int] = []
    for _ in range(min(k, len(vectors))):
        cost = weight @ np.minimum(distances, to_centre[:, None])
        at = int(np.argmin(cost))
        chosen.append(at)
        to_centre = np.minimum(to_centre, distances[at])
    return vectors[chosen]


def _weighted(vectors: FloatArray, weight: np.ndarray) -> np.ndarray:
    """float64 (d, m): vectors times their weights, laid out for `_centres`."""
    return np.ascontiguousarray((vectors * weight[:, None]).T)


def _centres(weighted: np.ndarray, mode: IntArray, old: FloatArray) -> FloatArray:
    columns = [np.bincount(mode, column, minlength=len(old)) for column in weighted]
    sums = np.array(columns, np.float64).reshape(old.shape[::-1]).T
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return float32(np.where(length > 1e-9, sums / np.maximum(length, 1e-9), old))


def _taste(vectors: FloatArray, weights: FloatArray, members: IntArray, mode: IntArray) -> Taste:
    """Modes in the order of their shares, those of no member left out."""
    weight = weights[members].astype(np.float64)
    share = np.bincount(mode, weight)
    order = np.argsort(-share, kind="stable")
    order = order[share[order] > 0]
    number = np.zeros(len(share), np.int64)
    number[order] = np.arange(len(order))
    mode = number[mode]
    no_centres = np.zeros((len(order), vectors.shape[1]), np.float32)
    centres = _centres(_weighted(vectors[members], weight), mode, no_centres)
    shares = float32(share[order] / max(share.sum(), 1e-9))
    return Taste(centres, shares, members, float32(weight), mode)
