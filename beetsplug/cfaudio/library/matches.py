"""Matches of the history's texts to the library's tracks, as they are kept for the next command."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cfaudio_core.data.listeners import Listener, find_name
from cfaudio_core.data.tracks import marks_of
from cfaudio_core.util.fingerprint import fingerprint

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.history.matching import LibraryIndex
    from cfaudio_core.history.records import TrackText
    from cfaudio_core.history.store import ListenStore
    from cfaudio_core.util.arrays import FloatArray, IntArray


def library_name(lib: Library) -> str:
    """Name a library by its file: each has ids of its own."""
    return fingerprint(os.path.realpath(os.fsdecode(lib.path)), size=8)


def keep_matches(
    store: ListenStore, texts: Mapping[int, TrackText], index: LibraryIndex, tracks: Tracks, library: str
) -> IntArray:
    """Match all texts of the history to tracks of a library, and store the matches.

    Returns
    -------
    IntArray
        int64 (m,): the position of each text's track, negative where it is none.
    """
    positions = index.match(texts.values())
    matched = np.flatnonzero(positions >= 0)
    names = marks_of(tracks.subset(positions[matched])).names.view(np.int64).tolist()
    ids = np.fromiter(texts, np.int64, len(texts))[matched].tolist()
    store.keep_matches(
        {i: (int(tracks.ids[at]), tracks.keys[at]) for i, at in zip(ids, positions[matched], strict=True)},
        dict(zip(ids, names, strict=True)),
        library,
    )
    return positions


def match_history(
    lib: Library, store: ListenStore, index: LibraryIndex, tracks: Tracks, listeners: list[Listener], gap: float
) -> list[Listener]:
    """Match the history to all tracks of the library, store the matches, and add the history to listeners."""
    from cfaudio_core.history.listeners import MatchedHistory, with_history

    texts = store.texts()
    positions = keep_matches(store, texts, index, tracks, library_name(lib))
    durations = np.array([text.duration for text in texts.values()], np.float64)
    return with_history(listeners, MatchedHistory.read(store, durations, tracks.lengths, positions, gap))


def describe_oddities(store: ListenStore, listeners: Sequence[Listener], lengths: FloatArray) -> list[str]:
    """Make the lines on what is odd about the history of some listeners; see `oddities`.

    The history is matched, and the listeners have all of it; `lengths` are float32 (n,) seconds.
    """
    from cfaudio_core.history.audit import oddities

    names, listens = [listener.name for listener in listeners], Counter[str]()
    for stored, number in store.count_matched().items():
        listens[find_name(stored, names) or stored] += number
    return [line for one in listeners for line in oddities(one, listens[one.name], lengths)]
