"""Regions of the map and their names: what lies together on the plane, and which label it has more of than the library.

A region is the tracks from which the way up the density leads to the same summit (mode seeking: Koontz, Narendra and
Fukunaga, "A graph-theoretic approach to nonparametric cluster analysis", IEEE Transactions on Computers 1976), on a
grid, with a wide kernel for the map as a whole and narrower ones for what is seen as one zooms in. Its name is the
label with the highest log-likelihood ratio against the library (Dunning, "Accurate methods for the statistics of
surprise and coincidence", Computational Linguistics 1993).
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from cfaudio_core.report.sections.labels import Labels
from cfaudio_core.util.arrays import FloatArray, IntArray

WIDTHS = (0.16, 0.08, 0.04, 0.02)
"""Of the kernel at each level, its standard deviation where the map is 2 wide; the widest first."""

_CELLS = 256  # of the grid, along each side
_MIN_TRACKS = 8  # fewer are no region
_MIN_SHARE = {"genre": 0.3, "audio": 0.3, "artist": 0.5}  # of a region's tracks that have its name
_MIN_LIFT = 1.5
_MIN_GAIN = 4.0  # of the logarithm of the likelihood: chance alone reaches it for one label in two hundred


class Region(NamedTuple):
    """A region: its name and the kind of it, the place for the name on the map, its level, and how many tracks it has.

    Level 0 is that of the whole map.
    """

    name: str
    kind: str
    x: float
    y: float
    level: int
    tracks: int


def find_regions(coordinates: FloatArray, labels: Labels) -> list[Region]:
    """Find the regions of n tracks at float32 (n, 2), within -1 to 1, the largest first at each level.

    Those of which no label is typical are left out. No two regions of a level have the same name, and none has that of
    a larger one that it lies in. On the whole map an artist names a region only where no genre or tag does.
    """
    counts = {kind: Counter(name for names in rows for name in set(names)) for kind, rows in labels.of.items()}
    regions: list[Region] = []
    above: list[tuple[IntArray, dict[int, str]]] = []  # of each level before: the region of each track, and the names
    for level, width in enumerate(WIDTHS if len(coordinates) else ()):
        owner = clusters(coordinates, width)
        names: dict[int, str] = {}
        sizes = np.bincount(owner)
        for number in np.argsort(-sizes, kind="stable").tolist():
            if sizes[number] < _MIN_TRACKS:
                break
            members = np.flatnonzero(owner == number)
            taken = {*names.values(), *(found.get(_usual(former[members]), "") for former, found in above)}
            if best := _name(members, labels, counts, taken, artists_last=not level):
                kind, name = best
                named = [i for i in members.tolist() if name in labels.of[kind][i]]
                x, y = np.median(coordinates[named], axis=0).tolist()
                names[number] = _folded(name)
                regions.append(Region(name, kind, x, y, level, len(members)))
        above.append((owner, names))
    return regions


def clusters(coordinates: FloatArray, width: float) -> IntArray:
    """Number the clusters of places within -1 to 1, float32 (n, 2), by a Gaussian kernel: int64 (n,), from 0."""
    cell = np.clip(((coordinates + 1) / 2 * _CELLS).astype(int), 0, _CELLS - 1)
    density = np.zeros((_CELLS, _CELLS))
    np.add.at(density, (cell[:, 0], cell[:, 1]), 1)
    density = gaussian_filter(density, width / 2 * _CELLS, mode="constant")
    own = np.arange(_CELLS * _CELLS).reshape(_CELLS, _CELLS)
    up, height = own.copy(), density.copy()
    padded, numbers = np.pad(density, 1, constant_values=-1.0), np.pad(own, 1)
    for dx in range(3):
        for dy in range(3):
            near = padded[dx : dx + _CELLS, dy : dy + _CELLS]
            higher = near > height
            up[higher] = numbers[dx : dx + _CELLS, dy : dy + _CELLS][higher]
            height[higher] = near[higher]
    summit = up.ravel()
    while (summit[summit] != summit).any():
        summit = summit[summit]
    return np.unique(summit[own[cell[:, 0], cell[:, 1]]], return_inverse=True)[1].ravel().astype(np.int64)


def _usual(numbers: IntArray) -> int:
    """The most frequent number, the smallest of several."""
    return int(np.bincount(numbers).argmax())


def _folded(name: str) -> str:
    return name.casefold()


def _name(
    members: IntArray, labels: Labels, counts: dict[str, Counter[str]], taken: set[str], *, artists_last: bool
) -> tuple[str, str] | None:
    """Choose kind and name of the label that members have most more of than the library; None where there is none.

    With `artists_last`, an artist only where nothing else is typical.
    """
    n, k = len(labels), len(members)
    found = []
    for kind, rows in labels.of.items():
        for name, hits in Counter(name for i in members.tolist() for name in set(rows[i])).items():
            lift = hits / k * n / counts[kind][name]
            gain = hits * float(np.log(lift))
            fits = hits >= _MIN_SHARE[kind] * k and lift >= _MIN_LIFT and gain >= _MIN_GAIN
            if fits and name and _folded(name) not in taken:
                found.append((artists_last and kind == "artist", -gain, kind, name))
    return min(found)[2:] if found else None
