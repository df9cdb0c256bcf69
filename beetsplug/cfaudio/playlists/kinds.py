"""Chooses the lists of an entry of `playlists`, by its kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
from beets.library import Library

from beetsplug.cfaudio.config.playlists import Playlist
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.fields import read_fields
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.playlists.albums import choose_albums
from beetsplug.cfaudio.playlists.naming import name_list
from beetsplug.cfaudio.playlists.recommend import choose_items, choose_mixes
from beetsplug.cfaudio.playlists.request import Chosen, request_of
from beetsplug.cfaudio.playlists.state import ChosenList
from cfaudio_core.data.listeners import Listener, coerce_count
from cfaudio_core.ranking.taste import decayed_counts, taste_weights
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32
from cfaudio_core.util.values import latest_time

NEW_DAYS = 60
"""Days for which a track is a new arrival."""

_LOVED = 0.5  # preference: played more than the listener's average track, and hardly skipped
_AROUND_DAYS = 3  # before and after a day of another year
_CALM = frozenset({"ambient", "instrumental", "chillout", "chill", "mellow", "easy listening", "acoustic", "classical"})
_BUSIEST = 0.7  # of the library's energies, which tracks to concentrate to are not above


def lists_of(
    lib: Library, settings: Settings, data: RankingData, playlist: Playlist, seed: int, later: frozenset[int]
) -> Iterator[tuple[ChosenList, str]]:
    """Choose the lists of an entry, each with the reason where it is empty or short.

    Items that can come later, which the last period had and nobody has ever played, are not taken while there are
    others.
    """
    base = {name: getattr(playlist, name) for name in ("unplayed", "per_artist", "diversity", "fresh_days")}
    changes = {name: value for name, value in base.items() if value is not None}
    request = request_of(
        settings, playlist.n, query=playlist.query, like=playlist.like, user=playlist.user, seed=seed, **changes
    )
    listener = find_listener(data.listeners, playlist.user)
    later = later.difference(data.ids[listener.played].tolist())  # items played since may come again
    if playlist.kind == "daily mix":
        for number, chosen in enumerate(choose_mixes(lib, data, request, later), start=1):
            yield _named(lib, data, playlist, chosen, number), chosen.why
        return
    if playlist.kind == "albums":
        chosen = choose_albums(lib, data, request, later=later)
    else:
        fits, why, familiar = _fitting(lib, data, playlist, listener)
        barred = frozenset(data.ids[~fits].tolist())
        chosen = choose_items(lib, data, request, avoid=barred, later=later, familiar=familiar)
        chosen = chosen if fits.any() or not why else Chosen(why=why)
    yield _named(lib, data, playlist, chosen), chosen.why


def _fitting(
    lib: Library, data: RankingData, playlist: Playlist, listener: Listener
) -> tuple[BoolArray, str, FloatArray | None]:
    """Find the tracks that a kind of list may have, bool (n,), why there are none, and how it rates familiar ones."""
    kind, played = playlist.kind, listener.played
    if kind == "discover":
        return ~played, "every track was played", None
    if kind == "rediscover":
        loved = listener.preference + 1e-3 * np.nan_to_num(data.scores[listener.name]) / 100
        since = data.now - (playlist.fresh_days or 0) * 86400
        forgotten = (listener.preference >= _LOVED) & (data.last_played[listener.name] <= since)
        why = "every track that is loved was played lately" if played.any() else "no track was played"
        return played & forgotten, why, float32(loved)
    if kind == "deep cuts":
        why = "the artists that are loved have no tracks that were never played"
        return ~played & np.isin(data.artist, _loved_artists(data, listener)), why, None
    if kind == "new artists":
        new = (data.artist > 0) & ~np.isin(data.artist, data.artist[played])
        return new, "every artist was played", None
    if kind == "new arrivals":
        return _added_lately(lib, data), f"no track was added in the last {NEW_DAYS} days", None
    if kind == "on this day":
        plays = _plays_around(listener, data.now)
        return plays > 0, "no track was played around this day in another year", plays
    if kind == "focus":
        why = "no track is known to be calm and without vocals (`beet cfembed` finds that out)"
        return _calm(lib, data), why, None
    return np.ones(len(data), bool), "", None


def _added_lately(lib: Library, data: RankingData) -> BoolArray:
    with lib.transaction() as tx:
        since = data.now - NEW_DAYS * 86400
        rows = tx.query("SELECT id FROM items WHERE added BETWEEN ? AND ?", (since, latest_time()))
    return np.isin(data.ids, [row["id"] for row in rows])


def _loved_artists(data: RankingData, listener: Listener) -> IntArray:
    """Find the artists whose played tracks are liked more than those of half of all artists with any, int64."""
    weights = taste_weights(listener, decayed_counts(listener, data.last_played[listener.name])[0])
    known = np.flatnonzero((data.artist > 0) & listener.played)
    artists, of_artist = np.unique(data.artist[known], return_inverse=True)
    loves = np.bincount(of_artist, weights[known], minlength=len(artists))
    usual = np.median(loves) if len(loves) else 0.0
    return artists[(loves >= usual) & (loves > 0)]


def _plays_around(listener: Listener, now: float) -> FloatArray:
    """Count the plays around this day in other years, by the local calendar, float32 (n,)."""
    sessions, today = listener.sessions, dt.date.fromtimestamp(now)
    around = np.zeros(len(sessions.time), bool)
    first = dt.date.fromtimestamp(max(int(sessions.time.min()), 0)).year if len(around) else today.year
    for year in range(first, today.year):
        day = dt.date(year, 3, 1) if (today.month, today.day) == (2, 29) else today.replace(year=year)
        begin, end = (
            dt.datetime.combine(day + dt.timedelta(days=days), dt.time()).timestamp()
            for days in (-_AROUND_DAYS, _AROUND_DAYS + 1)
        )
        around |= (sessions.time >= begin) & (sessions.time < end)
    around &= ~sessions.rejected
    return float32(np.bincount(sessions.track[around], minlength=len(listener.plays)))


def _calm(lib: Library, data: RankingData) -> BoolArray:
    """Find the tracks to concentrate to by their descriptors: calm, without vocals, and none of the busiest."""
    stored = read_fields(lib, ["cf_tags", "cf_energy"])
    calm = [
        item
        for item, text in stored["cf_tags"].items()
        if _CALM.intersection(tags := str(text).split(", ")) and not any("vocal" in tag for tag in tags)
    ]
    energies = {item: coerce_count(value) for item, value in stored["cf_energy"].items()}
    bound = float(np.nanquantile([*energies.values()], _BUSIEST)) if energies else np.inf
    busy = [item for item, energy in energies.items() if energy > bound]
    return np.isin(data.ids, calm) & ~np.isin(data.ids, busy)


def _named(lib: Library, data: RankingData, playlist: Playlist, chosen: Chosen, number: int = 1) -> ChosenList:
    name, title = name_list(lib, data, playlist, chosen.ids, number)
    return ChosenList(name, chosen.ids, [reason.id for reason in chosen.reasons if reason.unplayed], title)
