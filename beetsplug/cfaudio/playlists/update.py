"""Brings the configured playlists up to date: chooses those that are due, and puts each into its targets."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from logging import Logger

import numpy as np
from beets.dbcore.query import ParsingError
from beets.exceptions import UserError
from beets.library import Item, Library
from beets.library.queries import parse_query_parts

from beetsplug.cfaudio.config.playlists import Playlist, period, seed
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData, read_library
from beetsplug.cfaudio.playlists.kinds import lists_of
from beetsplug.cfaudio.playlists.lines import called, describe_lists, head, where
from beetsplug.cfaudio.playlists.naming import check_name
from beetsplug.cfaudio.playlists.players import entry_of
from beetsplug.cfaudio.playlists.publish import Targets
from beetsplug.cfaudio.playlists.state import ChosenList, PlaylistState, read_state, write_state
from beetsplug.cfaudio.text import no_plays, say, say_waiting
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
    wait: bool = True,
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
    wait
        Wait for another run to end; False: a UserError where there is one.

    Returns
    -------
    bool
        Whether all targets were written.
    """
    if not settings.playlists:
        raise UserError("cfaudio.playlists: there are none in the configuration (docs/playlists.md has examples)")
    requested = _requested(settings.playlists, names, read_state(settings.folder / "playlists.json"))
    for playlist in requested:
        _check(playlist)
    data = read_library(lib, settings)
    for playlist in requested:
        find_listener(data.listeners, playlist.user, settings)
    _check_scores(data, requested)
    on_wait = partial(say_waiting, "cfplaylists") if wait else None
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
            lines = list(describe_lists(playlist, new.lists, empty, kept=new is old, today=today))
            if pretend:
                for line, one in zip(lines, new.lists, strict=True):
                    say(line)
                    for item in _items(lib, one.ids):
                        say(f"    {item}")
                continue
            lists = [(one.name, one.title, [entry_of(item) for item in _items(lib, one.ids)]) for one in new.lists]
            new.made = targets.write(playlist, lists, old.made)
            for at, line in enumerate(lines):
                written = ", ".join(where(targets.written_of(new.made), at)) or "not written"
                say(f"{line} -> {written}" if new.lists[at].ids else line)
            state[playlist.key] = new
            write_state(file, state, data.marks)  # after each, so that what was made is known whatever happens
        if not pretend and not names:
            _remove_others(settings.playlists, state, targets)
            write_state(file, state, data.marks)
    return not targets.failed


def _remove_others(playlists: Sequence[Playlist], state: dict[str, PlaylistState], targets: Targets) -> None:
    """Remove the lists of entries that are no longer in the configuration."""
    for name in sorted(state.keys() - {playlist.key for playlist in playlists}):
        title = called(name, state[name])
        if left := targets.remove_old(state[name].made, {}):
            state[name] = PlaylistState(made=left)  # to be tried again
            continue
        del state[name]
        say(f"{title}: removed (no longer in the configuration)")


def _requested(
    playlists: Sequence[Playlist], names: Sequence[str], state: Mapping[str, PlaylistState]
) -> list[Playlist]:
    """Select the playlists of some names or kinds, or that one of their lists is called by; all where none is given."""
    of = {one.key: {one.name, one.kind, one.key} for one in playlists}
    for key, known in of.items():
        for made in state.get(key, PlaylistState()).lists:
            known |= {made.name, head(made.name)}
    for name in names:
        if not any(name in known for known in of.values()):
            there = ", ".join(called(one.name, state.get(one.key), one.kind) for one in playlists)
            raise UserError(f"there is no playlist {name} (there are: {there})")
    return [one for one in playlists if not names or of[one.key] & set(names)]


def _check_scores(data: RankingData, playlists: Sequence[Playlist]) -> None:
    """Raise a UserError where no track has a score, unless a list goes by other tracks than the played ones."""
    if any(np.isfinite(scores).any() for scores in data.scores.values()):
        return
    if not data.placed.any():
        raise UserError("no track is analysed yet; run `beet cfembed` first")
    if not any(one.played.any() for one in data.listeners):
        if not any(playlist.like for playlist in playlists):
            raise UserError(f"{no_plays()}. Lists with `like`, as of kind radio, need no plays")
        return
    raise UserError("no track has a score yet; run `beet cfembed` first")


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


def _items(lib: Library, ids: Sequence[int]) -> list[Item]:
    return [item for item in map(lib.get_item, ids) if item is not None]
