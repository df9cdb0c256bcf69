"""Listening sessions: plays of one listener without a longer break.

A session ends when nothing begins for a while after the last track's end. The gap is counted from the end, as
ListenBrainz does it, because a symphony is no break. Between 10 and 120 minutes it makes little difference to the
recommendations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cfaudio_core.data.listens import Listens, believable, is_rejected, shortest_play_s
from cfaudio_core.data.plays import merge_records
from cfaudio_core.util.arrays import BoolArray, IntArray

DEFAULT_LENGTH_S = 180.0
"""Duration of a play where neither the track's length nor the seconds played are known."""

_GAPLESS_S = 5.0  # by which the end of a play and the start of the next differ


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
        return replace(self, track=track).select(track >= 0)

    def select(self, kept: BoolArray) -> Sessions:
        """Select some of the plays, bool (p,); the sessions are renumbered."""
        numbers = np.unique(self.session[kept], return_inverse=True)[1].astype(np.int64)
        return Sessions(self.listener[kept], self.track[kept], numbers, self.time[kept], self.rejected[kept])

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
    listens = merge_records(believable(listens))
    listens = listens.take(np.lexsort((listens.track, listens.time, listens.listener)))
    rejected = is_rejected(listens) | _left_for_the_next(listens)
    session = _session_numbers(listens, gap)
    everything = Sessions(listens.listener, listens.track, session, listens.time, rejected)
    return everything.select(listens.track >= 0)


def session_halves(
    sessions: Sessions, first: int, last: int, shortest: int, among: BoolArray | None = None
) -> list[tuple[int, IntArray, IntArray]]:
    """Halve the sessions from `first` to before `last` that have at least `shortest` distinct tracks.

    Skipped tracks are left out, and those not `among` these, bool (n,). Returns the number of each session, and
    positions of the distinct tracks of its first half and of the rest, int64.
    """
    halves = []
    for number in range(first, last):
        inside = np.arange(*np.searchsorted(sessions.session, [number, number + 1]))
        kept = inside[~sessions.rejected[inside]]
        tracks = [track for track in dict.fromkeys(sessions.track[kept].tolist()) if among is None or among[track]]
        if len(tracks) >= shortest:
            half = len(tracks) // 2
            halves.append((number, np.array(tracks[:half]), np.array(tracks[half:])))
    return halves


def _left_for_the_next(listens: Listens) -> BoolArray:
    """Bool (p,): left for the next track before its half, by the starts of sources that record every one.

    A source with two devices has two streams. So a start ends a play before it only where it is not what follows the
    end of another, and where nothing begins at the end of the play itself. The plays are ordered by listener and time.
    """
    left = np.zeros(len(listens.time), np.bool_)
    unsure = listens.every_start & (listens.skipped < 0) & np.isnan(listens.seconds) & (listens.length > 0)
    if not unsure.any():
        return left
    rows = np.flatnonzero(listens.every_start)
    rows = rows[np.lexsort((listens.time[rows], listens.source[rows], listens.listener[rows]))]
    starts = listens.take(rows)
    group = np.cumsum(np.append(True, (np.diff(starts.listener) != 0) | (np.diff(starts.source) != 0)))
    time = starts.time - starts.time.min()
    begin = group * (time.max() + starts.length.max() + 60) + time
    end = begin + starts.length
    # Several plays at one time come from a player that was offline.
    until_next = np.append(np.diff(begin), np.inf)
    in_minutes = np.bincount(starts.source, starts.time % 60)[starts.source] == 0
    early = (until_next > 0) & (until_next + 60 * in_minutes < shortest_play_s(starts.length))
    followed = _any_near(begin, end)
    next_follows = np.append(_any_near(np.sort(end), begin)[1:], False)
    left[rows] = early & ~followed & ~next_follows
    return left & unsure


def _any_near(ordered: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> BoolArray:
    """Whether an ordered number lies near each of the others."""
    return np.asarray(
        np.searchsorted(ordered, at + _GAPLESS_S, "right") > np.searchsorted(ordered, at - _GAPLESS_S), np.bool_
    )


def _session_numbers(listens: Listens, gap: float) -> IntArray:
    """int64 (p,), from 0; the plays are ordered by listener and time."""
    if not len(listens.time):
        return np.zeros(0, np.int64)
    duration = np.where(listens.played_s > 0, listens.played_s, DEFAULT_LENGTH_S)
    silence = np.diff(listens.time) - duration[:-1]
    begins = np.concatenate(([True], (silence > gap) | (np.diff(listens.listener) != 0)))
    return np.cumsum(begins) - 1
