"""Playlists on a Plex Media Server, in the account that a token belongs to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cfaudio_core.clients.http import Service
from cfaudio_core.clients.plex import PlexServer, things
from cfaudio_core.errors import ServiceError
from cfaudio_core.targets.account import COMMENT, Account, Known, Song
from cfaudio_core.util.values import get_nested, to_number, to_text

_TIMEOUT_S = 30.0
_BATCH_ITEMS = 200  # whose numbers make an address of less than 2,000 characters


class PlexAccount(Account):
    """An account as a `Target`; each user of a Plex server has a token. The listener names it."""

    def __init__(self, url: str, music: bytes, *, token: str, listener: str = "") -> None:
        base = Service(url).base  # which checks it
        super().__init__(f"plex {listener}@{base}", music)
        self._server = PlexServer(base, token, timeout_s=_TIMEOUT_S)
        self._machine = ""

    def remove(self, made: str) -> None:
        """Delete a playlist."""
        self._server.ask(f"/playlists/{made}", method="DELETE", missing_ok=True)

    def _read_songs(self) -> Iterator[Song]:
        for item in self._server.tracks():
            file = get_nested(_first(item.get("Media")), "Part")
            yield Song(
                to_text(item.get("ratingKey")),
                to_text(get_nested(_first(file), "file")),
                to_text(item.get("originalTitle")) or to_text(item.get("grandparentTitle")),
                to_text(item.get("title")),
                to_text(item.get("parentTitle")),
                to_text(item.get("grandparentTitle")),
                (to_number(item.get("duration")) or 0) / 1000,
            )

    def _read_lists(self) -> dict[str, Known]:
        listed = things(self._server.ask("/playlists", {"playlistType": "audio"}), "Metadata")
        return {
            to_text(one.get("ratingKey")): Known(to_text(one.get("title")), to_text(one.get("summary")) == COMMENT)
            for one in listed
        }

    def _create(self, name: str, songs: list[str], there: dict[str, Known]) -> str:
        first, rest = songs[:_BATCH_ITEMS], songs[_BATCH_ITEMS:]
        of_it: dict[str, str | int] = {"type": "audio", "title": name, "smart": 0}
        if first:
            of_it["uri"] = self._uri(first)
        answer = self._server.ask("/playlists", of_it, method="POST")
        made = to_text(get_nested(_first(answer.get("Metadata")), "ratingKey"))
        if not made:
            raise ServiceError(f"{self.name}: answered that it made playlist {name!r}, but gave no id")
        try:
            self._add(made, rest)
            self._server.ask(f"/playlists/{made}", {"summary": COMMENT}, method="PUT")
        except ServiceError:
            with contextlib.suppress(ServiceError):
                self.remove(made)
            raise
        return made

    def _replace(self, number: str, old_name: str, name: str, songs: list[str]) -> str:
        items = f"/playlists/{number}/items"
        old = [to_text(one.get("ratingKey")) for one in things(self._server.ask(items), "Metadata")]
        if old != songs:
            self._server.ask(items, method="DELETE")
            try:
                self._add(number, songs)
            except ServiceError:
                with contextlib.suppress(ServiceError):
                    self._server.ask(items, method="DELETE")
                    self._add(number, old)
                raise
        if old_name != name:
            self._server.ask(f"/playlists/{number}", {"title": name}, method="PUT")
        return number

    def _add(self, number: str, songs: list[str]) -> None:
        for start in range(0, len(songs), _BATCH_ITEMS):
            uri = self._uri(songs[start : start + _BATCH_ITEMS])
            self._server.ask(f"/playlists/{number}/items", {"uri": uri}, method="PUT")

    def _uri(self, songs: list[str]) -> str:
        self._machine = self._machine or self._server.machine()
        return f"server://{self._machine}/com.plexapp.plugins.library/library/metadata/{','.join(songs)}"


def _first(value: object) -> object:
    """The first of a list; None where there is none."""
    return value[0] if isinstance(value, list) and value else None
