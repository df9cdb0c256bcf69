"""Chooses whole albums, for `cfrecommend --albums` and the kind `albums`."""

from __future__ import annotations

import numpy as np
from beets.library import Library

from beetsplug.cfaudio.library.fields import few
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.playlists.candidates import NOT_LIKED, Pool, gather
from beetsplug.cfaudio.playlists.recommend import USUAL_LENGTH_S, as_chosen, fitting
from beetsplug.cfaudio.playlists.request import Chosen, Request
from cfaudio_core.ranking.rerank import Candidates, ListRules, choose
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32
from cfaudio_core.util.values import to_int

_FEWEST = 4  # tracks of an album
_PER_ARTIST = 1


def choose_albums(lib: Library, data: RankingData, request: Request, *, later: frozenset[int] = frozenset()) -> Chosen:
    """Choose albums by the mean of their tracks, and list each in its order, whole but for what is banned or disliked.

    Half of the tracks of an album, or more, have to be candidates for a list. An album is never played where most of
    its tracks are; of `later`, ids of never played items, it has none while there are other albums.
    """
    pool = gather(lib, data, request)
    if isinstance(pool, str):
        return Chosen(why=pool)
    albums, scores, unplayed, waits = _albums(data, request, pool, later)
    if not len(albums):
        return Chosen(why=NOT_LIKED if pool.left_out else f"no album has {_FEWEST} tracks that could be chosen")
    if (~waits).sum() >= request.n:
        albums, scores, unplayed = albums[~waits], scores[~waits], unplayed[~waits]
    by_album = np.argsort(data.album, kind="stable")
    ends = np.searchsorted(data.album[by_album], [albums, albums + 1])
    members = [by_album[first:last] for first, last in ends.T]
    artists = np.array([np.bincount(data.artist[at]).argmax() for at in members], np.int64)
    sums = np.stack([data.vectors[at].sum(axis=0) for at in members])
    vectors = float32(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))
    rules = ListRules(request.n, request.unplayed, _PER_ARTIST, request.diversity, request.seed)
    taken = choose(Candidates(scores, unplayed, artists, vectors), pool.taste, rules)
    if request.minutes is not None:
        lengths = np.where(data.lengths > 0, data.lengths, np.float32(USUAL_LENGTH_S))
        taken = taken[fitting(float32([lengths[members[k]].sum() for k in taken]), 60 * request.minutes)]
    short = request.minutes is None and len(taken) < request.n
    tracks = np.concatenate([_in_order(lib, data, members[k][~pool.barred[members[k]]]) for k in taken])
    return as_chosen(data, pool, tracks, NOT_LIKED.replace("track", "album") if short and pool.left_out else "")


def _albums(
    data: RankingData, request: Request, pool: Pool, later: frozenset[int]
) -> tuple[IntArray, FloatArray, BoolArray, BoolArray]:
    """Find the albums to choose from: numbers, mean appeal, whether never played, and whether they can wait, (k,)."""
    n = int(data.album.max(initial=0)) + 1
    tracks = np.bincount(data.album, minlength=n)
    possible = np.bincount(data.album[pool.positions], minlength=n)
    scores = data.scores[pool.listener.name]
    known = np.isfinite(scores)
    mean = np.bincount(data.album[known], scores[known], n) / np.maximum(np.bincount(data.album[known], minlength=n), 1)
    fits = (tracks >= _FEWEST) & (2 * possible >= tracks) & ~(mean < pool.floor)
    fits[0] = False
    albums = np.flatnonzero(fits)
    appeal = np.bincount(data.album[pool.positions], pool.appeal[pool.positions], n)[albums] / possible[albums]
    never = np.bincount(data.album, pool.listener.plays == 0, n)[albums] * 2 > tracks[albums]
    waits = np.bincount(data.album, np.isin(data.ids, list(later)), n)[albums] > 0
    return albums, float32(appeal), never, waits


def _in_order(lib: Library, data: RankingData, at: IntArray) -> IntArray:
    """Put tracks of an album in its order."""
    places: dict[int, tuple[int, int]] = {}
    for which, numbers in few(data.ids[at].tolist()):
        with lib.transaction() as tx:
            rows = tx.query(f"SELECT id, disc, track FROM items WHERE id {which}", numbers)
        places |= {row["id"]: (to_int(row["disc"]), to_int(row["track"])) for row in rows}
    return np.array(sorted(at.tolist(), key=lambda k: (places.get(int(data.ids[k]), (0, 0)), k)), np.int64)
