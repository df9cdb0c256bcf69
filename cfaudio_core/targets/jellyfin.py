"""Playlists on a Jellyfin server, in the account of one listener; they are private there."""

from __future__ import annotations

from collections.abc import Iterator

from cfaudio_core.clients.http import Service
from cfaudio_core.clients.jellyfin import JellyfinServer
from cfaudio_core.errors import ServiceError
from cfaudio_core.targets.account import Account, Known, Song
from cfaudio_core.util.values import join_artists, to_number, to_text

_TIMEOUT_S = 30.0
_TICKS_PER_S = 10_000_000
_MISSING = 404
_NOT_REPLACED = (403, _MISSING, 405)


class JellyfinAccount(Account):
    """An account as a `Target`; for user, password and token see `JellyfinServer`.

    Playlists have no comment there, so that they are known by their numbers alone. The listener names the account where
    there is no `user`.
    """

    def __init__(
        self, url: str, music: bytes, *, user: str = "", password: str = "", token: str = "", listener: str = ""
    ) -> None:
        base = Service(url).base  # which checks it
        super().__init__(f"jellyfin {user or listener}@{base}", music)
        self._url = base
        self._account = {"user": user, "password": password, "token": token}
        self._server: JellyfinServer | None = None

    def remove(self, made: str) -> None:
        """Delete a playlist."""
        status, _ = self._logged_in().status_of(f"/Items/{made}", method="DELETE")
        if status >= 400 and status != _MISSING:
            raise ServiceError(f"{self.name}: a playlist cannot be deleted (error {status})")

    def _logged_in(self) -> JellyfinServer:
        if self._server is None:
            self._server = JellyfinServer(self._url, **self._account, timeout_s=_TIMEOUT_S)
        return self._server

    def _read_songs(self) -> Iterator[Song]:
        for item in self._logged_in().items("Audio", "Path"):
            artists = item.get("Artists")
            yield Song(
                to_text(item.get("Id")),
                to_text(item.get("Path")),
                join_artists(map(to_text, artists)) if isinstance(artists, list) else "",
                to_text(item.get("Name")),
                to_text(item.get("Album")),
                to_text(item.get("AlbumArtist")),
                (to_number(item.get("RunTimeTicks")) or 0) / _TICKS_PER_S,
            )

    def _read_lists(self) -> dict[str, Known]:
        # Those that others share are to be seen as well, but not to be deleted.
        own = (item for item in self._logged_in().items("Playlist", "CanDelete") if item.get("CanDelete") is not False)
        return {to_text(item.get("Id")): Known(to_text(item.get("Name")), False) for item in own}

    def _create(self, name: str, songs: list[str], there: dict[str, Known]) -> str:
        server = self._logged_in()
        of_it = {"Name": name, "Ids": songs, "UserId": server.user_id, "MediaType": "Audio", "IsPublic": False}
        made = to_text(server.ask("/Playlists", body=of_it).get("Id"))
        if not made:
            raise ServiceError(f"{self.name}: answered that it made playlist {name!r}, but gave no id")
        return made

    def _replace(self, number: str, old_name: str, name: str, songs: list[str]) -> str:
        changed = {"Name": name, "Ids": songs}
        status, _ = self._logged_in().status_of(f"/Playlists/{number}", body=changed)
        if status < 400:
            return number
        if status not in _NOT_REPLACED:
            raise ServiceError(f"{self.name}: {name}: cannot be replaced (error {status})")
        made = self._create(name, songs, {})  # only the owner may replace it, and an API key owns nothing
        self.remove(number)
        return made
