"""Listeners: the setting `users`, the names that may be one, and the fields that are theirs.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from beetsplug.cfaudio.config.checks import Section, shown

LISTENER_NAMES = "a listener's name is letters, digits and _, and begins with no digit, as it ends a field's name"

LISTENERS_FILE = "listeners.json"
"""File in cfaudio's folder with the names of the listeners of the history whom the settings do not name."""


def score_field(name: object, *, main: bool) -> str:
    """Name the field of a listener's scores; in small letters, as beets looks up any field."""
    return "cf_score" if main else f"cf_score_{unicodedata.normalize('NFC', str(name)).lower()}"


def feedback_field(name: object, *, main: bool) -> str:
    """Name the field of a listener's feedback, like that of the scores."""
    return score_field(name, main=main).replace("cf_score", "cf_feedback", 1)


def noted_listeners(folder: Path) -> list[str]:
    """Read the names of further listeners at the last `cfimport` or `cfembed`; none where that is not known."""
    try:
        names = json.loads((folder / LISTENERS_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def read_users(section: Section) -> dict[str, list[str]]:
    """Check the setting `users`: listeners and their count fields."""
    if not isinstance(section["users"], dict):
        raise section.error("users", f"must map each listener to count fields, not {shown(section['users'])}")
    listeners = Section(section["users"], "cfaudio.users", section["users"])
    users: dict[str, list[str]] = {}
    for name in listeners.values:
        fields = listeners.texts(name, "count fields")
        if not str(name).isidentifier():
            raise listeners.error(name, LISTENER_NAMES)
        if score_field(name, main=False) in (score_field(other, main=False) for other in users):
            raise listeners.error(name, "there is such a listener already, but for capitals")
        users[str(name)] = fields
    return users
