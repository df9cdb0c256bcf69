"""Played tracks hidden with all that is known of them, as if nobody had ever heard them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.evaluation.splits import groups_of, without
from cfaudio_core.evaluation.tasks import FEWEST, EvalData, NotEvaluatedError, Split, Task
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS
from cfaudio_core.util.arrays import BoolArray, IntArray

FOLDS = 10
"""So many parts are hidden in turn; fewer, where fewer groups have anything loved."""

TESTED = 400
"""As soon as so many tracks have been hidden by one seed, its other folds are left out."""

LOVED, USUAL = 0.8, 0.5
"""Of `Listener.liking`, -1 to 1: what a track has that is played twice as often as usual, or just as often, and never
skipped. What lies between may be loved or not: plays are too few to tell."""

_ROUNDING = 1e-6
# Known tracks of which a tenth can be hidden and enough are left.
_ENOUGH_TO_HIDE = -(-MIN_KNOWN_TRACKS * FOLDS // (FOLDS - 1))


def verdicts(person: Listener) -> tuple[BoolArray, BoolArray]:
    """What plays and skips tell of the tracks.

    Parameters
    ----------
    person
        The listener, over n tracks.

    Returns
    -------
    tuple of BoolArray
        bool (n,): loved, that is played at least twice as often as their played tracks usually are, and not skipped
        instead. bool (n,): played no more often than usual, or skipped. The known tracks in neither are in doubt.

    Raises
    ------
    NotEvaluatedError
        If too little is known of the listener, or everything is played alike.
    """
    known = int(person.known.sum())
    if known < _ENOUGH_TO_HIDE:
        raise NotEvaluatedError(f"{known} tracks were played or skipped; it takes {_ENOUGH_TO_HIDE}")
    loved, plain = person.known & (person.liking >= LOVED), person.known & (person.liking <= USUAL + _ROUNDING)
    if min(loved.sum(), plain.sum()) < FEWEST:
        raise NotEvaluatedError(
            f"of {known} tracks {loved.sum()} were played twice as often as usual, and {plain.sum()} no more often "
            f"than usual; it takes {FEWEST} of either"
        )
    return loved, plain


def cold(world: EvalData, kind: str, seeds: Sequence[int]) -> Iterator[Split]:
    """Hide a tenth of the known tracks at a time, whole groups of them; each seed deals the groups anew.

    The candidates are the hidden tracks, the relevant ones those that are loved; see `verdicts` for those in doubt. A
    list is made from the hidden and the never played.

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
    NotEvaluatedError
        If the listener has too few plays, or they are of too few groups.
    """
    person, tracks = world.listener, world.tracks
    (wanted, plain), liking = verdicts(person), person.liking
    group = groups_of(tracks, kind)
    if len(np.unique(group[wanted])) < 2:
        raise NotEvaluatedError(f"the loved tracks are of too few {kind}")
    if kind != "tracks" and np.bincount(group, person.known).max() < 2:
        raise NotEvaluatedError(f"no two played tracks share an {kind[:-1]}, so that it is the same as cold tracks")
    if kind == "artists" and _same_parts(group[person.known], groups_of(tracks, "albums")[person.known]):
        raise NotEvaluatedError(
            "the played tracks of each artist are of one album, so that it is the same as cold albums"
        )
    unheard = ~np.any([p.known for p in world.people], axis=0)
    keys = np.array(tracks.keys)
    now, done = int(person.sessions.time.max(initial=-1)) + 1, 0
    for seed in seeds:
        fold, left = _folds(group, person.known, wanted, np.random.default_rng(seed)), TESTED
        for k in range(FOLDS):
            tasted = np.flatnonzero((fold == k) & person.known)
            if left <= 0 or not (wanted[tasted].any() and plain[tasted].any()):
                continue
            copies = np.isin(keys, [key for key in keys[tasted] if key])
            hidden = (fold == k) | copies
            pool = np.concatenate([tasted, np.flatnonzero(unheard & ~copies)])
            gain, doubtful = np.maximum(liking[tasted], 0), tasted[~(wanted | plain)[tasted]]
            task = Task(f"cold {kind}", tasted, wanted[tasted], gain, pool, doubtful=doubtful)
            listed = [() if h else names for h, names in zip(hidden, tracks.playlists, strict=True)]
            people = [without(p, hidden) for p in world.people]
            left, done = left - len(tasted), done + 1
            yield Split(seed, k, replace(tracks, playlists=listed), people, world.people, now, [task])
    if not done:
        raise NotEvaluatedError(f"the played tracks are of too few {kind}")


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
