"""Listeners to the library: by count fields, by the listening history, and their playlists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import beets
import numpy as np
from beets.exceptions import UserError
from beets.library import Library

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.history import has_history, history_state, open_history
from beetsplug.cfaudio.library.listener_names import known_listeners, unknown_listener
from beetsplug.cfaudio.library.matches import library_name, read_matched, update_matches
from beetsplug.cfaudio.text import counted
from cfaudio_core.data.listeners import Listener, find_name, make_listeners
from cfaudio_core.data.playlists import read_playlists
from cfaudio_core.data.tracks import TrackMarks, Tracks, marks_of
from cfaudio_core.history.count_growth import DATES
from cfaudio_core.util.arrays import FloatArray, IntArray
from cfaudio_core.util.fingerprint import fingerprint

_MAX_NAMED = 5  # playlists
_read: dict[str | None, list[Listener]] = {}  # the last history that this process has read, by its key


def read_listeners(lib: Library, tracks: Tracks, settings: Settings, *, match: bool) -> list[Listener]:
    """Read the listeners over every track of the library, the main one first.

    With `match` the history is matched to the library again; without, the last matches are used, which is quicker.
    """
    by_counts = make_listeners(tracks.counts, settings.users, len(tracks))
    if match and has_history(settings):
        with open_history(settings) as store:
            update_matches(lib, store, tracks)
        history_state(settings, wait=True)  # it may have been written to just now
    names = [listener.name for listener in by_counts]
    return add_history(by_counts, read_history(lib, names, settings, marks_of(tracks), tracks.lengths))


def read_history(
    lib: Library, names: Sequence[str], settings: Settings, marks: TrackMarks, lengths: FloatArray
) -> list[Listener]:
    """Read listeners by the history alone, by its last matches: those of the names, and whoever else is in it.

    Marks and lengths, float32 (n,), are of every track, in the order of the ids. The history is matched again where it
    was matched to another library last.
    """
    key = history_key(lib, names, settings, marks, lengths)
    if key in _read:
        return _read[key]
    nothing = np.zeros(len(lengths), np.float32)
    listeners = [Listener(name, nothing, nothing) for name in names]
    if not has_history(settings):
        return listeners
    from cfaudio_core.history.listeners import with_history

    with open_history(settings) as store:
        listeners = with_history(listeners, read_matched(lib, store, marks, lengths, settings.session_gap))
    if key is not None and key == history_key(lib, names, settings, marks, lengths):
        _read.clear()
        _read[key] = listeners
    return listeners


def history_key(
    lib: Library, names: Sequence[str], settings: Settings, marks: TrackMarks, lengths: FloatArray
) -> str | None:
    """Fingerprint of all that `read_history` returns is made of; None: not certain."""
    state = history_state(settings)
    return state and fingerprint(state, names, settings.session_gap, library_name(lib), *marks, lengths)


def add_history(by_counts: Sequence[Listener], by_history: Sequence[Listener]) -> list[Listener]:
    """Add the counts of listeners to what the history has of them and of others: of both the larger.

    Ratings in fields have no time: what the history has of a track is taken to be newer.
    """
    counted = {listener.name: listener for listener in by_counts}
    return [
        replace(
            one,
            plays=np.maximum(one.plays, also.plays),
            skips=np.maximum(one.skips, also.skips),
            feedback=np.where(one.feedback != 0, one.feedback, also.feedback),
        )
        for one in by_history
        for also in [counted.get(one.name, one)]
    ]


def find_listener(among: Sequence[Listener], name: str | None, settings: Settings | None = None) -> Listener:
    """Find the listener of a name, the main one for None; a UserError where there is none.

    With the settings, the error tells a listener without plays of the library's tracks from one that is unknown.
    """
    if name is None:
        return among[0]
    names = [listener.name for listener in among]
    known = find_name(name, names)
    if known is None:
        if settings is not None and find_name(name, known_listeners(settings)):
            raise UserError(f"{name} has not played a track of the library yet")
        raise unknown_listener(name, names)
    return among[names.index(known)]


def why_nobody(listeners: Sequence[Listener]) -> str:
    """Say whose plays there are where the main listener has none; "" where there are some, or none at all."""
    main, *others = listeners
    names = [listener.name for listener in others if listener.known.any()]
    if main.known.any() or not names:
        return ""
    return f"no plays of {main.name} are known, but some of {' and of '.join(names)}: try -u {names[0]}"


def fields_of(listener: Listener, settings: Settings, counts: Mapping[str, object]) -> list[str]:
    """List the count fields of a listener that any track has."""
    named = settings.users.get(listener.name, [] if settings.users else list(counts))
    if not settings.users and listener.name != settings.main_listener:
        return []
    return [field for field in named if field in counts]


def last_played_of(
    listener: Listener, settings: Settings, counts: Mapping[str, np.ndarray[Any, Any]], n: int
) -> IntArray:
    """When a listener last played each of n tracks, by the history and by the dates beside the count fields.

    `counts` are the columns of `read_counts`; returns int64 (n,), UTC in seconds, 0 where unknown or never.
    """
    last = listener.sessions.last_played(n)
    for date in {DATES[field] for field in fields_of(listener, settings, counts) if field in DATES}:
        last = np.maximum(last, counts.get(date, np.int64(0)))
    return last


def read_handmade_playlists(
    lib: Library, tracks: Tracks, settings: Settings, on_problem: Callable[[str], None] = lambda _: None
) -> list[tuple[str, ...]]:
    """Read the files of beets' playlist plugin that each track is in, without those that smartplaylist makes.

    `on_problem` is called with one line where entries of them are no tracks of the library.
    """
    folder = beets.config["playlist"]["playlist_dir"]
    if not folder.exists() or not folder.get():
        return tracks.playlists
    smart = beets.config["smartplaylist"]["playlists"]
    made = [str(entry["name"]) for entry in smart.get(list) if "name" in entry] if smart.exists() else []
    bases = list(dict.fromkeys([lib.directory, settings.music_folder(lib.directory)]))

    def find(paths: list[str]) -> IntArray:
        from cfaudio_core.history.matching import LibraryIndex
        from cfaudio_core.history.records import TrackText

        index = LibraryIndex(replace(tracks, titles=[""] * len(tracks)), lib.directory)  # by paths alone
        return index.match([TrackText(path=path) for path in paths])

    def say(missing: dict[str, int]) -> None:
        named = [f"{name}: {number}" for name, number in list(missing.items())[:_MAX_NAMED]]
        more = ["..."] if len(missing) > _MAX_NAMED else []
        entries = counted(sum(missing.values()), "entry", "entries")
        on_problem(f"{entries} of playlists made by hand are no track of the library ({', '.join(named + more)})")

    return read_playlists(Path(folder.as_filename()), tracks.paths, bases, made, find, say)
