"""A PostgreSQL server of the test's own, on loopback, that can be stopped and started."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

PASSWORD = "hunter-2:@/%"


def programs() -> Path | None:
    """The folder of the newest installed server's programs."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: float(f.parent.name))
    found = shutil.which("initdb")
    return folders[-1] if folders else Path(found).resolve().parent if found else None


class Server:
    """Made by `initdb`; root hands it to the account `postgres`, since the server refuses to run as root."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        self._home = Path(tempfile.mkdtemp(prefix="cfaudio-postgres-"))
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self._home, "postgres", "postgres")
        word = self._home / "word"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        access = ["--auth=scram-sha-256", "--username=tester", f"--pwfile={word}", "--encoding=UTF8", "--locale=C"]
        self._run("initdb", "--pgdata", str(self._home / "data"), "--no-sync", *access)
        self._names = itertools.count()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self._home}"
        log = str(self._home / "log")
        self._run("pg_ctl", "-D", str(self._home / "data"), "-w", "-t", "600", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """As a crash would."""
        self._run("pg_ctl", "-D", str(self._home / "data"), "-m", "immediate", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home)

    def new_database(self) -> str:
        """The address of what looks like an empty database: a schema of its own takes a moment, a database seconds."""
        name = f"history{next(self._names)}"
        address = f"postgresql://tester:hunter-2%3A%40%2F%25@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(address) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{address}?options=-csearch_path%3D{name}".replace("postgresql://", "postgresql+psycopg://")

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(
            [*self._as, str(self._bin / program), *args],
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
