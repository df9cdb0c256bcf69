"""The first screen: the tracks to play now, and why, as `cfrecommend` chooses and explains them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.playlists.candidates import matching
from beetsplug.cfaudio.playlists.explain import explain
from beetsplug.cfaudio.playlists.recommend import choose_items
from beetsplug.cfaudio.playlists.request import Chosen, Reason, request_of
from cfaudio_core.ranking.taste import decayed_counts, mean_taste, modes, taste_weights
from cfaudio_core.report.listing import short, why
from cfaudio_core.util.arrays import float32

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings
    from cfaudio_core.data.listeners import Listener

_TITLE = 60  # columns of the title of a loved track

TO_PLAY = 10
"""Tracks to play now."""


def ten_to_play(
    lib: Library, settings: Settings, data: RankingData, listener: Listener
) -> tuple[list[int], dict[int, str]]:
    """Choose what `cfrecommend -n 10` does, ids in their order, and say why each is there, by its id.

    Nothing, where it has nothing to go by.
    """
    request = request_of(settings, TO_PLAY, user=listener.name)
    chosen = choose_items(lib, data, request)
    return chosen.ids, _words(lib, settings, data, chosen, listener) if len(chosen) else {}


def reasons_of(
    lib: Library,
    settings: Settings,
    data: RankingData,
    listener: Listener,
    ids: Sequence[int],
    like: tuple[str, ...] = (),
) -> dict[int, str]:
    """Say why tracks of a list are on it, by their ids: by the loved tracks, or those of a query, nearest to them.

    `ids` are of the library.
    """
    weights = taste_weights(listener, decayed_counts(listener, data.last_played[listener.name])[0])
    taste = mean_taste(data.vectors, float32(matching(lib, data, like))) if like else modes(data.vectors, weights)
    at = data.at(ids)
    near = taste.nearest(data.vectors, data.song, at)
    scores, plays = data.scores[listener.name][at].tolist(), listener.plays[at].tolist()
    reasons = [
        Reason(item, score, int(played), None, data.ids[loved].tolist())
        for item, score, played, loved in zip(ids, scores, plays, near, strict=True)
    ]
    return _words(lib, settings, data, Chosen(reasons), listener)


def _words(lib: Library, settings: Settings, data: RankingData, chosen: Chosen, listener: Listener) -> dict[int, str]:
    explanations = explain(lib, settings, data, request_of(settings, len(chosen), user=listener.name), chosen)
    tracks = read_tracks(lib, [], sorted(explanations))
    artist = dict(zip(tracks.ids.tolist(), tracks.artists, strict=True))
    return {
        item: why(artist.get(item, ""), [(one.artist, short(one.title, _TITLE)) for one in found.near], found.by_sound)
        for item, found in explanations.items()
    }


def unplayed_above_usual(data: RankingData, listener: Listener) -> int:
    """Count the tracks never played that score above the half of the played ones that is liked less."""
    scores = data.scores[listener.name]
    played = scores[listener.played & np.isfinite(scores)]
    return int(np.count_nonzero(scores[~listener.played] > np.median(played))) if len(played) else 0
