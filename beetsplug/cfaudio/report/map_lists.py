"""Lists that are made from the map of the page: radio from a track, a path between two, and what is saved."""

from __future__ import annotations

from collections.abc import Collection
from logging import Handler, Logger, LogRecord
from threading import Lock
from typing import TYPE_CHECKING

from beets.exceptions import UserError

from beetsplug.cfaudio.config.playlists import Playlist
from beetsplug.cfaudio.errors import request_errors
from beetsplug.cfaudio.library.snapshot import read_library
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.playlists.players import entry_of
from beetsplug.cfaudio.playlists.publish import Targets
from beetsplug.cfaudio.playlists.request import request_of
from beetsplug.cfaudio.playlists.state import ChosenList, PlaylistState, read_state, write_state
from beetsplug.cfaudio.playlists.ways import choose
from cfaudio_core.errors import CfAudioError
from cfaudio_core.report.serving.map_lists import MapList
from cfaudio_core.targets.m3u import m3u
from cfaudio_core.util.files import hold_lock

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings

_TRACKS = 30  # of radio
_PATH_TRACKS = 15
_NONE_LEFT = "the library has none of these tracks any more"
_FILE = "page-lists.json"  # what was saved, so that it can be replaced where it is


class ListsOfMap:
    """Makes lists for a listener, one request at a time.

    Parameters
    ----------
    files
        Number to file name, of the tracks that the page can play; those on lists that the map does not have are added.
    shown
        Numbers of the tracks on the map.
    """

    def __init__(
        self, lib: Library, settings: Settings, listener: str, files: dict[int, bytes], shown: Collection[int]
    ) -> None:
        self._lib, self._settings, self._listener = lib, settings, listener
        self._files, self._shown = files, frozenset(shown)
        self._lock = Lock()

    def radio(self, number: int) -> MapList:
        """Choose tracks like one track, which comes first."""
        made = self._choose(number, None, _TRACKS - 1)
        return made._replace(tracks=[number, *made.tracks]) if made.tracks else made

    def path(self, begin: int, end: int) -> MapList:
        """Go from one track to another."""
        return self._choose(begin, end, _PATH_TRACKS)

    def save(self, name: str, tracks: list[int]) -> list[str]:
        """Put a list into the targets that the configured playlists have, a folder where there are none; returns these.

        A list of that name that was saved before is replaced; one that the configuration makes is left alone.
        """
        lib, settings, log = self._lib, self._settings, Logger(__name__)
        log.addHandler(problems := _Problems())
        with self._lock, request_errors(lib), hold_lock(settings.folder, "cfplaylists"):
            data = read_library(lib, settings)
            file = settings.folder / _FILE
            saved = read_state(file, data.marks)
            configured = read_state(settings.folder / "playlists.json", data.marks)
            state = {**{f"saved/{key}": one for key, one in saved.items()}, **configured}
            others = state.keys() - {f"saved/{name}"}
            targets = Targets(lib, settings, data.listeners[0].name, state, others, log)
            playlist = _entry(name, settings, None if self._listener == data.listeners[0].name else self._listener)
            targets.check(playlist)
            items = {number: item for number in tracks if (item := lib.get_item(number)) is not None}
            if not items:
                raise UserError(_NONE_LEFT)
            entries = [entry_of(item) for item in items.values()]
            made = targets.write(playlist, [(name, name, entries)], saved.get(name, PlaylistState()).made)
            chosen = ChosenList(name, list(items), title=name)
            saved[name] = PlaylistState(lists=[chosen], made=made)
            write_state(file, saved, data.marks)
        if targets.failed:
            raise CfAudioError("; ".join(problems.lines))
        return [target for target, marks in targets.written_of(made).items() if any(marks)]

    def m3u(self, name: str, tracks: list[int]) -> bytes:
        """Make a list as a file with absolute paths, which all players take that see the same folders."""
        with self._lock, request_errors(self._lib):
            entries = [entry_of(item) for number in tracks if (item := self._lib.get_item(number)) is not None]
        if not entries:
            raise CfAudioError(_NONE_LEFT)
        return m3u(entries, b"/", title=name)

    def _choose(self, begin: int, end: int | None, n: int) -> MapList:
        with self._lock, request_errors(self._lib):
            data = read_library(self._lib, self._settings)
            request = request_of(self._settings, n, like=(f"id:{begin}",), user=self._listener)
            to = () if end is None else (f"id:{end}",)
            chosen = choose(
                self._lib,
                self._settings,
                data,
                request,
                to=to,
                albums=False,
                avoid=frozenset((begin,)) if end is None else frozenset(),
                familiar=None,
            )
            others = read_tracks(self._lib, [], sorted(set(chosen.ids) - self._shown))
        ids = others.ids.tolist()
        self._files.update(zip(ids, others.paths, strict=True))
        texts = zip(others.titles, others.artists, strict=True)
        return MapList(chosen.ids, chosen.why, dict(zip(ids, texts, strict=True)))


def _entry(name: str, settings: Settings, user: str | None) -> Playlist:
    """Make the entry that a saved list would have in the configuration."""
    targets = tuple(dict.fromkeys(target for one in settings.playlists for target in one.targets)) or ("m3u",)
    nothing: tuple[str, ...] = ()
    return Playlist(name, "mix", 0, nothing, None, user, nothing, "never", None, None, None, targets)


class _Problems(Handler):
    """Keeps what a run logs, a line each."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: LogRecord) -> None:
        """Keep a record; beets' messages have braces."""
        self.lines.append(str(record.msg).format(*(record.args or ())))
