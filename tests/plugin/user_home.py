"""A user's beets in a folder: real configuration, database, music and `beet` commands."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import beets
import numpy as np
import pytest
import soundfile
from beets import plugins, ui
from beets.library import Item, Library
from beets.util import cached_classproperty

RATE = 22050
PER_ARTIST = 4
BELLS = [f"Bell {name}" for name in ("Anna", "Berta", "Clara", "Dora", "Emma")]
DRUMS = [f"Drum {name}" for name in ("Fritz", "Georg", "Hans", "Ivo", "Jörg")]
NEVER_PLAYED = (BELLS[-1], DRUMS[-1])


def bells(seed: int, seconds: float = 4.5) -> np.ndarray:
    """Slow decaying sines, float32 (samples,)."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * RATE))
    for start in np.arange(0, seconds - 0.5, 0.75):
        at = int(start * RATE)
        t = np.arange(len(sound) - at) / RATE
        pitch = 220 * 2 ** (rng.choice([0, 3, 5, 7, 10, 12]) / 12)
        for partial in (1, 2.01, 3.02):
            sound[at:] += np.exp(-2 * t) * np.sin(2 * np.pi * pitch * partial * t) / partial
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def drums(seed: int, seconds: float = 4.5) -> np.ndarray:
    """Fast bursts of noise over a thud, float32 (samples,)."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * RATE))
    for k, start in enumerate(np.arange(0, seconds - 0.2, 0.125 + 0.01 * rng.random())):
        at, n = int(start * RATE), int(0.12 * RATE)
        t = np.arange(n) / RATE
        sound[at : at + n] += np.exp(-40 * t) * rng.standard_normal(n)
        if k % 4 == 0:
            sound[at : at + n] += 2 * np.exp(-15 * t) * np.sin(2 * np.pi * 55 * t)
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


class Ran(NamedTuple):
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def complaint(self) -> str:
        """The one line that a user gets who asked for something that makes no sense."""
        assert self.code == 1, self
        assert self.out == "", self
        assert self.err.count("\n") == 1 and self.err.endswith("\n"), self
        return self.err.rstrip("\n")

    @property
    def fine(self) -> Ran:
        """Itself, if it ended well and complained of nothing."""
        assert (self.code, self.err) == (0, ""), self
        return self


class Home:
    """A user's beets: `BEETSDIR` and the music, in one folder that can be copied whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.beetsdir = folder / "beets"
        self.music = folder / "music"
        self.database = self.beetsdir / "library.db"
        self.store = self.beetsdir / "cfaudio" / "features.db"
        self.models = self.beetsdir / "cfaudio" / "models"

    @classmethod
    def make(cls, folder: Path) -> Home:
        home = cls(folder)
        home.beetsdir.mkdir(parents=True)
        home.music.mkdir()
        home.configure()
        return home

    def copy(self, folder: Path) -> Home:
        home = Home(folder)
        shutil.copytree(self.folder, folder)
        home.configure()
        return home

    def configure(self, cfaudio: object = None, plugins: tuple[str, ...] = ("cfaudio",), **more: object) -> None:
        """Write config.yaml anew; all JSON is YAML."""
        config: dict[str, object] = {
            "plugins": list(plugins),
            "directory": str(self.music),
            "library": str(self.database),
            "threaded": False,
            "create_backup_before_migrations": False,
            "import": {"copy": True, "write": False, "autotag": False, "resume": False, "quiet": True},
            "ui": {"color": False},
            **more,
        }
        if cfaudio is not None:
            config["cfaudio"] = cfaudio
        (self.beetsdir / "config.yaml").write_text(json.dumps(config))

    def beet(self, *args: str | bytes, cwd: Path | None = None, python: tuple[str, ...] = ("-m", "beets")) -> Ran:
        """Run the real command, in a process of its own."""
        done = subprocess.run(
            [sys.executable, *python, *args],
            env=self.environment,
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return Ran(
            done.returncode,
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"),
        )

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "BEETSDIR": str(self.beetsdir), "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}

    def beet_here(self, *args: str) -> Ran:
        """Run the same in this process, where torch is loaded already: several seconds quicker."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape") for _ in range(2))
        log = logging.getLogger("beets")
        code = 0
        with fresh_beets(self.beetsdir), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            log.handlers.clear()
            try:
                ui.main(list(args))
            except SystemExit as end:
                code = int(end.code or 0)
            finally:
                log.handlers.clear()
        out.seek(0)
        err.seek(0)
        return Ran(code, out.read(), err.read())

    def embed(self, *args: str) -> Ran:
        """`beet cfembed`, in this process."""
        return self.beet_here("cfembed", "-j", "1", *args)

    @contextlib.contextmanager
    def library(self) -> Iterator[Library]:
        """The library as beets' own code sees it, without any plugin."""
        with fresh_beets(self.beetsdir):
            beets.config.read()
            lib = Library(str(self.database), str(self.music))
            try:
                yield lib
            finally:
                lib._close()

    def add(self, *files: Path, **fields: object) -> None:
        """Put files into the library as they are, singletons all, every one with these fields."""
        with self.library() as lib:
            for file in files:
                lib.add(Item(path=os.fsencode(file), **{"title": file.stem, **fields}))

    def write(self, name: str | bytes, sound: np.ndarray, rate: int = RATE, **how: str) -> Path:
        """Make a music file."""
        file = self.music / os.fsdecode(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(os.fsencode(file), sound, rate, **how)
        return file

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.database)) as connection, connection:
            return connection.execute(query, values).fetchall()

    def field(self, name: str) -> dict[int, Any]:
        """A flexible field as it is stored: item id to value."""
        return dict(self.sql("SELECT entity_id, value FROM item_attributes WHERE key = ?", name))

    def set(self, name: str, values: dict[int, object]) -> None:
        """Set a flexible field past beets, exactly as given."""
        rows = ", ".join(["(?, ?, ?)"] * len(values))
        flat = [part for item, value in values.items() for part in (item, name, value)]
        self.sql(f"INSERT OR REPLACE INTO item_attributes (entity_id, key, value) VALUES {rows}", *flat)

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that is in the library but for what is cfaudio's."""
        tables = ("items", "albums", "album_attributes")
        dump = {table: self.sql(f"SELECT * FROM {table} ORDER BY id") for table in tables}
        mine = "SELECT * FROM item_attributes WHERE key NOT LIKE 'cf\\_%' ESCAPE '\\' ORDER BY id"
        return {**dump, "item_attributes": self.sql(mine)}

    def files(self) -> dict[Path, bytes]:
        """Every file of the whole folder, with its content."""
        return {file: file.read_bytes() for file in self.folder.rglob("*") if file.is_file()}

    def ids(self, where: str, *values: object) -> list[int]:
        return [row[0] for row in self.sql(f"SELECT id FROM items WHERE {where} ORDER BY id", *values)]


@contextlib.contextmanager
def fresh_beets(beetsdir: Path) -> Iterator[None]:
    """beets' global state as in a new process."""

    def forget() -> None:
        beets.config.clear()
        beets.config["create_backup_before_migrations"].set(False)  # lest a new library leaves files here
        beets.config._materialized = False
        plugins._instances.clear()
        plugins.BeetsPlugin.listeners.clear()
        plugins.BeetsPlugin._raw_listeners.clear()
        cached_classproperty.cache.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEETSDIR", str(beetsdir))
        forget()
        try:
            yield
        finally:
            forget()
