"""A river of tastes: how many of the dated plays each kind of music had, by months, quarters or years.

The streams lie as in Byron and Wattenberg, "Stacked Graphs - Geometry & Aesthetics" (2008): those that peak first in
the middle and later ones outside, on the side that is lighter, so that few are moved by others. A stream's part of the
river is its share of the plays. The river's height is the square root of their number: it is thin where there are few,
and a month of one long holiday leaves the rest to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.sessions import Sessions
from cfaudio_core.report.palettes import PALETTES
from cfaudio_core.util.arrays import FloatArray, IntArray

MAX_STREAMS = len(PALETTES["light"].kinds)
"""Kinds of music that have a stream of their own."""

_UNITS = {"month": (1, 3), "quarter": (3, 2), "year": (12, 1)}  # months in it, and empty ones in a row that are a gap
_MAX_PERIODS = 60
_MIN_PLAYS = 20  # of a river
_MIN_MEDIAN = 15  # plays in the periods that have any, unless these are years
_MIN_SHARE = 0.02  # of all plays, for a stream of its own
_ARTISTS = 3  # of a stream in a period
_TRACKS = 200  # of a stream, that can be shown on the map
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Stream(NamedTuple):
    """A kind of music over the periods.

    Attributes
    ----------
    name
        "" for all kinds that have no stream of their own.
    colour
        Number of its colour, from 0; -1 for the stream without a name.
    plays
        In each period.
    widths
        In each period, smoothed: of 1, the height of the river where it is widest.
    artists
        In each period those who are played most, up to three.
    tracks
        Positions of those played most, most first.
    """

    name: str
    colour: int
    plays: list[int]
    widths: list[float]
    artists: list[list[str]]
    tracks: list[int]


class River(NamedTuple):
    """Streams from the bottom to the top; none where too few plays have a date.

    Attributes
    ----------
    unit
        "month", "quarter" or "year".
    first
        Months from January 1970 to the first period.
    periods
        Names of all periods, without gaps.
    plays
        In each period.
    runs
        First and last period of each part of the river, between which there are gaps.
    """

    unit: str = ""
    first: int = 0
    periods: Sequence[str] = ()
    plays: Sequence[int] = ()
    streams: Sequence[Stream] = ()
    runs: Sequence[tuple[int, int]] = ()

    @property
    def months(self) -> int:
        """Months of a period."""
        return _UNITS[self.unit][0]

    @property
    def gaps(self) -> list[tuple[str, str]]:
        """First and last period of each time without plays."""
        pairs = pairwise(self.runs)
        return [(self.periods[before[1] + 1], self.periods[after[0] - 1]) for before, after in pairs]


def make_river(
    sessions: Sessions, kind: IntArray, names: Sequence[str], artists: Sequence[Sequence[str]], most: int = MAX_STREAMS
) -> River:
    """Count the dated plays of n tracks by kind and period; skips do not count.

    Parameters
    ----------
    kind
        int64 (n,): the kind of each track, a position in `names`; -1 for none.
    artists
        Names of the artists of each track.
    most
        Streams with a name.
    """
    track, time = sessions.track[~sessions.rejected], sessions.time[~sessions.rejected]
    if len(time) < _MIN_PLAYS:
        return River()
    month = time.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    unit = _unit(month)
    if not unit:
        return River()
    months, gap = _UNITS[unit]
    first = int(month.min() // months)
    period = month // months - first
    total = np.bincount(period)
    n_periods = len(total)
    chosen = _chosen(np.bincount(kind[track][kind[track] >= 0], minlength=len(names)), len(track), most)
    number = np.full(len(names) + 1, len(chosen))
    number[chosen] = np.arange(len(chosen))
    stream = number[kind[track]]  # the last one for -1 and for kinds without a stream
    size = (len(chosen) + 1) * n_periods
    plays = np.bincount(stream * n_periods + period, minlength=size).reshape(-1, n_periods)
    runs = _runs(total, gap)
    widths = _widths(plays, runs)
    typical = _typical_artists(stream * n_periods + period, track, artists)
    streams = [
        Stream(
            names[chosen[k]] if k < len(chosen) else "",
            k if k < len(chosen) else -1,
            plays[k].tolist(),
            np.round(widths[k], 5).tolist(),
            [typical.get(k * n_periods + p, []) for p in range(n_periods)],
            _most_played(track[stream == k]),
        )
        for k in _inside_out(widths)
        if plays[k].any()
    ]
    periods = [_name((first + p) * months, unit) for p in range(n_periods)]
    return River(unit, first * months, periods, total.tolist(), streams, runs)


def _unit(month: IntArray) -> str:
    """Choose the shortest unit whose periods are few, mostly not empty, and have enough plays; "" for one period."""
    for unit, (months, _) in _UNITS.items():
        plays = np.bincount(month // months - month.min() // months)
        some = plays[plays > 0]
        filled = 2 * len(some) >= len(plays) and np.median(some) >= _MIN_MEDIAN
        if len(some) > 1 and (unit == "year" or (filled and 2 < len(plays) <= _MAX_PERIODS)):
            return unit
    return ""


def _chosen(plays: IntArray, total: int, most: int) -> list[int]:
    """Kinds that have a stream, most plays first."""
    order = np.argsort(-plays, kind="stable")[:most]
    return [int(k) for k in order if plays[k] >= max(_MIN_SHARE * total, 1)]


def _runs(total: IntArray, gap: int) -> list[tuple[int, int]]:
    """First and last period of each stretch that no `gap` empty periods in a row interrupt."""
    some = np.flatnonzero(total)
    cut = np.flatnonzero(np.diff(some) > gap)
    return [(int(part[0]), int(part[-1])) for part in np.split(some, cut + 1)]


def _widths(plays: IntArray, runs: Sequence[tuple[int, int]]) -> FloatArray:
    """float32 (k, p): plays smoothed by (1, 2, 1) within the runs, as shares of the square root of their sum."""
    smooth = np.zeros(plays.shape)
    for begin, end in runs:
        padded = np.pad(plays[:, begin : end + 1].astype(float), ((0, 0), (1, 1)), "edge")
        smooth[:, begin : end + 1] = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    total = smooth.sum(axis=0)
    widths = smooth / np.sqrt(np.maximum(total, 1e-9))
    return np.asarray(widths / max(np.sqrt(total.max(initial=0)), 1e-9), np.float32)


def _inside_out(widths: FloatArray) -> list[int]:
    """Order streams from the bottom to the top: by their peaks, from the middle outwards."""
    below: list[int] = []
    above: list[int] = []
    weight = [0.0, 0.0]
    sums = widths.sum(axis=1)
    for k in sorted(range(len(widths)), key=lambda k: (int(widths[k].argmax()), -float(sums[k]))):
        side = int(weight[1] < weight[0])
        (below, above)[side].append(k)
        weight[side] += float(sums[k])
    return below[::-1] + above


def _typical_artists(cell: IntArray, track: IntArray, artists: Sequence[Sequence[str]]) -> dict[int, list[str]]:
    """Cell of stream and period, of each play, to the artists who are played most there."""
    number: dict[str, int] = {}
    of_track = np.array([number.setdefault(next(iter(names), ""), len(number)) for names in artists], np.int64)
    distinct = list(number)
    key, plays = np.unique(cell * len(distinct) + of_track[track], return_counts=True)
    found: dict[int, list[str]] = {}
    for at in np.lexsort((key, -plays)).tolist():
        name = distinct[key[at] % len(distinct)]
        those = found.setdefault(int(key[at] // len(distinct)), [])
        if name and len(those) < _ARTISTS:
            those.append(name)
    return found


def _most_played(tracks: IntArray) -> list[int]:
    plays = np.bincount(tracks)
    return [i for i in np.argsort(-plays, kind="stable")[:_TRACKS].tolist() if plays[i]]


def _name(month: int, unit: str) -> str:
    year, of_year = divmod(month, 12)
    before = {"month": f"{_MONTHS[of_year]} ", "quarter": f"Q{of_year // 3 + 1} ", "year": ""}[unit]
    return f"{before}{1970 + year}"
