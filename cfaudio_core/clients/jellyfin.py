"""Jellyfin's web API, from version 10.9 on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from cfaudio_core import __version__
from cfaudio_core.clients.http import Params, Service
from cfaudio_core.errors import ServiceError
from cfaudio_core.util.values import to_text

_PAGE_ITEMS = 1000
_REFUSED = {401: "wrong user, password or token", 403: "not allowed"}


class JellyfinServer:
    """A server and an account there; logs in at once.

    Parameters
    ----------
    base
        Address of the server.
    user, password
        The account.
    token
        An access token of the user, instead of a password, or an API key of the server, which acts for `user`.
    timeout_s
        Seconds, see `Service`.

    Attributes
    ----------
    user_id
        Number of the account.

    Raises
    ------
    ServiceError
        If the server cannot be reached, or refuses the account.
    """

    def __init__(self, base: str, user: str = "", password: str = "", token: str = "", *, timeout_s: float = 60.0):
        self.base = base
        self._timeout_s = timeout_s
        self._service = self._with_token(token)
        if token:
            self.user_id = self._owner(user)
            return
        login = {"Username": user, "Pw": password}
        answer = self.ask("/Users/AuthenticateByName", body=login)
        self.user_id = _id_of(answer.get("User"))
        if not self.user_id:
            raise self._stranger()
        self._service = self._with_token(to_text(answer.get("AccessToken")))

    def items(self, kind: str, fields: str) -> Iterator[dict[str, Any]]:
        """Read all items of a kind that the account may see, such as ``Audio``, with more than the usual fields."""
        wanted: dict[str, str | int | list[str]] = {
            "userId": self.user_id,
            "recursive": "true",
            "includeItemTypes": kind,
            "fields": fields,
            "enableImages": "false",
            "enableUserData": "false",
        }
        at = 0
        while page := self.ask("/Items", {**wanted, "startIndex": at, "limit": _PAGE_ITEMS}).get("Items"):
            yield from (item for item in page if isinstance(item, dict))
            at += len(page)
            if len(page) < _PAGE_ITEMS:
                return

    def ask(
        self, path: str, params: Params | None = None, *, method: str = "", body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """Make a request, those that change something once only; `body` is sent as JSON.

        Raises
        ------
        ServiceError
            If there is no such server, or it does not do it.
        """
        status, answer = self.status_of(path, params, method=method, body=body)
        if status >= 400:
            raise ServiceError(f"{self.base}: {path.split('/')[1]}: {_REFUSED.get(status, f'error {status}')}")
        return answer

    def status_of(
        self, path: str, params: Params | None = None, *, method: str = "", body: Mapping[str, object] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Make a request as `ask` does, and return the HTTP status too, where that may be an error."""
        once = body is not None or method not in ("", "GET")
        return self._service.ask(path, params or {}, once=once, method=method, body=body)

    def _with_token(self, token: str) -> Service:
        named = {"Client": "beets-cfaudio", "Device": "beets", "DeviceId": "beets-cfaudio", "Version": __version__}
        fields = ", ".join(f'{name}="{quote(value)}"' for name, value in {**named, "Token": token}.items() if value)
        return Service(self.base, {"Authorization": f"MediaBrowser {fields}"}, self._timeout_s)

    def _owner(self, user: str) -> str:
        """Find the number of the user whose token it is; an API key is nobody's, and serves for anyone."""
        status, answer = self.status_of("/Users/Me")
        if status in _REFUSED:
            raise ServiceError(f"{self.base}: {_REFUSED[status]}")
        if status == 200 and (found := _id_of(answer)):
            return found
        if status == 200:
            raise self._stranger()
        status, answer = self._service.ask("/Users", {}, listed=True)
        if status != 200:
            raise self._stranger()
        for one in answer["items"]:
            if (
                isinstance(one, dict)
                and to_text(one.get("Name")).casefold() == user.casefold()
                and (found := _id_of(one))
            ):
                return found
        raise ServiceError(f"{self.base}: an API key needs a user to act for, who is there")

    def _stranger(self) -> ServiceError:
        return ServiceError(f"{self.base}: not a server that speaks Jellyfin's API")


def _id_of(thing: object) -> str:
    return to_text(thing.get("Id")) if isinstance(thing, dict) else ""
