"""The contexts x tracks matrix: who and what brings tracks together.

One listener's counts alone are one row, and a matrix of one row has rank 1: all tracks would lie on one line. What was
heard in one session belongs together, and each session is a row. Playlists, albums, artists and genres are rows too, in
which the tracks played most weigh most; with counts alone, or a few sessions, they carry the geometry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import Sessions
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.util.arrays import FloatArray

ROW_WEIGHTS = {"album": 2.0, "artist": 0.5, "genre": 0.25}
"""Weight of a metadata context against a session's row (1). Albums are mostly heard as albums; the wider the context
beyond, the less it says of two tracks."""

MOST_SESSIONS = 100_000
"""The latest so many sessions are rows: what was heard together decades ago says little more."""


@dataclass(frozen=True)
class Contexts:
    """A contexts x tracks matrix.

    Attributes
    ----------
    matrix
        float32 CSR (contexts, tracks): the confidence that the track belongs to the context; negative, that it does
        not.
    kinds
        One text a row: "session", "listener", "playlist", "album", "artist" or "genre".
    """

    matrix: sparse.csr_array
    kinds: list[str]

    def count(self, *kinds: str) -> int:
        """The number of rows of some kinds."""
        return sum(kind in kinds for kind in self.kinds)

    @property
    def shared(self) -> int:
        """The number of contexts beside the listeners, each of which joins at least two tracks."""
        return len(self.kinds) - self.count("listener")


def gather(tracks: Tracks, people: Sequence[Listener]) -> Contexts:
    """Contexts from sessions, counts, playlists and tags.

    A session's row holds log(1 + plays in it), and tracks rejected in it with a negative sign. A listener's row holds
    log(1 + plays), and skipped tracks that were skipped more than played with a negative sign. An album's, artist's or
    genre's row holds its played tracks, as the whole household played them, and a playlist's row its tracks. All but a
    listener's row join at least two tracks; the others say nothing and are left out.

    Parameters
    ----------
    tracks
        n tracks.
    people
        The listeners, each over the same n tracks.
    """
    parts = [session_rows(person.sessions, len(tracks)) for person in people]
    kinds = ["session"] * sum(part.shape[0] for part in parts)

    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for person in people:
        known = np.flatnonzero(person.known)
        rows.append((known, _away_from_zero(person.preference[known])))
        kinds.append("listener")
    for members in _grouped(tracks.playlists):
        rows.append((np.array(members), np.full(len(members), np.log(2), np.float32)))  # as if each was played once
        kinds.append("playlist")

    household = np.log1p(np.sum([p.plays for p in people], axis=0)).astype(np.float32)
    played = np.flatnonzero(household > 0)
    names: dict[str, list[tuple[str, ...]]] = {
        "album": [(tracks.albums[i],) if tracks.albums[i] else () for i in played],
        "artist": [(tracks.artists[i],) if tracks.artists[i] else () for i in played],
        "genre": [tracks.genres[i] for i in played],
    }
    for kind, weight in ROW_WEIGHTS.items():
        for group in _grouped(names[kind]):
            index = played[group]
            rows.append((index, weight * household[index]))
            kinds.append(kind)
    stacked = sparse.vstack([*parts, _stack(rows, len(tracks))], format="csr")
    return Contexts(sparse.csr_array(stacked, dtype=np.float32), kinds)


def session_rows(sessions: Sessions, n_tracks: int) -> sparse.csr_array:
    """float32 CSR (rows, n_tracks): one listener's sessions of two tracks and more, the latest `MOST_SESSIONS`."""
    shape = (len(sessions), n_tracks)
    at = (sessions.session, sessions.track)
    plays = sparse.csr_array((np.where(sessions.rejected, 0, 1).astype(np.float32), at), shape=shape)
    skips = sparse.csr_array((sessions.rejected.astype(np.float32), at), shape=shape)
    plays.sum_duplicates()  # both keep an entry wherever the other has one, so that their data correspond
    skips.sum_duplicates()
    plays.data = _away_from_zero((np.log1p(plays.data) - np.log1p(skips.data)).astype(np.float32))
    joined = np.flatnonzero(np.diff(plays.indptr) >= 2)[-MOST_SESSIONS:]
    return sparse.csr_array(plays[joined])


def _away_from_zero(preference: FloatArray) -> FloatArray:
    """A track played as often as skipped has preference 0, yet it was met: a sparse matrix must not lose it."""
    return np.where(preference == 0, np.float32(-1e-3), preference).astype(np.float32)


def _grouped(names: Iterable[tuple[str, ...]]) -> list[list[int]]:
    """Positions that share a name, for every name that at least two have."""
    groups: dict[str, list[int]] = {}
    for position, own in enumerate(names):
        for name in dict.fromkeys(own):  # a genre named twice is one genre
            groups.setdefault(name, []).append(position)
    return [group for group in groups.values() if len(group) >= 2]


def _stack(rows: list[tuple[np.ndarray, np.ndarray]], n_tracks: int) -> sparse.csr_array:
    indices = np.concatenate([i for i, _ in rows]) if rows else np.zeros(0, np.int64)
    values = np.concatenate([v for _, v in rows]) if rows else np.zeros(0, np.float32)
    starts = np.cumsum([0, *(len(i) for i, _ in rows)])
    return sparse.csr_array((values.astype(np.float32), indices, starts), shape=(len(rows), n_tracks))
