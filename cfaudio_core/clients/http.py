"""Asking web services for JSON, with patience and without telling secrets."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from cfaudio_core import __version__
from cfaudio_core.errors import ServiceError
from cfaudio_core.util.values import number

Params = Mapping[str, str | int | list[str]]

_CONNECT = 10.0  # seconds
_LARGEST_ANSWER = 64 << 20  # bytes
_TRIES = 5
_PAUSE, _LONGEST_PAUSE = 2.0, 60.0  # seconds
_BUSY = {429, 502, 503, 504}


class _Unqueried(logging.Filter):
    """Takes the query, with the secrets in it, out of what urllib3 logs of an address."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(arg.split("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_Unqueried())


def is_url(source: str) -> bool:
    """Say whether `source` is a web address."""
    return source.lower().startswith(("http://", "https://"))


class Service:
    """A web service under one base address.

    Parameters
    ----------
    base : str
        Address without the last slash. It must hold no user or password: those belong into the options.
    headers : mapping of str to str, optional
        Sent with every request; may be secret.
    patience : float
        Seconds to wait for an answer to begin, or to go on.

    Raises
    ------
    ServiceError
        If `base` is no address, or holds a password.
    """

    def __init__(self, base: str, headers: Mapping[str, str] | None = None, patience: float = 60.0):
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
        self._patience = (_CONNECT, patience)
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": f"beets-cfaudio/{__version__}", **(headers or {})})

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *unused: object) -> None:
        self._session.close()

    def get(self, path: str, params: Params) -> tuple[int, dict[str, Any]]:
        """Ask for a JSON object; see `ask`."""
        return self.ask(path, params)

    def ask(self, path: str, params: Params, *, form: bool = False, once: bool = False) -> tuple[int, dict[str, Any]]:
        """Ask for a JSON object; wait where the service says that it is busy.

        Parameters
        ----------
        path : str
            Below the base.
        params : mapping
            A list is the same parameter several times.
        form : bool
            Send the parameters as a form: there may be more of them than an address holds.
        once : bool
            Do not wait and ask again.

        Returns
        -------
        int
            The HTTP status, below 300 or from 400 to 499.
        dict
            The object; empty where the status is not 200 and the answer none.

        Raises
        ------
        ServiceError
            If there is no answer in time, none that is a JSON object, or the service sends one elsewhere.
        """
        where = self.base + path
        for left in reversed(range(1 if once else _TRIES)):
            with self._faults_named(), self._request(where, params, form) as response:
                status = response.status_code
                if status in _BUSY and left:
                    time.sleep(_pause(response.headers, _PAUSE))
                    continue
                if 300 <= status < 400:
                    target = urlsplit(response.headers.get("Location", "")).netloc or "another address"
                    raise ServiceError(f"{self.base}: moved to {target}: give that address")
                if status >= 500 or status in _BUSY:
                    raise ServiceError(f"{self.base}: the service answers with error {status}")
                answer = self._object(self._content(response), status)
                if response.headers.get("X-RateLimit-Remaining") == "0":
                    time.sleep(_pause(response.headers, 0.0))
                return status, answer
        raise AssertionError("the last try returns or raises")

    def _request(self, where: str, params: Params, form: bool) -> requests.Response:
        # A redirection would carry the secrets of the query to wherever it points.
        if form:
            return self._session.post(where, data=params, timeout=self._patience, stream=True, allow_redirects=False)
        return self._session.get(where, params=params, timeout=self._patience, stream=True, allow_redirects=False)

    def _content(self, response: requests.Response) -> bytes:
        content = bytearray()
        for piece in response.iter_content(1 << 16):
            content += piece
            if len(content) > _LARGEST_ANSWER:
                raise ServiceError(f"{self.base}: an answer of more than {_LARGEST_ANSWER >> 20} MiB")
        return bytes(content)

    def _object(self, content: bytes, status: int) -> dict[str, Any]:
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict):
            return answer
        if status == requests.codes.ok:
            raise ServiceError(f"{self.base}: the answer is not the JSON object that it should be")
        return {}

    @contextlib.contextmanager
    def _faults_named(self) -> Iterator[None]:
        # What requests raises quotes the address with its query, secrets included, and so does its chain of causes.
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
        seconds = number(headers.get(name))
        if seconds is not None:
            return min(max(seconds, 0.0), _LONGEST_PAUSE)
    return default
