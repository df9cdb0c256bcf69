"""Predictions over time: the plays of a month, or of the second half of a session, from those before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cfaudio_core.data.sessions import Sessions
from cfaudio_core.evaluation.splits import before
from cfaudio_core.evaluation.tasks import MIN_CASES, EvalData, NotEvaluatedError, Split, Task
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS
from cfaudio_core.util.arrays import BoolArray, IntArray, float32

MONTH_S = 30 * 86_400
LAST_SHARE = 0.2  # of the sessions
MAX_SESSIONS = 200
MIN_SESSION_TRACKS = 4


def months(data: EvalData, seeds: Sequence[int]) -> Iterator[Split]:
    """Ask about as many of the last months as there are seeds, each from the plays before it.

    Two tables: of the tracks played before, those that were played in the month; and the same of all others.

    Raises
    ------
    NotEvaluatedError
        If the history is too short.
    """
    sessions = data.listener.sessions
    if not len(sessions):
        raise NotEvaluatedError("there is no listening history, and counts do not say when (see `beet cfimport`)")
    end = int(sessions.time.max()) + 1
    days = (end - int(sessions.time.min())) / 86_400
    if days < 60:
        raise NotEvaluatedError(f"the history is {days:.0f} days long; it takes 60")
    tracks, done = replace(data.tracks, playlists=[()] * len(data.tracks)), 0
    for k, seed in enumerate(seeds):
        cut = end - (k + 1) * MONTH_S
        listeners = [before(listener, cut) for listener in data.listeners]
        known = listeners[0].known
        if known.sum() < MIN_KNOWN_TRACKS:
            break
        inside = (sessions.time >= cut) & (sessions.time < cut + MONTH_S) & ~sessions.rejected
        plays = np.bincount(sessions.track[inside], minlength=len(tracks))
        tasks = [
            Task(table, at, plays[at] > 0, float32(np.log1p(plays[at])), at)
            for table, at in (("month", np.flatnonzero(known)), ("month, new", np.flatnonzero(~known)))
            if min((plays[at] > 0).sum(), (plays[at] == 0).sum()) >= MIN_CASES
        ]
        if tasks:
            done += 1
            oracle = [before(listener, cut + MONTH_S) for listener in data.listeners]
            yield Split(seed, k, tracks, listeners, oracle, cut, tasks)
    if not done:
        raise NotEvaluatedError(
            f"in the last {len(seeds)} months, or before them, fewer than {MIN_KNOWN_TRACKS} tracks were played"
        )


def completions(data: EvalData, seeds: Sequence[int]) -> Iterator[Split]:
    """Ask to complete the last fifth of the sessions: half of each is given, the rest is among all tracks.

    Raises
    ------
    NotEvaluatedError
        If there are too few sessions.
    """
    sessions, n = data.listener.sessions, len(data.tracks)
    if not len(sessions):
        raise NotEvaluatedError(
            "there is no listening history, and counts do not say what was played together (see `beet cfimport`)"
        )
    first = int((1 - LAST_SHARE) * len(sessions))
    cut = int(sessions.time[np.searchsorted(sessions.session, first)])
    listeners = [before(listener, cut) for listener in data.listeners]
    halves = session_halves(sessions, first, len(sessions), MIN_SESSION_TRACKS)
    played = int(listeners[0].known.sum())
    if len(halves) < MIN_CASES or played < MIN_KNOWN_TRACKS:
        raise NotEvaluatedError(
            f"the last fifth of the history has {len(halves)} sessions of {MIN_SESSION_TRACKS} tracks, and before it "
            f"{played} tracks were played; it takes {MIN_CASES} and {MIN_KNOWN_TRACKS}"
        )
    tracks = replace(data.tracks, playlists=[()] * n)
    for seed in seeds:
        chosen = halves
        if len(halves) > MAX_SESSIONS:
            drawn = np.random.default_rng(seed).choice(len(halves), MAX_SESSIONS, replace=False)
            chosen = [halves[i] for i in np.sort(drawn)]
        tasks = []
        for session, given, rest in chosen:
            others = np.setdiff1d(np.arange(n), given)
            relevant = np.isin(others, rest)
            tasks.append(Task("session", others, relevant, float32(relevant), others, given, session))
        yield Split(seed, 0, tracks, listeners, data.listeners, cut, tasks)


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
