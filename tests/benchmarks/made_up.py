"""Libraries made for the purpose, and commands run on them: what the benchmarks of large libraries share."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

CONFIG = """\
directory: {home}/music
library: {home}/library.db
plugins: [cfaudio]
threaded: no
create_backup_before_migrations: no
"""
ARTIST, ALBUM, STYLES = 24, 12, 60  # tracks of one artist, of one album; and styles


class Measured(NamedTuple):
    """What a process printed, its wall and CPU seconds, and its peak memory in MB."""

    said: str
    wall: float
    cpu: float
    peak: int


def names(track: int) -> tuple[str, str, str]:
    """Artist, title and album of a track."""
    return f"The Artist {track // ARTIST}", f"Song No. {track % 977} of {track}", f"Album {track // ALBUM}"


def recording(track: int) -> str:
    """Its MusicBrainz id."""
    return str(UUID(int=track * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128))


def key(track: int) -> str:
    """Its content key."""
    return f"{track * 0x9E3779B97F4A7C15 % 2**64:016x}{track:016x}"


def style(track: int) -> int:
    """That of its artist."""
    return track // ARTIST % STYLES


def make_library(home: Path, tracks: int = 0, config: str = "") -> None:
    """A beets library in a folder, with so many tracks, and `config` after the rest of its settings."""
    (home / "config.yaml").write_text(CONFIG.format(home=home) + config)
    beet(home, "ls")
    fill_library(home, 0, tracks)


def fill_library(home: Path, first: int, count: int) -> None:
    """Items straight into the library's tables: beets would take an hour."""
    insert = (
        "INSERT INTO items (id, path, artist, title, album, albumartist, mb_trackid, genres, length, added) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 200.0, 0)"
    )
    with sqlite3.connect(home / "library.db") as connection:
        connection.executemany(
            insert,
            (
                (i + 1, b"a/%d.flac" % i, *names(i), names(i)[0], recording(i), f"Genre {style(i)}")
                for i in range(first, first + count)
            ),
        )
    connection.close()


def fill_fields(home: Path, fields: Iterable[tuple[int, str, object]]) -> None:
    """Flexible fields: (track, name, value) each."""
    with sqlite3.connect(home / "library.db") as connection:
        connection.executemany(
            "INSERT INTO item_attributes (entity_id, key, value) VALUES (?, ?, ?)",
            ((track + 1, name, value) for track, name, value in fields),
        )
    connection.close()


def beet(home: Path, *args: str, begin: tuple[str, ...] = (sys.executable, "-m", "beets")) -> Measured:
    """Run a command in a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [*begin, *args],
        env={**os.environ, "BEETSDIR": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"beet {' '.join(args)} ended with {process.returncode}: {said}")
    return Measured(said, time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)
