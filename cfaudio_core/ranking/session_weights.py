"""A listener's own weights of the parts of the next track: chosen on earlier sessions, drawn toward the usual ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.data.sessions import Sessions, session_halves
from cfaudio_core.ranking.next_month import ndcg
from cfaudio_core.ranking.session import DEFAULT_WEIGHTS, PARTS, SessionRanker
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

MIN_SESSIONS = 10
"""Fewest sessions to be completed that weights are chosen on."""

_MAX_SESSIONS, _SHORTEST = 50, 4
_LAST_SHARE = 0.2  # of the sessions, which are to be completed by those before them
_MAX_TRACKS = 5000  # the most played ones, among which that is tried
_OF_EACH_PART = 120  # best tracks by it that are compared
_LIST_TRACKS = 20
_TRIED = (0.0, 0.5, 2.0, 3.0)  # of a usual weight
_DRAWN = 120.0  # sessions that the usual weights are worth
_VECTORS = PARTS.index("vectors")


class _Completion(NamedTuple):
    """A session to be completed: float32 (PARTS, c) parts of c candidates, and bool (c,) which of them came."""

    parts: FloatArray
    relevant: np.ndarray


def choose_weights(sessions: Sessions, artist: IntArray, album: IntArray) -> FloatArray:
    """Choose weights, float32 (PARTS,), by how well they complete the last sessions from those before.

    The vectors are fitted to these sessions too, so that theirs stays as it is, and the sum of the others as well: only
    how the others share it is chosen. The fewer sessions, the nearer to the usual weights.

    Parameters
    ----------
    sessions
        Of one listener, over n tracks.
    artist, album
        int64 (n,), as in `SessionRanker`.
    """
    kept = np.sort(np.argsort(-sessions.plays(len(artist)), kind="stable")[:_MAX_TRACKS])
    completions = _completions(sessions.subset(kept), artist[kept], album[kept], len(kept))
    if len(completions) < MIN_SESSIONS:
        return DEFAULT_WEIGHTS
    usual = DEFAULT_WEIGHTS.astype(np.float64)
    usual[_VECTORS] = 0
    best, best_value = usual, _mean_ndcg(completions, usual)
    for part in np.tile(np.flatnonzero(usual), 2):
        for share in _TRIED:
            tried = best.copy()
            tried[part] = share * usual[part]
            if tried.any() and (value := _mean_ndcg(completions, tried)) > best_value + 1e-4:
                best, best_value = tried, value
    own = best * usual.sum() / best.sum()
    own[_VECTORS] = DEFAULT_WEIGHTS[_VECTORS]
    evidence = len(completions) / (len(completions) + _DRAWN)
    return float32(DEFAULT_WEIGHTS + evidence * (own - DEFAULT_WEIGHTS))


def _completions(sessions: Sessions, artist: IntArray, album: IntArray, n: int) -> list[_Completion]:
    first = int((1 - _LAST_SHARE) * len(sessions))
    known = np.bincount(sessions.track[sessions.session < first], minlength=n) > 0
    halves = session_halves(sessions, first, len(sessions), _SHORTEST, known)
    if len(halves) < MIN_SESSIONS:
        return []
    nothing = np.zeros((n, 1), np.float32)
    ranker = SessionRanker.of(sessions, np.zeros(n, np.float32), artist, album, nothing, end=first)
    found = []
    for at in np.unique(np.linspace(0, len(halves) - 1, _MAX_SESSIONS).round().astype(int)):
        number, given, rest = halves[at]
        parts = ranker.parts(given, int(sessions.time[np.searchsorted(sessions.session, number)]))
        possible = known.copy()
        possible[given] = False
        candidates = np.flatnonzero(possible)
        few = min(_OF_EACH_PART, len(candidates))
        best = np.argpartition(-parts[:, candidates], few - 1, axis=1)[:, :few]
        compared = np.union1d(candidates[best], rest)
        found.append(_Completion(parts[:, compared], np.isin(compared, rest)))
    return found


def _mean_ndcg(completions: list[_Completion], weights: np.ndarray) -> float:
    return float(np.mean([ndcg(float32(weights @ one.parts), one.relevant, _LIST_TRACKS) for one in completions]))
