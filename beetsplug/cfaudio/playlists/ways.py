"""Ways to a list, for `cfrecommend`: tracks, albums, by the sound alone, and from one track to another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.playlists.albums import choose_albums
from beetsplug.cfaudio.playlists.candidates import all_barred, gather, matching
from beetsplug.cfaudio.playlists.recommend import as_chosen, choose_items
from beetsplug.cfaudio.playlists.request import Chosen, Request
from cfaudio_core.data.feedback import is_barred
from cfaudio_core.util.arrays import FloatArray
from cfaudio_core.util.fingerprint import prints


def choose(
    lib: Library,
    settings: Settings,
    data: RankingData,
    request: Request,
    *,
    to: tuple[str, ...],
    albums: bool,
    avoid: frozenset[int],
    familiar: FloatArray | None,
) -> Chosen:
    """Choose tracks, whole albums, or a way `to` the tracks of a query; the rest as for `choose_items`."""
    if request.sound:
        data = by_sound(settings, data)
    if to:
        return between(lib, data, request, to)
    if albums:
        return choose_albums(lib, data, request, later=avoid)
    return choose_items(lib, data, request, avoid=avoid, familiar=familiar)


def by_sound(settings: Settings, data: RankingData) -> RankingData:
    """Give the tracks vectors of their audio alone, without plays and tags.

    Raises
    ------
    UserError
        If `cfembed` has stored none.
    """
    from cfaudio_core.pipeline.prediction_cache import read_sounds

    keys, sounds = read_sounds(settings.models / "predictions.safetensors")
    marks = prints(keys)
    order = np.argsort(marks, kind="stable")
    own = data.marks.sounds if data.marks is not None and len(keys) else np.zeros(len(data), np.uint64)
    at = order[np.minimum(np.searchsorted(marks, own, sorter=order), len(marks) - 1)] if len(keys) else order
    known = (marks[at] == own) & (own > 0) if len(keys) else np.zeros(len(data), bool)
    if not known.any():
        raise UserError("--sound: what tracks sound like is not stored; run `beet cfembed`")
    return replace(data, vectors=np.where(known[:, None], sounds[at], np.float32(0)))


def between(lib: Library, data: RankingData, request: Request, to: tuple[str, ...]) -> Chosen:
    """Choose a list from a track of the query `like` to one of another query; its order is the way.

    Of several tracks, the ends are those that are most like the others of their query.
    """
    from cfaudio_core.ranking.path import path  # brings scipy, which other lists do without

    listener = find_listener(data.listeners, request.user)
    barred = is_barred(listener.feedback, data.song)
    ends = []
    for query in (request.like, to):
        matches = matching(lib, data, query) & data.vectors.any(axis=1)
        if not matches.any():
            return Chosen(why=f"no track that matches {' '.join(query)} is analysed; run `beet cfembed`")
        at = np.flatnonzero(matches & ~barred)
        if not len(at):
            return Chosen(why=all_barred(listener))
        ends.append(int(at[_middle(data.vectors[at])]))
    begin, end = ends
    if begin == end:
        return Chosen(why="--to: both queries mean the same track")
    pool = gather(lib, data, replace(request, like=(), given=tuple(data.ids[ends].tolist())))
    if isinstance(pool, str):
        return Chosen(why=pool)
    possible = pool.positions[data.vectors[pool.positions].any(axis=1)]
    tracks = path(data.vectors, begin, end, possible, data.artist, max(request.n, 2), request.per_artist)
    return as_chosen(data, pool, tracks, "")


def _middle(vectors: FloatArray) -> int:
    return int(np.argmax(vectors @ vectors.sum(axis=0)))
