"""Playlists on a Subsonic server, in the account of one listener."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

import numpy as np

from cfaudio_core.clients.http import Service
from cfaudio_core.clients.subsonic import MISSING, SubsonicError, SubsonicServer, objects
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.errors import ServiceError, StoreError
from cfaudio_core.history.matching import LibraryIndex
from cfaudio_core.history.records import TrackText
from cfaudio_core.targets.base import Entry, Written, one_line
from cfaudio_core.util.values import get_nested, to_number, to_text

COMMENT = "made by cfaudio"
"""The comment that lists get, by which they are recognised when their numbers are lost."""

_TIMEOUT_S = 30.0


class SubsonicAccount:
    """An account as a `Target`; the server is not asked for anything before there is something to write.

    The address is with or without ``/rest``; for user, password and token see `SubsonicServer`. File names are compared
    below `music`, an absolute folder. The listener names the account where there is no `user`.
    """

    def __init__(
        self, url: str, music: bytes, *, user: str = "", password: str = "", token: str = "", listener: str = ""
    ) -> None:
        base = url.rstrip("/").removesuffix("/rest")
        self.name = f"subsonic {user or listener}@{base}"
        self._service = Service(base, timeout_s=_TIMEOUT_S)
        self._account = {"user": user, "password": password, "token": token}
        self._music = music.rstrip(b"/") + b"/"
        self._server: SubsonicServer | None = None
        self._songs: tuple[list[str], LibraryIndex] | None = None

    def name_of(self, name: str) -> str:
        """Make the name on the server."""
        return one_line(name) or "playlist"

    def write(self, name: str, entries: list[Entry], made: str = "", ours: Collection[str] = ()) -> Written:
        """Create the playlist, or replace all of it in one request; see `Target.write`."""
        server = self._logged_in()
        songs, index = self._known_songs()
        found = index.match([self._text(entry) for entry in entries])
        song_ids = [songs[at] for at in found if at >= 0]
        name = self.name_of(name)
        there = self._playlists()
        same_name = [number for number, (known, _) in there.items() if known == name and number not in (made, *ours)]
        if made not in there:
            made = next((number for number in same_name if there[number][1] == COMMENT), "")
            same_name = [number for number in same_name if number != made]
        if same_name:
            raise StoreError(f"{self.name}: {name}: is there already, and not by cfaudio")
        if made:
            server.ask("createPlaylist", {"playlistId": made, "name": name, "songId": song_ids}, once=True)
            if there[made][0] != name:
                server.ask("updatePlaylist", {"playlistId": made, "name": name}, once=True)
        else:
            answer = server.ask("createPlaylist", {"name": name, "songId": song_ids}, once=True)
            made = to_text(get_nested(answer, "playlist", "id")) or self._new_one(name, there)
            server.ask("updatePlaylist", {"playlistId": made, "comment": COMMENT}, once=True)
        return Written(made, [entry for entry, at in zip(entries, found, strict=True) if at < 0])

    def remove(self, made: str) -> None:
        """Delete a playlist."""
        try:
            self._logged_in().ask("deletePlaylist", {"id": made}, once=True)
        except SubsonicError as failure:
            if failure.code != MISSING:
                raise

    def _logged_in(self) -> SubsonicServer:
        if self._server is None:
            self._server = SubsonicServer(self._service, **self._account)
        return self._server

    def _playlists(self) -> dict[str, tuple[str, str]]:
        """Number to name and comment of the account's own playlists."""
        listed = objects(get_nested(self._logged_in().ask("getPlaylists"), "playlists", "playlist"))
        user = self._owner().casefold()
        mine = (one for one in listed if not user or to_text(one.get("owner")).casefold() in ("", user))
        return {to_text(one.get("id")): (to_text(one.get("name")), to_text(one.get("comment"))) for one in mine}

    def _owner(self) -> str:
        """Name of the account; "" where only the server knows and does not tell."""
        if not self._account["user"]:
            try:
                answer = self._logged_in().ask("tokenInfo")
            except SubsonicError:
                return ""
            self._account["user"] = to_text(get_nested(answer, "tokenInfo", "username"))
        return self._account["user"]

    def _new_one(self, name: str, there: dict[str, tuple[str, str]]) -> str:
        """The number of a playlist that was just made, from servers that do not tell it."""
        new = [number for number, (known, _) in self._playlists().items() if number not in there and known == name]
        if not new:
            raise ServiceError(f"{self.name}: answered that it made playlist {name!r}, but did not")
        return new[0]

    def _known_songs(self) -> tuple[list[str], LibraryIndex]:
        if self._songs is None:
            songs = [song for song in self._logged_in().songs() if to_text(song.get("id"))]
            songs = [song for song in songs if to_text(song.get("type")) in ("", "music")]
            self._songs = [to_text(song["id"]) for song in songs], LibraryIndex(_as_tracks(songs))
        return self._songs

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


def _as_tracks(songs: list[dict[str, Any]]) -> Tracks:
    """A server's songs as a library to look tracks up in."""
    n = len(songs)
    return Tracks(
        ids=np.arange(n),
        paths=[os.fsencode(to_text(song.get("path"))) for song in songs],
        keys=[""] * n,
        artists=[to_text(song.get("displayArtist")) or to_text(song.get("artist")) for song in songs],
        albums=[""] * n,
        genres=[()] * n,
        models=[""] * n,
        titles=[to_text(song.get("title")) for song in songs],
        album_titles=[to_text(song.get("album")) for song in songs],
        albumartists=[to_text(song.get("displayAlbumArtist")) for song in songs],
        recording_mbids=[""] * n,
        track_mbids=[""] * n,
        lengths=np.array([to_number(song.get("duration")) or 0 for song in songs], np.float32),
        playlists=[()] * n,
    )
