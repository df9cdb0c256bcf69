"""Playlists on a Subsonic server, in the account of one listener."""

from __future__ import annotations

from collections.abc import Iterator

from cfaudio_core.clients.http import Service
from cfaudio_core.clients.subsonic import MISSING, SubsonicError, SubsonicServer, objects
from cfaudio_core.errors import ServiceError
from cfaudio_core.targets.account import COMMENT, Account, Known, Song
from cfaudio_core.util.values import get_nested, to_number, to_text

_TIMEOUT_S = 30.0


class SubsonicAccount(Account):
    """An account as a `Target`.

    The address is with or without ``/rest``; for user, password and token see `SubsonicServer`. The listener names the
    account where there is no `user`.
    """

    def __init__(
        self, url: str, music: bytes, *, user: str = "", password: str = "", token: str = "", listener: str = ""
    ) -> None:
        base = url.rstrip("/").removesuffix("/rest")
        super().__init__(f"subsonic {user or listener}@{base}", music)
        self._service = Service(base, timeout_s=_TIMEOUT_S)
        self._account = {"user": user, "password": password, "token": token}
        self._server: SubsonicServer | None = None

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

    def _read_songs(self) -> Iterator[Song]:
        for song in self._logged_in().songs():
            if to_text(song.get("id")) and to_text(song.get("type")) in ("", "music"):
                yield Song(
                    to_text(song["id"]),
                    to_text(song.get("path")),
                    to_text(song.get("displayArtist")) or to_text(song.get("artist")),
                    to_text(song.get("title")),
                    to_text(song.get("album")),
                    to_text(song.get("displayAlbumArtist")),
                    to_number(song.get("duration")) or 0,
                )

    def _read_lists(self) -> dict[str, Known]:
        listed = objects(get_nested(self._logged_in().ask("getPlaylists"), "playlists", "playlist"))
        user = self._owner().casefold()
        mine = (one for one in listed if not user or to_text(one.get("owner")).casefold() in ("", user))
        return {
            to_text(one.get("id")): Known(to_text(one.get("name")), to_text(one.get("comment")) == COMMENT)
            for one in mine
        }

    def _create(self, name: str, songs: list[str], there: dict[str, Known]) -> str:
        answer = self._logged_in().ask("createPlaylist", {"name": name, "songId": songs}, once=True)
        made = to_text(get_nested(answer, "playlist", "id")) or self._new_one(name, there)
        self._logged_in().ask("updatePlaylist", {"playlistId": made, "comment": COMMENT}, once=True)
        return made

    def _replace(self, number: str, old_name: str, name: str, songs: list[str]) -> str:
        changed: dict[str, str | int | list[str]] = {"playlistId": number, "name": name, "songId": songs}
        self._logged_in().ask("createPlaylist", changed, once=True)
        if old_name != name:
            self._logged_in().ask("updatePlaylist", {"playlistId": number, "name": name}, once=True)
        return number

    def _owner(self) -> str:
        """Name of the account; "" where only the server knows and does not tell."""
        if not self._account["user"]:
            try:
                answer = self._logged_in().ask("tokenInfo")
            except SubsonicError:
                return ""
            self._account["user"] = to_text(get_nested(answer, "tokenInfo", "username"))
        return self._account["user"]

    def _new_one(self, name: str, there: dict[str, Known]) -> str:
        """The number of a playlist that was just made, from servers that do not tell it."""
        new = [number for number, one in self._read_lists().items() if number not in there and one.name == name]
        if not new:
            raise ServiceError(f"{self.name}: answered that it made playlist {name!r}, but did not")
        return new[0]
