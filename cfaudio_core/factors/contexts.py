"""The contexts x tracks matrix: who and what brings tracks together.

One listener's counts alone are one row, and a matrix of one row has rank 1: all tracks would lie on one line. Albums,
artists and genres give it more rows, in which the tracks played most weigh most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from cfaudio_core.listening.counts import Listener
from cfaudio_core.tracks import FloatArray, Tracks

ROW_WEIGHTS = {"album": 1.0, "artist": 0.5, "genre": 0.25}
"""Weight of a metadata context against a listener's row (1): the wider the context, the less it says of two tracks."""


@dataclass(frozen=True)
class Contexts:
    """A contexts x tracks matrix.

    Attributes
    ----------
    matrix
        float32 CSR (contexts, tracks): the confidence that the track belongs to the context; negative, that it does
        not.
    kinds
        One text a row: "listener", "album", "artist" or "genre".
    """

    matrix: sparse.csr_array
    kinds: list[str]

    @property
    def shared(self) -> int:
        """The number of metadata contexts, each of which joins at least two tracks."""
        return sum(kind != "listener" for kind in self.kinds)


def gather(tracks: Tracks, people: Sequence[Listener]) -> Contexts:
    """Contexts from counts and tags.

    A listener's row holds log(1 + plays), and skipped tracks that were skipped more than played with a negative sign.
    An album's, artist's or genre's row holds its played tracks, as the whole household played them; one with fewer
    than two played tracks says nothing and is left out.

    Parameters
    ----------
    tracks
        n tracks.
    people
        The listeners, each over the same n tracks.
    """
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    kinds: list[str] = []
    for person in people:
        known = np.flatnonzero(person.known)
        rows.append((known, _away_from_zero(person.preference[known])))
        kinds.append("listener")

    household = np.log1p(np.sum([p.plays for p in people], axis=0)).astype(np.float32)
    played = np.flatnonzero(household > 0)
    names: dict[str, list[tuple[str, ...]]] = {
        "album": [(tracks.albums[i],) if tracks.albums[i] else () for i in played],
        "artist": [(tracks.artists[i],) if tracks.artists[i] else () for i in played],
        "genre": [tracks.genres[i] for i in played],
    }
    for kind, weight in ROW_WEIGHTS.items():
        for members in _grouped(names[kind]):
            index = played[members]
            rows.append((index, weight * household[index]))
            kinds.append(kind)
    return Contexts(_stack(rows, len(tracks)), kinds)


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
