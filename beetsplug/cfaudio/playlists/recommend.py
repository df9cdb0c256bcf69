"""Chooses the tracks of a list, for `cfrecommend` and `cfplaylists`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from beets.dbcore.query import ParsingError
from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.config.checks import split_query
from beetsplug.cfaudio.library.fields import few, read_fields
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import ids_of
from beetsplug.cfaudio.playlists.request import Chosen, Mode, Reason, Request
from cfaudio_core.data.listeners import Listener, coerce_count
from cfaudio_core.ranking.duplicates import one_a_song
from cfaudio_core.ranking.next_month import next_month
from cfaudio_core.ranking.ordering import order
from cfaudio_core.ranking.rerank import Candidates, ListRules, choose
from cfaudio_core.ranking.taste import Taste, decayed_counts, mean_taste, modes, taste_weights
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

_SCORE_WEIGHT = 0.1  # in cosine: how much scores count in a list that is to be like something
_LATEST = 0.8  # weight of a given track in the taste, against that of the one after it
_SKIP_PENALTY = 1000.0  # of tracks that were skipped and never played: they come last


def choose_items(
    lib: Library,
    data: RankingData,
    request: Request,
    *,
    avoid: frozenset[int] = frozenset(),
    next_track: FloatArray | None = None,
) -> Chosen:
    """Choose tracks, none of those to avoid, and put them in order.

    Where a request goes on from given tracks, `next_track`, float32 (n,), rates the familiar ones.

    Returns
    -------
    Chosen
        Empty, and with a reason, where nothing can be chosen.

    Raises
    ------
    UserError
        If there is no such listener, or a query makes no sense.
    """
    listener = find_listener(data.listeners, request.user)
    scores, last_played = data.scores[listener.name], data.last_played[listener.name]
    given = data.at(request.given)
    if request.given:
        loved = np.zeros(len(data), np.float32)
        loved[given] = _LATEST ** np.arange(len(given))[::-1]
    elif request.like:
        seeds = _matching(lib, data, request.like)
        if not seeds.any():
            return Chosen(why=f"no track matches {' '.join(request.like)}")
        if not data.vectors[seeds].any():
            return Chosen(why=f"no track that matches {' '.join(request.like)} is analysed; run `beet cfembed`")
        loved = seeds.astype(np.float32)
    else:
        loved = taste_weights(listener, decayed_counts(listener, last_played)[0])
    taste = (mean_taste if request.taste == "mean" else modes)(data.vectors, loved)
    appeal = _appeal(data, listener, taste, request, next_track)
    if not np.isfinite(appeal).any():
        return Chosen(why=_why_no_scores(data, listener))
    allowed = np.isfinite(appeal)
    if request.query:
        matches = _matching(lib, data, request.query)
        if not matches.any():
            return Chosen(why=f"no track matches {' '.join(request.query)}")
        allowed &= matches
        if not allowed.any():
            return Chosen(why=f"no track that matches {' '.join(request.query)} has a score; run `beet cfembed`")
    for query in request.exclude:
        try:
            allowed &= ~_matching(lib, data, query)
        except (ParsingError, ValueError) as error:
            raise UserError(f"cfaudio.exclude: {error}") from error
    candidates = one_a_song(data.song, np.flatnonzero(allowed), listener.plays, appeal)
    barred = np.isin(data.ids, list(avoid)) | np.isin(data.song, data.song[given])
    if request.fresh_days:
        barred |= last_played > data.now - request.fresh_days * 86400
    candidates = candidates[~barred[candidates]]
    if not len(candidates):
        return Chosen(why="all that could be chosen is excluded, or was played or recommended lately")
    fresh = ~listener.played[candidates]
    artists, vectors = data.artist[candidates], data.vectors[candidates]
    rules = ListRules(request.n, request.unplayed, request.per_artist, request.diversity, request.seed)
    taken = choose(Candidates(appeal[candidates], fresh, artists, vectors), taste, rules)
    tempi = _tempi(lib, data.ids[candidates[taken]])
    taken = taken[order(vectors[taken], fresh[taken], artists[taken], tempi)]
    chosen = candidates[taken]
    serves = np.argmax(taste.memberships(data.vectors[chosen]), axis=1) if len(taste.shares) else None
    near = taste.nearest(data.vectors, data.song, chosen)
    return Chosen(
        [
            Reason(
                id=int(data.ids[i]),
                score=float(scores[i]),
                plays=int(listener.plays[i]),
                mode=None if serves is None or not data.vectors[i].any() else int(serves[k]),
                near=data.ids[near[k]].tolist(),
            )
            for k, i in enumerate(chosen)
        ],
        _modes(data, taste),
    )


def _tempi(lib: Library, ids: IntArray) -> FloatArray:
    """Read beats a minute of tracks, float32 (k,), NaN where unknown."""
    stored = read_fields(lib, ["cf_tempo"], few(ids.tolist()))["cf_tempo"]
    return float32([coerce_count(stored.get(i)) or np.nan for i in ids.tolist()])


def _appeal(
    data: RankingData, listener: Listener, taste: Taste, request: Request, next_track: FloatArray | None
) -> FloatArray:
    """Rate candidates, float32 (n,): familiar tracks by the next month or the next track, the others by their scores.

    Where the taste is a mean, or that of some tracks, all are rated by how near they are to it; but the familiar ones
    by `next_track`, if there is any.
    """
    scores = data.scores[listener.name] / 100
    if request.like or request.given or request.taste == "mean":
        placed = data.vectors.any(axis=1) if len(taste.shares) else np.zeros(len(scores), bool)
        near = (data.vectors @ taste.centres.T).max(axis=1, initial=-1)
        likes = _SCORE_WEIGHT * np.nan_to_num(scores) if request.like or request.given else 0
        appeal = np.where(placed, near + likes, np.nan)
        if next_track is not None:
            appeal = np.where(listener.played & (placed | np.isfinite(scores)), next_track, appeal)
    else:
        if listener.name not in data.next_month:
            last = data.last_played[listener.name]
            data.next_month[listener.name] = next_month(listener, last, data.artist, data.vectors)
        # Equal counts are told apart by the scores.
        appeal = np.where(listener.played, data.next_month[listener.name] + 1e-3 * scores, scores)
    return float32(appeal - _SKIP_PENALTY * (~listener.played & (listener.skips > 0)))


def _matching(lib: Library, data: RankingData, query: str | Sequence[str]) -> BoolArray:
    """Find the tracks that match a query, bool (n,)."""
    return np.isin(data.ids, ids_of(lib, list(split_query(query) if isinstance(query, str) else query)))


def _modes(data: RankingData, taste: Taste) -> list[Mode]:
    loved_first = np.argsort(-taste.weights, kind="stable")
    return [
        Mode(float(share), [int(data.ids[i]) for i in taste.members[loved_first[taste.mode[loved_first] == m]]])
        for m, share in enumerate(taste.shares)
    ]


def _why_no_scores(data: RankingData, listener: Listener) -> str:
    if not len(data):
        return "the library is empty"
    if not data.placed.any():
        return "no track has a score yet; run `beet cfembed` first"
    if not listener.played.any():
        return f"{listener.name} has not played a track yet, so there is nothing to recommend by"
    return f"no track has a score for {listener.name}; run `beet cfembed`"
