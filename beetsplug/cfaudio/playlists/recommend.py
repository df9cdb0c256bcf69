"""Chooses the tracks of a list, for `cfrecommend` and `cfplaylists`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from beets.library import Library

from beetsplug.cfaudio.library.fields import few, read_fields
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import read_titles
from beetsplug.cfaudio.playlists.candidates import NOT_LIKED, Pool, gather
from beetsplug.cfaudio.playlists.request import Chosen, Mode, Reason, Request
from cfaudio_core.data.listeners import coerce_count
from cfaudio_core.ranking.duplicates import near_copies
from cfaudio_core.ranking.ordering import order
from cfaudio_core.ranking.rerank import Candidates, ListRules, choose
from cfaudio_core.ranking.taste import Taste, mean_taste
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

USUAL_LENGTH_S = 240.0
"""Length of a track whose length is unknown."""

_SHORTEST_MIX = 10  # tracks
_OF_MIX = 2 / 3  # of the tracks that a mix may have are on it, so that the next day's has others
_NEAREST = 5  # lengths of a mix: so many of the tracks that are nearest to the mode are compared
_MAX_ROUNDS = 5


def choose_items(
    lib: Library,
    data: RankingData,
    request: Request,
    *,
    avoid: frozenset[int] = frozenset(),
    later: frozenset[int] = frozenset(),
    familiar: FloatArray | None = None,
) -> Chosen:
    """Choose tracks and put them in order; a shorter list rather than one with tracks that are not liked.

    Parameters
    ----------
    lib, data, request, avoid, familiar
        As for `gather`.
    later
        Ids of never played items of which no more are taken than it takes to fill the list.

    Returns
    -------
    Chosen
        Empty, and with a reason, where nothing can be chosen.

    Raises
    ------
    UserError
        If there is no such listener, or a query makes no sense.
    """
    pool = gather(lib, data, request, avoid, familiar)
    return Chosen(why=pool) if isinstance(pool, str) else _chosen(lib, data, request, pool, later)


def choose_mixes(lib: Library, data: RankingData, request: Request, later: frozenset[int]) -> Iterator[Chosen]:
    """Choose a list for each mode of the taste, the heaviest first, of the tracks that are nearest to it.

    A mode that has too few of them has no list, and a list has no more than leave others for the next day.
    """
    pool = gather(lib, data, request)
    if isinstance(pool, str):
        yield Chosen(why=pool)
        return
    vectors, positions = data.vectors, pool.positions
    fewest = min(_SHORTEST_MIX, request.n)
    parts = pool.taste.parts(vectors, positions[vectors[positions].any(axis=1)], fewest)
    if not parts:
        yield Chosen(why="no taste is known")
    for mode, tracks in parts:
        inside = pool.taste.members[pool.taste.mode == mode]
        taste = mean_taste(vectors, np.where(np.isin(np.arange(len(data)), inside), pool.loved, np.float32(0)))
        n = min(request.n, max(round(_OF_MIX * len(tracks)), fewest, 1))
        near = np.argsort(-(vectors[tracks] @ pool.taste.centres[mode]), kind="stable")[: _NEAREST * n]
        of_mode = replace(pool, taste=taste, positions=np.sort(tracks[near]), left_out=0)
        yield _chosen(lib, data, replace(request, n=n), of_mode, later)


def _chosen(lib: Library, data: RankingData, request: Request, pool: Pool, later: frozenset[int]) -> Chosen:
    """Choose from a pool, and put in order; of what is nearly the same recording only the first is taken."""
    positions = _without_later(data, request, pool, later)
    known_lengths = data.lengths[positions]
    lengths = np.where(known_lengths > 0, known_lengths, np.float32(USUAL_LENGTH_S))
    n = request.n if request.minutes is None else _at_most(request.minutes, lengths)
    artists, vectors = data.artist[positions], data.vectors[positions]
    liking = None if request.like or request.given else data.scores[pool.listener.name][positions]
    unplayed, appeal = ~pool.listener.played[positions], pool.appeal[positions]
    rules = ListRules(n, request.unplayed, request.per_artist, request.diversity, request.seed)
    for _ in range(_MAX_ROUNDS):
        taken = choose(Candidates(appeal, unplayed, artists, vectors, liking), pool.taste, rules)
        titles = read_titles(lib, data.ids[positions[taken]].tolist())
        copies = near_copies(titles, artists[taken], known_lengths[taken], vectors[taken])
        if not len(copies):
            break
        appeal[taken[copies]] = np.nan
        taken = np.delete(taken, copies)
    if request.minutes is not None:
        taken = taken[fitting(lengths[taken], 60 * request.minutes)]
    tempi = _tempi(lib, data.ids[positions[taken]])
    taken = taken[order(vectors[taken], unplayed[taken], artists[taken], tempi)]
    short = (
        len(taken) < n if request.minutes is None else lengths[taken].sum() < 60 * request.minutes - 2 * USUAL_LENGTH_S
    )
    return as_chosen(data, pool, positions[taken], NOT_LIKED if short and pool.left_out else "")


def as_chosen(data: RankingData, pool: Pool, chosen: IntArray, why: str) -> Chosen:
    """Make a list of tracks, int64 (k,) positions in their order, each with its reason."""
    taste, scores = pool.taste, data.scores[pool.listener.name]
    serves = np.argmax(taste.memberships(data.vectors[chosen]), axis=1) if len(taste.shares) else None
    near = taste.nearest(data.vectors, data.song, chosen)
    reasons = [
        Reason(
            id=int(data.ids[i]),
            score=float(scores[i]),
            plays=int(pool.listener.plays[i]),
            mode=None if serves is None or not data.vectors[i].any() else int(serves[k]),
            near=data.ids[near[k]].tolist(),
        )
        for k, i in enumerate(chosen)
    ]
    return Chosen(reasons, _modes(data, taste), why)


def fitting(lengths: FloatArray, seconds: float) -> IntArray:
    """Select of n parts with their lengths, one after the other, those that together are no longer than some seconds.

    Returns positions, int64; at least the first.
    """
    kept: list[int] = []
    for at, length in enumerate(lengths.tolist()):
        if not kept or length <= seconds:
            kept.append(at)
            seconds -= length
    return np.array(kept, np.int64)


def _at_most(minutes: float, lengths: FloatArray) -> int:
    """Number of tracks that so many minutes may take: some more than those of the mean length."""
    return int(1.5 * 60 * minutes / lengths.mean()) + 5


def _without_later(data: RankingData, request: Request, pool: Pool, later: frozenset[int]) -> IntArray:
    """Positions without those of tracks that can wait, but for the best of these where the list would be too short."""
    positions, unplayed = pool.positions, ~pool.listener.played[pool.positions]
    waits = unplayed & np.isin(data.ids[positions], list(later))
    if not waits.any():
        return positions
    short = max(request.n - int((~waits).sum()), round(request.unplayed * request.n) - int((unplayed & ~waits).sum()))
    again = np.flatnonzero(waits)
    again = again[np.argsort(-pool.appeal[positions[again]], kind="stable")][: max(short, 0)]
    waits[again] = False
    return positions[~waits]


def _tempi(lib: Library, ids: IntArray) -> FloatArray:
    """Read beats a minute of tracks, float32 (k,), NaN where unknown."""
    stored = read_fields(lib, ["cf_tempo"], few(ids.tolist()))["cf_tempo"]
    return float32([coerce_count(stored.get(i)) or np.nan for i in ids.tolist()])


def _modes(data: RankingData, taste: Taste) -> list[Mode]:
    loved_first = np.argsort(-taste.weights, kind="stable")
    return [
        Mode(float(share), [int(data.ids[i]) for i in taste.members[loved_first[taste.mode[loved_first] == m]]])
        for m, share in enumerate(taste.shares)
    ]
