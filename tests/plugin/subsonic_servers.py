"""Real Subsonic servers, in folders of their own, with an account for each user: supysonic, and maneki where it is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from needs import find
from waiting import LONG_SECONDS, wait_until

CONFIG = """\
[base]
database_uri = sqlite:///{folder}/supysonic.db
[webapp]
cache_dir = {folder}/cache
log_file = {folder}/supysonic.log
[daemon]
socket = {folder}/daemon.sock
run_watcher = false
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def supysonic(folder: Path, music: Path, passwords: dict[str, str]) -> Iterator[str]:
    """Serve a music folder to some users; the server's address."""
    folder.mkdir()
    (folder / "cache").mkdir()
    (folder / "supysonic.conf").write_text(CONFIG.format(folder=folder))
    for user, password in passwords.items():
        _run(folder, "supysonic-cli", "user", "add", user, "-p", password)
    _run(folder, "supysonic-cli", "folder", "add", "music", str(music))
    _run(folder, "supysonic-cli", "folder", "scan", "--foreground", "music")
    port = free_port()
    server = [_command("supysonic-server"), "-S", "waitress", "-h", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        server, cwd=folder, env=_home(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def maneki(folder: Path, music: Path, passwords: dict[str, str]) -> Iterator[str]:
    """The same by maneki, which takes tokens and keeps no comments; it needs a Python of its own."""
    folder.mkdir()
    port = free_port()
    users = [f"[[users]]\nname = {json.dumps(u)}\npassword = {json.dumps(p)}\n" for u, p in passwords.items()]
    (folder / "maneki.toml").write_text("".join(users))
    server = [
        find("maneki") or "maneki",
        "serve",
        str(music),
        "--host",
        "127.0.0.1",
        "-p",
        str(port),
        "--no-ui",
        "--no-artist-images",
    ]
    environment = {**_home(folder), "MANEKI_CONFIG": str(folder / "maneki.toml")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(server, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}/audio"
        finally:
            process.terminate()
            process.wait(LONG_SECONDS)


def _run(folder: Path, command: str, *args: str) -> None:
    done = subprocess.run([_command(command), *args], cwd=folder, env=_home(folder), capture_output=True, check=False)
    assert done.returncode == 0, (args, done)


def _command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _home(folder: Path) -> dict[str, str]:
    """Nobody else's configuration is read."""
    return {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert process.poll() is None, "the server has not started"
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), LONG_SECONDS).close()
            return True
        return False

    wait_until(answers, lambda: "the server does not answer")
