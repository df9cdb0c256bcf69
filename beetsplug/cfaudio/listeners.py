"""Who listens to the library: by count fields, by the listening history, and by playlists made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import beets
import numpy as np

from beetsplug.cfaudio.history import has_history, keep_matches, open_history
from cfaudio_core.listening.counts import Listener, listeners
from cfaudio_core.listening.playlists import read_playlists

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.settings import Settings
    from cfaudio_core.listening.columns import Texts
    from cfaudio_core.listening.store import ListenStore
    from cfaudio_core.tracks import IntArray, Tracks


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
    people = listeners(tracks.counts, settings.users, len(tracks))
    if not has_history(settings):
        return people
    from cfaudio_core.listening.history import with_history
    from cfaudio_core.listening.matching import LibraryIndex

    with open_history(settings) as store:
        texts = store.texts()
        if match:
            positions = keep_matches(store, texts, LibraryIndex(tracks, lib.directory), tracks)
        else:
            positions = _last_matches(store, texts, tracks)
        return with_history(people, store, texts.tracks, tracks, positions, settings.session_gap)


def playlists_by_hand(lib: Library, tracks: Tracks, settings: Settings) -> list[tuple[str, ...]]:
    """The files of beets' playlist plugin that each track is in, without those that the smartplaylist plugin makes."""
    folder = beets.config["playlist"]["playlist_dir"]
    if not folder.exists() or not folder.get():
        return tracks.playlists
    smart = beets.config["smartplaylist"]["playlists"]
    made = [str(entry["name"]) for entry in smart.get(list) if "name" in entry] if smart.exists() else []
    bases = [lib.directory, *([bytes(settings.relative_to)] if settings.relative_to else [])]
    return read_playlists(Path(folder.as_filename()), tracks.paths, bases, made)


def _last_matches(store: ListenStore, texts: Texts, tracks: Tracks) -> IntArray:
    """int64 (m,): the track that each text was last found to be, -1 where none, or one that has gone since."""
    at = {int(item): position for position, item in enumerate(tracks.ids)}
    matched = store.matched()
    known = [matched.get(int(text)) for text in texts.ids]
    return np.array([at.get(match.item_id, -1) if match else -1 for match in known], np.int64)
