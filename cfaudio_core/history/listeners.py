"""Listeners by the stored history: their plays of the library's tracks, and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from cfaudio_core.data.listeners import Listener, find_name
from cfaudio_core.data.listens import Listens, believable, is_rejected
from cfaudio_core.data.sessions import Sessions, find_sessions
from cfaudio_core.history.count_growth import SOURCE
from cfaudio_core.history.feedback import Statement, feedback_of, tracks_of
from cfaudio_core.history.records import BESIDE_LISTENS, EARLIEST, EVERY_START
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32
from cfaudio_core.util.fingerprint import Prints
from cfaudio_core.util.values import latest_time

if TYPE_CHECKING:
    from cfaudio_core.history.columns import ListenColumns, TallyColumns
    from cfaudio_core.history.store import ListenStore


class MatchedHistory(NamedTuple):
    """A stored history, and the library's tracks that it is of.

    Attributes
    ----------
    listens, tallies
        As they are stored.
    played
        The listens as plays of tracks, in their order, all of one listener: those of one are taken at a time.
    positions
        int64 (m,): the track that each of the m texts is, negative where it is none; see `matching`.
    n_tracks
        Number of tracks in the library.
    gap
        Seconds of silence that end a session.
    statements, stated
        Likes, dislikes, bans and ratings, and the tracks that each is of.
    """

    listens: ListenColumns
    tallies: TallyColumns
    played: Listens
    positions: IntArray
    n_tracks: int
    gap: float
    statements: list[Statement]
    stated: list[IntArray]

    @classmethod
    def read(
        cls,
        store: ListenStore,
        durations: npt.NDArray[np.float64],
        lengths: FloatArray,
        positions: IntArray,
        gap: float,
        sounds: Prints,
    ) -> MatchedHistory:
        """Read listens, tallies and feedback.

        `durations` are float64 (m,) seconds of all m texts of the store, as the sources reported them, and `lengths`
        float32 (n,) seconds of the tracks; 0 where unknown. `sounds` are uint64 (n,) digests of their content keys.
        """
        listens = store.listens()
        played = _plays_of_tracks(listens, durations, lengths, positions)
        statements = store.feedback()
        stated = tracks_of(statements, positions, sounds)
        return cls(listens, store.tallies(), played, positions, len(lengths), gap, statements, stated)

    def sessions(self, rows: BoolArray) -> Sessions:
        """Find the sessions of some of the listens, bool (p,), all of one listener."""
        return find_sessions(self.played.take(rows), self.gap)

    def feedback(self, listeners: Sequence[str]) -> tuple[FloatArray, IntArray]:
        """Collect the feedback of a listener under all their names, float32 (n,), and its times, int64 (n,)."""
        return feedback_of(self.statements, self.stated, listeners, self.n_tracks)


def with_history(listeners: Sequence[Listener], history: MatchedHistory) -> list[Listener]:
    """Merge the stored history into the listeners' counts.

    Parameters
    ----------
    listeners
        By the count fields, at least one, over n tracks; the first is the main listener.
    history
        Listens and tallies. A name that is none of `listeners` (`find_name`) is a further listener, if it can end a
        field's name and has any plays, skips or likes of the library's tracks.
    """
    listens, tallies, played, positions, n, *_ = history
    if not len(listens) and not len(tallies) and not history.statements:
        return list(listeners)
    stored_names: dict[str, list[str]] = {listener.name: [] for listener in listeners}
    for stored in sorted({*listens.listeners, *tallies.listeners}):
        known = find_name(stored, list(stored_names))
        if known or stored.isidentifier():
            stored_names.setdefault(known or stored, []).append(stored)
    track, dated = positions[listens.text], (listens.time >= EARLIEST) & (listens.time <= latest_time())

    def sessions_of(aliases: Sequence[str], sources: Sequence[str]) -> Sessions:
        return history.sessions(listens.is_from(aliases, sources) & dated)

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
        stated, _ = history.feedback(aliases)
        feedback = float32(np.where(stated != 0, stated, listener.feedback))
        grown = _counted(tallies, aliases, positions, n)
        merged = Listener(name, float32(plays), float32(skips), sessions, grown, feedback)
        if name in by_name or merged.known.any():
            by_name[name] = merged
    return list(by_name.values())


def _plays_of_tracks(
    listens: ListenColumns, durations: npt.NDArray[np.float64], lengths: FloatArray, positions: IntArray
) -> Listens:
    """Make plays of tracks from stored listens, in their order; see `MatchedHistory`."""
    track = positions[listens.text]
    length = np.append(lengths, 0)[np.where(track >= 0, track, len(lengths))]  # there may be no tracks
    every_start = np.array([source in EVERY_START for source in listens.sources], bool)
    return Listens(
        listener=np.zeros(len(listens), np.int64),
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


def _counted(tallies: TallyColumns, aliases: Sequence[str], positions: IntArray, n: int) -> IntArray:
    """int64 (n,): when the library's own count of each track was last found to have grown, see `Listener.counted`."""
    own = tallies.is_from(aliases, [SOURCE])
    at, times = positions[tallies.text[own]], tallies.last[own]
    counted = np.zeros(n, np.int64)
    known = at >= 0
    np.maximum.at(counted, at[known], times[known])
    return counted if counted.any() else np.zeros(0, np.int64)


def _sum(at: IntArray, counts: IntArray | BoolArray, n: int) -> IntArray:
    """int64 (n,): the sum of the counts at each position; negative positions are left out."""
    known = at >= 0
    return np.bincount(at[known], counts[known], minlength=n).astype(np.int64)
