"""Playlists of the configuration, as the page previews them and has them written again."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Set
from threading import Lock
from typing import TYPE_CHECKING

from beets.exceptions import UserError

from beetsplug.cfaudio.config.playlists import period, seed
from beetsplug.cfaudio.library.snapshot import read_library, read_snapshot
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.playlists.kinds import lists_of
from beetsplug.cfaudio.playlists.state import GONE, read_state
from beetsplug.cfaudio.playlists.update import update_playlists
from cfaudio_core.errors import CfAudioError
from cfaudio_core.report.serve import ListPreview

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.config.settings import Settings
    from beetsplug.cfaudio.playlists.state import ChosenList


class ConfiguredPlaylists:
    """Playlists by their names in the configuration.

    One request at a time: the last state of a playlist is read before it is written.

    Parameters
    ----------
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
        """Their names in the configuration."""
        return [playlist.key for playlist in self._settings.playlists]

    def preview(self, name: str) -> list[ListPreview]:
        """Lists as they were written last, or as they would be written now."""
        with self._lock, self._lib.music_dir_context():
            try:
                tracks = read_snapshot(self._lib, self._settings).marks
                last = read_state(self._settings.folder / "playlists.json", tracks).get(name)
                if last and last.lists:
                    return [self._previewed(one) for one in last.lists]
                playlist = next(one for one in self._settings.playlists if one.key == name)
                draw = seed(name, period(playlist.refresh, dt.date.today()))
                data = read_library(self._lib, self._settings)
                lists = lists_of(self._lib, self._settings, data, playlist, draw, frozenset())
                return [self._previewed(one, "" if one.ids else why) for one, why in lists]
            except UserError as error:
                raise CfAudioError(str(error)) from error

    def write(self, name: str) -> list[ListPreview]:
        """Draw again, and write to the targets as `beet cfplaylists NAME --seed N` does."""
        draw = secrets.randbelow(2**31)
        with self._lock, self._lib.music_dir_context():
            try:
                if not update_playlists(self._lib, self._settings, [name], self._plugin._log, seed=draw):
                    raise CfAudioError("a target could not be written to; see the terminal for the reason")
                last = read_state(self._settings.folder / "playlists.json")[name]
                return [self._previewed(one) for one in last.lists]
            except UserError as error:
                raise CfAudioError(str(error)) from error

    def _previewed(self, one: ChosenList, why: str = "") -> ListPreview:
        """Preview a list, with the texts of those of its tracks that the page does not show."""
        listed = [item for item in one.ids if item != GONE]
        tracks = read_tracks(self._lib, [], sorted(set(listed) - self._shown))
        ids = tracks.ids.tolist()
        self._files.update(zip(ids, tracks.paths, strict=True))
        texts = zip(tracks.titles, tracks.artists, strict=True)
        return ListPreview(one.name, listed, why, dict(zip(ids, texts, strict=True)))
