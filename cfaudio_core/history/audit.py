"""Checks of a listener's history: what each source holds, how much of it counts, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.data.listeners import Listener, find_name
from cfaudio_core.history.listeners import MatchedHistory
from cfaudio_core.history.records import EARLIEST
from cfaudio_core.util.arrays import FloatArray, IntArray

MAX_DOUBLES = 0.05
"""Share of the listens that may be doubles without a word."""

_MIN_ODD = 5  # listens: fewer are no pattern
_DAY_S = 86_400


class SourceCounts(NamedTuple):
    """Counts of one listener's records from one source.

    Attributes
    ----------
    source
        The source's name.
    listens
        Plays with a time, as recorded.
    unmatched
        Those of no track of the library.
    doubles
        Those that tell of a play which another one of the source tells of too.
    undated
        Plays whose time is not known, most of them by a count alone, of any track.
    """

    source: str
    listens: int = 0
    unmatched: int = 0
    doubles: int = 0
    undated: int = 0


def count_sources(listeners: list[Listener], of: Listener, history: MatchedHistory) -> list[SourceCounts]:
    """Count the stored records of one of the listeners by source."""
    names = [listener.name for listener in listeners]
    listens, tallies = history.listens, history.tallies
    stored = [name for name in {*listens.listeners, *tallies.listeners} if find_name(name, names) == of.name]
    sources = []
    for source in sorted({*listens.sources, *tallies.sources}):
        of_source = listens.is_from(stored, [source])
        rows = of_source & (listens.time >= EARLIEST)
        known = int((history.played.track[rows] >= 0).sum())
        counts = SourceCounts(
            source,
            listens=int(rows.sum()),
            unmatched=int(rows.sum()) - known,
            doubles=known - len(history.sessions(rows).track),
            undated=int(tallies.plays[tallies.is_from(stored, [source])].sum()) + int((of_source & ~rows).sum()),
        )
        if any(counts[1:]):
            sources.append(counts)
    return sources


def oddities(listener: Listener, listens: int, lengths: FloatArray) -> Iterator[str]:
    """Yield a line on each thing that is odd about a listener's dated plays, with what is done about it.

    Parameters
    ----------
    listens
        Number of listens of tracks of the library, of which the plays in the sessions were made.
    lengths
        float32 (n,), seconds; of the tracks, 0 where unknown.
    """
    sessions, name = listener.sessions, listener.name
    doubles = listens - len(sessions.track)
    if doubles >= _MIN_ODD and doubles > MAX_DOUBLES * listens:
        share = f"{doubles} of {listens} listens ({doubles / listens:.0%})"
        yield f"{name}: {share} are of a play that another one is of too; each play counts once."
    for skips, plays in (
        (int(sessions.rejected.sum()), len(sessions.track)),
        (int(listener.skips.sum()), int(listener.skips.sum() + listener.plays.sum())),
    ):
        if skips >= _MIN_ODD and 2 * skips > plays:
            share = f"{skips} of {plays} plays ({skips / plays:.0%})"
            yield f"{name}: {share} count as skips, which weigh against their tracks; `beet cfplays` shows which."
            break
    days = overfull_days(sessions.time, np.where(sessions.rejected, 0, lengths[sessions.track]))
    if len(days):
        when = f"{len(days)} days, the first" if len(days) > 1 else "a day,"
        yield (
            f"{name}: more than 24 hours were played on {when} {days[0].astype('datetime64[D]')}: by several devices "
            "or people at once, or at wrong times; plays at once count each, and none as a skip."
        )


def overfull_days(time: IntArray, seconds: npt.NDArray[np.floating]) -> IntArray:
    """Find the days, int64 since 1970, on which plays add up to more than 24 hours, the last of the day left out.

    Times are UTC in seconds, int64 (p,), with the duration of each play.
    """
    days, of_day = np.unique(time // _DAY_S, return_inverse=True)
    longest = np.zeros(len(days))
    np.maximum.at(longest, of_day, seconds)
    return days[np.bincount(of_day, seconds, minlength=len(days)) - longest > _DAY_S]
