"""What a model learnt of a library, as directions: what its tracks differ in, and who stands at either end.

Principal axes mix everything that differs. So they are rotated until each track is mostly of few of them (varimax:
Kaiser, "The varimax criterion for analytic rotation in factor analysis", Psychometrika 1958), which leaves directions
that can be named. Each points to where fewer tracks stand further out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

from cfaudio_core.report.sections.labels import Label, Labels
from cfaudio_core.util.arrays import FloatArray, float32

MIN_TRACKS = 12
"""Tracks from which on there are directions to speak of."""

SHOWN_TRACKS = 4
"""Tracks that stand for an end."""

_LABELLED_TRACKS = 30  # of an end, that its labels are made of
_TWINS = 0.6  # correlation from which on two directions are one to a reader
_NAMING_SHARE = 0.25  # of the tracks at an end have a label that it is called by
_ITERATIONS = 60
_KINDS = ("genre", "audio")


class Rotated(NamedTuple):
    """Rotated principal axes of n tracks.

    Attributes
    ----------
    axes
        float32 (width, k).
    columns
        float32 (n, k): where each track stands along them.
    share
        float32 (k,): of the variance of all that the axes were made of.
    """

    axes: FloatArray
    columns: FloatArray
    share: FloatArray


class End(NamedTuple):
    """An end of a direction.

    Attributes
    ----------
    labels
        Labels that the tracks there have in common, which others have less often; genres and audio tags first.
    only_artist
        The artist nearly all of them are by, or "".
    tracks
        Positions of those furthest out, by different artists as far as there are.
    """

    labels: list[Label]
    only_artist: str
    tracks: list[int]

    @property
    def name(self) -> str:
        """Its name, in at most two words of its labels; "" where its tracks have nothing in common by name."""
        common = [label for label in self.labels if label.share >= _NAMING_SHARE]
        words = [label.name for label in common if label.kind in _KINDS]
        artists = [self.only_artist] if self.only_artist else [label.name for label in common]
        first = (words or artists)[:1]
        # Of "metal" and "heavy metal" one says as much as both.
        others = [name for name in (words or artists)[1:] if not any(a in b for a, b in permutations((name, *first)))]
        return " and ".join(first + others[:1])


class Moment(NamedTuple):
    """A track of an end, when in it the window begins that is most of that end, and ten heights over its length.

    `bars` are 1 to 9; none where windows mean nothing to the direction, which begins at 0 s then.
    """

    track: int
    seconds: float
    bars: list[int]


class Direction(NamedTuple):
    """A direction; `column` is its own among all, `share` is of the variance, and `explained` of it is audible."""

    column: int
    share: float
    explained: float
    ends: tuple[End, End]

    @property
    def named(self) -> bool:
        """Whether either end has a label that is no artist."""
        return any(label.kind in _KINDS for end in self.ends for label in end.labels if end.name)


def rotate(vectors: FloatArray, most: int) -> Rotated:
    """Rotate the first principal axes of n vectors, float32 (n, width), so that each track is mostly of few."""
    centred = (vectors - vectors.mean(axis=0, dtype=np.float64)).astype(np.float64)
    total = max(float(np.square(centred).sum()), 1e-12)
    values, axes = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(-values, kind="stable")[:most]
    axes = axes[:, order[values[order] > 1e-6 * total]]
    scores = centred @ axes
    turn = _varimax(scores)
    axes, scores = axes @ turn, scores @ turn
    skewed = np.where((scores**3).sum(axis=0) < 0, -1.0, 1.0)
    axes, scores = axes * skewed, scores * skewed
    share = np.square(scores).sum(axis=0) / total
    order = np.argsort(-share, kind="stable")
    return Rotated(float32(axes[:, order]), float32(scores[:, order]), float32(share[order]))


def _varimax(scores: np.ndarray) -> np.ndarray:
    """float64 (k, k): the rotation that makes the squares in each of k columns vary most."""
    turn, before = np.eye(scores.shape[1]), 0.0
    for _ in range(_ITERATIONS if scores.shape[1] > 1 else 0):
        turned = scores @ turn
        left, size, right = np.linalg.svd(scores.T @ (turned**3 - turned * np.square(turned).mean(axis=0)))
        turn = left @ right
        if size.sum() <= before * (1 + 1e-6):
            break
        before = size.sum()
    return turn


def distinct(columns: FloatArray, order: Sequence[int]) -> list[int]:
    """Select columns, float32 (n, k), in an order, without those that are near twins of an earlier one."""
    centred = columns - columns.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-9)
    chosen: list[int] = []
    for k in order:
        if not chosen or np.abs(unit[:, chosen].T @ unit[:, k]).max() < _TWINS:
            chosen.append(k)
    return chosen


def named_once(directions: Sequence[Direction]) -> list[Direction]:
    """Leave out directions whose ends are called as those of an earlier one: a reader could not tell them apart."""
    chosen: dict[frozenset[str], Direction] = {}
    for one in directions:
        names = frozenset(end.name for end in one.ends)
        chosen.setdefault(names if "" not in names else frozenset((str(one.column),)), one)
    return list(chosen.values())


def describe(column: int, values: FloatArray, share: float, explained: float, labels: Labels) -> Direction:
    """Describe a direction by where n tracks stand along it, float32 (n,), and by their labels."""
    order = np.argsort(-values, kind="stable")
    ends = _end(order.tolist(), labels), _end(order[::-1].tolist(), labels)
    return Direction(column, float(share), float(explained), ends)


def _end(order: list[int], labels: Labels) -> End:
    """Describe the end that an order begins with."""
    top = order[: min(_LABELLED_TRACKS, max(len(order) // 5, 3))]
    only, seen, common = labels.only_artist(top), set[str](), []
    found = [label for kind in _KINDS for label in labels.common(top, kind)]
    found += [] if only else labels.common(top, "artist", most=2)
    for label in found:  # a genre is often an audio tag as well
        if label.name.casefold() not in seen:
            seen.add(label.name.casefold())
            common.append(label)
    return End(common, only, labels.varied(order, SHOWN_TRACKS))


class Card(NamedTuple):
    """A direction, whether it is one of the sound alone, and the moments of the tracks at either end."""

    direction: Direction
    by_sound: bool
    moments: tuple[list[Moment], list[Moment]]
