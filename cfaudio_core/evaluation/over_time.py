"""What was heard at a later time, by what was heard before it: in a month, or in the second half of a session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.sessions import Sessions
from cfaudio_core.evaluation.splits import before
from cfaudio_core.evaluation.tasks import FEWEST, EvalData, NotEvaluatedError, Split, Task
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS
from cfaudio_core.util.arrays import BoolArray, IntArray, float32

MONTH = 30 * 86_400

LAST_SHARE = 0.2
MOST_SESSIONS = 200
SHORTEST = 4


def months(world: EvalData, seeds: Sequence[int]) -> Iterator[Split]:
    """As many of the last months as there are seeds, each asked about by what was heard before it.

    Two tables: of the tracks heard before, those that were heard in the month; and the same of all others.

    Raises
    ------
    NotEvaluatedError
        If the history is too short.
    """
    sessions = world.listener.sessions
    if not len(sessions):
        raise NotEvaluatedError("there is no listening history, and counts do not say when (see `beet cfimport`)")
    end = int(sessions.time.max()) + 1
    days = (end - int(sessions.time.min())) / 86_400
    if days < 60:
        raise NotEvaluatedError(f"the history is {days:.0f} days long; it takes 60")
    tracks, done = replace(world.tracks, playlists=[()] * len(world.tracks)), 0
    for k, seed in enumerate(seeds):
        cut = end - (k + 1) * MONTH
        people = [before(p, cut) for p in world.people]
        if people[0].known.sum() < MIN_KNOWN_TRACKS:
            break
        inside = (sessions.time >= cut) & (sessions.time < cut + MONTH) & ~sessions.rejected
        plays = np.bincount(sessions.track[inside], minlength=len(tracks))
        familiar = people[0].known
        tasks = [
            Task(table, at, plays[at] > 0, float32(np.log1p(plays[at])), at)
            for table, at in (("month", np.flatnonzero(familiar)), ("month, new", np.flatnonzero(~familiar)))
            if min((plays[at] > 0).sum(), (plays[at] == 0).sum()) >= FEWEST
        ]
        if tasks:
            done += 1
            everything = [before(p, cut + MONTH) for p in world.people]
            yield Split(seed, k, tracks, people, everything, cut, tasks)
    if not done:
        raise NotEvaluatedError(
            f"in the last {len(seeds)} months, or before them, fewer than {MIN_KNOWN_TRACKS} tracks were heard"
        )


def completions(world: EvalData, seeds: Sequence[int]) -> Iterator[Split]:
    """The last fifth of the sessions: half of each is given, the rest is to be found among all tracks.

    Raises
    ------
    NotEvaluatedError
        If there are too few sessions.
    """
    sessions, n = world.listener.sessions, len(world.tracks)
    if not len(sessions):
        raise NotEvaluatedError(
            "there is no listening history, and counts do not say what was heard together (see `beet cfimport`)"
        )
    first = int((1 - LAST_SHARE) * len(sessions))
    cut = int(sessions.time[np.searchsorted(sessions.session, first)])
    people = [before(p, cut) for p in world.people]
    halves = session_halves(sessions, first, len(sessions), SHORTEST)
    heard = int(people[0].known.sum())
    if len(halves) < FEWEST or heard < MIN_KNOWN_TRACKS:
        raise NotEvaluatedError(
            f"the last fifth of the history has {len(halves)} sessions of {SHORTEST} tracks, and before it {heard} "
            f"tracks were heard; it takes {FEWEST} and {MIN_KNOWN_TRACKS}"
        )
    tracks = replace(world.tracks, playlists=[()] * n)
    for seed in seeds:
        chosen = halves
        if len(halves) > MOST_SESSIONS:
            drawn = np.random.default_rng(seed).choice(len(halves), MOST_SESSIONS, replace=False)
            chosen = [halves[i] for i in np.sort(drawn)]
        tasks = []
        for half in chosen:
            others = np.setdiff1d(np.arange(n), half.given)
            relevant = np.isin(others, half.rest)
            tasks.append(Task("session", others, relevant, float32(relevant), others, half.given, half.session))
        yield Split(seed, 0, tracks, people, world.people, cut, tasks)


class Half(NamedTuple):
    """A session to be completed: the distinct tracks of its first half and those of the rest, and when it began."""

    session: int
    given: IntArray
    rest: IntArray
    time: int


def session_halves(
    sessions: Sessions, first: int, last: int, shortest: int, among: BoolArray | None = None
) -> list[Half]:
    """The sessions from `first` to before `last` that have at least `shortest` distinct tracks.

    What was rejected is left out, and whatever is not `among` these tracks, bool (n,).
    """
    halves = []
    for number in range(first, last):
        inside = np.arange(*np.searchsorted(sessions.session, [number, number + 1]))
        kept = inside[~sessions.rejected[inside]]
        tracks = [track for track in dict.fromkeys(sessions.track[kept].tolist()) if among is None or among[track]]
        if len(tracks) >= shortest:
            half, begins = len(tracks) // 2, int(sessions.time[inside[0]])
            halves.append(Half(number, np.array(tracks[:half]), np.array(tracks[half:]), begins))
    return halves
