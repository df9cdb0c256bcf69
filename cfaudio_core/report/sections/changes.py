"""What changed lately in what is played: shares of dated plays by genre and artist, of late and before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.sessions import Sessions
from cfaudio_core.util.arrays import FloatArray, IntArray

LATE_DAYS = 30
BEFORE_DAYS = 365
"""Days that are compared: the last ones with plays, and those before them."""

_MIN_PLAYS = 20  # in either
_MIN_OF_NAME = 5  # in the one where it is played more
_MIN_Z = 3.0  # of the difference of two shares: the plays of an album are not independent of one another
_SHOWN = 3


class Change(NamedTuple):
    """A name, and its shares of the plays, 0 to 1, before and of late."""

    name: str
    before: float
    late: float


class Changes(NamedTuple):
    """What changed between two spans of time.

    Attributes
    ----------
    first, last
        Days of the late span; "" where too few plays are dated to compare anything.
    plays
        Its number of plays.
    more, less
        What is played more, and less, the clearest difference first.
    """

    first: str = ""
    last: str = ""
    plays: int = 0
    more: Sequence[Change] = ()
    less: Sequence[Change] = ()


def changes(sessions: Sessions, names: Mapping[str, Sequence[Sequence[str]]]) -> Changes:
    """Compare the last 30 days with plays with the year before them.

    Parameters
    ----------
    sessions
        Dated plays of n tracks; those that were skipped do not count.
    names
        Kind to the names of each of the n tracks, such as its genres. The kinds are compared in their order, and a
        name that several have counts once.
    """
    track, time = sessions.track[~sessions.rejected], sessions.time[~sessions.rejected]
    if not len(time):
        return Changes()
    end = int(time.max())
    begin = end - LATE_DAYS * 86400
    late, before = track[time > begin], track[(time <= begin) & (time > begin - BEFORE_DAYS * 86400)]
    if min(len(late), len(before)) < _MIN_PLAYS:
        return Changes()
    found: list[tuple[float, Change]] = []
    seen: set[str] = set()
    for rows in names.values():
        own = sorted({name for row in rows for name in row if name and name.casefold() not in seen})
        seen |= {name.casefold() for name in own}
        position = {name: k for k, name in enumerate(own)}
        counts = [_count(part, rows, position) for part in (before, late)]
        shares = [part / size for part, size in zip(counts, (len(before), len(late)), strict=True)]
        z = _z(counts, (len(before), len(late)))
        enough = np.maximum(*counts) >= _MIN_OF_NAME
        found += [
            (float(z[k]), Change(own[k], float(shares[0][k]), float(shares[1][k])))
            for k in np.flatnonzero((np.abs(z) >= _MIN_Z) & enough)
        ]
    found.sort(key=lambda pair: (-abs(pair[0]), pair[1].name))
    return Changes(
        first=_day(begin + 86400),
        last=_day(end),
        plays=len(late),
        more=[change for z, change in found if z > 0][:_SHOWN],
        less=[change for z, change in found if z < 0][:_SHOWN],
    )


def _count(tracks: IntArray, rows: Sequence[Sequence[str]], position: Mapping[str, int]) -> FloatArray:
    counts = np.zeros(len(position), np.float32)
    for i, plays in zip(*np.unique(tracks, return_counts=True), strict=True):
        for name in set(rows[int(i)]):
            if name in position:
                counts[position[name]] += plays
    return counts


def _z(counts: Sequence[FloatArray], sizes: tuple[int, int]) -> FloatArray:
    """Standardised differences of two shares, pooled (the usual test of two proportions)."""
    pooled = (counts[0] + counts[1]) / sum(sizes)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-9) * (1 / sizes[0] + 1 / sizes[1]))
    return np.asarray((counts[1] / sizes[1] - counts[0] / sizes[0]) / error, np.float32)


def _day(seconds: int) -> str:
    then = datetime.fromtimestamp(max(seconds, 0), UTC).astimezone()
    return f"{then.day} {then:%B %Y}"
