"""Protocols: what is hidden from a recommender, and what it is asked about it.

*Cold*: played tracks are hidden with all that is known of them, as if nobody had ever heard them; single ones, whole
albums, or whole artists. *Month*: what was played in a month, by what was heard before it. *Session*: the second half
of a session, by its first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from cfaudio_core.judging.tasks import Case, NotJudgedError, Task, World
from cfaudio_core.learning.learner import ENOUGH
from cfaudio_core.listening.counts import Listener
from cfaudio_core.listening.sessions import Sessions
from cfaudio_core.tracks import BoolArray, IntArray, Tracks, float32

FOLDS = 10
"""So many parts are hidden in turn; fewer, where fewer groups have anything loved."""

TESTED = 400
"""As soon as so many tracks have been hidden by one seed, its other folds are left out."""

LOVED = 0.8
"""Of `Listener.liking`, -1 to 1: what a track has that is played twice as often as usual, and never skipped."""

MONTH = 30 * 86_400
FEWEST = 5
"""So many relevant tracks, and others, or sessions, it takes to judge by."""

LAST_SHARE = 0.2
MOST_SESSIONS = 200
SHORTEST = 4
_ENOUGH_TO_HIDE = -(-ENOUGH * FOLDS // (FOLDS - 1))  # known tracks of which a tenth can be hidden and enough are left


def loved(person: Listener) -> BoolArray:
    """Bool (n,): played at least twice as often as the listener's played tracks usually are, and not skipped instead.

    Raises
    ------
    NotJudgedError
        If too little is known of the listener, or everything is played alike.
    """
    known = int(person.known.sum())
    if known < _ENOUGH_TO_HIDE:
        raise NotJudgedError(f"{known} tracks were played or skipped; it takes {_ENOUGH_TO_HIDE}")
    wanted = person.known & (person.liking >= LOVED)
    most = int(wanted.sum())
    if min(most, known - most) < FEWEST:
        raise NotJudgedError(f"{most} of {known} tracks were played twice as often as usual; it takes {FEWEST}")
    return wanted


def sample(tracks: Tracks, people: Sequence[Listener], most: int, seed: int) -> IntArray:
    """int64 (k,): at most `most` tracks to judge by, so that judging a large library ends in time.

    Whole artists at random, those of whom something is known first, until half of the tracks are known ones; the rest
    are never played tracks, of these artists first.
    """
    n = len(tracks)
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    known = np.any([p.known for p in people], axis=0)
    artist = groups_of(tracks, "artists")
    turn = rng.permutation(int(artist.max()) + 1)[artist] + rng.random(n)  # artists in any order, tracks within them
    some = np.flatnonzero(known)[np.argsort(turn[known])][: max(most // 2, most - int((~known).sum()))]
    met = np.isin(artist, artist[some])
    others = np.flatnonzero(~known)
    others = others[np.lexsort((turn[others], ~met[others]))][: most - len(some)]
    return np.sort(np.concatenate([some, others]))


def groups_of(tracks: Tracks, kind: str) -> IntArray:
    """int64 (n,): tracks with one number are hidden together; `kind` is "tracks", "albums" or "artists".

    A track without an album or artist goes alone, with its copies: the same sound twice is one track.
    """
    named = {"tracks": [""] * len(tracks), "albums": tracks.albums, "artists": tracks.artists}[kind]
    texts = [
        f"={name}" if name else f"#{key or at}" for at, (name, key) in enumerate(zip(named, tracks.keys, strict=True))
    ]
    return np.unique(texts, return_inverse=True)[1].astype(np.int64)


def cold(world: World, kind: str, seeds: Sequence[int]) -> Iterator[Case]:
    """Hide a tenth of the known tracks at a time, whole groups of them; each seed deals the groups anew.

    The candidates are the hidden tracks, the relevant ones those that are loved. A list is made from the hidden and
    the never played.

    Parameters
    ----------
    world
        The library and its listeners.
    kind
        As in `groups_of`.
    seeds
        One or more.

    Raises
    ------
    NotJudgedError
        If the listener has too few plays, or they are of too few groups.
    """
    person, tracks = world.listener, world.tracks
    wanted, liking = loved(person), person.liking
    group = groups_of(tracks, kind)
    if len(np.unique(group[wanted])) < 2:
        raise NotJudgedError(f"the loved tracks are of too few {kind}")
    if kind != "tracks" and np.bincount(group, person.known).max() < 2:
        raise NotJudgedError(f"no two played tracks share an {kind[:-1]}, so that it is the same as cold tracks")
    if kind == "artists" and _same_parts(group[person.known], groups_of(tracks, "albums")[person.known]):
        raise NotJudgedError("the played tracks of each artist are of one album, so that it is the same as cold albums")
    unheard = ~np.any([p.known for p in world.people], axis=0)
    keys = np.array(tracks.keys)
    now, done = int(person.sessions.time.max(initial=-1)) + 1, 0
    for seed in seeds:
        fold, left = _folds(group, person.known, wanted, np.random.default_rng(seed)), TESTED
        for k in range(FOLDS):
            tasted = np.flatnonzero((fold == k) & person.known)
            if not 0 < wanted[tasted].sum() < len(tasted) or left <= 0:
                continue
            copies = np.isin(keys, [key for key in keys[tasted] if key])
            hidden = (fold == k) | copies
            pool = np.concatenate([tasted, np.flatnonzero(unheard & ~copies)])
            task = Task(f"cold {kind}", tasted, wanted[tasted], np.maximum(liking[tasted], 0), pool)
            listed = [() if h else names for h, names in zip(hidden, tracks.playlists, strict=True)]
            people = [without(p, hidden) for p in world.people]
            left, done = left - len(tasted), done + 1
            yield Case(seed, k, replace(tracks, playlists=listed), people, world.people, now, [task])
    if not done:
        raise NotJudgedError(f"the played tracks are of too few {kind}")


def months(world: World, seeds: Sequence[int]) -> Iterator[Case]:
    """As many of the last months as there are seeds, each asked about by what was heard before it.

    Two tables: of the tracks heard before, those that were heard in the month; and the same of all others.

    Raises
    ------
    NotJudgedError
        If the history is too short.
    """
    sessions = world.listener.sessions
    if not len(sessions):
        raise NotJudgedError("there is no listening history, and counts do not say when (see `beet cfimport`)")
    end = int(sessions.time.max()) + 1
    days = (end - int(sessions.time.min())) / 86_400
    if days < 60:
        raise NotJudgedError(f"the history is {days:.0f} days long; it takes 60")
    tracks, done = replace(world.tracks, playlists=[()] * len(world.tracks)), 0
    for k, seed in enumerate(seeds):
        cut = end - (k + 1) * MONTH
        people = [before(p, cut) for p in world.people]
        if people[0].known.sum() < ENOUGH:
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
            yield Case(seed, k, tracks, people, everything, cut, tasks)
    if not done:
        raise NotJudgedError(f"in the last {len(seeds)} months, or before them, fewer than {ENOUGH} tracks were heard")


def completions(world: World, seeds: Sequence[int]) -> Iterator[Case]:
    """The last fifth of the sessions: half of each is given, the rest is to be found among all tracks.

    Raises
    ------
    NotJudgedError
        If there are too few sessions.
    """
    sessions, n = world.listener.sessions, len(world.tracks)
    if not len(sessions):
        raise NotJudgedError(
            "there is no listening history, and counts do not say what was heard together (see `beet cfimport`)"
        )
    first = int((1 - LAST_SHARE) * len(sessions))
    cut = int(sessions.time[np.searchsorted(sessions.session, first)])
    people = [before(p, cut) for p in world.people]
    halves = session_halves(sessions, first, len(sessions), SHORTEST)
    heard = int(people[0].known.sum())
    if len(halves) < FEWEST or heard < ENOUGH:
        raise NotJudgedError(
            f"the last fifth of the history has {len(halves)} sessions of {SHORTEST} tracks, and before it {heard} "
            f"tracks were heard; it takes {FEWEST} and {ENOUGH}"
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
        yield Case(seed, 0, tracks, people, world.people, cut, tasks)


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


def without(person: Listener, hidden: BoolArray) -> Listener:
    """A listener who never met the hidden tracks."""
    return Listener(
        person.name,
        np.where(hidden, 0, person.plays).astype(np.float32),
        np.where(hidden, 0, person.skips).astype(np.float32),
        _some(person.sessions, ~hidden[person.sessions.track]),
    )


def before(person: Listener, cut: int) -> Listener:
    """A listener as dated plays tell of them up to a time; counts that do not say when are left out."""
    n, old = len(person.plays), _some(person.sessions, person.sessions.time < cut)
    return Listener(person.name, float32(old.plays(n)), float32(old.skips(n)), old)


def _some(sessions: Sessions, kept: BoolArray) -> Sessions:
    numbers = np.unique(sessions.session[kept], return_inverse=True)[1].astype(np.int64)
    return Sessions(
        sessions.listener[kept], sessions.track[kept], numbers, sessions.time[kept], sessions.rejected[kept]
    )


def _same_parts(one: IntArray, other: IntArray) -> bool:
    """Whether two numberings of the same things tell the same of them apart."""
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other))


def _folds(group: IntArray, known: BoolArray, wanted: BoolArray, rng: np.random.Generator) -> IntArray:
    """int64 (n,): whole groups dealt so that folds have about as much wanted, and known; -1 where nothing is known."""
    size, worth = np.bincount(group, known), np.bincount(group, wanted)
    fold_of = np.full(len(size), -1, np.int64)
    folds = min(FOLDS, int(np.count_nonzero(worth)))
    has, is_worth = np.zeros(folds), np.zeros(folds)
    dealt = rng.permutation(np.flatnonzero(size))
    for one in dealt[np.lexsort((-size[dealt], -worth[dealt]))]:
        order = np.lexsort((has, is_worth)) if worth[one] else np.argsort(has, kind="stable")
        fold_of[one] = order[0]
        has[order[0]] += size[one]
        is_worth[order[0]] += worth[one]
    return fold_of[group]


PROTOCOLS: Mapping[str, Callable[[World, Sequence[int]], Iterator[Case]]] = MappingProxyType(
    {
        "cold-tracks": lambda world, seeds: cold(world, "tracks", seeds),
        "cold-albums": lambda world, seeds: cold(world, "albums", seeds),
        "cold-artists": lambda world, seeds: cold(world, "artists", seeds),
        "month": months,
        "session": completions,
    }
)
"""By the name that `--protocol` knows; each yields cases, or raises NotJudgedError before the first."""
