"""Who listens to the library: by count fields, by the listening history, and by playlists made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import beets
import numpy as np

from beetsplug.cfaudio.library.history import has_history, keep_matches, open_history
from cfaudio_core.data.listeners import Listener, make_listeners
from cfaudio_core.data.playlists import read_playlists

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings
    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.util.arrays import FloatArray, IntArray


def read_people(lib: Library, tracks: Tracks, settings: Settings, *, match: bool) -> list[Listener]:
    """The listeners, the main one first.

    Parameters
    ----------
    lib, settings
        The library and its settings.
    tracks
        Every track of the library.
    match
        Match the history to the library again; False: take it as it was matched last, which is quicker.
    """
    people = make_listeners(tracks.counts, settings.users, len(tracks))
    if not has_history(settings):
        return people
    if not match:
        return listened(people, settings, tracks.ids, tracks.lengths)
    from cfaudio_core.history.listeners import with_history
    from cfaudio_core.history.matching import LibraryIndex

    with open_history(settings) as store:
        texts = store.texts()
        positions = keep_matches(store, texts, LibraryIndex(tracks, lib.directory), tracks)
        durations = np.array([text.duration for text in texts.values()], np.float64)
        return with_history(people, store, durations, tracks.lengths, positions, settings.session_gap)


def listened(people: list[Listener], settings: Settings, ids: IntArray, lengths: FloatArray) -> list[Listener]:
    """The listeners by the history too, as it was matched last.

    Parameters
    ----------
    people
        By their counts.
    settings
        The settings.
    ids, lengths
        int64 (n,) and float32 (n,): of every track, in the order of the ids.
    """
    if not has_history(settings):
        return people
    from cfaudio_core.history.listeners import with_history

    with open_history(settings) as store:
        durations, items = store.durations_and_items()
        at = np.minimum(np.searchsorted(ids, items), max(len(ids) - 1, 0))
        positions = np.where(ids[at] == items, at, -1) if len(ids) else np.full(len(items), -1)
        return with_history(people, store, durations, lengths, positions, settings.session_gap)


def playlists_by_hand(lib: Library, tracks: Tracks, settings: Settings) -> list[tuple[str, ...]]:
    """The files of beets' playlist plugin that each track is in, without those that the smartplaylist plugin makes."""
    folder = beets.config["playlist"]["playlist_dir"]
    if not folder.exists() or not folder.get():
        return tracks.playlists
    smart = beets.config["smartplaylist"]["playlists"]
    made = [str(entry["name"]) for entry in smart.get(list) if "name" in entry] if smart.exists() else []
    bases = [lib.directory, *([bytes(settings.relative_to)] if settings.relative_to else [])]
    return read_playlists(Path(folder.as_filename()), tracks.paths, bases, made)
