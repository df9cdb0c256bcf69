"""What was learnt, unit by unit: the tracks that excite each most, at their moment, and what they have in common.

As Dieleman showed what the filters of his net had learnt ("Recommending music on Spotify with deep learning", 2014):
by the peak over time, which finds events, and by the mean over time, which finds what is there throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cfaudio_core.report.activations import Excitement
from cfaudio_core.report.labels import Label, Labels
from cfaudio_core.util.arrays import FloatArray, IntArray

SHOWN = 8
"""Tracks a list."""

_LOOKED_INTO = 30  # tracks of a list that its labels are made of
_PER_ARTIST = 2  # tracks of one artist that a list shows


class Excited(NamedTuple):
    """A track, and where in it the window begins that excites most, in seconds."""

    track: int
    at: float


class Unit(NamedTuple):
    """One unit or direction.

    Attributes
    ----------
    number
        Which one.
    weight
        Share of the vectors' variance, or of a direction's variance that sound tells; 0 to 1.
    lists
        "mean", "peak" and, of directions, "opposite": the tracks, most excited first.
    labels
        What those excited most by mean have in common.
    only_artist
        The artist nearly all of them are by, or "".
    """

    number: int
    weight: float
    lists: dict[str, list[Excited]]
    labels: list[Label]
    only_artist: str


def most_used(mean: FloatArray, vectors: FloatArray, most: int) -> tuple[IntArray, FloatArray]:
    """The units that tell most of where a track stands, each alone.

    Parameters
    ----------
    mean
        float32 (n, u): mean excitement of each track.
    vectors
        float32 (n, d).
    most
        How many.

    Returns
    -------
    tuple
        int64 (k,) numbers, k <= most, and float32 (k,) shares of the vectors' variance that they explain.
    """
    if len(mean) < 2 or not mean.shape[1]:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    units = mean - mean.mean(axis=0, dtype=np.float64)
    goal = vectors - vectors.mean(axis=0, dtype=np.float64)
    variance = np.square(units).sum(axis=0)
    shared = np.square(units.T @ goal).sum(axis=1) / np.maximum(variance, 1e-9)
    share = np.where(variance > 1e-9, shared / max(np.square(goal).sum(), 1e-12), 0)
    chosen = np.argsort(-share, kind="stable")[:most]
    chosen = chosen[share[chosen] > 0]
    return chosen, share[chosen].astype(np.float32)


def describe(
    number: int,
    weight: float,
    excited: Excitement,
    labels: Labels,
    moment: Callable[[int, int], float] | None,
    *,
    opposite: bool = False,
) -> Unit:
    """Describe a unit.

    Parameters
    ----------
    number, weight
        As in `Unit`.
    excited
        Of all units, over n tracks.
    labels
        Of the n tracks.
    moment
        Takes a track and a window to seconds; None where windows tell nothing of the unit: tracks are listed from
        their beginning, and by mean alone.
    opposite
        List the tracks at the other end too.
    """
    mean, at = excited.mean[:, number], excited.at[:, number]
    peak = mean if moment is None else excited.peak[:, number]
    ranked = {"mean": np.argsort(-mean, kind="stable"), "peak": np.argsort(-peak, kind="stable")}
    if opposite:
        ranked["opposite"] = np.argsort(mean, kind="stable")
    top = ranked["mean"][: min(_LOOKED_INTO, max(len(mean) // 5, 3))].tolist()
    common = [label for kind in ("sound", "genre") for label in labels.common(top, kind)]
    only = labels.only_artist(top)
    if not only:
        common += labels.common(top, "artist", most=2)
    lists = {
        name: [Excited(i, moment(i, int(at[i])) if moment else 0.0) for i in _varied(order.tolist(), labels)]
        for name, order in ranked.items()
    }
    return Unit(number, float(weight), lists, common, only)


def _varied(order: list[int], labels: Labels) -> list[int]:
    """The first tracks of an order, no more than two of one artist while the first hundred have others."""
    taken: dict[tuple[str, ...], int] = {}
    chosen, passed = [], []
    for i in order[:100]:
        artist = labels.of["artist"][i]
        if artist and taken.get(artist, 0) >= _PER_ARTIST:
            passed.append(i)
            continue
        taken[artist] = taken.get(artist, 0) + 1
        chosen.append(i)
        if len(chosen) == SHOWN:
            return chosen
    rank = {i: r for r, i in enumerate(order[:100])}
    return sorted([*chosen, *passed[: SHOWN - len(chosen)]], key=rank.__getitem__)
