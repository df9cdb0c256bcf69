"""The web API of Plex Media Server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfaudio_core import __version__
from cfaudio_core.clients.http import Params, Service
from cfaudio_core.errors import ServiceError
from cfaudio_core.util.values import to_text

_PAGE_ITEMS = 1000
_REFUSED = {401: "wrong token", 403: "not allowed"}
_TRACKS = 10  # the API's number of that kind of item


class PlexServer:
    """A server, and the account there that a token belongs to; asks for nothing yet.

    The address is that of the server itself, and the token an account's; `timeout_s` is in seconds, see `Service`.
    """

    def __init__(self, base: str, token: str, *, timeout_s: float = 60.0):
        self.base = base
        headers = {
            "Accept": "application/json",
            "X-Plex-Token": token,
            "X-Plex-Client-Identifier": "beets-cfaudio",
            "X-Plex-Product": "beets-cfaudio",
            "X-Plex-Version": __version__,
        }
        self._service = Service(base, headers, timeout_s)

    def machine(self) -> str:
        """Ask for the server's own identifier, which is part of the addresses of its items."""
        machine = to_text(self.ask("/identity").get("machineIdentifier"))
        if not machine:
            raise ServiceError(f"{self.base}: not a Plex Media Server")
        return machine

    def tracks(self) -> Iterator[dict[str, Any]]:
        """Read all tracks of all music libraries that the account may see."""
        for section in things(self.ask("/library/sections"), "Directory"):
            if section.get("type") != "artist":
                continue
            at, path = 0, f"/library/sections/{to_text(section.get('key'))}/all"
            while True:
                part: dict[str, str | int] = {"X-Plex-Container-Start": at, "X-Plex-Container-Size": _PAGE_ITEMS}
                page = things(self.ask(path, {"type": _TRACKS, **part}), "Metadata")
                yield from page
                at += len(page)
                if len(page) < _PAGE_ITEMS:
                    break

    def ask(
        self, path: str, params: Params | None = None, *, method: str = "GET", missing_ok: bool = False
    ) -> dict[str, Any]:
        """Make a request, those that change something once only; returns what is in the answer's MediaContainer.

        Raises
        ------
        ServiceError
            If there is no such server, or it does not do it; with `missing_ok` not where there is no such thing.
        """
        status, answer = self._service.ask(path, params or {}, method=method, once=method != "GET")
        if status >= 400 and not (missing_ok and status == 404):
            raise ServiceError(f"{self.base}: {path.split('/')[1]}: {_REFUSED.get(status, f'error {status}')}")
        content = answer.get("MediaContainer")
        if isinstance(content, dict):
            return content
        if status == 200 and method == "GET":
            raise ServiceError(f"{self.base}: not a Plex Media Server")
        return {}


def things(container: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """List the objects of a kind in a container; there is no list where there are none."""
    value = container.get(kind)
    return [thing for thing in value if isinstance(thing, dict)] if isinstance(value, list) else []
