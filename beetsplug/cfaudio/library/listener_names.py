"""Names of the listeners of the settings and of the history."""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Sequence

from beets.exceptions import UserError

from beetsplug.cfaudio.config.listeners import LISTENER_NAMES, LISTENERS_FILE, noted_listeners
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import file_errors
from beetsplug.cfaudio.library.history import has_history, open_history
from cfaudio_core.data.listeners import find_name


def known_listeners(settings: Settings) -> list[str]:
    """Name every listener of the settings and the history, the main one first; the library is not read."""
    names = settings.listener_names
    if has_history(settings):
        with open_history(settings) as store:
            stored = store.listeners()
        for name in filter(str.isidentifier, stored):
            names += [name] if find_name(name, names) is None else []
    return names


def check_listener(settings: Settings, name: str) -> None:
    """Raise a UserError where neither the settings nor the history know a listener; the library is not read."""
    names = known_listeners(settings)
    if find_name(name, names) is None:
        raise unknown_listener(name, names)


def unknown_listener(name: str, names: Sequence[str]) -> UserError:
    """Make the error about a name that is no listener's."""
    return UserError(f"there is no listener {name} (there are: {', '.join(names)})")


def note_listeners(settings: Settings, names: Sequence[str]) -> None:
    """Note those of all listeners whom the settings do not name, so that their fields have a type in any command."""
    from cfaudio_core.util.files import write_whole

    others = [name for name in names if name not in settings.users and name != settings.main_listener]
    if others != noted_listeners(settings.folder):
        with file_errors(settings.folder / LISTENERS_FILE):
            write_whole(settings.folder / LISTENERS_FILE, json.dumps(others).encode("ascii"), private=True)


def name_listener(settings: Settings, given: str | None, account: str | None) -> str:
    """Name the listener that `--user` means; a UserError where it cannot be the name of one."""
    if given is None:
        return settings.main_listener
    name = unicodedata.normalize("NFC", given.strip())
    known = find_name(name, known_listeners(settings))
    if known is None and not name.isidentifier():
        example = re.sub(r"\W+", "_", name).strip("_").lstrip("_0123456789") or "anna"
        advice = f"--user {example} --account {shlex.quote(account or given)}"
        raise UserError(f"--user {given}: {LISTENER_NAMES}; as in: {advice}")
    return known or name
