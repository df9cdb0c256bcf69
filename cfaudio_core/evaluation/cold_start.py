"""Cold start: played tracks are hidden with all that is known of them, as if nobody had ever played them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.evaluation.splits import groups_of, without
from cfaudio_core.evaluation.tasks import MIN_CASES, EvalData, NotEvaluatedError, Split, Task
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS
from cfaudio_core.util.arrays import BoolArray, IntArray

MAX_FOLDS = 10
"""Parts that are hidden one after the other; fewer, where fewer groups have anything loved."""

MAX_HIDDEN_TRACKS = 400
"""As soon as so many tracks have been hidden by one seed, its other folds are left out."""

LOVED_PREFERENCE, USUAL_PREFERENCE = 0.8, 0.5
"""Of `Listener.preference`, -1 to 1: that of a track played twice as often as usual, or just as often, and never
skipped. What lies between may be loved or not: plays are too few to tell."""

_ROUNDING = 1e-6
_MIN_TRACKS = -(-MIN_KNOWN_TRACKS * MAX_FOLDS // (MAX_FOLDS - 1))  # so that enough are left when a tenth is hidden


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
    """Hide a tenth of the known tracks at a time, whole groups of a `kind` as in `groups_of`, dealt anew by each seed.

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
    if kind == "artists" and _same_parts(group[listener.known], groups_of(tracks, "albums")[listener.known]):
        raise NotEvaluatedError(
            "the played tracks of each artist are of one album, so that it is the same as cold albums"
        )
    unplayed = ~np.any([other.known for other in data.listeners], axis=0)
    keys = np.array(tracks.keys)
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
            task = Task(f"cold {kind}", candidates, loved[candidates], gain, pool, doubtful=doubtful)
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
