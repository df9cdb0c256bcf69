"""A listener's taste: the several kinds of music that somebody loves, never their mean.

The mean of all that is played lies where most of the library lies, and brings the most ordinary music there is. So the
loved tracks are put into a few groups by spherical k-means (Dhillon and Modha, "Concept decompositions for large sparse
text data using clustering", 2001), each track with the weight of how much and how recently it was played.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

HALF_LIFE = 90 * 86400.0
"""Seconds after which a play tells half as much of the next month's."""

MOST_MODES = 8

_SEEDED = 1500  # the heaviest tracks, among which the first centres are looked for
_TELLING = 20_000  # the heaviest tracks, which tell where the centres are; lighter ones are put to the nearest
_ROUNDS = 30
_SHARP = 0.1  # in cosine: how much nearer one mode than another has to be for a track to be that one's


@dataclass(frozen=True)
class Taste:
    """`k` modes of a taste.

    Attributes
    ----------
    centres
        float32 (k, d), unit length.
    shares
        float32 (k,): how much of the listening each mode is, heaviest first; they add up to 1.
    members
        int64 (m,): positions of the tracks that the taste is made of.
    weights
        float32 (m,): how much each of them is loved.
    mode
        int64 (m,): the mode that each of them is in.
    """

    centres: FloatArray
    shares: FloatArray
    members: IntArray
    weights: FloatArray
    mode: IntArray

    def belonging(self, vectors: FloatArray) -> FloatArray:
        """float32 (n, k): how much each track, by its vector, is of each mode; rows add up to 1."""
        closeness = vectors @ self.centres.T / _SHARP
        share = np.exp(closeness - closeness.max(axis=1, keepdims=True, initial=-np.inf))
        return float32(share / np.maximum(share.sum(axis=1, keepdims=True), 1e-9))

    def nearest(self, vectors: FloatArray, song: IntArray, tracks: IntArray, most: int = 2) -> list[list[int]]:
        """Positions of the more loved half of the members that each track is nearest to, other songs than itself.

        Parameters
        ----------
        vectors
            float32 (n, d), unit length or zeros.
        song
            int64 (n,): the same number for the same song.
        tracks
            int64 (k,): positions of the tracks.
        most
            So many at most.
        """
        loved = self.weights >= np.median(self.weights) if len(self.weights) else self.weights > 0
        members = self.members[loved]
        own, of_song = vectors[members], song[members]
        found: list[list[int]] = []
        for at in tracks:
            closeness = np.where(of_song != song[at], own @ vectors[at], 0)
            found.append([])
            for _ in range(min(most, len(members))):
                best = int(np.argmax(closeness))
                if closeness[best] > 0:
                    found[-1].append(int(members[best]))
                    closeness[best] = 0
        return found


@dataclass(frozen=True)
class Familiarity:
    """How well each of n tracks is known, float32 (n,): plays and skips, each weighing less the longer ago it was."""

    plays: FloatArray
    skips: FloatArray

    @property
    def appeal(self) -> FloatArray:
        """float32 (n,): what tells best which known tracks are played next month."""
        return float32(np.log1p(self.plays) - np.log1p(self.skips))


def familiarity(person: Listener, last_heard: IntArray) -> Familiarity:
    """Plays and skips with a half-life, counted back from the listener's last play.

    Parameters
    ----------
    person
        A listener over n tracks.
    last_heard
        int64 (n,): UTC, seconds, of the last play as far as anything tells; 0 where nothing does. Plays whose times are
        not known are taken to be as long ago as that, or else one half-life.
    """
    sessions, n = person.sessions, len(person.plays)
    now = max(int(last_heard.max(initial=0)), int(sessions.time.max(initial=0)))
    weight = 0.5 ** ((now - sessions.time) / HALF_LIFE)
    undated = np.where(last_heard > 0, 0.5 ** ((now - last_heard) / HALF_LIFE), 0.5)

    def decayed(counts: FloatArray, of_sessions: np.ndarray) -> FloatArray:
        dated = np.bincount(sessions.track[of_sessions], minlength=n)
        recent = np.bincount(sessions.track[of_sessions], weight[of_sessions], minlength=n)
        return float32(recent + undated * np.maximum(counts - dated, 0))

    return Familiarity(decayed(person.plays, ~sessions.rejected), decayed(person.skips, sessions.rejected))


