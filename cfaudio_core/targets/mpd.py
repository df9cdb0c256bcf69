"""Playlists and the queue of an MPD, by its protocol; an MPD on this machine takes files too, see `m3u`."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

from cfaudio_core.clients.mpd import BATCH_COMMANDS, MpdClient, find_files
from cfaudio_core.errors import ServiceError, StoreError
from cfaudio_core.targets.base import Entry, Written
from cfaudio_core.targets.m3u import file_name


class MpdServer:
    """The stored playlists of an MPD as a `Target`."""

    def __init__(self, client: MpdClient) -> None:
        self.name = client.name
        self._client = client

    def name_of(self, name: str) -> str:
        """Make the name of the stored playlist, which is a file's."""
        return file_name(name)

    def write(
        self, name: str, entries: list[Entry], made: str = "", ours: Collection[str] = (), title: str = ""
    ) -> Written:
        """Put the playlist together under another name, then put it in its place; see `Target.write`."""
        return self._client.call(partial(self._write, file_name(name), entries, {made, *ours}))

    def remove(self, made: str) -> None:
        """Remove a stored playlist."""

        def remove(mpd: Any) -> None:
            if made in _stored(mpd):
                mpd.rm(made)

        self._client.call(remove)

    def keeps_lists_in(self, folder: Path) -> bool:
        """Say whether a folder is where MPD keeps its lists: a file that is put there for a moment is one of them."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=folder, prefix="cfaudio-", suffix=".m3u") as file:
                return Path(file.name).stem in self._client.call(_stored)
        except OSError:
            return False  # which writing a list there reports

    def _write(self, name: str, entries: list[Entry], replaceable: Collection[str], mpd: Any) -> Written:
        there = _stored(mpd)
        if name in there and name not in replaceable:
            raise StoreError(
                f'{self.name}: has a playlist "{name}" that cfaudio did not put there; left alone. '
                "(If playlist_dir is MPD's own folder, drop the target mpd.)"
            )
        files = [file if _fit_for_a_list(file) else "" for file in _files(self._client, entries, mpd)]
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

    def _fill(self, mpd: Any, draft: str, files: list[str]) -> None:
        try:
            for start in range(0, len(files), BATCH_COMMANDS):
                mpd.command_list_ok_begin()
                for file in files[start : start + BATCH_COMMANDS]:
                    mpd.playlistadd(draft, file)
                mpd.command_list_end()
            taken = len(mpd.listplaylist(draft))  # MPD leaves out what it cannot read, without an error
            if taken != len(files):
                raise ServiceError(f"{self.name}: has taken {taken} of {len(files)} tracks")
        except Exception:
            with contextlib.suppress(Exception):
                mpd.rm(draft)
            raise


class Queue(NamedTuple):
    """The files in an MPD's queue, without streams, and how many of them lie before its song's end; None: no song."""

    files: list[bytes]
    begun: int | None


class MpdQueue:
    """The queue of an MPD: what it plays, and will play."""

    def __init__(self, client: MpdClient) -> None:
        self._client = client

    def read(self) -> Queue:
        """Read it."""
        return self._client.call(self._read)

    def add(self, entries: list[Entry], *, play: bool = False) -> list[Entry]:
        """Append tracks, or put them in place of all others and play them; returns those that MPD does not have."""
        return self._client.call(partial(self._add, entries, play))

    def changes(self) -> Iterator[None]:
        """Yield at once, and again each time that the queue or its song has changed, as long as MPD is there."""
        with self._client.connected() as mpd:
            while True:
                yield
                mpd.idle("playlist", "player")  # answers at once if something has changed since the last one

    def _read(self, mpd: Any) -> Queue:
        status, songs = mpd.status(), mpd.playlistinfo()
        files = [song["file"] for song in songs]
        begun = [file for file in files[: int(status["song"]) + 1] if "://" not in file] if "song" in status else None
        return Queue(
            [self._client.path_of(file) for file in files if "://" not in file], None if begun is None else len(begun)
        )

    def _add(self, entries: list[Entry], play: bool, mpd: Any) -> list[Entry]:
        files = _files(self._client, entries, mpd)
        known = [file for file in files if file]
        if known and play:
            mpd.clear()
        for start in range(0, len(known), BATCH_COMMANDS):
            mpd.command_list_ok_begin()
            for file in known[start : start + BATCH_COMMANDS]:
                mpd.add(file)
            mpd.command_list_end()
        if known and play:
            mpd.play()
        return [entry for entry, file in zip(entries, files, strict=True) if not file]


def _stored(mpd: Any) -> set[str]:
    """Names of the stored playlists."""
    return {one["playlist"] for one in mpd.listplaylists()}


def _files(client: MpdClient, entries: list[Entry], mpd: Any) -> list[str]:
    """MPD's name of each track, by its file or else by its tags; "" where it has none."""
    by_path = [client.file_of(entry.path) for entry in entries]
    files = find_files(mpd, [("file", path) if path else () for path in by_path])
    tags = [("artist", e.artist, "title", e.title) if e.artist and e.title else () for e in entries]
    by_tags = find_files(mpd, [() if file else query for file, query in zip(files, tags, strict=True)])
    return [file or other for file, other in zip(files, by_tags, strict=True)]


def _fit_for_a_list(file: str) -> bool:
    """Say whether MPD reads a file's name in a list of its own as that: it knows comments, and strips blanks."""
    return not file.startswith("#") and file == file.strip()
