"""A real MPD with no output, and a connection that speaks its protocol."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from subsonic_servers import free_port
from waiting import LONG_SECONDS, wait_until

CONFIG = """\
music_directory "{music}"
playlist_directory "{lists}"
db_file "{folder}/db"
state_file "{folder}/state"
pid_file "{folder}/pid"
log_file "{folder}/log"
bind_to_address "127.0.0.1"
port "{port}"
connection_timeout "{idle_s}"
zeroconf_enabled "no"
auto_update "no"
audio_output {{
    type "null"
    name "nobody listens"
    mixer_type "null"
}}
{more}
"""


class Mpd:
    """A connection that speaks MPD's protocol: a line of question, lines of answer, and OK."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=LONG_SECONDS)
        self._stream = self._socket.makefile("rw", encoding="utf-8")
        assert self._stream.readline().startswith("OK MPD")

    def ask(self, question: str) -> list[str]:
        self._stream.write(question + "\n")
        self._stream.flush()
        answer = []
        while (line := self._stream.readline().rstrip("\n")) != "OK":
            assert line, "MPD has hung up"
            assert not line.startswith("ACK"), line
            answer.append(line)
        return answer

    def load(self, playlist: str) -> list[str]:
        """The files that a stored playlist puts into the queue."""
        name = playlist.replace("\\", "\\\\").replace('"', '\\"')
        self.ask("clear")
        self.ask(f'load "{name}"')
        return [line.removeprefix("file: ") for line in self.ask("playlistinfo") if line.startswith("file: ")]

    def playlists(self) -> list[str]:
        """The names of the stored playlists."""
        lines = self.ask("listplaylists")
        return sorted(line.removeprefix("playlist: ") for line in lines if line.startswith("playlist: "))

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@contextmanager
def running_mpd(folder: Path, music: Path, lists: Path, more: str = "", password: str = "") -> Iterator[Mpd]:
    """Serve a music folder whose files are known already when it starts."""
    folder.mkdir()
    lists.mkdir(exist_ok=True)
    port = free_port()
    config = folder / "mpd.conf"
    config.write_text(
        CONFIG.format(music=music, lists=lists, folder=folder, port=port, idle_s=round(LONG_SECONDS), more=more)
    )
    process = subprocess.Popen(
        ["mpd", "--no-daemon", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_utf8()
    )
    try:
        client = _connect(port, process)
        if password:
            client.ask(f"password {password}")
        client.ask("update")
        wait_until(
            lambda: not any(line.startswith("updating_db") for line in client.ask("status")),
            lambda: "mpd does not come to an end of reading its music",
        )
        try:
            yield client
        finally:
            client.close()
    finally:
        process.terminate()
        process.wait(LONG_SECONDS)


def _utf8() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _connect(port: int, process: subprocess.Popen[bytes]) -> Mpd:
    def ask() -> Mpd | None:
        assert process.poll() is None, "mpd has not started"
        with contextlib.suppress(ConnectionRefusedError):
            return Mpd(port)
        return None

    client = wait_until(ask, lambda: "mpd does not answer")
    assert client
    return client
