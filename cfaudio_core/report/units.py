"""Units and directions one by one: the tracks of their highest activations, at their moment, and common labels.

As Dieleman showed the filters of his net ("Recommending music on Spotify with deep learning", 2014): by the peak over
time, which finds events, and by the mean over time, which finds what is there throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cfaudio_core.report.activations import Activations
from cfaudio_core.report.labels import Label, Labels
from cfaudio_core.util.arrays import FloatArray, IntArray

SHOWN_TRACKS = 8
"""Tracks a list."""

_LABELLED_TRACKS = 30  # of a list, that its labels are made of
_MAX_PER_ARTIST = 2  # tracks that a list shows
_VARIED_TRACKS = 100  # of an order, among which other artists are looked for


class Unit(NamedTuple):
    """One unit or direction.

    Attributes
    ----------
    number
        From 0.
    weight
        Share of the vectors' variance, or of a direction's variance that audio predicts; 0 to 1.
    lists
        "mean", "peak" and, of directions, "opposite": positions of tracks, most active first, and where in them the
        window of the peak begins, in seconds.
    labels
        Labels that those of the highest means have in common.
    only_artist
        The artist nearly all of them are by, or "".
    """

    number: int
    weight: float
    lists: dict[str, list[tuple[int, float]]]
    labels: list[Label]
    only_artist: str


def most_used(mean: FloatArray, vectors: FloatArray, most: int) -> tuple[IntArray, FloatArray]:
    """Find the units that explain most of the vectors, float32 (n, d), each alone, by mean activations, float32 (n, u).

    Returns int64 (k,) numbers, k <= most, and float32 (k,) shares of the vectors' variance that they explain.
    """
    if len(mean) < 2 or not mean.shape[1]:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    units = mean - mean.mean(axis=0, dtype=np.float64)
    target = vectors - vectors.mean(axis=0, dtype=np.float64)
    variance = np.square(units).sum(axis=0)
    shared = np.square(units.T @ target).sum(axis=1) / np.maximum(variance, 1e-9)
    share = np.where(variance > 1e-9, shared / max(np.square(target).sum(), 1e-12), 0)
    chosen = np.argsort(-share, kind="stable")[:most]
    chosen = chosen[share[chosen] > 0]
    return chosen, share[chosen].astype(np.float32)


def describe(
    number: int,
    weight: float,
    activations: Activations,
    labels: Labels,
    moment: Callable[[int, int], float] | None,
    *,
    opposite: bool = False,
) -> Unit:
    """Describe a unit by its activations, and by labels of the n tracks.

    Parameters
    ----------
    number, weight
        As in `Unit`.
    moment
        Takes a track and a window to seconds; None where windows mean nothing to the unit: tracks are listed from their
        beginning, and by mean alone.
    opposite
        List the tracks at the other end too.
    """
    mean, window = activations.mean[:, number], activations.window[:, number]
    peak = mean if moment is None else activations.peak[:, number]
    ranked = {"mean": np.argsort(-mean, kind="stable"), "peak": np.argsort(-peak, kind="stable")}
    if opposite:
        ranked["opposite"] = np.argsort(mean, kind="stable")
    top = ranked["mean"][: min(_LABELLED_TRACKS, max(len(mean) // 5, 3))].tolist()
    common = [label for kind in ("audio", "genre") for label in labels.common(top, kind)]
    only = labels.only_artist(top)
    if not only:
        common += labels.common(top, "artist", most=2)
    lists = {
        name: [(i, moment(i, int(window[i])) if moment else 0.0) for i in _varied(order.tolist(), labels)]
        for name, order in ranked.items()
    }
    return Unit(number, float(weight), lists, common, only)


def _varied(order: list[int], labels: Labels) -> list[int]:
    """The first tracks of an order, no more than two of one artist while the first hundred have others."""
    order = order[:_VARIED_TRACKS]
    taken: dict[tuple[str, ...], int] = {}
    chosen, passed = [], []
    for i in order:
        artist = labels.of["artist"][i]
        if artist and taken.get(artist, 0) >= _MAX_PER_ARTIST:
            passed.append(i)
            continue
        taken[artist] = taken.get(artist, 0) + 1
        chosen.append(i)
        if len(chosen) == SHOWN_TRACKS:
            return chosen
    return sorted([*chosen, *passed[: SHOWN_TRACKS - len(chosen)]], key=order.index)
