"""Neighbours that plays and audio disagree about: intros, skits, covers, remixes, and mistakes in the tags.

Dieleman names the use in his post of 2014: to find the tracks that are played together with others but sound like none
of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.data.training_set import unit
from cfaudio_core.util.arrays import FloatArray, IntArray

NEIGHBOURS = 20
"""Neighbours of a track that are compared."""

_SHOWN_NEIGHBOURS = 3
_MAX_TRACKS = 20_000  # that are compared with one another: time grows with the square
_BLOCK_TRACKS = 1000
_MIN_TRACKS = 3 * NEIGHBOURS


class Disagreement(NamedTuple):
    """A track whose latent factors and audio disagree, and positions of its nearest by either.

    `likeness` is how much its neighbours by plays sound like it: 1 the nearest of all, 0.5 chance, 0 the farthest.
    """

    track: int
    likeness: float
    by_plays: list[int]
    by_audio: list[int]


def disagreements(factors: FloatArray, audio: FloatArray, positions: IntArray, most: int = 24) -> list[Disagreement]:
    """Find the tracks whose neighbours by plays sound least like them, worst first.

    Parameters
    ----------
    factors
        float32 (m, k), unit length: latent factors of the m tracks that have some.
    audio
        float32 (m, dim): their vectors by audio, compared by cosine.
    positions
        int64 (m,): their positions. The first 20,000 are compared.
    most
        Most results: no more than the least alike twentieth.
    """
    factors, audio, positions = factors[:_MAX_TRACKS], unit(audio[:_MAX_TRACKS]), positions[:_MAX_TRACKS]
    m = len(positions)
    if m < _MIN_TRACKS:
        return []
    likeness, nearest_by_plays, nearest_by_audio = np.empty(m), [], []
    for start in range(0, m, _BLOCK_TRACKS):
        rows = np.arange(start, min(start + _BLOCK_TRACKS, m))
        alike = audio[rows] @ audio.T
        together = factors[rows] @ factors.T
        for cosines in (alike, together):
            cosines[np.arange(len(rows)), rows] = -np.inf
        near = np.argpartition(-together, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        # Of each neighbour by plays: the share of the library that sounds less like the track than it does.
        theirs = np.take_along_axis(alike, near, axis=1)
        in_order = np.sort(alike, axis=1)
        ranks = [np.searchsorted(line, values) for line, values in zip(in_order, theirs, strict=True)]
        likeness[rows] = (np.array(ranks) - 1).mean(axis=1) / (m - 2)
        nearest_by_plays.append(_nearest(together))
        nearest_by_audio.append(_nearest(alike))
    by_plays, by_audio = positions[np.concatenate(nearest_by_plays)], positions[np.concatenate(nearest_by_audio)]
    worst = np.argsort(likeness, kind="stable")[: min(most, max(m // 20, 1))]
    return [
        Disagreement(int(positions[i]), float(likeness[i]), by_plays[i].tolist(), by_audio[i].tolist())
        for i in worst
        if likeness[i] < 0.5
    ]


def _nearest(cosines: FloatArray) -> IntArray:
    near = np.argpartition(-cosines, _SHOWN_NEIGHBOURS, axis=1)[:, :_SHOWN_NEIGHBOURS]
    order = np.argsort(-np.take_along_axis(cosines, near, axis=1), axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1).astype(np.int64)
