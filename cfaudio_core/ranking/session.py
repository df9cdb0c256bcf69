"""Next track: ranks a listener's familiar tracks by how well they go on from those that were played last.

A sum of standardised parts: vectors, tags, sessions of the past like this one, what used to follow, and what was played
lately. Session neighbours are those of Jannach and Ludewig ("When recurrent neural networks meet the neighborhood for
session-based recommendation", RecSys 2017); the session is folded into the vectors as Hu, Koren and Volinsky fold in a
user ("Collaborative filtering for implicit feedback datasets", ICDM 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from cfaudio_core.data.sessions import Sessions
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

PARTS = ("vectors", "tags", "neighbours", "followers", "month", "week")
"""What is added up, in the order of the weights."""

DEFAULT_WEIGHTS: FloatArray = float32([1.0, 0.45, 0.15, 0.3, 0.45, 0.3])
"""Chosen on six people's sessions, see `tests/benchmarks/bench_sessions.py`."""

MAX_GIVEN = 50
"""Number of tracks, the latest ones, that a session is gone on from."""

_DAY_S = 86_400
_MONTH_DAYS, _WEEK_DAYS = 30.0, 7.0  # half-lives of plays
_LAST_DAYS = 3.0  # half-life of the plays that are folded in beside the session
_LEAST_RECENT = 0.05  # of a play; what is left of it after that counts no more
_NEIGHBOURS = 100  # sessions
_SLOW, _USUAL, _FAST = 0.9, 0.8, 0.5  # weight of a given track against that of the next one
_ALBUM = 2.0  # being on the album of a given track, against being by its artist
_RARE = 5.0  # plays: a track that was followed but once tells little of what follows it
_UNOBSERVED, _RIDGE = 0.01, 0.1  # of the fold-in, see `wmf`


