"""Requests to web services for JSON, which wait for busy ones and keep secrets out of messages."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from cfaudio_core import __version__
from cfaudio_core.errors import ServiceError
from cfaudio_core.util.deadline import run_within
from cfaudio_core.util.values import to_number

R = TypeVar("R")

Params = Mapping[str, str | int | list[str]]

_CONNECT_TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 64 << 20
_MAX_TRIES = 5
_PAUSE_S, _MAX_PAUSE_S = 2.0, 60.0
_BUSY = {429, 502, 503, 504}
_MAX_TIMEOUTS = 2
"""Timeouts that an answer may take as a whole: one that comes a byte at a time never exceeds a single one."""
_MAX_ALL_TIMEOUTS = 240
"""Timeouts that a service may take for all its answers, and the pauses between them: two or four hours."""


class _WithoutQuery(logging.Filter):
    """Filter that removes the query, with the secrets in it, from the addresses that urllib3 logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(arg.split("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQuery())


def is_url(source: str) -> bool:
    """Tell whether `source` is a web address."""
    return source.lower().startswith(("http://", "https://"))


class Service:
    """A web service under one base address.

    Parameters
    ----------
    base
        Address. It must hold no user or password: those belong into the options.
    headers
        Sent with every request; may be secret.
    timeout_s
        Seconds to wait for an answer to begin, or to go on.

    Raises
    ------
    ServiceError
        If `base` is no address, or holds a password.
    """

    def __init__(self, base: str, headers: Mapping[str, str] | None = None, timeout_s: float = 60.0):
        try:
            parts = urlsplit(base)
            host = parts.hostname
        except ValueError:
            host = None
        if not host:
            raise ServiceError(f"{base}: not a web address")
        if "@" in parts.netloc or parts.query:
            raise ServiceError(f"{parts.scheme}://{host}: give user, password and token as options, not in the address")
        self.base = base.rstrip("/")
        self._timeout_s = (_CONNECT_TIMEOUT_S, timeout_s)
        self._left_s = _MAX_ALL_TIMEOUTS * timeout_s
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": f"beets-cfaudio/{__version__}", **(headers or {})})

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *unused: object) -> None:
        self._session.close()

    def ask(
        self,
        path: str,
        params: Params,
        *,
        form: bool = False,
        once: bool = False,
        method: str = "",
        body: Mapping[str, object] | None = None,
        listed: bool = False,
    ) -> tuple[int, dict[str, Any]]:
        """Ask for a JSON object; wait where the service says that it is busy.

        Parameters
        ----------
        path
            Below the base.
        params
            A list is the same parameter several times.
        form
            Send the parameters as a form: there may be more of them than an address holds.
        once
            Do not wait and ask again.
        method
            Of HTTP; "": POST where something is sent in the body, GET otherwise.
        body
            JSON to send.
        listed
            The answer is a list instead, to be returned as the object's ``items``.

        Returns
        -------
        int
            The HTTP status, below 300 or from 400 to 499.
        dict
            The object; empty where the answer is none, and need not be: its status is not 200, or it was no GET and has
            no content.

        Raises
        ------
        ServiceError
            If there is no answer in time, none that is a JSON object, or the service sends one elsewhere; or all
            answers together have taken too long.
        """
        method = method or ("POST" if form or body is not None else "GET")
        sent: dict[str, Any] = {"data": params} if form else {"params": params, "json": body}
        exchange = partial(self._exchange, method, self.base + path, sent)
        for tries_left in reversed(range(1 if once else _MAX_TRIES)):
            status, headers, content = self._within_limits(exchange)
            if status in _BUSY and tries_left:
                self._wait(_pause(headers, _PAUSE_S))
                continue
            if 300 <= status < 400:
                target = urlsplit(headers.get("Location", "")).netloc or "another address"
                raise ServiceError(f"{self.base}: moved to {target}: give that address")
            if status >= 500 or status in _BUSY:
                raise ServiceError(f"{self.base}: the service answers with error {status}")
            answer = {} if method != "GET" and not content else self._parse(content, status, listed)
            if headers.get("X-RateLimit-Remaining") == "0":
                self._wait(_pause(headers, 0.0))
            return status, answer
        raise AssertionError("the last try returns or raises")

    def _within_limits(self, exchange: Callable[[], R]) -> R:
        """Make a request within the time that it may take, and that is left to the service."""
        if self._left_s <= 0:
            raise ServiceError(f"{self.base}: is too slow: its answers have taken hours")
        began = time.monotonic()
        try:
            return run_within(min(_MAX_TIMEOUTS * self._timeout_s[1], self._left_s), exchange)
        except TimeoutError:
            raise ServiceError(f"{self.base}: no answer in time") from None
        finally:
            self._left_s -= time.monotonic() - began

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)
        self._left_s -= seconds

    def _exchange(self, method: str, url: str, sent: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request, and read the answer: its status, headers and content."""
        # A redirection would carry the secrets of the query to wherever it points.
        how: dict[str, Any] = {"timeout": self._timeout_s, "stream": True, "allow_redirects": False}
        with self._errors_named(), self._session.request(method, url, **sent, **how) as response:
            wanted = response.status_code < 300 or 400 <= response.status_code < 500
            return response.status_code, response.headers, self._content(response) if wanted else b""

    def _content(self, response: requests.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(1 << 16):
            content += chunk
            if len(content) > _MAX_ANSWER_BYTES:
                raise ServiceError(f"{self.base}: an answer of more than {_MAX_ANSWER_BYTES >> 20} MiB")
        return bytes(content)

    def _parse(self, content: bytes, status: int, listed: bool) -> dict[str, Any]:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, list) and listed:
            return {"items": answer}
        if isinstance(answer, dict) and not (listed and status == requests.codes.ok):
            return answer
        if status == requests.codes.ok:
            raise ServiceError(f"{self.base}: the answer is not the JSON object that it should be")
        return {}

    @contextlib.contextmanager
    def _errors_named(self) -> Iterator[None]:
        # The errors of requests quote the address with its query, secrets included, and so does their chain of causes.
        try:
            yield
        except requests.exceptions.SSLError:
            raise ServiceError(f"{self.base}: its TLS certificate cannot be trusted") from None
        except requests.exceptions.Timeout:
            raise ServiceError(f"{self.base}: no answer in time") from None
        except requests.exceptions.ConnectionError:
            raise ServiceError(f"{self.base}: cannot be reached") from None
        except (requests.exceptions.RequestException, OSError, ValueError) as error:
            raise ServiceError(f"{self.base}: asking it failed ({type(error).__name__})") from None


def _pause(headers: Mapping[str, str], default: float) -> float:
    for name in ("Retry-After", "X-RateLimit-Reset-In"):
        seconds = to_number(headers.get(name))
        if seconds is not None:
            return min(max(seconds, 0.0), _MAX_PAUSE_S)
    return default
