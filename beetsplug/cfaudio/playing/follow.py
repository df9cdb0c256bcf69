"""Keeps MPD's queue filled, for `cfrecommend --follow`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from beets.exceptions import UserError
from beets.library import Item, Library

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import read_library
from beetsplug.cfaudio.playing.now import last_tracks, next_track
from beetsplug.cfaudio.playing.queue import PlayerQueue
from beetsplug.cfaudio.playlists.recommend import choose_items
from beetsplug.cfaudio.playlists.request import Request
from cfaudio_core.ranking.session import MAX_GIVEN
from cfaudio_core.targets.base import Entry


def follow(
    lib: Library,
    settings: Settings,
    request: Request,
    queue: PlayerQueue,
    show: Callable[[list[Item], list[Entry]], None],
    *,
    play: bool,
) -> None:
    """Keep as many tracks ahead in the queue as are requested, which go on from those before, until interrupted.

    Parameters
    ----------
    request
        Where it has a query `like`, the first tracks go on from those of that query.
    show
        Called with the tracks that are added, and those of them that MPD does not have.
    play
        Whether the first ones take the place of what is in the queue, and are played.

    Raises
    ------
    UserError
        If nothing more can be chosen, or MPD is gone.
    """
    recent: list[int] = []  # a queue may drop what it has played
    added: set[int] = set()
    for begun, ahead in queue.changes():
        recent = [i for i in recent if i not in begun] + begun
        left = len(ahead) if begun else len(added.intersection(ahead))
        if play and not added:
            left = 0
        if left >= request.n:
            continue
        data = read_library(lib, settings)  # with what was banned or played since
        listener = find_listener(data.listeners, request.user)
        known = frozenset(data.ids.tolist())
        given = tuple([i for i in recent if i in known][-MAX_GIVEN:])
        if not given or (request.like and not added):
            given, _ = last_tracks(lib, settings, data, listener, request.like, queue)
        chosen = choose_items(
            lib,
            data,
            replace(request, given=given, like=(), n=request.n - left),
            avoid=frozenset(added.union(recent, ahead)),
            familiar=next_track(data, listener, given),
        )
        if not chosen.reasons:
            raise UserError(chosen.why)
        items = [item for i in chosen.ids if (item := lib.get_item(i)) is not None]
        missing = queue.add(items, play=play and not added)
        added.update(chosen.ids)
        show(items, missing)
