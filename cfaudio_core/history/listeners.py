"""Listeners by the stored history: their plays of the library's tracks, and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cfaudio_core.data.listeners import Listener, find_name
from cfaudio_core.data.listens import Listens, believable, is_rejected
from cfaudio_core.data.sessions import Sessions, find_sessions
from cfaudio_core.history.records import BESIDE_LISTENS, EARLIEST, EVERY_START
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32
from cfaudio_core.util.values import latest_time

if TYPE_CHECKING:
    from cfaudio_core.history.columns import ListenColumns
    from cfaudio_core.history.store import ListenStore


def with_history(
    listeners: Sequence[Listener],
    store: ListenStore,
    durations: npt.NDArray[np.float64],
    lengths: FloatArray,
    positions: IntArray,
    gap: float,
) -> list[Listener]:
    """Merge the stored history into the listeners' counts.

    Parameters
    ----------
    listeners
        By the count fields, at least one, over n tracks; the first is the main listener.
    store
        Listens and tallies. A name that is none of `listeners` (`find_name`) is a further listener, if it can end a
        field's name and has any plays or skips of the library's tracks.
    durations
        float64 (m,), seconds; of all m texts of the store, as the sources reported them; 0 where unknown.
    lengths
        float32 (n,), seconds; of the tracks, 0 where unknown.
    positions
        int64 (m,): the track that each text is, negative where it is none; see `matching`.
    gap
        Seconds of silence that end a session.
    """
    listens, tallies = store.listens(), store.tallies()
    if not len(listens) and not len(tallies):
        return list(listeners)
    n = len(lengths)
    stored_names: dict[str, list[str]] = {listener.name: [] for listener in listeners}
    for stored in sorted({*listens.listeners, *tallies.listeners}):
        known = find_name(stored, list(stored_names))
        if known or stored.isidentifier():
            stored_names.setdefault(known or stored, []).append(stored)
    played = matched_listens(listens, durations, lengths, positions)
    track, dated = positions[listens.text], (listens.time >= EARLIEST) & (listens.time <= latest_time())

    def sessions_of(aliases: Sequence[str], sources: Sequence[str]) -> Sessions:
        return find_sessions(played.take(listens.is_from(aliases, sources) & dated), gap)

    by_name = {listener.name: listener for listener in listeners}
    for name, aliases in stored_names.items():
        listener = by_name.get(name, Listener(name, np.zeros(n, np.float32), np.zeros(n, np.float32)))
        sessions = sessions_of(aliases, listens.sources)
        plays = np.maximum(listener.plays, sessions.plays(n))
        skips = np.maximum(listener.skips, sessions.skips(n))
        # Two sources have mostly counted the same plays, as two count fields have: the larger count of a track is
        # taken. Within one source, plays without a time are others than those with one, and a count is mostly of both.
        for source in sorted({*tallies.sources, *listens.sources}):
            counted = tallies.is_from(aliases, [source])
            without_time = listens.is_from(aliases, [source]) & ~dated
            if not counted.any() and not without_time.any():
                continue
            of_source = sessions_of(aliases, [source])
            rejected = is_rejected(believable(played.take(without_time)))
            at, counted_at = track[without_time], positions[tallies.text[counted]]
            for total, single, undated, tally in (
                (plays, of_source.plays(n), ~rejected, tallies.plays),
                (skips, of_source.skips(n), rejected, tallies.skips),
            ):
                single, tally = single + _sum(at, undated, n), _sum(counted_at, tally[counted], n)
                np.maximum(total, single + tally if source in BESIDE_LISTENS else np.maximum(single, tally), out=total)
        merged = Listener(name, float32(plays), float32(skips), sessions)
        if name in by_name or merged.known.any():
            by_name[name] = merged
    return list(by_name.values())


def matched_listens(
    listens: ListenColumns, durations: npt.NDArray[np.float64], lengths: FloatArray, positions: IntArray
) -> Listens:
    """Make plays of tracks from stored listens, in their order, all of one listener; see `with_history`."""
    track = positions[listens.text]
    length = np.append(lengths, 0)[np.where(track >= 0, track, len(lengths))]  # there may be no tracks
    every_start = np.array([source in EVERY_START for source in listens.sources], bool)
    return Listens(
        listener=np.zeros(len(listens), np.int64),  # those of one listener are taken at a time
        track=np.where(track >= 0, track, -1 - listens.text),  # texts of no known track are still different tracks
        time=listens.time,
        seconds=listens.seconds.astype(np.float64),
        skipped=listens.skipped.astype(np.int64),
        source=listens.source.astype(np.int64),
        length=_lengths(durations[listens.text], length.astype(np.float64)),
        every_start=every_start[listens.source],
    )


def _lengths(reported: npt.NDArray[np.float64], stored: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Choose the length that a source reported, unless it is no length of the track in the library."""
    believed = (reported > 0) & ((stored <= 0) | ((reported > stored / 2) & (reported < 2 * stored)))
    return np.where(believed, reported, stored)


def _sum(at: IntArray, counts: IntArray | BoolArray, n: int) -> IntArray:
    """int64 (n,): the sum of the counts at each position; negative positions are left out."""
    known = at >= 0
    return np.bincount(at[known], counts[known], minlength=n).astype(np.int64)
