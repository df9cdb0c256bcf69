"""`beet cfplaylists`: choose the playlists of the configuration, and put each into its targets."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from beets.dbcore.query import ParsingError
from beets.exceptions import UserError
from beets.library import Item
from beets.library.queries import parse_query_parts
from beets.ui import print_

from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.library.snapshot import RankingData, read_library
from beetsplug.cfaudio.pipeline import listener, user_errors
from beetsplug.cfaudio.playlists.kinds import check_name, lists_of
from beetsplug.cfaudio.playlists.publish import Targets
from beetsplug.cfaudio.playlists.state import ChosenList, Remembered, read_state, write_state
from beetsplug.cfaudio.text import counted
from cfaudio_core.ranking.periods import period, seed
from cfaudio_core.targets.base import Entry
from cfaudio_core.util.locking import hold_lock

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.commands.parsers import PlaylistsOptions
    from beetsplug.cfaudio.config.playlists import Playlist


def run(plugin: BeetsPlugin, lib: Library, opts: PlaylistsOptions, args: list[str]) -> None:
    """Choose, and write or say what would be written."""
    settings = read_settings(plugin.config)
    if not settings.playlists:
        raise UserError("cfaudio.playlists: there are none in the configuration (docs/playlists.md has examples)")
    if opts.seed is not None and opts.seed < 0:
        raise UserError("--seed must be 0 or more")
    wanted = _wanted(settings.playlists, args)
    for playlist in wanted:
        _check(playlist)
    data = read_library(lib, settings)
    for playlist in wanted:
        listener(data.listeners, playlist.user)
    if not any(np.isfinite(scores).any() for scores in data.scores.values()):
        raise UserError("no track has a score yet; run `beet cfembed` first")
    said = partial(print_, "Waiting for another cfplaylists to end.")
    with user_errors(), nullcontext() if opts.pretend else hold_lock(settings.folder, "cfplaylists", said):
        _write(plugin, lib, settings, data, opts, wanted, everything=not args)


def _write(
    plugin: BeetsPlugin,
    lib: Library,
    settings: Settings,
    data: RankingData,
    opts: PlaylistsOptions,
    wanted: Sequence[Playlist],
    *,
    everything: bool,
) -> None:
    """Choose each, and write it or say what would be written."""
    file = settings.folder / "playlists.json"
    state = read_state(file)
    targets = Targets(lib, settings, data.listeners[0].name, state, plugin._log)
    for playlist in wanted:
        targets.check(playlist)
    today = dt.date.today()
    for playlist in wanted:
        old = state.get(playlist.key, Remembered())
        new, empty = _chosen(lib, settings, data, playlist, old, opts.seed, today)
        for line in _account(playlist, new, empty, kept=new is old):
            print_(line)
        if opts.pretend:
            for one in new.lists:
                for item in _items(lib, one.ids):
                    print_(f"    {item}")
            continue
        new.made = targets.write(playlist, [(one.name, _entries(lib, one)) for one in new.lists], old.made)
        state[playlist.key] = new
        write_state(file, state)  # after each: what is made is to be known, come what may
    if not opts.pretend and everything:
        _take_away_others(settings.playlists, state, targets)
        write_state(file, state)
    if targets.failed:
        raise SystemExit(1)


def _take_away_others(playlists: Sequence[Playlist], state: dict[str, Remembered], targets: Targets) -> None:
    """Take away the lists of entries that are in the configuration no more."""
    for name in state.keys() - {playlist.key for playlist in playlists}:
        if left := targets.take_away(state[name].made, {}):
            state[name] = Remembered(made=left)  # to be tried again
            continue
        del state[name]
        print_(f"{name}: taken away, as the configuration has it no more")


def _wanted(playlists: Sequence[Playlist], names: list[str]) -> list[Playlist]:
    """The playlists of some names or kinds, all where none is given."""
    for name in names:
        if not any(name in (one.name, one.kind) for one in playlists):
            raise UserError(f"there is no playlist {name} (there are: {', '.join(one.name for one in playlists)})")
    return [one for one in playlists if not names or one.name in names or one.kind in names]


def _check(playlist: Playlist) -> None:
    """Find out what is wrong with an entry before anything is written."""
    check_name(playlist)
    for key, query in (("query", playlist.query), ("like", playlist.like)):
        try:
            parse_query_parts(query, Item)
        except ParsingError as error:
            raise UserError(f"the {key} of playlist {playlist.name!r}: {error}") from error


def _chosen(
    lib: Library,
    settings: Settings,
    data: RankingData,
    playlist: Playlist,
    old: Remembered,
    given_seed: int | None,
    today: dt.date,
) -> tuple[Remembered, list[str]]:
    """What is on an entry's lists: the same as before within its period; and why some are empty."""
    now = period(playlist.refresh, today)
    how = json.dumps([asdict(replace(playlist, targets=())), settings.taste, settings.exclude])
    there = set(data.ids.tolist())
    whole = bool(old.lists) and all(one.ids and there.issuperset(one.ids) for one in old.lists)
    if given_seed is None and whole and old.period == now and old.settings == how:
        return old, []
    before = old.unheard if old.period != now else old.before
    number = seed(playlist.key, now) if given_seed is None else given_seed
    lists: list[ChosenList] = []
    empty: list[str] = []
    for one, why in lists_of(lib, settings, data, playlist, number, frozenset(before)):
        if not one.ids and len(lists) < len(old.lists):
            one.name = old.lists[len(lists)].name  # an empty list knows nothing to be called by
        lists.append(one)
        empty.append(why)
    return Remembered(how, now, lists, before), empty


def _account(playlist: Playlist, new: Remembered, empty: list[str], *, kept: bool) -> Iterator[str]:
    for at, one in enumerate(new.lists):
        if not one.ids:
            yield f"{one.name}: empty: {empty[at] if at < len(empty) else 'nothing can be chosen'}"
            continue
        unheard = f", {len(one.unheard)} never heard" if one.unheard else ""
        as_before = f", as before ({playlist.refresh})" if kept else ""
        yield f"{one.name}: {counted(len(one.ids), 'track')}{unheard}{as_before}"


def _items(lib: Library, ids: Sequence[int]) -> list[Item]:
    return [item for item in map(lib.get_item, ids) if item is not None]


def _entries(lib: Library, one: ChosenList) -> list[Entry]:
    return [
        Entry(
            item.path,
            item.length or 0,
            f"{item.artist} - {item.title}",
            item.artist,
            item.title,
            item.album,
            item.albumartist,
        )
        for item in _items(lib, one.ids)
    ]
