"""The path from one track to another: a list whose tracks lie on the way between them, at even distances.

As Flexer, Schnitzer, Gasser and Widmer ("Playlist generation using start and end songs", ISMIR 2008) go from a start to
an end song; here the places lie on the great circle between both, and each takes the track that fits best, such that
all together fit best.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from cfaudio_core.util.arrays import FloatArray, IntArray, float32

_NEAREST = 100  # tracks that are compared for each place
_MAX_ROUNDS = 20


def path(
    vectors: FloatArray, begin: int, end: int, possible: IntArray, artist: IntArray, n: int, per_artist: int
) -> IntArray:
    """Go from one track to another over tracks between them.

    Parameters
    ----------
    vectors
        float32 (m, d), unit length.
    begin, end
        Positions of the first and the last track.
    possible
        int64 (k,): positions of the tracks that may lie between.
    artist
        int64 (m,): one number an artist, 0 where unknown.
    n
        Number of tracks, with both ends; 2 or more.
    per_artist
        Most tracks of one artist between the ends, while there are others.

    Returns
    -------
    IntArray
        int64 (at most n,), positions from begin to end.
    """
    possible = possible[(possible != begin) & (possible != end)]
    places = _between(vectors[begin], vectors[end], n)[1:-1]
    if not len(places) or not len(possible):
        return np.array([begin, end], np.int64)
    cosines = places @ vectors[possible].T
    compared = min(_NEAREST + len(places), len(possible))
    near = np.unique(np.argpartition(-cosines, compared - 1, axis=1)[:, :compared])
    left, fit = possible[near], cosines[:, near]
    for _ in range(_MAX_ROUNDS):
        place, taken = linear_sum_assignment(fit, maximize=True)
        over = _over_limit(artist[left[taken]], fit[place, taken], per_artist)
        if not len(over) or len(left) - len(over) < len(places):
            break
        kept = np.delete(np.arange(len(left)), taken[over])
        left, fit = left[kept], fit[:, kept]
    return np.concatenate(([begin], left[taken[np.argsort(place)]], [end])).astype(np.int64)


def _between(begin: FloatArray, end: FloatArray, n: int) -> FloatArray:
    """float32 (n, d): evenly spaced places on the great circle from one unit vector to another."""
    angle = float(np.arccos(np.clip(begin @ end, -1, 1)))
    share = np.linspace(0, 1, n)[:, None]
    if not 1e-4 < angle < np.pi - 1e-4:
        places = (1 - share) * begin + share * end
        return float32(places / np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-9))
    return float32((np.sin((1 - share) * angle) * begin + np.sin(share * angle) * end) / np.sin(angle))


def _over_limit(artists: IntArray, fit: FloatArray, per_artist: int) -> IntArray:
    """Positions of the tracks of artists with too many, those that fit worst, int64."""
    order = np.argsort(-fit, kind="stable")
    seen: dict[int, int] = {}
    over = []
    for at in order.tolist():
        number = int(artists[at])
        seen[number] = seen.get(number, 0) + 1
        if number and seen[number] > per_artist:
            over.append(at)
    return np.array(over, np.int64)
