"""Listening sessions: plays of one listener without a longer break.

A session ends when nothing begins for a while after the last track's end. The gap is counted from the end, as
ListenBrainz does it, because a symphony is no break. Between 10 and 120 minutes it makes little difference to the
recommendations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.util.arrays import BoolArray, IntArray

DEFAULT_LENGTH_S = 180.0
"""Duration of a play where neither the track's length nor the seconds played are known."""

_MIN_PLAY_S = 30.0  # less is no play, unless it is half of the track
_SOURCE_DIFFERENCE_S = 30.0  # by which two sources' times of one play differ


class Listens(NamedTuple):
    """`p` plays as they were recorded, in any order.

    Attributes
    ----------
    listener
        int64 (p,): number of the listener.
    track
        int64 (p,): number of the track; negative ones are not in the library, but fill the time all the same.
    time
        int64 (p,): UTC, seconds since 1970, when the play began.
    seconds
        float64 (p,): duration of the play; NaN where unknown.
    skipped
        int64 (p,): 1 skipped, 0 not, -1 unknown.
    source
        int64 (p,): number of the source that recorded it.
    length
        float64 (p,): length of the track in seconds; NaN or 0 where unknown.
    """

    listener: IntArray
    track: IntArray
    time: IntArray
    seconds: npt.NDArray[np.float64]
    skipped: IntArray
    source: IntArray
    length: npt.NDArray[np.float64]

    def take(self, index: npt.NDArray[np.int64] | BoolArray) -> Listens:
        """Select the plays at some positions."""
        return Listens._make(column[index] for column in self)


@dataclass(frozen=True)
class Sessions:
    """`p` plays of tracks of the library, ordered by listener and time.

    Attributes
    ----------
    listener, track, session
        int64 (p,): number of the listener, position of the track, and number of the session, from 0 without gaps, in
        order.
    time
        int64 (p,): UTC, seconds since 1970, when the play began.
    rejected
        bool (p,): the listener went on before much of it was played.
    """

    listener: IntArray
    track: IntArray
    session: IntArray
    time: IntArray
    rejected: BoolArray

    def __len__(self) -> int:
        """Number of sessions."""
        return int(self.session[-1]) + 1 if len(self.session) else 0

    def subset(self, index: IntArray) -> Sessions:
        """Select the plays of the tracks at int64 (k,) positions, which are renumbered."""
        size = max(int(self.track.max(initial=-1)), int(index.max(initial=-1))) + 1
        new = np.full(size, -1, np.int64)
        new[index] = np.arange(len(index))
        track = new[self.track]
        kept = track >= 0
        numbers = np.unique(self.session[kept], return_inverse=True)[1].astype(np.int64)
        return Sessions(self.listener[kept], track[kept], numbers, self.time[kept], self.rejected[kept])

    def plays(self, n_tracks: int) -> IntArray:
        """int64 (n_tracks,): plays of each track, without those that were rejected."""
        return np.bincount(self.track[~self.rejected], minlength=n_tracks)

    def skips(self, n_tracks: int) -> IntArray:
        """int64 (n_tracks,): rejected plays of each track."""
        return np.bincount(self.track[self.rejected], minlength=n_tracks)

    def last_played(self, n_tracks: int) -> IntArray:
        """int64 (n_tracks,): UTC, seconds since 1970, of the last play of each track; 0 for never."""
        last = np.zeros(n_tracks, np.int64)
        np.maximum.at(last, self.track[~self.rejected], self.time[~self.rejected])
        return last


_NONE = np.zeros(0, np.int64)
NO_SESSIONS = Sessions(_NONE, _NONE, _NONE, _NONE, np.zeros(0, bool))
"""History without plays."""


def find_sessions(listens: Listens, gap: float) -> Sessions:
    """Sort plays, count each once, and cut them into sessions.

    Parameters
    ----------
    listens
        p plays, by any number of listeners and sources.
    gap
        Seconds of silence that end a session.

    Returns
    -------
    Sessions
        Of the plays whose track is not negative.
    """
    listens = _merge_sources(listens)
    listens = listens.take(np.lexsort((listens.time, listens.listener)))
    rejected = _rejected(listens)
    session = _session_numbers(listens, gap)
    known = listens.track >= 0
    numbers = np.unique(session[known], return_inverse=True)[1].astype(np.int64)
    return Sessions(listens.listener[known], listens.track[known], numbers, listens.time[known], rejected[known])


