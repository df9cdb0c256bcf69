"""The queue of MPD, as tracks of the library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from beets.dbcore.query import PathQuery
from beets.exceptions import UserError
from beets.library import Item, Library

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.playlists.players import entry_of, mpd_client
from cfaudio_core.ranking.session import MAX_GIVEN
from cfaudio_core.targets.base import Entry
from cfaudio_core.targets.mpd import MpdQueue

_MAX_AHEAD = 500  # tracks ahead that are looked at


class QueueTracks(NamedTuple):
    """Ids of the tracks in a queue: up to its song, at most `MAX_GIVEN`, and after it; all where it has no song."""

    begun: list[int]
    ahead: list[int]


class PlayerQueue:
    """The queue of the MPD of the settings; what it has that the library has not is left out."""

    def __init__(self, lib: Library, settings: Settings) -> None:
        client = mpd_client(settings, lib.directory)
        self.name = client.name
        self._lib = lib
        self._queue = MpdQueue(client)
        self._known: dict[bytes, int | None] = {}

    def read(self) -> QueueTracks:
        """Read it."""
        with user_errors():
            files, begun = self._queue.read()
        at = begun or 0
        return QueueTracks(self._ids(files[max(at - MAX_GIVEN, 0) : at]), self._ids(files[at : at + _MAX_AHEAD]))

    def add(self, items: Sequence[Item], *, play: bool) -> list[Entry]:
        """Append tracks, or put them in place of all others and play them; returns those that MPD does not have.

        Raises
        ------
        UserError
            If MPD has none of them, or cannot be reached.
        """
        with user_errors():
            missing = self._queue.add([entry_of(item) for item in items], play=play)
        if len(missing) == len(items):
            raise UserError(f"{self.name}: has none of the tracks (is its music folder the library's? see relative_to)")
        return missing

    def changes(self) -> Iterator[QueueTracks]:
        """Yield what is in it at once, and after each change."""
        with user_errors():
            for _ in self._queue.changes():
                yield self.read()

    def _ids(self, files: list[bytes]) -> list[int]:
        with self._lib.music_dir_context():
            for file in files:
                if file not in self._known:
                    found = next(iter(self._lib.items(PathQuery("path", file))), None)
                    self._known[file] = None if found is None else found.id
        return [i for file in files if (i := self._known[file]) is not None]
