"""Protocols: the data that is hidden from a recommender, and the question it is asked about it.

*New artists*: whole artists are hidden with all that was played of them, as if nobody had ever played them; *cold*: the
same with single tracks, or whole albums. *Month*: the plays of a month, from those before it. *Session*: the second
half of a session, from its first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import session_halves
from cfaudio_core.evaluation.splits import groups_of, without
from cfaudio_core.evaluation.tasks import MIN_CASES, EvalData, NotEvaluatedError, Split, Task
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS
from cfaudio_core.util.arrays import BoolArray, IntArray, float32

MAX_FOLDS = 4
"""Parts that are hidden one after the other, each by a fit, and an adapter, of its own.

Fewer, where fewer groups have anything loved.
"""

MAX_HIDDEN_TRACKS = 400
"""As soon as so many tracks have been hidden by one seed, its other folds are left out."""

LOVED_PREFERENCE, USUAL_PREFERENCE = 0.8, 0.5
"""Of `Listener.preference`, -1 to 1: that of a track played twice as often as usual, or just as often, and never
skipped. What lies between may be loved or not: plays are too few to tell."""

_ROUNDING = 1e-6
_MIN_TRACKS = -(-MIN_KNOWN_TRACKS * MAX_FOLDS // (MAX_FOLDS - 1))  # so that enough are left when one part is hidden

MONTH_S = 30 * 86_400
LAST_SHARE = 0.2  # of the sessions
MAX_SESSIONS = 200
MIN_SESSION_TRACKS = 4


def relevance(listener: Listener) -> tuple[BoolArray, BoolArray]:
    """Derive from plays and skips which of n tracks are relevant, bool (n,), and which are not, bool (n,).

    Relevant (loved) are those played at least twice as often as usual, and not skipped instead; the others are played
    no more often than usual, or skipped. The known tracks in neither are in doubt.

    Raises
    ------
    NotEvaluatedError
        If too little is known of the listener, or everything is played alike.
    """
    known, preference = int(listener.known.sum()), listener.preference
    if known < _MIN_TRACKS:
        raise NotEvaluatedError(f"{known} tracks were played or skipped; it takes {_MIN_TRACKS}")
    loved = listener.known & (preference >= LOVED_PREFERENCE)
    plain = listener.known & (preference <= USUAL_PREFERENCE + _ROUNDING)
    if min(loved.sum(), plain.sum()) < MIN_CASES:
        raise NotEvaluatedError(
            f"of {known} tracks {loved.sum()} were played twice as often as usual, and {plain.sum()} no more often "
            f"than usual; it takes {MIN_CASES} of either"
        )
    return loved, plain


def cold(data: EvalData, kind: str, seeds: Sequence[int]) -> Iterator[Split]:
    """Hide a quarter of the known tracks at a time, whole groups of a `kind` as in `groups_of`, dealt by each seed.

    Tags are not hidden: a library has those of artists that nobody has ever played.

    The candidates are the hidden tracks, the relevant ones those that are loved; see `relevance` for those in doubt. A
    list is made from the hidden and the never played.

    Raises
    ------
    NotEvaluatedError
        If the listener has too few plays, or they are of too few groups.
    """
    listener, tracks = data.listener, data.tracks
    (loved, plain), preference = relevance(listener), listener.preference
    group = groups_of(tracks, kind)
    if len(np.unique(group[loved])) < 2:
        raise NotEvaluatedError(f"the loved tracks are of too few {kind}")
    if kind != "tracks" and np.bincount(group, listener.known).max() < 2:
        raise NotEvaluatedError(f"no two played tracks share an {kind[:-1]}, so that it is the same as cold tracks")
    if kind == "albums" and _same_parts(group[listener.known], groups_of(tracks, "artists")[listener.known]):
        raise NotEvaluatedError(
            "the played tracks of each artist are of one album, so that it is the same as new artists"
        )
    unplayed = ~np.any([other.known for other in data.listeners], axis=0)
    table, keys = "new artists" if kind == "artists" else f"cold {kind}", np.array(tracks.keys)
    now, done = int(listener.sessions.time.max(initial=-1)) + 1, 0
    for seed in seeds:
        fold, left = _folds(group, listener.known, loved, np.random.default_rng(seed)), MAX_HIDDEN_TRACKS
        for k in range(MAX_FOLDS):
            candidates = np.flatnonzero((fold == k) & listener.known)
            if left <= 0 or not (loved[candidates].any() and plain[candidates].any()):
                continue
            copies = np.isin(keys, [key for key in keys[candidates] if key])
            hidden = (fold == k) | copies
            pool = np.concatenate([candidates, np.flatnonzero(unplayed & ~copies)])
            gain, doubtful = np.maximum(preference[candidates], 0), candidates[~(loved | plain)[candidates]]
            task = Task(table, candidates, loved[candidates], gain, pool, doubtful=doubtful)
            playlists = [() if h else names for h, names in zip(hidden, tracks.playlists, strict=True)]
            listeners = [without(other, hidden) for other in data.listeners]
            left, done = left - len(candidates), done + 1
            yield Split(seed, k, replace(tracks, playlists=playlists), listeners, data.listeners, now, [task])
    if not done:
        raise NotEvaluatedError(f"the played tracks are of too few {kind}")


def _same_parts(one: IntArray, other: IntArray) -> bool:
    """Whether two numberings of the same things part them in the same way."""
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other))


def _folds(group: IntArray, known: BoolArray, loved: BoolArray, rng: np.random.Generator) -> IntArray:
    """int64 (n,): whole groups dealt so that folds have about as much loved, and known; -1 where nothing is known."""
    size, n_loved = np.bincount(group, known), np.bincount(group, loved)
    fold_of = np.full(len(size), -1, np.int64)
    folds = min(MAX_FOLDS, int(np.count_nonzero(n_loved)))
    fold_size, fold_loved = np.zeros(folds), np.zeros(folds)
    dealt = rng.permutation(np.flatnonzero(size))
    for one in dealt[np.lexsort((-size[dealt], -n_loved[dealt]))]:
        order = np.lexsort((fold_size, fold_loved)) if n_loved[one] else np.argsort(fold_size, kind="stable")
        fold_of[one] = order[0]
        fold_size[order[0]] += size[one]
        fold_loved[order[0]] += n_loved[one]
    return fold_of[group]


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
        listeners = [listener.before(cut) for listener in data.listeners]
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
            oracle = [listener.before(cut + MONTH_S) for listener in data.listeners]
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
    listeners = [listener.before(cut) for listener in data.listeners]
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


PROTOCOLS: Mapping[str, Callable[[EvalData, Sequence[int]], Iterator[Split]]] = MappingProxyType(
    {
        "new-artists": lambda data, seeds: cold(data, "artists", seeds),
        "cold-albums": lambda data, seeds: cold(data, "albums", seeds),
        "cold-tracks": lambda data, seeds: cold(data, "tracks", seeds),
        "month": months,
        "session": completions,
    }
)
"""By the name that `--protocol` knows; each yields splits, or raises NotEvaluatedError before the first."""

COLD = ("new-artists", "cold-albums", "cold-tracks")
"""Those that hide played tracks, the hardest first."""

DEFAULT_PROTOCOLS = ("new-artists", "cold-tracks", "month", "session")
"""Those that are evaluated where none is named; cold tracks only where no artists can be hidden."""
