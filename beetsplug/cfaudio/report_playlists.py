"""The playlists of the configuration, as the page looks at them and has them written anew."""

from __future__ import annotations

import datetime as dt
import secrets
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING

from beets.exceptions import UserError

from beetsplug.cfaudio.loaded import read_library
from beetsplug.cfaudio.playlist_state import read_state
from beetsplug.cfaudio.playlists import lists_of
from cfaudio_core.errors import CfAudioError
from cfaudio_core.recommending.periods import period, seed
from cfaudio_core.report.serve import List

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.settings import Settings


class ConfiguredPlaylists:
    """Playlists by their names in the configuration.

    One request at a time: what a playlist was is read before it is written.
    """

    def __init__(self, plugin: BeetsPlugin, lib: Library, settings: Settings) -> None:
        self._plugin, self._lib, self._settings = plugin, lib, settings
        self._lock = Lock()

    def names(self) -> list[str]:
        """What they are called in the configuration."""
        return [playlist.name for playlist in self._settings.playlists]

    def preview(self, name: str) -> list[List]:
        """As it was written last, or as it would be written now."""
        with self._lock, self._lib.music_dir_context():
            try:
                remembered = read_state(self._settings.folder / "playlists.json").get(name)
                if remembered and remembered.lists:
                    return [List(one.name, one.ids) for one in remembered.lists]
                playlist = next(one for one in self._settings.playlists if one.name == name)
                draw = seed(name, period(playlist.refresh, dt.date.today()))
                loaded = read_library(self._lib, self._settings)
                found = list(lists_of(self._lib, self._settings, loaded, playlist, draw, frozenset()))
            except UserError as error:
                raise CfAudioError(str(error)) from error
        return [List(one.name, one.ids, why) for one, why in found]

    def write(self, name: str) -> list[List]:
        """Draw it anew, and write it to its targets as `beet cfplaylists NAME --seed N` does."""
        from beetsplug.cfaudio.cfplaylists import run

        options = SimpleNamespace(pretend=False, seed=secrets.randbelow(2**31))
        with self._lock, self._lib.music_dir_context():
            try:
                run(self._plugin, self._lib, options, [name])
                remembered = read_state(self._settings.folder / "playlists.json")[name]
            except UserError as error:
                raise CfAudioError(str(error)) from error
            except SystemExit as error:
                raise CfAudioError("a target could not be written to; the terminal says why") from error
        return [List(one.name, one.ids) for one in remembered.lists]