def _merge_sources(listens: Listens) -> Listens:
    """Merge the records of one play by several sources; `seconds` and `skipped` are kept from any of them."""
    listens = listens.take(np.lexsort((listens.source, listens.time, listens.track, listens.listener)))
    if len(listens.time) < 2:
        return listens
    slack = np.maximum(_SOURCE_DIFFERENCE_S, np.where(listens.length > 0, listens.length, 0)[1:] / 2)
    apart = np.diff(listens.time)
    same = (
        (np.diff(listens.listener) == 0)
        & (np.diff(listens.track) == 0)
        # One source does not record a play twice, unless at the very same second: it was begun again.
        & ((apart == 0) | ((apart <= slack) & (np.diff(listens.source) != 0)))
    )
    begins = _begins(listens, np.concatenate(([True], ~same)))
    play, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
    seconds = np.full(len(first), -1.0)
    np.maximum.at(seconds, play, np.nan_to_num(listens.seconds, nan=-1.0))
    skipped = np.full(len(first), -1, np.int64)
    np.maximum.at(skipped, play, listens.skipped)
    return listens.take(first)._replace(seconds=np.where(seconds < 0, np.nan, seconds), skipped=skipped)


def _begins(listens: Listens, begins: BoolArray) -> BoolArray:
    """Bool (p,): the first record of each play; of records close to each other, two of one source are two plays."""
    run = np.cumsum(begins) - 1
    order = np.lexsort((listens.time, listens.source, run))
    apart = [np.diff(column[order]) != 0 for column in (run, listens.source, listens.time)]
    begins = begins.copy()
    for k in np.unique(run[order][1:][~apart[0] & ~apart[1] & apart[2]]):  # there are few of them
        reported: dict[int, int] = {}
        for at in range(*np.searchsorted(run, (k, k + 1))):
            source, time = int(listens.source[at]), int(listens.time[at])
            if reported.setdefault(source, time) != time:
                begins[at], reported = True, {source: time}
    return begins


def _rejected(listens: Listens) -> BoolArray:
    """Bool (p,): skipped, played for too short, or left for the next track before its half."""
    half = np.where(listens.length > 0, listens.length / 2, np.inf)
    seconds = listens.seconds
    too_short = (seconds < _MIN_PLAY_S) & (seconds < half)  # NaN is not less
    until_next = np.full(len(seconds), np.inf)
    if len(seconds) > 1:
        follows = np.diff(listens.listener) == 0
        until_next[:-1] = np.where(follows, np.diff(listens.time), np.inf)
    # Several plays at one time come from a player that was offline, or one that records minutes alone.
    abandoned = (
        np.isnan(seconds)
        & (listens.skipped != 0)
        & (until_next > 0)
        & np.isfinite(half)
        & (until_next + _resolution(listens) < half)
    )
    return np.asarray((listens.skipped == 1) | too_short | abandoned, np.bool_)


def _resolution(listens: Listens) -> npt.NDArray[np.float64]:
    """float64 (p,): 60 for the plays of sources whose times are whole minutes, else 0."""
    odd = np.zeros(int(listens.source.max(initial=-1)) + 1, bool)
    odd[listens.source[listens.time % 60 != 0]] = True
    return np.where(odd[listens.source], 0.0, 60.0)


def _session_numbers(listens: Listens, gap: float) -> IntArray:
    """int64 (p,), from 0; the plays are ordered by listener and time."""
    if not len(listens.time):
        return np.zeros(0, np.int64)
    duration = np.where(listens.length > 0, listens.length, DEFAULT_LENGTH_S)
    duration = np.where(np.isnan(listens.seconds), duration, listens.seconds)
    silence = np.diff(listens.time) - duration[:-1]
    begins = np.concatenate(([True], (silence > gap) | (np.diff(listens.listener) != 0)))
    return np.cumsum(begins) - 1
