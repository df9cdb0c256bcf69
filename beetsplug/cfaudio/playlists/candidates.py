"""Candidates for a list: the tracks that may be on it, how much each appeals, and the taste that it is to serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from beets.dbcore.query import ParsingError
from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.config.checks import split_query
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import ids_of
from beetsplug.cfaudio.playlists.request import Request
from beetsplug.cfaudio.text import no_plays
from cfaudio_core.data.feedback import LIKED, is_barred
from cfaudio_core.data.listeners import Listener
from cfaudio_core.ranking.duplicates import one_a_song
from cfaudio_core.ranking.next_month import next_month
from cfaudio_core.ranking.taste import Taste, decayed_counts, liking_floor, mean_taste, modes, taste_weights
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

NOT_LIKED = "you would probably not like any other track"
"""Why a list is shorter than asked for."""

_SCORE_WEIGHT = 0.1  # in cosine: how much scores count in a list that is to be like something
_LATEST = 0.8  # weight of a given track in the taste, against that of the one after it
_FAMILIAR_MARGIN = 0.25  # standard deviations by which familiar tracks are to be liked better than the average
_LIKE_WEIGHT = 2.0  # of a like, in the units of the next month: about that of six plays
_SKIP_PENALTY = 1000.0  # of tracks that were skipped and never played: they come last
_EXCLUDED = "all that could be chosen is excluded, or was played or recommended lately"


@dataclass(frozen=True)
class Pool:
    """Candidates for a list.

    Attributes
    ----------
    listener
        The listener, over all n tracks.
    taste
        The taste that the list is to serve.
    loved
        float32 (n,): the weights that it is made of.
    appeal
        float32 (n,): higher is better among tracks of one kind.
    positions
        int64 (m,), ascending: the tracks to choose from.
    floor
        Score below which a never played track is left out; for familiar ones it is higher.
    left_out
        Number of tracks that are left out for that, or as the listener states not to like them.
    barred
        bool (n,): banned or disliked, so that no list has them.
    """

    listener: Listener
    taste: Taste
    loved: FloatArray
    appeal: FloatArray
    positions: IntArray
    floor: float
    left_out: int
    barred: BoolArray


def gather(
    lib: Library,
    data: RankingData,
    request: Request,
    avoid: frozenset[int] = frozenset(),
    familiar: FloatArray | None = None,
) -> Pool | str:
    """Gather the candidates for a list, or say why there are none.

    Tracks that are liked less than the average played one are none, unless what is asked for is not liked more. Banned
    and disliked ones never are.

    Parameters
    ----------
    lib, data, request
        The library, what is known of it, and the list that is asked for.
    avoid
        Ids of items that are not to be taken.
    familiar
        float32 (n,): rates the familiar tracks; None: by the next month, or by nearness to the taste.

    Raises
    ------
    UserError
        If there is no such listener, or a query makes no sense.
    """
    listener = find_listener(data.listeners, request.user)
    scores, last_played = data.scores[listener.name], data.last_played[listener.name]
    given = np.isin(data.ids, request.given)
    asked = [given] if request.given else []
    if request.given:
        loved = np.zeros(len(data), np.float32)
        loved[data.at(request.given)] = _LATEST ** np.arange(len(request.given))[::-1]
    elif request.like:
        seeds = matching(lib, data, request.like)
        if why := _why_no_seeds(data, seeds, request.like):
            return why
        asked.append(seeds)
        loved = seeds.astype(np.float32)
    else:
        loved = taste_weights(listener, decayed_counts(listener, last_played)[0])
    taste = (mean_taste if request.taste == "mean" else modes)(data.vectors, loved)
    appeal = _appeal(data, listener, taste, request, familiar)
    allowed = np.isfinite(appeal)
    if not allowed.any():
        return _why_no_scores(data, listener)
    if request.query:
        matches = matching(lib, data, request.query)
        if not matches.any():
            return f"no track matches {' '.join(request.query)}"
        asked.append(matches)
        allowed &= matches
        if not allowed.any():
            return f"no track that matches {' '.join(request.query)} has a score; run `beet cfembed`"
    for query in request.exclude:
        try:
            allowed &= ~matching(lib, data, query)
        except (ParsingError, ValueError) as error:
            raise UserError(f"cfaudio.exclude: {error}") from error
    barred = is_barred(listener.feedback, data.song)
    unwanted = int((allowed & barred).sum())
    allowed &= ~barred
    if unwanted and not allowed.any():
        return all_barred(listener)
    not_now = np.isin(data.ids, list(avoid)) | np.isin(data.song, data.song[given])
    if request.sound:
        not_now |= loved > 0
    if request.unlike:
        unlike = matching(lib, data, request.unlike)
        if why := _why_no_seeds(data, unlike, request.unlike):
            return why
        not_now |= unlike | _nearer(data.vectors, modes(data.vectors, unlike.astype(np.float32)), taste)
    if request.fresh_days:
        not_now |= last_played > data.now - request.fresh_days * 86400
    candidates = one_a_song(data.song, np.flatnonzero(allowed), listener.plays, appeal)
    candidates = candidates[~not_now[candidates]]
    if not len(candidates):
        return _EXCLUDED
    floor = _floor(scores, listener, asked)
    floors = np.where(listener.played, _floor(scores, listener, asked, _FAMILIAR_MARGIN), floor)
    liked = ~(scores[candidates] < floors[candidates]) | (listener.feedback[candidates] >= LIKED)
    if not liked.any():
        return "you would probably not like any track that could be chosen"
    left_out = unwanted + int((~liked).sum())
    return Pool(listener, taste, loved, appeal, candidates[liked], floor, left_out, barred)


def all_barred(listener: Listener) -> str:
    """Why there are no candidates, where all are banned or disliked."""
    return f"{listener.name} has banned or disliked all that could be chosen (`beet cfban --clear` takes a ban back)"


def matching(lib: Library, data: RankingData, query: str | Sequence[str]) -> BoolArray:
    """Find the tracks that match a query, bool (n,)."""
    return np.isin(data.ids, ids_of(lib, list(split_query(query) if isinstance(query, str) else query)))


def _appeal(
    data: RankingData, listener: Listener, taste: Taste, request: Request, familiar: FloatArray | None
) -> FloatArray:
    """Rate candidates, float32 (n,): familiar tracks by the next month, the others by their scores; and by feedback.

    Where the taste is a mean, or that of some tracks, all are rated by how near they are to it. `familiar`, if there
    is any, takes the place of both for familiar tracks.
    """
    scores = data.scores[listener.name] / 100
    placed = data.vectors.any(axis=1) if len(taste.shares) else np.zeros(len(scores), bool)
    if request.like or request.given or request.taste == "mean":
        near = (data.vectors @ taste.centres.T).max(axis=1, initial=-1)
        likes = _SCORE_WEIGHT * np.nan_to_num(scores) if (request.like or request.given) and not request.sound else 0
        appeal = np.where(placed, near + likes, np.nan)
    else:
        appeal = scores
        if familiar is None:
            if listener.name not in data.next_month:
                last = data.last_played[listener.name]
                data.next_month[listener.name] = next_month(listener, last, data.artist, data.vectors)
            # Equal counts are told apart by the scores.
            appeal = np.where(listener.played, data.next_month[listener.name] + 1e-3 * scores, scores)
        appeal = appeal + np.where(listener.played, _LIKE_WEIGHT, 1) * listener.opinion
    if familiar is not None:
        appeal = np.where(listener.played & (placed | np.isfinite(scores)), familiar, appeal)
    skipped = ~listener.played & (listener.skips > 0) & (listener.feedback <= 0)
    return float32(appeal - _SKIP_PENALTY * skipped)


def _floor(scores: FloatArray, listener: Listener, asked: Sequence[BoolArray], margin: float = 0.0) -> float:
    """Find the score below which tracks are left out: that of the half of what was asked for, where that is lower."""
    floor = liking_floor(scores, listener, margin)
    for tracks in asked:
        known = scores[tracks & np.isfinite(scores)]
        floor = min(floor, float(np.median(known))) if len(known) else -np.inf
    return floor


def _nearer(vectors: FloatArray, one: Taste, other: Taste) -> BoolArray:
    """Find the tracks that are nearer to a mode of one taste than to any of another, bool (n,)."""
    to_one, to_other = ((vectors @ taste.centres.T).max(axis=1, initial=-1) for taste in (one, other))
    return np.asarray(vectors.any(axis=1) & (to_one > to_other))


def _why_no_seeds(data: RankingData, seeds: BoolArray, query: Sequence[str]) -> str:
    if not seeds.any():
        return f"no track matches {' '.join(query)}"
    if not data.vectors[seeds].any():
        return f"no track that matches {' '.join(query)} is analysed; run `beet cfembed`"
    return ""


def _why_no_scores(data: RankingData, listener: Listener) -> str:
    if not len(data):
        return "the library is empty"
    if not data.placed.any():
        return "no track is analysed yet; run `beet cfembed` first"
    if not listener.played.any() and not (listener.feedback > 0).any():
        return no_plays("" if listener.name == data.listeners[0].name else listener.name)
    return f"no track has a score for {listener.name}; run `beet cfembed`"
