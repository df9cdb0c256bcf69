"""Listeners to the library: by count fields, by the listening history, and their playlists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import beets
import numpy as np
from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.history import has_history, keep_matches, open_history
from cfaudio_core.data.listeners import MAIN_LISTENER, Listener, make_listeners
from cfaudio_core.data.playlists import read_playlists
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.util.arrays import FloatArray, IntArray


def read_listeners(lib: Library, tracks: Tracks, settings: Settings, *, match: bool) -> list[Listener]:
    """Read the listeners over every track of the library, the main one first.

    With `match` the history is matched to the library again; without, the last matches are used, which is quicker.
    """
    by_counts = make_listeners(tracks.counts, settings.users, len(tracks))
    if not match or not has_history(settings):
        names = [listener.name for listener in by_counts]
        return add_history(by_counts, read_history(names, settings, tracks.ids, tracks.lengths))
    from cfaudio_core.history.listeners import with_history
    from cfaudio_core.history.matching import LibraryIndex

    with open_history(settings) as store:
        texts = store.texts()
        positions = keep_matches(store, texts, LibraryIndex(tracks, lib.directory), tracks)
        durations = np.array([text.duration for text in texts.values()], np.float64)
        return with_history(by_counts, store, durations, tracks.lengths, positions, settings.session_gap)


def read_history(names: Sequence[str], settings: Settings, ids: IntArray, lengths: FloatArray) -> list[Listener]:
    """Read listeners by the history alone, by its last matches: those of the names, and whoever else is in it.

    Ids, int64 (n,), and lengths, float32 (n,), are of every track, in the order of the ids.
    """
    nothing = np.zeros(len(ids), np.float32)
    listeners = [Listener(name, nothing, nothing) for name in names]
    if not has_history(settings):
        return listeners
    from cfaudio_core.history.listeners import with_history

    with open_history(settings) as store:
        durations, items = store.durations_and_items()
        at = np.minimum(np.searchsorted(ids, items), max(len(ids) - 1, 0))
        positions = np.where(ids[at] == items, at, -1) if len(ids) else np.full(len(items), -1)
        return with_history(listeners, store, durations, lengths, positions, settings.session_gap)


def add_history(by_counts: Sequence[Listener], by_history: Sequence[Listener]) -> list[Listener]:
    """Add the counts of listeners to what the history has of them and of others: of both the larger."""
    counted = {listener.name: listener for listener in by_counts}
    return [
        replace(one, plays=np.maximum(one.plays, also.plays), skips=np.maximum(one.skips, also.skips))
        for one in by_history
        for also in [counted.get(one.name, one)]
    ]


def find_listener(among: Sequence[Listener], name: str | None) -> Listener:
    """Find the listener of a name, the main one for None; a UserError where there is none."""
    for listener in among:
        if name in (None, listener.name):
            return listener
    raise _unknown(name, [listener.name for listener in among])


def check_listener(settings: Settings, name: str) -> None:
    """Raise a UserError where neither the settings nor the history know a listener; the library is not read."""
    names = settings.listener_names
    if has_history(settings):
        with open_history(settings) as store:
            names += sorted({held.listener for held in store.overview()} - {MAIN_LISTENER, *names})
    if name not in names:
        raise _unknown(name, names)


def _unknown(name: str | None, names: Sequence[str]) -> UserError:
    return UserError(f"there is no listener {name} (there are: {', '.join(names)})")


def read_handmade_playlists(lib: Library, tracks: Tracks, settings: Settings) -> list[tuple[str, ...]]:
    """Read the files of beets' playlist plugin that each track is in, without those that smartplaylist makes."""
    folder = beets.config["playlist"]["playlist_dir"]
    if not folder.exists() or not folder.get():
        return tracks.playlists
    smart = beets.config["smartplaylist"]["playlists"]
    made = [str(entry["name"]) for entry in smart.get(list) if "name" in entry] if smart.exists() else []
    bases = [lib.directory, *([bytes(settings.relative_to)] if settings.relative_to else [])]
    return read_playlists(Path(folder.as_filename()), tracks.paths, bases, made)
