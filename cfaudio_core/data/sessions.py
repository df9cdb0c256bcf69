"""Listening sessions: what one listener heard in one go.

A session ends when nothing begins for a while after the last track's end. That is counted from the end, as ListenBrainz
does it, because a symphony is no break. Between 10 and 120 minutes the gap makes little difference to what is learnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.util.arrays import BoolArray, IntArray

UNKNOWN_LENGTH = 180.0
"""Seconds that a track is taken to last where neither its length nor how long it was played is known."""

_TOO_SHORT = 30.0  # seconds: less is no play, unless it is half of the track
_SAME_PLAY = 30.0  # seconds by which two sources' times of one play differ


class Listens(NamedTuple):
    """`p` plays as they were recorded, in any order.

    Attributes
    ----------
    listener
        int64 (p,): who.
    item
        int64 (p,): what, any numbers; negative ones are no tracks of the library. They fill the time all the same.
    time
        int64 (p,): UTC, seconds since 1970, when the play began.
    seconds
        float64 (p,): how long it was played; NaN where unknown.
    skipped
        int64 (p,): 1 skipped, 0 not, -1 unknown.
    source
        int64 (p,): who recorded it.
    length
        float64 (p,): length of the track in seconds; NaN or 0 where unknown.
    """

    listener: IntArray
    item: IntArray
    time: IntArray
    seconds: npt.NDArray[np.float64]
    skipped: IntArray
    source: IntArray
    length: npt.NDArray[np.float64]

    def take(self, index: npt.NDArray[np.int64] | BoolArray) -> Listens:
        """The plays at some positions."""
        return Listens(
            self.listener[index],
            self.item[index],
            self.time[index],
            self.seconds[index],
            self.skipped[index],
            self.source[index],
            self.length[index],
        )


@dataclass(frozen=True)
class Sessions:
    """`p` plays of tracks of the library, ordered by listener and time.

    Attributes
    ----------
    listener, track, session
        int64 (p,): who, which position, and in which session; sessions are numbered from 0 without gaps, in order.
    time
        int64 (p,): UTC, seconds since 1970, when the play began.
    rejected
        bool (p,): the listener went on before much of it was heard.
    """

    listener: IntArray
    track: IntArray
    session: IntArray
    time: IntArray
    rejected: BoolArray

    def __len__(self) -> int:
        """The number of sessions."""
        return int(self.session[-1]) + 1 if len(self.session) else 0

    def over(self, positions: IntArray) -> Sessions:
        """The same plays over the tracks at int64 (k,) positions; plays of others are left out."""
        size = max(int(self.track.max(initial=-1)), int(positions.max(initial=-1))) + 1
        new = np.full(size, -1, np.int64)
        new[positions] = np.arange(len(positions))
        at = new[self.track]
        there = at >= 0
        numbers = np.unique(self.session[there], return_inverse=True)[1].astype(np.int64)
        return Sessions(self.listener[there], at[there], numbers, self.time[there], self.rejected[there])

    def plays(self, n_tracks: int) -> IntArray:
        """int64 (n_tracks,): plays of each track, those it was rejected in left out."""
        return np.bincount(self.track[~self.rejected], minlength=n_tracks)

    def skips(self, n_tracks: int) -> IntArray:
        """int64 (n_tracks,): how often each track was rejected."""
        return np.bincount(self.track[self.rejected], minlength=n_tracks)

    def last_played(self, n_tracks: int) -> IntArray:
        """int64 (n_tracks,): UTC, seconds since 1970, of the last play of each track; 0 for never."""
        last = np.zeros(n_tracks, np.int64)
        np.maximum.at(last, self.track[~self.rejected], self.time[~self.rejected])
        return last


_NONE = np.zeros(0, np.int64)
NO_SESSIONS = Sessions(_NONE, _NONE, _NONE, _NONE, np.zeros(0, bool))
"""A history in which nothing was heard."""


def find_sessions(listens: Listens, gap: float) -> Sessions:
    """Put plays in order, count each once, and cut them into sessions.

    Parameters
    ----------
    listens
        p plays, by any number of listeners and sources.
    gap
        Seconds of silence that end a session.

    Returns
    -------
    Sessions
        Of the plays whose item is not negative.
    """
    listens = _once(listens)
    listens = listens.take(np.lexsort((listens.time, listens.listener)))
    rejected = _rejected(listens)
    session = _session_numbers(listens, gap)
    known = listens.item >= 0
    numbers = np.unique(session[known], return_inverse=True)[1].astype(np.int64)
    return Sessions(listens.listener[known], listens.item[known], numbers, listens.time[known], rejected[known])


def _once(listens: Listens) -> Listens:
    """Without the plays that another source has recorded too; what any source knows of a play is kept."""
    listens = listens.take(np.lexsort((listens.source, listens.time, listens.item, listens.listener)))
    if len(listens.time) < 2:
        return listens
    slack = np.maximum(_SAME_PLAY, np.where(listens.length > 0, listens.length, 0)[1:] / 2)
    apart = np.diff(listens.time)
    same = (
        (np.diff(listens.listener) == 0)
        & (np.diff(listens.item) == 0)
        # One source does not tell of a play twice, unless at the very same second: it was begun again.
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
    """Bool (p,): where a play begins, of what may be one by its neighbours: a source that tells again tells another."""
    run = np.cumsum(begins) - 1
    order = np.lexsort((listens.time, listens.source, run))
    apart = [np.diff(column[order]) != 0 for column in (run, listens.source, listens.time)]
    begins = begins.copy()
    for k in np.unique(run[order][1:][~apart[0] & ~apart[1] & apart[2]]):  # there are few of them
        told: dict[int, int] = {}
        for at in range(*np.searchsorted(run, (k, k + 1))):
            source, time = int(listens.source[at]), int(listens.time[at])
            if told.setdefault(source, time) != time:
                begins[at], told = True, {source: time}
    return begins


def _rejected(listens: Listens) -> BoolArray:
    """Bool (p,): skipped, hardly heard, or left for the next track before its half."""
    half = np.where(listens.length > 0, listens.length / 2, np.inf)
    heard = listens.seconds
    hardly = (heard < _TOO_SHORT) & (heard < half)  # NaN is not less
    until_next = np.full(len(heard), np.inf)
    if len(heard) > 1:
        follows = np.diff(listens.listener) == 0
        until_next[:-1] = np.where(follows, np.diff(listens.time), np.inf)
    # Several plays at one time are a player that was offline, or one that tells minutes alone.
    abandoned = (
        np.isnan(heard)
        & (listens.skipped != 0)
        & (until_next > 0)
        & np.isfinite(half)
        & (until_next + _resolution(listens) < half)
    )
    return np.asarray((listens.skipped == 1) | hardly | abandoned, np.bool_)


def _resolution(listens: Listens) -> npt.NDArray[np.float64]:
    """float64 (p,): 60 for the plays of sources that tell the time in minutes, else 0."""
    odd = np.zeros(int(listens.source.max(initial=-1)) + 1, bool)
    odd[listens.source[listens.time % 60 != 0]] = True
    return np.where(odd[listens.source], 0.0, 60.0)


def _session_numbers(listens: Listens, gap: float) -> IntArray:
    """int64 (p,), from 0; the plays are ordered by listener and time."""
    if not len(listens.time):
        return np.zeros(0, np.int64)
    lasted = np.where(listens.length > 0, listens.length, UNKNOWN_LENGTH)
    lasted = np.where(np.isnan(listens.seconds), lasted, listens.seconds)
    silence = np.diff(listens.time) - lasted[:-1]
    begins = np.concatenate(([True], (silence > gap) | (np.diff(listens.listener) != 0)))
    return np.cumsum(begins) - 1
