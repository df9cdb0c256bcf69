"""What a listener played, as the model is fitted to it, with where that is known from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from beets.library import Library

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.history import has_history, open_history
from beetsplug.cfaudio.library.listeners import fields_of, find_listener, last_played_of
from beetsplug.cfaudio.library.matches import follow_items
from beetsplug.cfaudio.library.snapshot import read_counts
from beetsplug.cfaudio.library.tracks import read_tracks
from cfaudio_core.data.feedback import is_rating_field
from cfaudio_core.data.listeners import Listener, find_name, make_listeners
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.history.audit import SourceCounts, count_sources
from cfaudio_core.history.feedback import Statement
from cfaudio_core.history.listeners import MatchedHistory, with_history
from cfaudio_core.history.matching import LibraryIndex
from cfaudio_core.util.arrays import IntArray
from cfaudio_core.util.fingerprint import prints


class PlayCounts(NamedTuple):
    """Counts of a listener over all n tracks of the library.

    Attributes
    ----------
    listener, tracks
        The plays and skips, and the tracks.
    last_played
        int64 (n,): UTC, seconds; 0 where unknown or never.
    sources
        Count fields and sources of the history; `undated` of a field is the sum of its counts.
    shared
        Listens of plays that another source has too, which count once.
    listeners
        Names of all listeners, the main one first.
    feedback_time
        int64 (n,): when the listener's feedback was given; UTC, seconds, 0 where unknown or none.
    statements
        Each like, dislike, ban and rating of the store, with the ids of its items, none where the track is gone, and
        the artist and title that it had.
    """

    listener: Listener
    tracks: Tracks
    last_played: IntArray
    sources: list[SourceCounts]
    shared: int
    listeners: list[str]
    feedback_time: IntArray
    statements: list[tuple[Statement, list[int], tuple[str, str]]]


def read_plays(lib: Library, settings: Settings, name: str | None) -> PlayCounts:
    """Count the plays of a listener, the main one for None; the history is matched again, and nothing is stored.

    Raises
    ------
    UserError
        If there is no such listener.
    """
    tracks = read_tracks(lib, settings.count_fields)
    everyone = make_listeners(tracks.counts, settings.users, len(tracks))
    sources: list[SourceCounts] = []
    stated: list[tuple[Statement, list[int], tuple[str, str]]] = []
    times = np.zeros(len(tracks), np.int64)
    if has_history(settings):
        with open_history(settings) as store:
            texts = store.texts()
            positions = LibraryIndex(tracks, lib.directory).match(texts.values())
            durations = np.array([text.duration for text in texts.values()], np.float64)
            follow_items(lib, store.feedback(), positions, tracks.ids)
            gap, sounds = settings.session_gap, prints(tracks.keys)
            history = MatchedHistory.read(store, durations, tracks.lengths, positions, gap, sounds)
            everyone = with_history(everyone, history)
            listener = find_listener(everyone, name, settings)
            sources = count_sources(everyone, listener, history)
            names = [one.name for one in everyone]
            mine = {one.listener for one in history.statements if find_name(one.listener, names) == listener.name}
            times = history.feedback(sorted(mine))[1]
            named = [(text.artist, text.title) for text in texts.values()]
            stated = [
                (one, tracks.ids[at].tolist(), named[one.text])
                for one, at in zip(history.statements, history.stated, strict=True)
                if one.listener in mine
            ]
    listener = find_listener(everyone, name, settings)
    shared = sum(one.listens - one.unmatched - one.doubles for one in sources) - len(listener.sessions.track)
    last = last_played_of(listener, settings, read_counts(lib, settings.count_fields, tracks.ids), len(tracks))
    counted = [name for name in fields_of(listener, settings, tracks.counts) if not is_rating_field(name)]
    fields = [SourceCounts(name, undated=int(np.nansum(tracks.counts[name]))) for name in counted]
    names = [one.name for one in everyone]
    return PlayCounts(listener, tracks, last, [*fields, *sources], shared, names, times, stated)
