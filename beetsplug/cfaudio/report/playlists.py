"""Playlists of the configuration, as the page previews them, draws them again and has them written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Set
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from beets.dbcore.pathutils import expand_path_from_db
from beets.exceptions import UserError

from beetsplug.cfaudio.config.playlists import period, seed
from beetsplug.cfaudio.errors import request_errors
from beetsplug.cfaudio.library.fields import few
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData, read_library
from beetsplug.cfaudio.library.tracks import as_path, read_tracks
from beetsplug.cfaudio.playlists.kinds import lists_of
from beetsplug.cfaudio.playlists.state import ChosenList, PlaylistState, read_state
from beetsplug.cfaudio.playlists.update import update_playlists
from beetsplug.cfaudio.report.first_screen import reasons_of
from cfaudio_core.report.serving.lists import ListPreview

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.config.playlists import Playlist
    from beetsplug.cfaudio.config.settings import Settings

_COVERS = 4  # of a list
_ABOUT = {
    "mix": "What you love and what you should, mixed.",
    "discover": "Only tracks you never played, the likeliest to be loved.",
    "rediscover": "Loved, and not played for long.",
    "daily mix": "One list for each of your tastes, known and new.",
    "radio": "Music like some of your own.",
    "new arrivals": "What joined your library lately.",
    "deep cuts": "Tracks you never played, by artists you love.",
    "new artists": "Artists you never played.",
    "albums": "Whole albums.",
    "on this day": "What you played around this day in other years.",
    "focus": "Calm, without vocals.",
}
"""What a kind of list is."""

_CHANGES = {"daily": "new every day", "weekly": "new every week", "monthly": "new every month", "never": "stays"}


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
        self._covers: dict[int, bytes] = {}
        self._lock = Lock()

    def names(self) -> list[str]:
        """Their names in the configuration."""
        return [playlist.key for playlist in self._settings.playlists]

    def about(self, name: str) -> str:
        """Say what a playlist is, how often it changes, and where it is saved."""
        playlist = self._playlist(name)
        to = f"; saved to {' and '.join(playlist.targets)}" if playlist.targets else ""
        return f"{_ABOUT[playlist.kind]} {_CHANGES[playlist.refresh].capitalize()}{to}."

    def cover(self, number: int) -> bytes | None:
        """File of the cover of a track's album, of the tracks that the page can play."""
        if number in self._files and number not in self._covers:
            with request_errors(self._lib):
                self._with_covers([number])
        return self._covers.get(number)

    def preview(self, name: str) -> list[ListPreview]:
        """Lists as they were written last, or as they would be written now."""
        with self._lock, request_errors(self._lib):
            data = read_library(self._lib, self._settings)
            last = self._state(data, name)
            if last.lists:
                return self._previewed(data, name, [(one, "") for one in last.lists])
            return self._drawn(data, name, seed(name, self._period(name)), frozenset())

    def draw(self, name: str, seed: int) -> list[ListPreview]:
        """Draw again, as `write` would with this seed."""
        with self._lock, request_errors(self._lib):
            data = read_library(self._lib, self._settings)
            last = self._state(data, name)
            before = last.unplayed if last.period != self._period(name) else last.before
            return self._drawn(data, name, seed, frozenset(before))

    def write(self, name: str, seed: int | None) -> list[ListPreview]:
        """Write to the targets as `beet cfplaylists NAME --seed SEED` does."""
        with self._lock, request_errors(self._lib):
            if not update_playlists(self._lib, self._settings, [name], self._plugin._log, seed=seed, wait=False):
                raise UserError("a target could not be written to; see the terminal for the reason")
            data = read_library(self._lib, self._settings)
            return self._previewed(data, name, [(one, "") for one in self._state(data, name).lists])

    def _playlist(self, name: str) -> Playlist:
        return next(one for one in self._settings.playlists if one.key == name)

    def _period(self, name: str) -> str:
        return period(self._playlist(name).refresh, dt.date.today())

    def _state(self, data: RankingData, name: str) -> PlaylistState:
        return read_state(self._settings.folder / "playlists.json", data.marks).get(name, PlaylistState())

    def _drawn(self, data: RankingData, name: str, seed: int, later: frozenset[int]) -> list[ListPreview]:
        lists = lists_of(self._lib, self._settings, data, self._playlist(name), seed, later)
        return self._previewed(data, name, [(one, "" if one.ids else why) for one, why in lists])

    def _previewed(self, data: RankingData, name: str, lists: list[tuple[ChosenList, str]]) -> list[ListPreview]:
        """Preview lists, with the texts of those of their tracks that the page does not show."""
        playlist = self._playlist(name)
        listener = find_listener(data.listeners, playlist.user)
        known = set(data.ids.tolist())
        previews = []
        for one, why in lists:
            ids = [item for item in one.ids if item in known]
            tracks = read_tracks(self._lib, [], sorted(set(ids) - self._shown))
            others = tracks.ids.tolist()
            self._files.update(zip(others, tracks.paths, strict=True))
            plays = np.rint(listener.plays[data.at(ids)]).astype(int).tolist()
            preview = ListPreview(
                one.name,
                ids,
                why,
                dict(zip(others, zip(tracks.titles, tracks.artists, strict=True), strict=True)),
                reasons_of(self._lib, self._settings, data, listener, ids, playlist.like) if ids else {},
                dict(zip(ids, plays, strict=True)),
                self._with_covers(ids),
            )
            previews.append(preview)
        return previews

    def _with_covers(self, ids: list[int]) -> tuple[int, ...]:
        """Find the first tracks of different albums that have a cover, and remember where these are."""
        art: dict[int, tuple[int, bytes]] = {}
        for which, numbers in few(ids):
            with self._lib.transaction() as tx:
                rows = tx.query(
                    "SELECT items.id, items.album_id, albums.artpath FROM items JOIN albums ON albums.id = album_id "
                    f"WHERE length(albums.artpath) > 0 AND items.id {which}",
                    numbers,
                )
            art |= {row["id"]: (row["album_id"], as_path(row["artpath"])) for row in rows}
        first: dict[int, int] = {}
        for item in ids:
            if item in art:
                first.setdefault(art[item][0], item)
        chosen = list(first.values())[:_COVERS]
        self._covers |= {item: expand_path_from_db(art[item][1]) for item in chosen}
        return tuple(chosen)
