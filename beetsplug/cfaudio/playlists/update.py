"""Brings the configured playlists up to date: chooses those that are due, and puts each into its targets."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from logging import Logger

import numpy as np
from beets.dbcore.query import ParsingError
from beets.exceptions import UserError
from beets.library import Item, Library
from beets.library.queries import parse_query_parts
from beets.ui import print_

from beetsplug.cfaudio.config.playlists import Playlist, period, seed
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData, read_library
from beetsplug.cfaudio.playlists.kinds import lists_of
from beetsplug.cfaudio.playlists.naming import check_name
from beetsplug.cfaudio.playlists.players import entry_of
from beetsplug.cfaudio.playlists.publish import Targets
from beetsplug.cfaudio.playlists.state import ChosenList, PlaylistState, read_state, write_state
from beetsplug.cfaudio.text import counted
from cfaudio_core.data.feedback import is_barred
from cfaudio_core.util.files import hold_lock


def update_playlists(
    lib: Library,
    settings: Settings,
    names: Sequence[str],
    log: Logger,
    *,
    seed: int | None = None,
    pretend: bool = False,
) -> bool:
    """Choose playlists, and write them or print what would be written.

    Parameters
    ----------
    lib, settings, log
        The library, its settings, and the log for targets that fail.
    names
        Names or kinds of the playlists; none: all of them, and lists of entries that are gone are removed.
    seed
        Of the draw; None: the same as before within a period.
    pretend
        Print, and write nothing.

    Returns
    -------
    bool
        Whether all targets were written.
    """
    if not settings.playlists:
        raise UserError("cfaudio.playlists: there are none in the configuration (docs/playlists.md has examples)")
    requested = _requested(settings.playlists, names)
    for playlist in requested:
        _check(playlist)
    data = read_library(lib, settings)
    for playlist in requested:
        find_listener(data.listeners, playlist.user, settings)
    if not any(np.isfinite(scores).any() for scores in data.scores.values()):
        raise UserError("no track has a score yet; run `beet cfembed` first")
    on_wait = partial(print_, "Waiting for another cfplaylists to end.")
    with user_errors(), nullcontext() if pretend else hold_lock(settings.folder, "cfplaylists", on_wait):
        file = settings.folder / "playlists.json"
        state = read_state(file, data.marks)
        for playlist in settings.playlists:
            if playlist.key not in state and playlist.former_key in state:
                state[playlist.key] = state.pop(playlist.former_key)
        others = {playlist.key for playlist in settings.playlists} - {playlist.key for playlist in requested}
        targets = Targets(lib, settings, data.listeners[0].name, state, others, log)
        for playlist in requested:
            targets.check(playlist)
        today = dt.date.today()
        for playlist in requested:
            old = state.get(playlist.key, PlaylistState())
            new, empty = _choose(lib, settings, data, playlist, old, seed, today)
            for line in _summarize(playlist, new, empty, kept=new is old):
                print_(line)
            if pretend:
                for one in new.lists:
                    for item in _items(lib, one.ids):
                        print_(f"    {item}")
                continue
            lists = [(one.name, one.title, [entry_of(item) for item in _items(lib, one.ids)]) for one in new.lists]
            new.made = targets.write(playlist, lists, old.made)
            state[playlist.key] = new
            write_state(file, state, data.marks)  # after each, so that what was made is known whatever happens
        if not pretend and not names:
            _remove_others(settings.playlists, state, targets)
            write_state(file, state, data.marks)
    return not targets.failed


def _remove_others(playlists: Sequence[Playlist], state: dict[str, PlaylistState], targets: Targets) -> None:
    """Remove the lists of entries that are no longer in the configuration."""
    for name in state.keys() - {playlist.key for playlist in playlists}:
        if left := targets.remove_old(state[name].made, {}):
            state[name] = PlaylistState(made=left)  # to be tried again
            continue
        del state[name]
        print_(f"{name}: taken away, as the configuration has it no more")


def _requested(playlists: Sequence[Playlist], names: Sequence[str]) -> list[Playlist]:
    """Select the playlists of some names or kinds, all where none is given."""
    for name in names:
        if not any(name in (one.name, one.kind, one.key) for one in playlists):
            raise UserError(f"there is no playlist {name} (there are: {', '.join(one.name for one in playlists)})")
    return [one for one in playlists if not names or {one.name, one.kind, one.key} & set(names)]


def _check(playlist: Playlist) -> None:
    """Raise a UserError where an entry makes no sense, before anything is written."""
    check_name(playlist)
    for key, query in (("query", playlist.query), ("like", playlist.like)):
        try:
            parse_query_parts(query, Item)
        except ParsingError as error:
            raise UserError(f"the {key} of playlist {playlist.name!r}: {error}") from error


def _choose(
    lib: Library,
    settings: Settings,
    data: RankingData,
    playlist: Playlist,
    old: PlaylistState,
    drawn: int | None,
    today: dt.date,
) -> tuple[PlaylistState, list[str]]:
    """Choose an entry's lists, the same as before within its period, with the reasons where some are empty or short."""
    now = period(playlist.refresh, today)
    made_of = json.dumps([asdict(replace(playlist, targets=())), settings.taste, settings.exclude])
    barred = is_barred(find_listener(data.listeners, playlist.user).feedback, data.song)
    existing = set(data.ids[~barred].tolist())  # a list with a track that is banned or disliked since is chosen again
    whole = bool(old.lists) and all(one.ids and existing.issuperset(one.ids) for one in old.lists)
    if drawn is None and whole and old.period == now and old.settings == made_of:
        return old, []
    before = old.unplayed if old.period != now else old.before
    draw = seed(playlist.key, now) if drawn is None else drawn
    lists: list[ChosenList] = []
    empty: list[str] = []
    for one, why in lists_of(lib, settings, data, playlist, draw, frozenset(before)):
        if not one.ids and len(lists) < len(old.lists):
            before_it = old.lists[len(lists)]
            one.name, one.title = before_it.name, before_it.title  # an empty list has nothing to be named after
        lists.append(one)
        empty.append(why)
    return PlaylistState(made_of, now, lists, before), empty


def _summarize(playlist: Playlist, new: PlaylistState, empty: list[str], *, kept: bool) -> Iterator[str]:
    for at, one in enumerate(new.lists):
        if not one.ids:
            yield f"{one.title or one.name}: empty: {empty[at] if at < len(empty) else 'nothing can be chosen'}"
            continue
        unplayed = f", {len(one.unplayed)} never played" if one.unplayed else ""
        as_before = f", as before ({playlist.refresh})" if kept else ""
        short = f"; {empty[at]}" if at < len(empty) and empty[at] else ""
        yield f"{one.title or one.name}: {counted(len(one.ids), 'track')}{unplayed}{as_before}{short}"


def _items(lib: Library, ids: Sequence[int]) -> list[Item]:
    return [item for item in map(lib.get_item, ids) if item is not None]
