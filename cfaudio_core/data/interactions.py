"""Interactions: the contexts x tracks matrix that is factorized.

One listener's counts alone are one row, and a matrix of one row has rank 1: all tracks would lie on one line. Tracks
played in one session belong together, and each session is a row. Playlists, albums, artists and genres are rows too, of
all their tracks, of which those played most weigh most; with counts alone, or a few sessions, they carry the geometry,
and they are all that is known of tracks never played. Where a player keeps counts alone, those that grew between the
same two runs of `cfembed` stand in for a session.
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
"""Weight of a metadata context against a session's row (1). Albums are mostly played as albums; the wider the context
beyond, the less it relates two tracks."""

BASE_WEIGHT = float(np.log(2))
"""Weight of a track in a metadata context, played or not: as if it was played there once more than it was."""

MAX_COUNTED_TRACKS = 100
"""Number of tracks counted since the run before, beyond which they were played over too long a time to belong together.
"""

MAX_SESSIONS = 100_000
"""Number of sessions that are rows, the latest ones: those of decades ago add little."""


@dataclass(frozen=True)
class Interactions:
    """Contexts x tracks matrix.

    Attributes
    ----------
    matrix
        float32 CSR (contexts, tracks): the confidence that the track belongs to the context; negative, that it does
        not.
    kinds
        Kind of each row: "session", "listener", "counted" (between two runs of `cfembed`), "playlist", "album",
        "artist" or "genre".
    """

    matrix: sparse.csr_array
    kinds: list[str]

    def count(self, *kinds: str) -> int:
        """Count the rows of some kinds."""
        return sum(kind in kinds for kind in self.kinds)

    @property
    def n_shared(self) -> int:
        """Number of contexts beside the listeners, each of which joins at least two tracks."""
        return len(self.kinds) - self.count("listener")

    @property
    def shared(self) -> sparse.csr_array:
        """float32 CSR (`n_shared`, tracks): the contexts beside the listeners.

        A listener's row joins all that was played, and so tells nothing of what two tracks have in common.
        """
        return self.matrix[[kind != "listener" for kind in self.kinds]]

    @property
    def n_entries(self) -> FloatArray:
        """float32 (tracks,): number of contexts that each track is in."""
        return np.bincount(self.matrix.indices, minlength=self.matrix.shape[1]).astype(np.float32)


def gather_interactions(tracks: Tracks, listeners: Sequence[Listener]) -> Interactions:
    """Gather the contexts from sessions, counts, playlists and tags.

    A session's row holds log(1 + plays in it), and tracks rejected in it with a negative sign. A listener's row holds
    log(1 + plays), and skipped tracks that were skipped more than played with a negative sign. An album's, artist's or
    genre's row holds its tracks, played or not, and more of those that the household played; a playlist's row its
    tracks. Rows of fewer than two tracks, but for the listeners', relate none and are left out.

    Parameters
    ----------
    tracks
        n tracks.
    listeners
        The listeners, each over the same n tracks.
    """
    parts = [session_rows(listener.sessions, len(tracks)) for listener in listeners]
    kinds = ["session"] * sum(part.shape[0] for part in parts)

    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for listener in listeners:
        known = np.flatnonzero(listener.known)
        rows.append((known, _away_from_zero(listener.log_play_ratio[known])))
        kinds.append("listener")
    for listener in listeners:
        runs = ((str(time),) if time else () for time in listener.counted.tolist())
        for group in _grouped(runs):
            if len(group) <= MAX_COUNTED_TRACKS:
                rows.append((np.array(group), np.full(len(group), np.log(2), np.float32)))
                kinds.append("counted")
    for members in _grouped(tracks.playlists):
        rows.append((np.array(members), np.full(len(members), np.log(2), np.float32)))  # as if each was played once
        kinds.append("playlist")

    nobody = np.zeros(len(tracks), np.float32)
    household = np.log1p(np.sum([nobody, *(listener.plays for listener in listeners)], axis=0))
    names: dict[str, Iterable[tuple[str, ...]]] = {
        "album": ((album,) if album else () for album in tracks.albums),
        "artist": ((artist,) if artist else () for artist in tracks.artists),
        "genre": tracks.genres,
    }
    for kind, weight in ROW_WEIGHTS.items():
        for group in _grouped(names[kind]):
            rows.append((np.array(group), weight * (BASE_WEIGHT + household[group])))
            kinds.append(kind)
    stacked = sparse.vstack([*parts, _stack(rows, len(tracks))], format="csr")
    return Interactions(sparse.csr_array(stacked, dtype=np.float32), kinds)


def session_rows(sessions: Sessions, n_tracks: int) -> sparse.csr_array:
    """float32 CSR (rows, n_tracks): one listener's latest `MAX_SESSIONS` sessions of two tracks and more."""
    shape = (len(sessions), n_tracks)
    at = (sessions.session, sessions.track)
    plays = sparse.csr_array((np.where(sessions.rejected, 0, 1).astype(np.float32), at), shape=shape)
    skips = sparse.csr_array((sessions.rejected.astype(np.float32), at), shape=shape)
    plays.sum_duplicates()  # both keep an entry wherever the other has one, so that their data correspond
    skips.sum_duplicates()
    plays.data = _away_from_zero((np.log1p(plays.data) - np.log1p(skips.data)).astype(np.float32))
    joined = np.flatnonzero(np.diff(plays.indptr) >= 2)[-MAX_SESSIONS:]
    return sparse.csr_array(plays[joined])


def _away_from_zero(values: FloatArray) -> FloatArray:
    """Replace 0, of a track played as often as skipped, which a sparse matrix would lose."""
    return np.where(values == 0, np.float32(-1e-3), values).astype(np.float32)


def _grouped(names: Iterable[tuple[str, ...]]) -> list[list[int]]:
    """Group positions by name, for every name that at least two have."""
    groups: dict[str, list[int]] = {}
    for position, position_names in enumerate(names):
        for name in dict.fromkeys(position_names):  # a genre named twice is one genre
            groups.setdefault(name, []).append(position)
    return [group for group in groups.values() if len(group) >= 2]


def _stack(rows: list[tuple[np.ndarray, np.ndarray]], n_tracks: int) -> sparse.csr_array:
    indices = np.concatenate([i for i, _ in rows]) if rows else np.zeros(0, np.int64)
    values = np.concatenate([v for _, v in rows]) if rows else np.zeros(0, np.float32)
    starts = np.cumsum([0, *(len(i) for i, _ in rows)])
    return sparse.csr_array((values.astype(np.float32), indices, starts), shape=(len(rows), n_tracks))