@dataclass(frozen=True)
class SessionRanker:
    """Sessions of a listener, and n tracks that they are of.

    Attributes
    ----------
    time, track
        int64 (p,): the plays in the order of their times (UTC, seconds), and positions of their tracks.
    by_session, by_track
        float32 CSR (sessions, n) and (n, sessions): 1 where a track was played in a session.
    next
        float32 CSR (n, n): how often the second track followed the first one at once.
    played
        bool (n,): the tracks over which parts are standardised.
    counts
        float32 (n,): takes the place of what was played in the last month, where no play has a time.
    artist, album
        int64 (n,): one number an artist, an album; 0 where unknown.
    vectors
        float32 (n, d).
    """

    time: IntArray
    track: IntArray
    by_session: sparse.csr_array
    by_track: sparse.csr_array
    next: sparse.csr_array
    played: BoolArray
    counts: FloatArray
    artist: IntArray
    album: IntArray
    vectors: FloatArray

    @classmethod
    def of(
        cls,
        sessions: Sessions,
        counts: FloatArray,
        artist: IntArray,
        album: IntArray,
        vectors: FloatArray,
        end: int | None = None,
    ) -> SessionRanker:
        """Read sessions of one listener over n tracks; skipped plays are left out.

        Of the sessions from number `end` on only the times of their plays are used, as far as they lie before that of a
        ranking.
        """
        n, kept = len(counts), ~sessions.rejected
        track, session, time = sessions.track[kept], sessions.session[kept], sessions.time[kept]
        end = len(sessions) if end is None else end
        p = int(np.searchsorted(session, end))
        by_session = _ones(session[:p], track[:p], (end, n))
        by_session.data[:] = 1
        follows = session[1:p] == session[: max(p - 1, 0)]
        played = np.bincount(track[:p], minlength=n) > 0
        return cls(
            time,
            track,
            by_session,
            sparse.csr_array(by_session.T),
            _ones(track[: max(p - 1, 0)][follows], track[1:p][follows], (n, n)),
            played if p else np.ones(n, np.bool_),
            counts,
            artist,
            album,
            vectors,
        )

    def score(self, given: IntArray, now: float, weights: FloatArray = DEFAULT_WEIGHTS) -> FloatArray:
        """Score all tracks, float32 (n,), higher is better; see `parts`."""
        return float32(weights @ self.parts(given, now))

    def parts(self, given: IntArray, now: float) -> FloatArray:
        """Compute the parts of the score, float32 (PARTS, n), each of mean 0 and variance 1 over the played tracks.

        Parameters
        ----------
        given
            int64 (g,): positions of the tracks that were played last, in their order.
        now
            UTC, seconds: when the session began; plays since are not counted.
        """
        given = given[-MAX_GIVEN:]
        lately = np.log1p(self._decayed(now, _MONTH_DAYS)) if len(self.time) else self.counts
        parts = np.stack([
            self._by_vectors(given, now),
            self._by_tags(given),
            self._by_neighbours(given),
            self._by_followers(given),
            lately,
            np.log1p(self._decayed(now, _WEEK_DAYS)),
        ])  # fmt: skip
        inside = parts[:, self.played]
        spread = inside.std(axis=1, keepdims=True)
        return float32((parts - inside.mean(axis=1, keepdims=True)) / np.where(spread > 1e-9, spread, np.inf))

    def _decayed(self, now: float, days: float) -> np.ndarray:
        """Plays until now, each worth half after so many days; those of twenty times as long ago are nothing."""
        first, last = np.searchsorted(self.time, [now - 20 * days * _DAY_S, now])
        weight = 0.5 ** ((now - self.time[first:last]) / (days * _DAY_S))
        return np.bincount(self.track[first:last], weight, minlength=len(self.played))

    def _by_vectors(self, given: IntArray, now: float) -> np.ndarray:
        """Fold in the session with the last days' plays, which weigh at most half as much."""
        weight = np.zeros(len(self.played))
        weight[given] = _latest_most(given, _SLOW)
        recent = np.where(self.played, np.log1p(self._decayed(now, _LAST_DAYS)), 0)
        recent[recent < _LEAST_RECENT] = 0
        weight += recent * min(0.5 * weight.sum() / max(recent.sum(), 1e-9), 1)
        at = np.flatnonzero(weight)
        vectors, weight, d = self.vectors[at], weight[at], self.vectors.shape[1]
        gram = _UNOBSERVED * (self.vectors.T @ self.vectors) + (vectors.T * weight) @ vectors
        ridge = max(_RIDGE * (weight.sum() + _UNOBSERVED * len(self.played)), 1e-9)
        return self.vectors @ float32(np.linalg.solve(gram + ridge * np.eye(d), weight @ vectors))

    def _by_tags(self, given: IntArray) -> np.ndarray:
        """Same album, same artist: more so the more of the given tracks are, and the later they were played."""
        score = np.zeros(len(self.played))
        for column, size in ((self.artist, 1.0), (self.album, _ALBUM)):
            shared = np.bincount(column[given], _latest_most(given, _USUAL), minlength=int(column.max(initial=0)) + 1)
            shared[0] = 0
            score += size * shared[column]
        return score

    def _by_neighbours(self, given: IntArray) -> np.ndarray:
        """Tracks of the sessions most like this one, by cosine."""
        weight, there = _latest_most(given, _SLOW), self.by_track[given]
        n_sessions = self.by_session.shape[0]
        shared = np.bincount(there.indices, np.repeat(weight, np.diff(there.indptr)), minlength=n_sessions)
        size = np.sqrt(np.maximum(np.diff(self.by_session.indptr) * weight.sum(), 1e-9))
        likeness = shared / size
        few = min(_NEIGHBOURS, n_sessions)
        near = np.sort(np.argpartition(-likeness, few - 1)[:few]) if few else np.zeros(0, np.int64)
        return np.asarray(self.by_session[near].T @ likeness[near])

    def _by_followers(self, given: IntArray) -> np.ndarray:
        """Tracks that used to be played right after the given ones, above all after the last."""
        after = self.next[given]
        times = np.asarray(after.sum(axis=1)).ravel()
        weight = np.repeat(_latest_most(given, _FAST) / np.sqrt(times + _RARE), np.diff(after.indptr))
        return np.bincount(after.indices, after.data * weight, minlength=len(self.played))


def _ones(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> sparse.csr_array:
    """float32 CSR: how often each pair of a row and a column occurs."""
    matrix = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _latest_most(given: IntArray, share: float) -> np.ndarray:
    """float64 (g,): weights of given tracks, 1 for the last, and such a share of the next one's for each before."""
    return np.asarray(share ** np.arange(len(given))[::-1], np.float64)
