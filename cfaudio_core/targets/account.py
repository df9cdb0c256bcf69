"""Playlists in an account on a server that gives songs and lists numbers of its own."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.errors import StoreError
from cfaudio_core.history.matching import LibraryIndex
from cfaudio_core.history.records import TrackText
from cfaudio_core.targets.base import Entry, Written, one_line

COMMENT = "made by cfaudio"
"""The comment that lists get, by which they are recognised when their numbers are lost."""


class Song(NamedTuple):
    """A song as a server knows it: its number there, its file, its tags, and its length in seconds; 0 if unknown."""

    number: str
    path: str
    artist: str
    title: str
    album: str
    albumartist: str
    seconds: float


class Known(NamedTuple):
    """The name of a playlist on a server, and whether a comment there says that cfaudio made it."""

    name: str
    commented: bool


class Account(ABC):
    """An account as a `Target`; the server is not asked for anything before there is something to write.

    A subclass speaks the server's API. File names are compared below `music`, an absolute folder.
    """

    def __init__(self, name: str, music: bytes) -> None:
        self.name = name
        self._music = music.rstrip(b"/") + b"/"
        self._songs: tuple[list[str], LibraryIndex] | None = None

    def name_of(self, name: str) -> str:
        """Make the name on the server."""
        return one_line(name) or "playlist"

    def write(
        self, name: str, entries: list[Entry], made: str = "", ours: Collection[str] = (), title: str = ""
    ) -> Written:
        """Create the playlist, or replace all of it; see `Target.write`."""
        if self._songs is None:
            songs = list(self._read_songs())
            self._songs = [song.number for song in songs], LibraryIndex(_as_tracks(songs))
        numbers, index = self._songs
        found = index.match([self._text(entry) for entry in entries])
        songs_of_it = [numbers[at] for at in found if at >= 0]
        name = self.name_of(name)
        there = self._read_lists()
        same_name = [number for number, one in there.items() if one.name == name and number not in (made, *ours)]
        if made not in there:
            made = next((number for number in same_name if there[number].commented), "")
            same_name = [number for number in same_name if number != made]
        if same_name:
            raise StoreError(f'{self.name}: has a playlist "{name}" that cfaudio did not put there; left alone')
        if made:
            made = self._replace(made, there[made].name, name, songs_of_it)
        else:
            made = self._create(name, songs_of_it, there)
        return Written(made, [entry for entry, at in zip(entries, found, strict=True) if at < 0])

    @abstractmethod
    def remove(self, made: str) -> None:
        """Delete a playlist; nothing happens where it is gone."""

    @abstractmethod
    def _read_songs(self) -> Iterable[Song]:
        """Read all songs that the account may see."""

    @abstractmethod
    def _read_lists(self) -> dict[str, Known]:
        """Read the account's own playlists, by their numbers."""

    @abstractmethod
    def _create(self, name: str, songs: list[str], there: dict[str, Known]) -> str:
        """Create a playlist beside those that are there, and return its number."""

    @abstractmethod
    def _replace(self, number: str, old_name: str, name: str, songs: list[str]) -> str:
        """Replace the songs of a playlist and its name, and return its number from now on."""

    def _text(self, entry: Entry) -> TrackText:
        """The track by what a server may know: its file name below the music folder, and its tags."""
        return TrackText(
            artist=entry.artist,
            title=entry.title,
            album=entry.album,
            album_artist=entry.albumartist,
            path=os.fsdecode(entry.path.removeprefix(self._music)),
            duration=entry.seconds,
        )


def _as_tracks(songs: list[Song]) -> Tracks:
    """A server's songs as a library to look tracks up in."""
    n = len(songs)
    return Tracks(
        ids=np.arange(n),
        paths=[os.fsencode(song.path) for song in songs],
        keys=[""] * n,
        artists=[song.artist for song in songs],
        albums=[""] * n,
        genres=[()] * n,
        models=[""] * n,
        titles=[song.title for song in songs],
        album_titles=[song.album for song in songs],
        albumartists=[song.albumartist for song in songs],
        recording_mbids=[""] * n,
        track_mbids=[""] * n,
        lengths=np.array([song.seconds for song in songs], np.float32),
        playlists=[()] * n,
    )
