"""Neighbours that plays and sound do not agree about: intros, skits, covers, remixes, and mistakes in the tags.

Dieleman names the use in his post of 2014: to find the tracks that are played together with others but sound like none
of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.util.arrays import FloatArray, IntArray, float32

NEAREST = 20
"""Neighbours that are compared."""

_SHOWN = 3  # of them
_MOST = 20_000  # tracks that are compared with one another: time grows with the square
_BLOCK = 1000
_FEWEST = 3 * NEAREST


class Disagreement(NamedTuple):
    """A track whose factors and sound say different things.

    Attributes
    ----------
    track
        Its position.
    likeness
        How much its neighbours by plays sound like it: 1 the nearest in the library, 0.5 as chance has it, 0 the
        farthest.
    by_plays, by_sound
        Positions of its nearest.
    """

    track: int
    likeness: float
    by_plays: list[int]
    by_sound: list[int]


def disagreements(factors: FloatArray, sound: FloatArray, positions: IntArray, most: int = 24) -> list[Disagreement]:
    """The tracks whose neighbours by plays sound least like them, worst first.

    Parameters
    ----------
    factors
        float32 (m, k), unit length: latent factors of the m tracks that have some.
    sound
        float32 (m, dim): what they sound like; near by cosine is alike.
    positions
        int64 (m,): which tracks they are. The first 20,000 are looked at.
    most
        How many to give at most: no more than the least alike twentieth.
    """
    factors, sound, positions = factors[:_MOST], _unit(sound[:_MOST]), positions[:_MOST]
    m = len(positions)
    if m < _FEWEST:
        return []
    likeness, by_plays, by_sound = np.empty(m), [], []
    for start in range(0, m, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, m))
        alike = sound[rows] @ sound.T
        together = factors[rows] @ factors.T
        for table in (alike, together):
            table[np.arange(len(rows)), rows] = -np.inf
        near = np.argpartition(-together, NEAREST, axis=1)[:, :NEAREST]
        # Of each neighbour by plays: the share of the library that sounds less like the track than it does.
        theirs = np.take_along_axis(alike, near, axis=1)
        in_order = np.sort(alike, axis=1)
        ranks = [np.searchsorted(line, values) for line, values in zip(in_order, theirs, strict=True)]
        likeness[rows] = (np.array(ranks) - 1).mean(axis=1) / (m - 2)
        by_plays.append(_first(together))
        by_sound.append(_first(alike))
    plays, heard = np.concatenate(by_plays), np.concatenate(by_sound)
    worst = np.argsort(likeness, kind="stable")[: min(most, max(m // 20, 1))]
    return [
        Disagreement(int(positions[i]), float(likeness[i]), positions[plays[i]].tolist(), positions[heard[i]].tolist())
        for i in worst
        if likeness[i] < 0.5
    ]


def _first(table: FloatArray) -> IntArray:
    near = np.argpartition(-table, _SHOWN, axis=1)[:, :_SHOWN]
    order = np.argsort(-np.take_along_axis(table, near, axis=1), axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1).astype(np.int64)


def _unit(vectors: FloatArray) -> FloatArray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return float32(vectors / np.where(norms > 0, norms, 1))
