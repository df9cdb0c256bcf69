"""What the last runs of `cfplaylists` chose and wrote: so that lists stay for their period, and none stays behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from beets.exceptions import UserError

from cfaudio_core.util.files import write_whole

_VERSION = 1


@dataclass
class ChosenList:
    """A list as it was chosen: its name, the items, and those of them that the listener had never heard."""

    name: str
    ids: list[int]
    unheard: list[int] = field(default_factory=list)


@dataclass
class Remembered:
    """What is known of one entry of `playlists`.

    Attributes
    ----------
    settings
        The entry as it was; another one is chosen anew.
    period
        When it was chosen.
    lists
        What was chosen; several for a daily mix.
    before
        Items never heard that the period before had.
    made
        Target to what is there of each list, see `Target.write`.
    """

    settings: str = ""
    period: str = ""
    lists: list[ChosenList] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    made: dict[str, list[str]] = field(default_factory=dict)

    @property
    def unheard(self) -> list[int]:
        """All items that were never heard."""
        return [item for one in self.lists for item in one.unheard]


def read_state(file: Path) -> dict[str, Remembered]:
    """Name of an entry to what is known of it; nothing is known where there is no such file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise UserError(f"{file}: was written by another version of cfaudio")
        return {name: _remembered(one) for name, one in content["playlists"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{file}: cannot be read ({type(error).__name__}); delete it to begin anew") from error


def write_state(file: Path, state: Mapping[str, Remembered]) -> None:
    """Keep it, whole or not at all."""
    content = {"version": _VERSION, "playlists": {name: asdict(one) for name, one in state.items()}}
    try:
        write_whole(file, json.dumps(content, indent=1).encode("ascii"), private=True)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from error


def _remembered(content: dict[str, Any]) -> Remembered:
    lists = [ChosenList(str(one["name"]), _ids(one["ids"]), _ids(one["unheard"])) for one in content["lists"]]
    made = {str(target): [str(mark) for mark in marks] for target, marks in content["made"].items()}
    return Remembered(str(content["settings"]), str(content["period"]), lists, _ids(content["before"]), made)


def _ids(values: list[Any]) -> list[int]:
    return [int(value) for value in values]
