"""The playlists of the configuration, as the page looks at them and has them written anew."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Set
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING

from beets.exceptions import UserError

from beetsplug.cfaudio.library.snapshot import read_library
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.playlists.kinds import lists_of
from beetsplug.cfaudio.playlists.state import read_state
from cfaudio_core.errors import CfAudioError
from cfaudio_core.ranking.periods import period, seed
from cfaudio_core.report.serve import List

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.config.settings import Settings
    from beetsplug.cfaudio.playlists.state import ChosenList


class ConfiguredPlaylists:
    """Playlists by their names in the configuration.

    One request at a time: what a playlist was is read before it is written.

    Parameters
    ----------
    plugin, lib, settings
        As beets has them.
    files
        Number to file name, of the tracks that the page can play; those on lists that it does not show are added.
    shown
        Numbers of the tracks that the page shows.
    """

    def __init__(
        self, plugin: BeetsPlugin, lib: Library, settings: Settings, files: dict[int, bytes], shown: Set[int]
    ) -> None:
        self._plugin, self._lib, self._settings = plugin, lib, settings
        self._files, self._shown = files, shown
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
                    return [self._listed(one) for one in remembered.lists]
                playlist = next(one for one in self._settings.playlists if one.name == name)
                draw = seed(name, period(playlist.refresh, dt.date.today()))
                data = read_library(self._lib, self._settings)
                found = lists_of(self._lib, self._settings, data, playlist, draw, frozenset())
                return [self._listed(one, why) for one, why in found]
            except UserError as error:
                raise CfAudioError(str(error)) from error

    def write(self, name: str) -> list[List]:
        """Draw it anew, and write it to its targets as `beet cfplaylists NAME --seed N` does."""
        from beetsplug.cfaudio.commands.cfplaylists import run

        options = SimpleNamespace(pretend=False, seed=secrets.randbelow(2**31))
        with self._lock, self._lib.music_dir_context():
            try:
                run(self._plugin, self._lib, options, [name])
                remembered = read_state(self._settings.folder / "playlists.json")[name]
                return [self._listed(one) for one in remembered.lists]
            except UserError as error:
                raise CfAudioError(str(error)) from error
            except SystemExit as error:
                raise CfAudioError("a target could not be written to; the terminal says why") from error

    def _listed(self, one: ChosenList, why: str = "") -> List:
        """A list, with what the page has to know of those of its tracks that it does not show."""
        tracks = read_tracks(self._lib, [], sorted(set(one.ids) - self._shown))
        ids = tracks.ids.tolist()
        self._files.update(zip(ids, tracks.paths, strict=True))
        texts = zip(tracks.titles, tracks.artists, strict=True)
        return List(one.name, one.ids, why, dict(zip(ids, texts, strict=True)))
