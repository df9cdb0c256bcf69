"""State of the configured playlists between runs: so that lists stay for their period, and none is left over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beets.exceptions import UserError

from beetsplug.cfaudio.errors import file_errors
from cfaudio_core.util.files import write_whole

_VERSION = 1


@dataclass
class ChosenList:
    """A chosen list: its name, the ids of its items, and those of them that the listener had never played."""

    name: str
    ids: list[int]
    unplayed: list[int] = field(default_factory=list)


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


def read_state(file: Path) -> dict[str, PlaylistState]:
    """Read the state of each entry by its name; empty where there is no such file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise UserError(f"{file}: was written by another version of cfaudio")
        return {name: _from_json(one) for name, one in content["playlists"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{file}: cannot be read ({type(error).__name__}); delete it to start again") from error


def write_state(file: Path, state: Mapping[str, PlaylistState]) -> None:
    """Write the state, whole or not at all."""
    content = {"version": _VERSION, "playlists": {name: _as_json(one) for name, one in state.items()}}
    with file_errors(file):
        write_whole(file, json.dumps(content, indent=1).encode("ascii"), private=True)


def _as_json(state: PlaylistState) -> dict[str, Any]:
    lists = [{"name": one.name, "ids": one.ids, "unheard": one.unplayed} for one in state.lists]
    return {**vars(state), "lists": lists}


def _from_json(content: dict[str, Any]) -> PlaylistState:
    lists = [ChosenList(str(one["name"]), _ids(one["ids"]), _ids(one["unheard"])) for one in content["lists"]]
    made = {str(target): [str(mark) for mark in marks] for target, marks in content["made"].items()}
    return PlaylistState(str(content["settings"]), str(content["period"]), lists, _ids(content["before"]), made)


def _ids(values: list[Any]) -> list[int]:
    return [int(value) for value in values]
