"""Subsonic's web API, which Navidrome, Gonic, Airsonic and others speak."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from cfaudio_core.clients.http import Params, Service
from cfaudio_core.errors import ServiceError
from cfaudio_core.util.values import get_nested, to_int, to_text

MISSING = 70
"""Code of an error about a thing that does not exist (any more)."""

_VERSION = "1.16.1"
_EVERYTHING: dict[str, str | int] = {"query": "", "artistCount": 0, "albumCount": 0}
_PAGE_ITEMS = 500  # servers give no more
_NO_TOKENS = {10, 41, 42}  # parameter missing, no token authentication for this user, mechanism not supported
_REFUSED = {40: "wrong user or password", 43: "conflicting credentials", 44: "wrong token", 50: "not allowed"}
_MAX_ADDRESS = 4000  # characters of parameters: beyond, some servers and proxies want a form


class SubsonicError(ServiceError):
    """Error that a server reports, with its code."""

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.code = code


class SubsonicServer:
    """A server and an account there; logs in at once.

    Parameters
    ----------
    service
        At the server's address without ``/rest``.
    user, password
        The account. The password itself is sent only to servers that do not take a salted hash of it.
    token
        An API key of OpenSubsonic, instead of both.

    Raises
    ------
    ServiceError
        If the server cannot be reached, or refuses the account.
    """

    def __init__(self, service: Service, user: str = "", password: str = "", token: str = ""):
        self.base = service.base
        self.user = user
        self._service = service
        self._credentials: dict[str, str] = {}
        self._secrets = {secret for secret in (password, token) if secret}
        self._log_in(password, token)

    def _log_in(self, password: str, token: str) -> None:
        if token:
            self._credentials = {"apiKey": token}
            self.ask("ping")
            return
        salt = secrets.token_hex(8)
        hashed = hashlib.md5((password + salt).encode(), usedforsecurity=False).hexdigest()
        self._credentials = {"u": self.user, "t": hashed, "s": salt}
        try:
            self.ask("ping")
        except SubsonicError as failure:
            if failure.code not in _NO_TOKENS:
                raise
            self._credentials = {"u": self.user, "p": f"enc:{password.encode().hex()}"}
            self.ask("ping")

    def songs(self) -> Iterator[dict[str, Any]]:
        """Read all songs: by an empty search, or album by album from servers that find nothing by it."""
        found = False
        try:
            for song in self._pages("search3", "searchResult3", "song", _EVERYTHING, "songCount", "songOffset"):
                found = True
                yield song
        except SubsonicError:
            if found:
                raise
        if found:
            return
        by_name: dict[str, str | int] = {"type": "alphabeticalByName"}
        for album in self._pages("getAlbumList2", "albumList2", "album", by_name, "size", "offset"):
            yield from objects(get_nested(self.ask("getAlbum", {"id": to_text(album.get("id"))}), "album", "song"))

    def _pages(
        self, name: str, part: str, kind: str, params: dict[str, str | int], size: str, offset: str
    ) -> Iterator[dict[str, Any]]:
        at = 0
        seen: set[str] = set()
        while page := objects(get_nested(self.ask(name, {**params, size: _PAGE_ITEMS, offset: at}), part, kind)):
            new = [thing for thing in page if to_text(thing.get("id")) not in seen]
            if not new:
                return  # a server that knows no offset gives the first page for ever
            seen.update(to_text(thing.get("id")) for thing in new)
            yield from new
            at += len(page)

    def ask(self, name: str, params: Params | None = None, *, once: bool = False) -> dict[str, Any]:
        """Call one method of the API.

        Parameters
        ----------
        name
            As in the API, such as ``getPlaylists``.
        params
            A list is the same parameter several times.
        once
            Do not ask again where the server is busy: the call changes something.

        Raises
        ------
        SubsonicError
            If the server reports an error.
        ServiceError
            If there is no such server.
        """
        sent: dict[str, str | int | list[str]] = {
            "v": _VERSION,
            "c": "beets-cfaudio",
            "f": "json",
            **self._credentials,
            **(params or {}),
        }
        form = _length(sent) > _MAX_ADDRESS
        status, answer = self._service.ask(f"/rest/{name}.view", sent, form=form, once=once)
        content = answer.get("subsonic-response")
        if isinstance(content, dict) and content.get("status") == "ok":
            return content
        if isinstance(content, dict):
            code, message = (get_nested(content, "error", key) for key in ("code", "message"))
            raise self._failed(name, to_int(code), to_text(message))
        if status in (401, 403):
            raise self._failed(name, 40, "")
        raise ServiceError(f"{self.base}: not a server that speaks Subsonic's API (status {status})")

    def _failed(self, name: str, code: int, message: str) -> SubsonicError:
        why = f"error {code} {self._without_secrets(message)}"
        if code in _REFUSED:
            why = f"{_REFUSED[code]} ({self.user})" if self.user else _REFUSED[code]
        return SubsonicError(f"{self.base}: {name}: {why}", code)

    def _without_secrets(self, message: str) -> str:
        sent = {secret for name, secret in self._credentials.items() if name != "u"}
        return "" if any(secret in message for secret in sent | self._secrets) else message


def objects(value: object) -> list[dict[str, Any]]:
    """List the objects of a list; some servers write a single one without the list."""
    things = value if isinstance(value, list) else [value]
    return [thing for thing in things if isinstance(thing, dict)]


def _length(params: Mapping[str, object]) -> int:
    values = (value if isinstance(value, list) else [value] for value in params.values())
    return sum(len(name) + 2 + len(str(one)) for name, listed in zip(params, values, strict=True) for one in listed)
