"""Playlists on an MPD that runs elsewhere, by its protocol; one on this machine takes files, see `m3u`."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from cfaudio_core.errors import ServiceError, SettingError, StoreError
from cfaudio_core.targets.base import Entry, Written
from cfaudio_core.targets.m3u import file_name

_TIMEOUT_S = 20.0
_BATCH_COMMANDS = 200  # in a command list: MPD drops a client that sends too much at once


class MpdServer:
    """An MPD as a `Target`.

    A host that begins with "/" or "@" is a socket; `music` is the absolute folder that is MPD's music folder.
    """

    def __init__(self, host: str, port: int, music: bytes, *, password: str = "") -> None:
        self.name = f"mpd {host}" if host.startswith(("/", "@")) else f"mpd {host}:{port}"
        self._address = host, port
        self._password = password
        self._music = music.rstrip(b"/") + b"/"

    def name_of(self, name: str) -> str:
        """Make the name of the stored playlist, which is a file's."""
        return file_name(name)

    def write(self, name: str, entries: list[Entry], made: str = "", ours: Collection[str] = ()) -> Written:
        """Put the playlist together under another name, then put it in its place; see `Target.write`."""
        name = file_name(name)
        with self._connected() as mpd:
            there = {one["playlist"] for one in mpd.listplaylists()}
            if name in there and name not in (made, *ours):
                raise StoreError(f"{self.name}: {name}: is there already, and not by cfaudio")
            files = [file if _fit_for_a_list(file) else "" for file in self._files(mpd, entries)]
            known = [file for file in files if file]
            draft = f"{name} (being written by cfaudio)"
            if known:
                if draft in there:
                    mpd.rm(draft)
                self._fill(mpd, draft, known)
                mpd.command_list_ok_begin()
                if name in there:
                    mpd.rm(name)
                mpd.rename(draft, name)
                mpd.command_list_end()
            elif name in there:
                mpd.playlistclear(name)
        return Written(name, [entry for entry, file in zip(entries, files, strict=True) if not file])

    def remove(self, made: str) -> None:
        """Remove a stored playlist."""
        with self._connected() as mpd:
            if made in {one["playlist"] for one in mpd.listplaylists()}:
                mpd.rm(made)

    def last_files(self, most: int) -> list[bytes]:
        """Find the files of the queue up to the song that is on, or all where none is: at most so many, the last ones.

        Streams are left out.
        """
        with self._connected() as mpd:
            status = mpd.status()
            end = int(status["song"]) + 1 if "song" in status else int(status["playlistlength"])
            songs = mpd.playlistinfo((max(end - most, 0), end)) if end else []
        return [self._music + song["file"].encode() for song in songs if "://" not in song["file"]]

    def _fill(self, mpd: Any, draft: str, files: list[str]) -> None:
        try:
            for start in range(0, len(files), _BATCH_COMMANDS):
                mpd.command_list_ok_begin()
                for file in files[start : start + _BATCH_COMMANDS]:
                    mpd.playlistadd(draft, file)
                mpd.command_list_end()
            taken = len(mpd.listplaylist(draft))  # MPD leaves out what it cannot read, without an error
            if taken != len(files):
                raise ServiceError(f"{self.name}: has taken {taken} of {len(files)} tracks")
        except Exception:
            with contextlib.suppress(Exception):
                mpd.rm(draft)
            raise

    def _files(self, mpd: Any, entries: list[Entry]) -> list[str]:
        """MPD's name of each track, by its file or else by its tags; "" where it has none."""
        by_path = [self._below(entry.path) for entry in entries]
        files = _asked(mpd, [("file", path) if path else () for path in by_path])
        tags = [("artist", e.artist, "title", e.title) if e.artist and e.title else () for e in entries]
        by_tags = _asked(mpd, [() if file else query for file, query in zip(files, tags, strict=True)])
        return [file or other for file, other in zip(files, by_tags, strict=True)]

    def _below(self, path: bytes) -> str:
        """The file as MPD names it; "" where no name in UTF-8 can."""
        try:
            return path.removeprefix(self._music).decode()
        except UnicodeDecodeError:
            return ""

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            import mpd
        except ImportError:
            raise SettingError("mpd: needs python-mpd2: pip install 'beets-cfaudio[mpd]'") from None
        client = mpd.MPDClient()
        client.timeout = _TIMEOUT_S
        try:
            client.connect(*self._address)
            if self._password:
                client.password(self._password)
            yield client
        except mpd.CommandError as error:
            why = error.msg or "an error"
            if self._password and self._password in why:  # an error may quote the command
                why = "an error"
            raise ServiceError(f"{self.name}: {error.command or 'MPD'}: {why}") from None
        except TimeoutError:
            raise ServiceError(f"{self.name}: no answer in time") from None
        except (OSError, mpd.MPDError, UnicodeError, ValueError) as error:
            why = "is not an MPD" if isinstance(error, mpd.ProtocolError | UnicodeError) else "cannot be reached"
            raise ServiceError(f"{self.name}: {why}") from None
        finally:
            with contextlib.suppress(mpd.MPDError, OSError):
                client.disconnect()


def _fit_for_a_list(file: str) -> bool:
    """Say whether MPD reads a file's name in a list of its own as that: it knows comments, and strips blanks."""
    return not file.startswith("#") and file == file.strip()


def _asked(mpd: Any, queries: list[tuple[str, ...]]) -> list[str]:
    """The first file that MPD finds for each query; "" where nothing is asked or found."""
    # A line break would end the command, and begin another.
    asked = [at for at, parts in enumerate(queries) if parts and not any("\n" in part for part in parts)]
    files = [""] * len(queries)
    for start in range(0, len(asked), _BATCH_COMMANDS):
        some = asked[start : start + _BATCH_COMMANDS]
        mpd.command_list_ok_begin()
        for at in some:
            mpd.find(*queries[at])
        for at, found in zip(some, mpd.command_list_end(), strict=True):
            files[at] = next((song["file"] for song in found if "file" in song), "")
    return files
