"""Plays out of records: what several records tell of one play is merged.

A scrobbler submits a play twice; two exports of a service, or two services, have the same one, some with times in whole
minutes, some with the time of its end. Two plays of a track by one listener that overlap by its length cannot both be
plays, while one that begins about a length after another is a repeat.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cfaudio_core.data.listens import Listens
from cfaudio_core.util.arrays import BoolArray, IntArray

_MINUTE_S = 62  # by which the times of two records of one play differ, at most: a minute, and the clocks
_LOOP_SLACK_S = 3  # a track shorter than that begins again so soon before its end
_LOOP_PAUSE_S = 10  # or behind it
_DELAYED_SHARE = 0.02  # of the plays of a source, which repeats as many after some seconds
_MIN_LOOP_S = 10  # a shorter track is no track
_COMPLETE = 0.9  # of the length: versions differ in it, and players fade one track into the next
_MIN_UNKNOWN_S = 30.0  # a longer play of a track of unknown length is one of all of it
_LONGEST_PAUSE_S = 3600
_MIN_LATE = 3  # plays that a source has at their end, before it is taken to record the end
_LATE_SHARE = 4  # by which these outnumber those it has at their beginning

_Float = npt.NDArray[np.float64]


def merge_records(listens: Listens) -> Listens:
    """Merge the records of one play; believable plays in any order.

    Of one source, records with the same duration are copies within a minute, and others where the time overlaps that
    was played; a track left after seconds and begun again is two plays where the source has their durations. Of several
    sources, each has a play once.
    """
    listens = listens.take(np.lexsort((listens.source, listens.time, listens.track, listens.listener)))
    reach = np.maximum(1.1 * listens.length + 10, np.nan_to_num(listens.seconds)) + 2 * _MINUTE_S
    first = _starts(listens.listener, listens.track)
    linked = ~first[1:] & (np.diff(listens.time) < reach[:-1])
    group = np.cumsum(first)
    near = np.zeros(len(reach), np.bool_)
    parts = np.flatnonzero(_is_part(listens))
    follows = (np.diff(group[parts]) == 0) & (
        np.diff(listens.time[parts]) <= listens.seconds[parts[:-1]] + _LONGEST_PAUSE_S
    )
    near[parts[:-1][follows]] = near[parts[1:][follows]] = True
    near[:-1] |= linked
    near[1:] |= linked
    if not near.any():
        return listens
    close = _without_empty(listens.take(near))
    # Records of a source with equal durations, or none and the same outcome, are told from the rest first.
    unknown, delays = np.isnan(close.seconds), _delays(listens)
    close = _merge(
        close, close.source, np.where(unknown, -2.0 - close.skipped, close.seconds), rule=_copies, delays=delays
    )
    close = _merge(close, close.source, rule=_overlaps, delays=delays)
    close = _merge(_from_their_beginning(_join_parts(close)), rule=_other_records, delays=delays, once=True)
    return Listens._make(np.concatenate(both) for both in zip(listens.take(~near), close, strict=True))


def _starts(*keys: npt.NDArray[np.generic]) -> BoolArray:
    """Bool (p,): the keys differ from those of the record before."""
    first = np.ones(len(keys[0]), np.bool_)
    first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return first


def _delays(listens: Listens) -> BoolArray:
    """Bool (sources, 63): whether a source repeats plays after so many seconds, as long tracks show; plays by track."""
    long, seconds_known = listens.length > 2 * _MINUTE_S, ~_in_minutes(listens)
    n = np.bincount(listens.source[long], minlength=int(listens.source.max()) + 1)
    counts = np.zeros(len(n) * (_MINUTE_S + 1), np.int64)
    for lag in (1, 2):  # a play may be repeated more than once
        first, later = listens.take(slice(None, -lag)), listens.take(slice(lag, None))
        apart = later.time - first.time
        repeated = (first.listener == later.listener) & (first.track == later.track) & (first.source == later.source)
        repeated &= long[lag:] & (apart <= _MINUTE_S) & seconds_known[:-lag] & seconds_known[lag:]
        cell = first.source[repeated] * (_MINUTE_S + 1) + apart[repeated]
        counts += np.bincount(cell, minlength=len(counts))
    by_source = counts.reshape(len(n), -1)
    near = sum(np.pad(by_source, ((0, 0), (2, 2)))[:, k : k + _MINUTE_S + 1] for k in range(5))
    return np.asarray(near > _DELAYED_SHARE * n[:, None], np.bool_)


def _without_empty(listens: Listens) -> Listens:
    """Leave out records of 0 s beside, or at the end of, a play of the same track; ordered by track and time."""
    empty = listens.seconds < 1
    if not empty.any():
        return listens
    n = len(empty)
    group = np.cumsum(_starts(listens.listener, listens.track))
    at = np.arange(n)
    before = np.maximum.accumulate(np.where(empty, -1, at))
    behind = np.minimum.accumulate(np.where(empty, n, at)[::-1])[::-1]
    ends = listens.time + listens.played_s
    follows = (before >= 0) & (group[before] == group) & (listens.time - ends[before] <= _MINUTE_S)
    behind_at = np.minimum(behind, n - 1)
    leads = (behind < n) & (group[behind_at] == group) & (listens.time[behind_at] - listens.time <= _MINUTE_S)
    return listens.take(~(empty & (follows | leads)))


def _merge(
    listens: Listens,
    *keys: npt.NDArray[np.generic],
    rule: Callable[[Listens], tuple[_Float, BoolArray]],
    delays: BoolArray,
    once: bool = False,
) -> Listens:
    """Merge the records of one listener, track and further `keys`.

    A record begins a play where it lies at least as far behind the record that began the last one as the `rule` has it,
    or with `once` where its source has a record of the last play already.
    """
    order = np.lexsort((listens.time, *keys, listens.track, listens.listener))
    listens = listens.take(order)
    group = np.cumsum(_starts(listens.listener, listens.track, *(key[order] for key in keys)))
    least, loops = rule(listens)
    # One ascending number for group and time; no reach of a group touches the next.
    time = listens.time - listens.time.min()
    stamp = group * int(time.max() + least.max() + 2 * _MINUTE_S) + time
    following = np.searchsorted(stamp, stamp + np.ceil(least).astype(np.int64))
    following = np.maximum(following, np.arange(1, len(stamp) + 1))
    apart = np.append(stamp, stamp[-1] + 2 * _MINUTE_S)[following] - stamp
    is_delay = delays[listens.source, np.minimum(apart, _MINUTE_S)]
    copies = loops & ((apart > listens.played_s + _LOOP_PAUSE_S) | is_delay) & (apart <= _MINUTE_S)
    following[copies] = np.searchsorted(stamp, stamp[copies] + _MINUTE_S, side="right")
    if once:
        by_source = np.lexsort((stamp, listens.source))
        again = ~_starts(listens.source[by_source], group[by_source])[1:]
        repeated = np.full(len(stamp), len(stamp))
        repeated[by_source[:-1][again]] = by_source[1:][again]
        following = np.minimum(following, np.minimum.accumulate(repeated[::-1])[::-1])
    return _collapse(listens, _reached(following))


def _reached(following: IntArray) -> BoolArray:
    """Bool (p,): the records that are reached from the first by going to the `following` one, which is behind it."""
    reached = np.ones(len(following), np.bool_)
    reached[1:] = np.maximum.accumulate(following)[:-1] <= np.arange(1, len(following))  # none goes past these
    front = np.flatnonzero(reached)
    while len(front):
        front = following[front]
        front = front[front < len(following)]
        front = front[~reached[front]]
        reached[front] = True
    return reached


def _collapse(listens: Listens, begins: BoolArray) -> Listens:
    """Make one of the records from each that begins a play up to the next: the best time, and the longest duration."""
    first = np.flatnonzero(begins)
    if len(first) == len(begins):
        return listens
    play, at = np.cumsum(begins), np.arange(len(begins))
    worth = 2 * (listens.skipped >= 0) + (listens.time % 60 != 0)  # exports in minutes know less of a play, too
    best = np.lexsort((-at, worth, play))[np.append(first[1:], len(at)) - 1]
    seconds = np.where(np.isnan(listens.seconds), -1.0, listens.seconds)
    outcome = np.lexsort((listens.skipped, seconds, listens.skipped >= 0, play))[np.append(first[1:], len(at)) - 1]
    return listens.take(best)._replace(
        seconds=np.fmax.reduceat(listens.seconds, first), skipped=listens.skipped[outcome]
    )


def _is_part(listens: Listens) -> BoolArray:
    """Bool (p,): not all of the track was played, as a pause may be the reason of."""
    partial = (listens.seconds > 0) & (listens.skipped != 1) & (listens.seconds < listens.length - _LOOP_SLACK_S)
    return np.asarray(partial, np.bool_)


def _join_parts(listens: Listens) -> Listens:
    """Make one play of the parts before and behind a pause, by one source: together they last as long as the track."""
    listens = listens.take(np.lexsort((listens.time, listens.source, listens.track, listens.listener)))
    first = _starts(listens.listener, listens.track, listens.source)
    silence = listens.time[1:] - (listens.time + np.nan_to_num(listens.seconds))[:-1]
    is_part = _is_part(listens)
    first[1:] |= ~is_part[1:] | ~is_part[:-1] | (silence < -_LOOP_SLACK_S) | (silence > _LONGEST_PAUSE_S)
    starts = np.flatnonzero(first)
    total = np.add.reduceat(listens.seconds, starts)
    whole = (total >= _COMPLETE * listens.length[starts]) & (total <= listens.length[starts] + _LOOP_SLACK_S)
    joined = whole & (np.diff(np.append(starts, len(first))) > 1)
    begins = first | ~np.repeat(joined, np.diff(np.append(starts, len(first))))
    seconds = listens.seconds.copy()
    seconds[starts[joined]] = total[joined]
    return listens._replace(seconds=seconds).take(begins)


def _is_complete(listens: Listens) -> BoolArray:
    """Bool (p,): as far as is known all of the track was played, so that a repeat begins a length later."""
    of_it = np.maximum(_MIN_LOOP_S, np.where(listens.length > 0, _COMPLETE * listens.length, _MIN_UNKNOWN_S))
    return np.asarray((listens.skipped != 1) & (listens.played_s >= of_it), np.bool_)


def _copies(listens: Listens) -> tuple[_Float, BoolArray]:
    """Least seconds between two plays with equal durations, and which are of tracks that repeat within the minute."""
    played, complete = listens.played_s, _is_complete(listens)
    loops = complete & (played <= _MINUTE_S + _LOOP_SLACK_S)
    least = np.maximum(_MINUTE_S + 0.5, np.where(complete, _COMPLETE * played - _rounding_s(listens), 0))
    return np.where(loops, played - _LOOP_SLACK_S, least), loops


def _overlaps(listens: Listens) -> tuple[_Float, BoolArray]:
    """Least seconds between two plays with different durations by one source."""
    least, loops = _copies(listens)
    unknown = np.isnan(listens.seconds)
    least = np.where(unknown & (listens.skipped == 1), 1.0, least)
    known = np.maximum(_COMPLETE * np.nan_to_num(listens.seconds) - _rounding_s(listens), 0)
    return np.where(unknown, least, known), loops & unknown


def _other_records(listens: Listens) -> tuple[_Float, BoolArray]:
    """Least seconds between two plays by different sources."""
    whole = _COMPLETE * listens.played_s - _rounding_s(listens)
    least = np.where(_is_complete(listens), whole, np.nan_to_num(listens.seconds) + _MINUTE_S)
    return np.maximum(_MINUTE_S + 0.5, least), np.zeros(len(least), np.bool_)


def _rounding_s(listens: Listens) -> _Float:
    """float64 (p,): 60 where this record and the next have times in whole minutes."""
    whole: BoolArray = np.append(_in_minutes(listens), np.bool_(False))
    return np.where(whole[:-1] & whole[1:], 60.0, 0.0)


def _in_minutes(listens: Listens) -> BoolArray:
    """Bool (p,): the time is in whole minutes, of the beginning or the end."""
    ends = listens.time + np.round(np.nan_to_num(listens.seconds)).astype(np.int64)
    return np.asarray((listens.time % 60 == 0) | (ends % 60 == 0), np.bool_)


def _from_their_beginning(listens: Listens) -> Listens:
    """Date plays back by their lengths where a source records the end, as another source shows."""
    listens = listens.take(np.lexsort((listens.source, listens.time, listens.track, listens.listener)))
    n = int(listens.source.max()) + 1
    apart, length = np.diff(listens.time), listens.length[:-1]
    pair = listens.source[:-1] * n + listens.source[1:]
    pairs: BoolArray = ~_starts(listens.listener, listens.track)[1:] & (np.diff(listens.source) != 0)
    pairs &= length > 2 * _MINUTE_S
    is_late = pairs & (np.abs(apart - length) <= np.maximum(5, 0.05 * length))
    is_near = pairs & (apart <= _MINUTE_S)
    late, near = (np.bincount(pair[which], minlength=n * n).reshape(n, n) for which in (is_late, is_near))
    at_end = np.any((late >= _MIN_LATE) & (late >= _LATE_SHARE * (near + near.T + late.T)), axis=0)
    shift = np.where(at_end[listens.source], listens.length, 0)
    return listens._replace(time=listens.time - np.round(shift).astype(np.int64))
