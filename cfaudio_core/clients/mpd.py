"""Connections to an MPD, by its protocol."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from cfaudio_core.errors import ServiceError, SettingError
from cfaudio_core.util.deadline import run_within

R = TypeVar("R")

BATCH_COMMANDS = 200
"""Commands in one command list: MPD drops a client that sends too much at once."""

_MAX_ANSWER_BYTES = 32 << 20  # a queue of 16,384 songs, MPD's usual limit, is 8 MiB
_TIMEOUT_S = 20.0
_MAX_TIMEOUTS = 30  # that all commands of a call may take together


class _Socket(socket.socket):
    """A socket of which one answer is of limited length: python-mpd2 keeps whole lines and lists in memory."""

    left = _MAX_ANSWER_BYTES

    def send(self, *args: Any) -> int:
        """Send, after which another answer begins."""
        self.left = _MAX_ANSWER_BYTES
        return super().send(*args)

    def recv_into(self, *args: Any) -> int:
        """Receive, but no more than the limit."""
        received = super().recv_into(*args)
        self.left -= received
        if self.left < 0:
            raise OverflowError
        return received


class MpdClient:
    """An MPD's address.

    A host that begins with "/" or "@" is a socket; `music` is the absolute folder that is MPD's music folder.

    Attributes
    ----------
    name
        Its name in messages.
    """

    def __init__(self, host: str, port: int, music: bytes, *, password: str = "") -> None:
        self.name = f"mpd {host}" if host.startswith(("/", "@")) else f"mpd {host}:{port}"
        self._address = host, port
        self._password = password
        self._music = music.rstrip(b"/") + b"/"

    def path_of(self, file: str) -> bytes:
        """Find the absolute path of one of MPD's files."""
        return self._music + file.encode()

    def file_of(self, path: bytes) -> str:
        """Find the name that MPD has for a path; "" where no name in UTF-8 can be."""
        try:
            return path.removeprefix(self._music).decode()
        except UnicodeDecodeError:
            return ""

    def call(self, commands: Callable[[Any], R]) -> R:
        """Give some commands over a connection of their own, and return what they return.

        Raises
        ------
        ServiceError
            In one line, if MPD cannot be reached, does not answer in time, or does not do it.
        """

        def work() -> R:
            with self.connected() as mpd:
                return commands(mpd)

        try:
            return run_within(_MAX_TIMEOUTS * _TIMEOUT_S, work)
        except TimeoutError:
            raise ServiceError(f"{self.name}: no answer in time") from None

    @contextlib.contextmanager
    def connected(self) -> Iterator[Any]:
        """Connect, as `mpd.MPDClient`; errors are raised as by `call`."""
        try:
            import mpd
        except ImportError:
            raise SettingError("mpd: needs python-mpd2: pip install 'beets-cfaudio[mpd]'") from None

        class _Client(mpd.MPDClient):  # type: ignore[misc]
            def _connect_tcp(self, *address: Any) -> _Socket:
                return _limited(super()._connect_tcp(*address))

            def _connect_unix(self, *address: Any) -> _Socket:
                return _limited(super()._connect_unix(*address))

        client = _Client()
        client.timeout = _TIMEOUT_S
        try:
            client.connect(*self._address)
            if self._password:
                client.password(self._password)
            yield client
        except mpd.CommandError as error:
            why = error.msg or "an error"
            if self._password and self._password in why:  # an error may quote the command
                why = "an error"
            raise ServiceError(f"{self.name}: {error.command or 'MPD'}: {why}") from None
        except TimeoutError:
            raise ServiceError(f"{self.name}: no answer in time") from None
        except OverflowError:
            raise ServiceError(f"{self.name}: an answer of more than {_MAX_ANSWER_BYTES >> 20} MiB") from None
        except (OSError, mpd.MPDError, UnicodeError, ValueError) as error:
            why = "is not an MPD" if isinstance(error, mpd.ProtocolError | UnicodeError) else "cannot be reached"
            raise ServiceError(f"{self.name}: {why}") from None
        finally:
            with contextlib.suppress(mpd.MPDError, OSError):
                client.disconnect()


def _limited(plain: socket.socket) -> _Socket:
    timeout = plain.gettimeout()
    limited = _Socket(plain.family, plain.type, plain.proto, plain.detach())
    limited.settimeout(timeout)
    return limited


def find_files(mpd: Any, queries: list[tuple[str, ...]]) -> list[str]:
    """Find the first file for each query of MPD's command ``find``; "" where nothing is asked or found."""
    # A line break would end the command, and begin another.
    asked = [at for at, parts in enumerate(queries) if parts and not any("\n" in part for part in parts)]
    files = [""] * len(queries)
    for start in range(0, len(asked), BATCH_COMMANDS):
        some = asked[start : start + BATCH_COMMANDS]
        mpd.command_list_ok_begin()
        for at in some:
            mpd.find(*queries[at])
        for at, found in zip(some, mpd.command_list_end(), strict=True):
            files[at] = next((song["file"] for song in found if "file" in song), "")
    return files
