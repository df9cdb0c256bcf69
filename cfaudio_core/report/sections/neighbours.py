"""Neighbours before and after fine-tuning: what the pretrained net's features and a library's own adapter put nearest.

Nearness is the cosine. "Before" are the net's activations as they came, standardised; "after" is what the adapter makes
of them. The adapter was trained on names of artists, albums and genres, so that more neighbours of one name show what
it did, not that it generalises: that is for the evaluation to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray

NEIGHBOURS = 10
"""Neighbours of a track that are compared."""

_SHOWN_TRACKS, _SHOWN_NEIGHBOURS = 4, 4
_MAX_TRACKS = 2000  # that the shares are counted over; more would change them by a hair
_BLOCK = 250


class Moved(NamedTuple):
    """A track and those nearest to it before and after, positions all."""

    track: int
    before: list[int]
    after: list[int]


class FineTuned(NamedTuple):
    """How neighbours changed.

    Attributes
    ----------
    tracks
        Number of tracks that were counted over.
    kept
        Share of their nearest tracks that stayed among them.
    shares
        What neighbours have in common ("artist", "genre") to the share that had it before and after, over tracks that
        have one at all.
    moved
        Tracks whose neighbours changed most.
    """

    tracks: int
    kept: float
    shares: dict[str, tuple[float, float]]
    moved: list[Moved]


def fine_tuned(
    before: FloatArray, after: FloatArray, named: dict[str, Sequence[tuple[str, ...]]], unplayed: BoolArray
) -> FineTuned | None:
    """Compare the neighbours of n tracks in two representations, float32 (n, k) and (n, m).

    Parameters
    ----------
    named
        Names of each track, by kind, of which "artist" is one: of an artist only one track is shown.
    unplayed
        bool (n,): was never played; half of the tracks shown are, where there are any.

    Returns
    -------
    FineTuned or None
        None for fewer than three times `NEIGHBOURS` tracks, of which most would be neighbours anyway.
    """
    n = len(before)
    if n < 3 * NEIGHBOURS:
        return None
    rows = np.unique(np.linspace(0, n - 1, min(n, _MAX_TRACKS)).astype(int))
    pairs = [_nearest(values, rows) for values in (before, after)]
    kept = np.array([len(set(one) & set(other)) for one, other in zip(*(p.tolist() for p in pairs), strict=True)])
    shares = {}
    for kind, names in named.items():
        have = [r for r, i in enumerate(rows) if any(names[i])]
        if have:
            found = [_in_common(names, rows[have], near[have]) for near in pairs]
            shares[kind] = found[0], found[1]
    return FineTuned(
        len(rows), float(kept.mean()) / NEIGHBOURS, shares, _moved(rows, pairs, kept, named["artist"], unplayed)
    )


def _nearest(values: FloatArray, rows: IntArray) -> IntArray:
    """int64 (rows, `NEIGHBOURS`): the nearest other tracks of some, the nearest first."""
    unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)
    found = []
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        cosines = unit[some] @ unit.T
        cosines[np.arange(len(some)), some] = -np.inf
        best = np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        order = np.argsort(-np.take_along_axis(cosines, best, axis=1), axis=1, kind="stable")
        found.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(found)


def _in_common(names: Sequence[tuple[str, ...]], rows: IntArray, near: IntArray) -> float:
    """Share of neighbours that have one of a track's names."""
    hits = [bool(set(names[i]) & set(names[j])) for i, others in zip(rows, near, strict=True) for j in others]
    return float(np.mean(hits))


def _moved(
    rows: IntArray, pairs: Sequence[IntArray], kept: IntArray, artists: Sequence[tuple[str, ...]], unplayed: BoolArray
) -> list[Moved]:
    """Choose tracks that kept fewest neighbours, by different artists, and half of them never played."""
    order = np.argsort(kept, kind="stable").tolist()
    chosen: list[int] = []
    seen: set[tuple[str, ...]] = set()
    groups = [[r for r in order if unplayed[rows[r]] == wanted] for wanted in (True, False)]
    for group, most in ((groups[0], _SHOWN_TRACKS // 2), (groups[1], _SHOWN_TRACKS), (order, _SHOWN_TRACKS)):
        for r in group:
            if len(chosen) < most and artists[rows[r]] not in seen:
                seen.add(artists[rows[r]])
                chosen.append(r)
    return [Moved(int(rows[r]), *(near[r, :_SHOWN_NEIGHBOURS].tolist() for near in pairs)) for r in chosen]