def love(person: Listener, known: Familiarity) -> FloatArray:
    """float32 (n,), 0 to 1: how much each track says of a listener's taste; half of it wears off with time.

    Squared, since there are many tracks that are hardly liked, and together they would be a large part of the taste.
    """
    recency = known.plays / np.maximum(person.plays, 1)
    liked = np.square(np.maximum(person.liking, 0))
    return float32(liked * (0.5 + 0.5 * recency / max(recency.max(initial=0), 1e-9)))


def mean_taste(vectors: FloatArray, weights: FloatArray) -> Taste:
    """The original's user vector: one mode, in the direction of the weighted mean of what is loved."""
    members = np.flatnonzero((weights > 0) & vectors.any(axis=1))
    return _taste(vectors, weights, members, np.zeros(len(members), np.int64))


def modes(vectors: FloatArray, weights: FloatArray) -> Taste:
    """The modes of a taste.

    Parameters
    ----------
    vectors
        float32 (n, d), unit length; zeros where a track has none.
    weights
        float32 (n,): how much each track is loved; 0: it is not part of the taste.

    Returns
    -------
    Taste
        Of no modes where nothing that is loved has a vector.
    """
    members = np.flatnonzero((weights > 0) & vectors.any(axis=1))
    if not len(members):
        return _taste(vectors, weights, members, np.zeros(0, np.int64))
    own, weight = vectors[members], weights[members].astype(np.float64)
    # So many tracks of equal weight would have a sum as uneven as this one.
    effective = weight.sum() ** 2 / np.square(weight).sum()
    k = int(np.clip(round(np.sqrt(effective / 2)), 1, MOST_MODES))
    heaviest = np.sort(np.argsort(-weight, kind="stable")[:_TELLING])
    telling = own[heaviest]
    centres, weighted = _first_centres(own, weight, k), _weighted(telling, weight[heaviest])
    mode = np.zeros(len(telling), np.int64)
    for _ in range(_ROUNDS):
        nearest = np.argmax(telling @ centres.T, axis=1)
        if _ and np.array_equal(nearest, mode):
            break
        mode = nearest
        centres = _centres(weighted, mode, centres)
    if len(telling) < len(members):
        mode = np.argmax(own @ centres.T, axis=1)
    return _taste(vectors, weights, members, mode)


def _first_centres(own: FloatArray, weight: np.ndarray, k: int) -> FloatArray:
    """float32 (k, d): one after the other the track that brings most tracks nearest to a centre (greedy k-means++)."""
    seen = np.argsort(-weight, kind="stable")[:_SEEDED]
    own, weight = own[seen], weight[seen]
    apart = np.maximum(1 - own @ own.T, 0)
    far = np.full(len(own), np.inf)
    chosen: list[int] = []
    for _ in range(min(k, len(own))):
        cost = weight @ np.minimum(apart, far[:, None])
        at = int(np.argmin(cost))
        chosen.append(at)
        far = np.minimum(far, apart[at])
    return own[chosen]


def _weighted(own: FloatArray, weight: np.ndarray) -> np.ndarray:
    """float64 (d, m): vectors times their weights, laid out for `_centres`."""
    return np.ascontiguousarray((own * weight[:, None]).T)


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
    nothing = np.zeros((len(order), vectors.shape[1]), np.float32)
    centres = _centres(_weighted(vectors[members], weight), mode, nothing)
    shares = float32(share[order] / max(share.sum(), 1e-9))
    return Taste(centres, shares, members, float32(weight), mode)
