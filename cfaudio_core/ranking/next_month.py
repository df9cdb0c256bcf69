"""Next month: ranks familiar tracks by how likely they are to be played soon, whatever is playing now.

Decayed counts predict best which tracks come again; those of the artist and of all times, and the vectors, find what
has not been played for long. Their shares are the usual ones half, and half those that would have ranked the last
months of the listener best.
"""

from __future__ import annotations

import itertools

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.ranking.taste import decayed_counts, familiarity
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

DEFAULT_WEIGHTS: FloatArray = float32([1.0, 0.6, 0.3, 0.15])
"""Of decayed counts, the artist's, plays of all times and vectors; chosen on six people's months, see `docs/lab`."""

_MONTH_S = 30 * 86_400
_MAX_MONTHS = 4
_FEWEST = 5  # tracks that came again, for a month to count
_TRIED = (0.0, 0.3, 0.6)
_OWN_SHARE = 0.5
_LIST_TRACKS = 100


def next_month(listener: Listener, last_played: IntArray, artist: IntArray, vectors: FloatArray) -> FloatArray:
    """Score the tracks that were played, float32 (n,), the others 0; higher is better.

    Where no play has a time, counts are all there is to go by.

    Parameters
    ----------
    listener
        Over n tracks.
    last_played
        int64 (n,): UTC, seconds; 0 where unknown.
    artist
        int64 (n,): one number an artist; 0 where unknown.
    vectors
        float32 (n, d), unit length or zeros.
    """
    at = np.flatnonzero(listener.played)  # most tracks of a library are not
    played, artist = listener.subset(at), artist[at]
    if not len(played.sessions):
        return familiarity(*decayed_counts(listener, last_played))
    scores = np.zeros(len(last_played), np.float32)
    scores[at] = month_weights(played, artist) @ _parts(played, last_played[at], artist, vectors[at])
    return scores


def month_weights(listener: Listener, artist: IntArray) -> FloatArray:
    """Choose the weights of the parts, float32 (4,), by the last months, each ranked by the plays before it.

    The vectors are fitted to these months too, so that theirs is not chosen.
    """
    months = [month for back in range(1, _MAX_MONTHS + 1) if (month := _month(listener, artist, back)) is not None]
    if not months:
        return DEFAULT_WEIGHTS
    tried = [float32([1, *pair, 0]) for pair in itertools.product(_TRIED, _TRIED)]
    values = [np.mean([ndcg(weights @ parts, came, _LIST_TRACKS) for parts, came in months]) for weights in tried]
    own = tried[int(np.argmax(values))]
    weights = DEFAULT_WEIGHTS + _OWN_SHARE * (own - DEFAULT_WEIGHTS)
    weights[-1] = DEFAULT_WEIGHTS[-1]
    return float32(weights)


def _month(listener: Listener, artist: IntArray, back: int) -> tuple[FloatArray, BoolArray] | None:
    """Parts of the tracks played before a month, float32 (4, m), and which of them came again; None for too few."""
    sessions, n = listener.sessions, len(artist)
    begin = int(sessions.time[-1]) + 1 - back * _MONTH_S
    known = listener.before(begin)
    inside = (sessions.time >= begin) & (sessions.time < begin + _MONTH_S) & ~sessions.rejected
    came = np.bincount(sessions.track[inside], minlength=n)[known.played] > 0
    if not _FEWEST <= came.sum() < len(came):
        return None
    return _parts(known, known.sessions.last_played(n), artist, np.zeros((n, 1), np.float32))[:, known.played], came


def _parts(listener: Listener, last_played: IntArray, artist: IntArray, vectors: FloatArray) -> FloatArray:
    """float32 (4, n): of mean 0 and variance 1 over the played tracks, the others 0."""
    plays, skips = decayed_counts(listener, last_played)
    of_artist = np.bincount(artist, plays)
    of_artist[0] = 0
    centre = plays @ vectors
    parts = np.stack([
        familiarity(plays, skips), np.log1p(of_artist)[artist], np.log1p(listener.plays), vectors @ centre
    ])  # fmt: skip
    inside = parts[:, listener.played]
    spread = inside.std(axis=1, keepdims=True)
    standard = (parts - inside.mean(axis=1, keepdims=True)) / np.where(spread > 1e-9, spread, np.inf)
    return float32(np.where(listener.played, standard, 0))


def ndcg(scores: FloatArray, relevant: BoolArray, k: int) -> float:
    """Measure normalised discounted cumulative gain of the first k of some tracks, of which any are relevant."""
    best = np.sort(np.argpartition(-scores, k)[:k]) if k < len(scores) else np.arange(len(scores))
    hits = relevant[best[np.argsort(-scores[best], kind="stable")]]
    gain = 1 / np.log2(np.arange(2, k + 2))
    return float(gain[: len(hits)][hits].sum() / gain[: int(relevant.sum())].sum())
