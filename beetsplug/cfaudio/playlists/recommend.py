"""From the library to a list: what `cfrecommend` and `cfplaylists` share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from beets.dbcore.query import ParsingError
from beets.exceptions import UserError

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.loaded import Loaded
from beetsplug.cfaudio.library.tracks import ids_of
from beetsplug.cfaudio.pipeline import listener
from beetsplug.cfaudio.playlists.request import Chosen, Mode, Reason, Request
from cfaudio_core.ranking.duplicates import one_a_song
from cfaudio_core.ranking.ordering import order
from cfaudio_core.ranking.rerank import Candidates, ListRules, choose
from cfaudio_core.ranking.taste import Taste, decayed_counts, familiarity, mean_taste, modes, taste_weights
from cfaudio_core.util.arrays import BoolArray, FloatArray, float32

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.data.listeners import Listener

_LIKING = 0.1  # in cosine: how much a listener's own liking counts in a list that is to be like something
_SUNK = 1000.0  # less appeal for what was skipped and never played: it comes when all else is taken


def choose_items(
    lib: Library, settings: Settings, loaded: Loaded, request: Request, *, avoid: frozenset[int] = frozenset()
) -> Chosen:
    """Choose tracks and put them in order.

    Parameters
    ----------
    lib, settings
        The library and its settings.
    loaded
        As `read_library` gives it.
    request
        What is asked for.
    avoid
        Ids of tracks that are not to be on the list, as those that were on the last one.

    Returns
    -------
    Chosen
        Empty, and with a reason, where nothing can be chosen.

    Raises
    ------
    UserError
        If there is no such listener, or a query makes no sense.
    """
    person = listener(loaded.people, request.user)
    scores, last_heard = loaded.scores[person.name], loaded.last_heard[person.name]
    plays, skips = decayed_counts(person, last_heard)
    if request.like:
        seeds = _matching(lib, loaded, request.like)
        if not seeds.any():
            return Chosen(why=f"no track matches {' '.join(request.like)}")
        if not loaded.vectors[seeds].any():
            return Chosen(why=f"no track that matches {' '.join(request.like)} has been heard; run `beet cfembed`")
        loved = seeds.astype(np.float32)
    else:
        loved = taste_weights(person, plays)
    taste = (mean_taste if request.taste == "mean" else modes)(loaded.vectors, loved)
    appeal = _appeal(loaded, person, familiarity(plays, skips), taste, request)
    if not np.isfinite(appeal).any():
        return Chosen(why=_why_no_scores(loaded, person))
    allowed = np.isfinite(appeal)
    if request.query:
        matches = _matching(lib, loaded, request.query)
        if not matches.any():
            return Chosen(why=f"no track matches {' '.join(request.query)}")
        allowed &= matches
        if not allowed.any():
            return Chosen(why=f"no track that matches {' '.join(request.query)} has a score; run `beet cfembed`")
    for query in request.exclude:
        try:
            allowed &= ~_matching(lib, loaded, query)
        except ParsingError as error:
            raise UserError(f"cfaudio.exclude: {error}") from error
    candidates = one_a_song(loaded.song, np.flatnonzero(allowed), person.plays, appeal)
    barred = np.isin(loaded.ids, list(avoid))
    if request.fresh_days:
        barred |= last_heard > loaded.now - request.fresh_days * 86400
    candidates = candidates[~barred[candidates]]
    if not len(candidates):
        return Chosen(why="all that could be chosen is excluded, or was heard or recommended lately")
    fresh = ~person.played[candidates]
    artists, vectors = loaded.artist[candidates], loaded.vectors[candidates]
    rules = ListRules(request.n, request.unplayed, request.per_artist, request.diversity, request.seed)
    taken = choose(Candidates(appeal[candidates], fresh, artists, vectors), taste, rules)
    taken = taken[order(vectors[taken], fresh[taken], artists[taken])]
    chosen = candidates[taken]
    serves = np.argmax(taste.memberships(loaded.vectors[chosen]), axis=1) if len(taste.shares) else None
    near = taste.nearest(loaded.vectors, loaded.song, chosen)
    return Chosen(
        [
            Reason(
                id=int(loaded.ids[i]),
                score=float(scores[i]),
                plays=int(person.plays[i]),
                mode=None if serves is None or not loaded.vectors[i].any() else int(serves[k]),
                near=loaded.ids[near[k]].tolist(),
            )
            for k, i in enumerate(chosen)
        ],
        _modes(loaded, taste),
    )


def _appeal(loaded: Loaded, person: Listener, known: FloatArray, taste: Taste, request: Request) -> FloatArray:
    """float32 (n,): the familiar by how much and how recently they are played, the unheard by their scores.

    Where the taste is a mean, or that of some tracks, all are ranked by how near they are to it.
    """
    scores = loaded.scores[person.name] / 100
    if request.like or request.taste == "mean":
        heard = loaded.vectors.any(axis=1) if len(taste.shares) else np.zeros(len(scores), bool)
        near = (loaded.vectors @ taste.centres.T).max(axis=1, initial=-1)
        likes = _LIKING * np.nan_to_num(scores) if request.like else 0
        appeal = np.where(heard, near + likes, np.nan)
    else:
        # Equal counts are told apart by the scores.
        appeal = np.where(person.played, known + 1e-3 * scores, scores)
    return float32(appeal - _SUNK * (~person.played & (person.skips > 0)))


def _matching(lib: Library, loaded: Loaded, query: str | Sequence[str]) -> BoolArray:
    """Bool (n,): matches a query."""
    return np.isin(loaded.ids, ids_of(lib, query if isinstance(query, str) else list(query)))


def _modes(loaded: Loaded, taste: Taste) -> list[Mode]:
    loved_first = np.argsort(-taste.weights, kind="stable")
    return [
        Mode(float(share), [int(loaded.ids[i]) for i in taste.members[loved_first[taste.mode[loved_first] == m]]])
        for m, share in enumerate(taste.shares)
    ]


def _why_no_scores(loaded: Loaded, person: Listener) -> str:
    if not len(loaded):
        return "the library is empty"
    if not loaded.placed.any():
        return "no track has a score yet; run `beet cfembed` first"
    if not person.played.any():
        return f"{person.name} has not played a track yet, so there is nothing to recommend by"
    return f"no track has a score for {person.name}; run `beet cfembed`"
