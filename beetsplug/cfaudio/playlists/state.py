"""State of the configured playlists between runs: so that lists stay for their period, and none is left over.

The file knows tracks by the ids that they had, and each id by the marks of its track: another track may have got it
since, or the library may be another one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from beets.exceptions import UserError

from beetsplug.cfaudio.errors import file_errors
from cfaudio_core.data.tracks import TrackMarks, as_rows, from_rows
from cfaudio_core.util.files import write_whole

GONE = 0
"""Id of a track on a list that the library has no longer; no item has it."""

_VERSION = 1


@dataclass
class ChosenList:
    """A chosen list: its name, the ids of its items, and those of them that the listener had never played.

    The title is its name with what changes from list to list.
    """

    name: str
    ids: list[int]
    unplayed: list[int] = field(default_factory=list)
    title: str = ""


@dataclass
class PlaylistState:
    """State of one entry of `playlists`.

    Attributes
    ----------
    settings
        The entry as it was; after a change it is chosen again.
    period
        When it was chosen.
    lists
        The chosen lists; several for a daily mix.
    before
        Never played items that the period before had.
    made
        Target to what exists there of each list, see `Target.write`.
    """

    settings: str = ""
    period: str = ""
    lists: list[ChosenList] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    made: dict[str, list[str]] = field(default_factory=dict)

    @property
    def unplayed(self) -> list[int]:
        """All items that were never played."""
        return [item for one in self.lists for item in one.unplayed]

    def all_ids(self) -> Iterator[int]:
        """Iterate over the ids of all items."""
        return chain(self.before, *(chain(one.ids, one.unplayed) for one in self.lists))

    def replace_ids(self, ids: Mapping[int, int]) -> None:
        """Give the items their ids of now; one that is gone stays on its list as `GONE`."""
        for one in self.lists:
            one.ids = [ids.get(item, item) for item in one.ids]
            one.unplayed = [now for item in one.unplayed if (now := ids.get(item, item)) != GONE]
        self.before = [now for item in self.before if (now := ids.get(item, item)) != GONE]


def read_state(file: Path, tracks: TrackMarks | None = None) -> dict[str, PlaylistState]:
    """Read the state of each entry by its name; empty where there is no such file.

    `tracks` are all of the library: the ids are theirs, or `GONE`. None: as the file has them.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise UserError(f"{file}: was written by another version of cfaudio")
        state = {name: _from_json(one) for name, one in content["playlists"].items()}
        rows = content.get("tracks", {}).items()
        marks = from_rows((int(item), int(sound), int(name)) for item, (sound, name) in rows)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read ({type(error).__name__}); delete it to start again") from error
    if tracks is not None:
        now = [int(tracks.ids[at]) if at >= 0 else GONE for at in tracks.find(marks).tolist()]
        ids = dict(zip(marks.ids.tolist(), now, strict=True))
        for one in state.values():
            one.replace_ids(ids)
    return state


def write_state(file: Path, state: Mapping[str, PlaylistState], tracks: TrackMarks | None = None) -> None:
    """Write the state, whole or not at all, with the marks of its tracks, which are among `tracks`."""
    marks: dict[int, tuple[int, int]] = {}
    if tracks is not None:
        used = np.array([item for one in state.values() for item in one.all_ids()], np.int64)
        at = np.flatnonzero(np.isin(tracks.ids, used))
        marks = as_rows(TrackMarks(tracks.ids[at], tracks.sounds[at], tracks.names[at]))
    entries = {name: _as_json(one) for name, one in state.items()}
    content = {"version": _VERSION, "playlists": entries, "tracks": marks}
    with file_errors(file):
        write_whole(file, json.dumps(content, indent=1).encode("ascii"), private=True)


def _as_json(state: PlaylistState) -> dict[str, Any]:
    lists = [{"name": one.name, "title": one.title, "ids": one.ids, "unheard": one.unplayed} for one in state.lists]
    return {**vars(state), "lists": lists}


def _from_json(content: dict[str, Any]) -> PlaylistState:
    lists = [
        ChosenList(_text(one["name"]), _ids(one["ids"]), _ids(one["unheard"]), _text(one.get("title", "")))
        for one in content["lists"]
    ]
    made = {_text(target): [_text(mark) for mark in marks] for target, marks in content["made"].items()}
    return PlaylistState(str(content["settings"]), str(content["period"]), lists, _ids(content["before"]), made)


def _text(value: object) -> str:
    """Return a text that may name a file; raise ValueError where none can have that name."""
    if "\0" in (text := str(value)):
        raise ValueError(text)
    os.fsencode(text)
    return text


def _ids(values: list[Any]) -> list[int]:
    ids = [int(value) for value in values]
    if any(not 0 <= i < 1 << 63 for i in ids):
        raise ValueError(ids)
    return ids
