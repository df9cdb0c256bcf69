"""Listens: plays as sources recorded them, and which of their durations are believed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.util.arrays import BoolArray, IntArray

_MIN_PLAY_S = 30.0  # less of a track of unknown length is no play
_LONG_PLAY_S = 240.0  # as much of a long track is one, as scrobblers have it
_LONGEST_TRACK_S = 14_400.0
_LONGEST_UNKNOWN_S = 3600.0  # the longest play of a track of unknown length


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
    every_start
        bool (p,): the source records every start, and not only what its service counts as a play.
    """

    listener: IntArray
    track: IntArray
    time: IntArray
    seconds: npt.NDArray[np.float64]
    skipped: IntArray
    source: IntArray
    length: npt.NDArray[np.float64]
    every_start: BoolArray

    def take(self, index: npt.NDArray[np.int64] | BoolArray | slice) -> Listens:
        """Select the plays at some positions."""
        return Listens._make(column[index] for column in self)

    @property
    def played_s(self) -> npt.NDArray[np.float64]:
        """float64 (p,): seconds played, the length of the track where unknown, 0 where that is unknown too."""
        return np.where(np.isnan(self.seconds), self.length, self.seconds)


def believable(listens: Listens) -> Listens:
    """Set durations that cannot be to NaN, lengths that cannot be or are unknown to 0, and `skipped` of scrobbles to 0.

    A duration cannot be 0 throughout a source, nor longer than the track: that is milliseconds, or had a break in it.
    A source that records what its service counts as a play, and no durations, records no skip.
    """
    known = (listens.length > 0) & (listens.length <= _LONGEST_TRACK_S)  # NaN is not
    length = np.where(known, listens.length, 0.0)
    positive = np.zeros(int(listens.source.max(initial=-1)) + 1, np.bool_)
    positive[listens.source[listens.seconds > 0]] = True
    longest = np.where(known, 1.1 * length + 10, _LONGEST_UNKNOWN_S)
    believed = positive[listens.source] & (listens.seconds >= 0) & (listens.seconds <= longest)
    seconds = np.where(believed, listens.seconds, np.nan)
    is_play = (listens.skipped < 0) & ~believed & ~listens.every_start
    return listens._replace(seconds=seconds, length=length, skipped=np.where(is_play, 0, listens.skipped))


def is_rejected(listens: Listens) -> BoolArray:
    """Bool (p,): skipped, or left before its half (or four minutes of it) where the source does not say; believable.

    A source that does not record every start has its own rule for a play: there half a minute is one.
    """
    shortest = shortest_play_s(listens.length)
    too_short = listens.seconds < np.where(
        listens.every_start, shortest, np.minimum(shortest, _MIN_PLAY_S)
    )  # NaN is not
    return np.asarray((listens.skipped == 1) | ((listens.skipped < 0) & too_short), np.bool_)


def shortest_play_s(length: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Seconds of tracks of some length, 0 for unknown, that make a play."""
    return np.where(length > 0, np.minimum(length / 2, _LONG_PLAY_S), _MIN_PLAY_S)
