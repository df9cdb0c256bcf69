"""Chooses the lists of an entry of `playlists`, by its kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from beets.library import Library

from beetsplug.cfaudio.config.playlists import Playlist
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.playlists.naming import name_list
from beetsplug.cfaudio.playlists.recommend import choose_items
from beetsplug.cfaudio.playlists.request import Chosen, Request, request_of
from beetsplug.cfaudio.playlists.state import ChosenList
from cfaudio_core.ranking.taste import decayed_counts, taste_weights
from cfaudio_core.util.arrays import IntArray
from cfaudio_core.util.values import latest_time

NEW_DAYS = 60
"""Days for which a track is a new arrival."""

_MODE_TRACKS = 60  # the most loved ones of a mode, that a daily mix is to be like


def lists_of(
    lib: Library, settings: Settings, data: RankingData, playlist: Playlist, seed: int, avoid: frozenset[int]
) -> Iterator[tuple[ChosenList, str]]:
    """Choose the lists of an entry, each with the reason where it is empty.

    Items to avoid, which the last period had and nobody has ever played, are not taken while there are others.
    """
    base = {name: getattr(playlist, name) for name in ("unplayed", "per_artist", "diversity", "fresh_days")}
    changes = {name: value for name, value in base.items() if value is not None}
    request = request_of(
        settings, playlist.n, query=playlist.query, like=playlist.like, user=playlist.user, seed=seed, **changes
    )
    played = data.ids[find_listener(data.listeners, playlist.user).played]
    avoid = avoid.difference(played.tolist())  # items played since may come again
    if playlist.kind == "daily mix":
        yield from _mixes(lib, data, playlist, request, avoid)
        return
    barred, why = _barred(lib, data, playlist)
    chosen = Chosen(why=why) if why else _choose(lib, data, request, barred, avoid)
    yield _named(lib, data, playlist, chosen), chosen.why


def _mixes(
    lib: Library, data: RankingData, playlist: Playlist, request: Request, avoid: frozenset[int]
) -> Iterator[tuple[ChosenList, str]]:
    """Choose a list for each mode of the listener's taste, the heaviest first; no track is on two of them.

    A list takes played tracks from its own mode alone.
    """
    taste = _choose(lib, data, request, frozenset(), avoid)
    if taste.why or not taste.modes:
        yield _named(lib, data, playlist, Chosen()), taste.why or "no taste is known"
        return
    taken: frozenset[int] = frozenset()
    for number, mode in enumerate(taste.modes, start=1):
        members = " , ".join(f"id:{item}" for item in mode.ids[:_MODE_TRACKS]).split()
        of_mode = replace(request, like=tuple(members))
        others = frozenset(item for other in taste.modes if other is not mode for item in other.ids)
        chosen = _choose(lib, data, of_mode, taken | others, avoid)
        taken |= frozenset(chosen.ids)
        yield _named(lib, data, playlist, chosen, number, mode.ids), chosen.why


def _choose(lib: Library, data: RankingData, request: Request, barred: frozenset[int], avoid: frozenset[int]) -> Chosen:
    """Choose without barred items, and with no more of those to avoid than it takes to fill the list."""
    chosen = choose_items(lib, data, request, avoid=barred | avoid)
    unplayed = sum(reason.unplayed for reason in chosen.reasons)
    short = max(request.n - len(chosen), round(request.unplayed * request.n) - unplayed)
    if not avoid or short <= 0:
        return chosen
    listener = find_listener(data.listeners, request.user)
    scores = dict(zip(data.ids.tolist(), np.nan_to_num(data.scores[listener.name], nan=-1), strict=True))
    again = sorted(avoid - barred, key=lambda item: (-scores.get(item, -1), item))[:short]
    return choose_items(lib, data, request, avoid=barred | avoid.difference(again))


def _barred(lib: Library, data: RankingData, playlist: Playlist) -> tuple[frozenset[int], str]:
    """Find the items that a kind of list leaves out, and why the list is empty where that is all of them."""
    listener = find_listener(data.listeners, playlist.user)
    fits = np.ones(len(data), bool)
    why = ""
    if playlist.kind in ("discover", "deep cuts"):
        fits &= ~listener.played
        why = "every track was played"
    if playlist.kind == "rediscover":
        fits &= listener.played
        why = "no track was played"
    if playlist.kind == "deep cuts":
        fits &= np.isin(data.artist, _loved_artists(data, playlist))
        why = "the artists that are loved have no tracks that were never played"
    if playlist.kind == "new arrivals":
        with lib.transaction() as tx:
            since = data.now - NEW_DAYS * 86400
            new = [
                row["id"]
                for row in tx.query("SELECT id FROM items WHERE added BETWEEN ? AND ?", (since, latest_time()))
            ]
        fits &= np.isin(data.ids, new)
        why = f"no track was added in the last {NEW_DAYS} days"
    return frozenset(data.ids[~fits].tolist()), "" if fits.any() else why


def _loved_artists(data: RankingData, playlist: Playlist) -> IntArray:
    """Find the artists whose played tracks are liked more than those of half of all artists with any, int64."""
    listener = find_listener(data.listeners, playlist.user)
    weights = taste_weights(listener, decayed_counts(listener, data.last_played[listener.name])[0])
    known = np.flatnonzero((data.artist > 0) & listener.played)
    artists, of_artist = np.unique(data.artist[known], return_inverse=True)
    loves = np.bincount(of_artist, weights[known], minlength=len(artists))
    usual = np.median(loves) if len(loves) else 0.0
    return artists[(loves >= usual) & (loves > 0)]


def _named(
    lib: Library,
    data: RankingData,
    playlist: Playlist,
    chosen: Chosen,
    number: int = 1,
    named_after: Sequence[int] | None = None,
) -> ChosenList:
    name = name_list(lib, data, playlist, chosen.ids if named_after is None else named_after, number)
    return ChosenList(name, chosen.ids, [reason.id for reason in chosen.reasons if reason.unplayed])
