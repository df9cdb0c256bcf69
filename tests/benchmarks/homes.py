"""Copies of a library, the commands that are disturbed in them, and what must hold afterwards.

Used by `bench_kills.py`, `bench_power_cuts.py` and `bench_full_disk.py`. LIBRARY is a folder with `library.db`,
`config.yaml`, a folder `cfaudio` and, for `cfimport`, `listenbrainz.zip`; it is copied, and never written to. The
features of some tracks are taken from the copy where a command is to analyse.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Units = dict[Any, Any]  # what is written whole or not at all, by its name
INCOMPLETE_TRACKS = 6
IMPORTED_TRACKS = 3
PLAYLISTS = [{"kind": "discover", "n": 20}, {"kind": "daily mix", "n": 20}, {"name": "Both", "n": 30}]


class Command(NamedTuple):
    """A command, which share of 100 trials are its, and whether it writes, or prints the same each time."""

    args: list[str]
    share: int
    writes: bool = True
    repeats: bool = False


COMMANDS = {
    "import": Command(["import", "--quiet", "new"], 12),
    "cfimport": Command(["cfimport", "listenbrainz", "listens.zip"], 16),
    "cfplaylists": Command(["cfplaylists", "--seed", "1"], 16),
    "cfrecommend": Command(["cfrecommend", "--seed", "1", "-m", "playlists/mix.m3u"], 5, repeats=True),
    "cflike": Command(["cflike", "id:1..99"], 5),
    "cfdislike": Command(["cfdislike", "id:1..99"], 5),
    "cfban": Command(["cfban", "id:1..99"], 5),
    "cfplays": Command(["cfplays"], 5, writes=False, repeats=True),
    "cfstatus": Command(["cfstatus"], 5, writes=False, repeats=True),
    "cfdoctor": Command(["cfdoctor"], 4, writes=False),
    "cfembed --forget": Command(["cfembed", "--forget", "--yes"], 5),
    "cfreport": Command(["cfreport"], 5),
    "cfevaluate": Command(["cfevaluate", "--quick", "--protocol", "new-artists"], 4),
    "cfembed": Command(["cfembed", "--retrain", "-j", "2"], 8),
}


class Home:
    """A copy of the library, and the real commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, library: Path, folder: Path, name: str) -> Home:
        """Copy a library as the command of that name is to find it."""
        folder.mkdir(parents=True)
        shutil.copy(library / "library.db", folder)
        shutil.copytree(library / "cfaudio", folder / "cfaudio", ignore=shutil.ignore_patterns("report"))
        (folder / "playlists").mkdir()
        config = yaml.safe_load((library / "config.yaml").read_text())
        config["library"] = "library.db"
        config["import"] = {"copy": False, "write": False, "autotag": False, "duplicate_action": "keep"}
        config["cfaudio"] = {"playlist_dir": "playlists", "playlists": PLAYLISTS, "auto": True}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        home = cls(folder)
        if name in ("cfembed", "import"):
            home.make_incomplete(INCOMPLETE_TRACKS, Path(config["directory"]))
        if name == "cfimport":
            shutil.copy(library / "listenbrainz.zip", folder / "listens.zip")
            for file in (folder / "cfaudio").glob("history.db*"):
                file.unlink()
        return home

    def copy(self, folder: Path) -> Home:
        shutil.copytree(self.folder, folder)
        return Home(folder)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "beets", *COMMANDS[name].args],
            cwd=self.folder,
            env={**os.environ, "BEETSDIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def finish(self, name: str) -> str:
        """Run a command to its end; what it prints."""
        process = self.start(name)
        out = process.communicate()[0].decode("utf-8", "replace")
        assert process.returncode == 0, f"exit status {process.returncode}: {out[-300:]}"
        assert "Traceback" not in out, out[-600:]
        return out.replace(str(self.folder), "")

    def sql(self, database: str, query: str) -> list[tuple[Any, ...]]:
        if not (self.folder / database).exists():
            return []
        with contextlib.closing(sqlite3.connect(self.folder / database)) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def make_incomplete(self, number: int, directory: Path) -> None:
        """Forget the features of some tracks, and make a few of these an album that `import` finds."""
        with contextlib.closing(sqlite3.connect(self.folder / "library.db")) as lib, lib:
            mine = "SELECT entity_id FROM item_attributes WHERE key = 'cf_key' ORDER BY entity_id LIMIT ?"
            ids = [row[0] for row in lib.execute(mine, (number,))]
            marks = ", ".join("?" * len(ids))
            keys = f"SELECT value FROM item_attributes WHERE key = 'cf_key' AND entity_id IN ({marks})"
            gone = [row[0] for row in lib.execute(keys, ids)]
            lib.execute(
                f"DELETE FROM item_attributes WHERE key LIKE 'cf\\_%' ESCAPE '\\' AND entity_id IN ({marks})", ids
            )
            paths = lib.execute(f"SELECT path FROM items WHERE id IN ({marks}) ORDER BY id", ids).fetchall()
        with contextlib.closing(sqlite3.connect(self.folder / "cfaudio" / "features.db")) as store, store:
            for table in ("features", "files"):
                store.execute(f"DELETE FROM {table} WHERE cf_key IN ({marks})", gone)
        (self.folder / "new").mkdir()
        for i, (path,) in enumerate(paths[:IMPORTED_TRACKS]):
            file = directory / os.fsdecode(path)
            shutil.copy(file, self.folder / "new" / f"{i}{file.suffix}")

    @property
    def units(self) -> Units:
        """All that commands write, in units that are to be whole at any moment, and all that is the owner's."""
        items = {row[0]: row for row in self.sql("library.db", "SELECT id, album_id, path, title FROM items")}
        new = {number: Path(os.fsdecode(row[2])).name for number, row in items.items() if b"/new/" in row[2]}
        old = items.keys() - new.keys()
        found: Units = {"config": (self.folder / "config.yaml").read_bytes()}
        found |= {("item", row[0]): row for row in self.sql("library.db", "SELECT * FROM items") if row[0] in old}
        albums = {items[number][1] for number in old}
        found |= {("album", row[0]): row for row in self.sql("library.db", "SELECT * FROM albums") if row[0] in albums}
        attributes = sorted(self.sql("library.db", "SELECT entity_id, key, value FROM item_attributes"))
        found |= {("attribute", *row[:2]): row[2] for row in attributes if row[0] in old and row[1][:3] != "cf_"}
        found["fields"] = [row for row in attributes if row[0] in old and row[1][:3] == "cf_"]
        for number, name in new.items():
            found["imported", name] = items[number][3]
            if fields := [row[1:] for row in attributes if row[0] == number and row[1][:3] == "cf_"]:
                found["fields", name] = fields
        found["listens"] = self.sql(
            "cfaudio/history.db",
            "SELECT time, artist, title, skipped FROM cf_listens JOIN cf_texts ON cf_texts.id = text_id "
            "ORDER BY 1, 2, 3",
        )
        found["feedback"] = self.sql(
            "cfaudio/history.db",
            "SELECT artist, title, value FROM cf_feedback JOIN cf_texts ON cf_texts.id = text_id ORDER BY 1, 2, 3",
        )
        for *key, data in self.sql("cfaudio/features.db", "SELECT cf_key, net, wanted, data FROM features"):
            found["features", *key] = data
        kept = sorted((self.folder / "cfaudio" / "evaluations").glob("*.json"))
        found["evaluations"] = {without_times(file.read_bytes()) for file in kept}  # named by when they were made
        written = [self.folder / "cfaudio" / "report" / name for name in ("index.html", "map.bin")]
        for file in [*(self.folder / "playlists").glob("*.m3u"), *written]:
            if file.exists():
                found["file", file.name] = without_times(file.read_bytes())
        return found

    @property
    def files(self) -> dict[str, int]:
        """Sizes of all files that are not empty, but for what reading a database makes."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    found[f"{folder}/{name}"] = Path(folder, name).stat().st_size
        return {file: size for file, size in found.items() if size and not file.endswith("-shm")}

    @property
    def unfinished(self) -> bool:
        """Whether a file stands beside the place where it belongs, or a database has a journal."""
        ends = (".db-wal", ".db-journal")
        return any("/.cfaudio-" in name or name.endswith(ends) for name in self.files)

    def check_databases(self) -> None:
        for name in ("library.db", "cfaudio/features.db", "cfaudio/history.db"):
            assert self.sql(name, "PRAGMA integrity_check") in ([], [("ok",)]), f"{name} is damaged"


def without_times(content: bytes) -> bytes:
    """Leave out when a file was made."""
    return re.sub(rb"\d{4}-\d\d-\d\d(T[\d:+]+)?", b"", content)


def check_between(home: Home, before: Units, after: Units) -> str:
    """Every unit is as it was before or as it comes after, and nothing between; how many are as after."""
    home.check_databases()
    now = home.units
    wrong = [key for key in before | after | now if now.get(key) not in (before.get(key), after.get(key))]
    assert not wrong, f"lost or half-written: {wrong[:3]}"
    new = [key for key in before | after if before.get(key) != after.get(key)]
    done = sum(now.get(key) == after.get(key) for key in new)
    return "nothing new" if not done else "all" if done == len(new) else "a part"


def check_ended(name: str, home: Home, after: Units, said: str) -> None:
    """Run the command again: it leads to what an undisturbed run does, and prints that."""
    again = home.finish(name)
    home.check_databases()
    now = home.units
    wrong = [key for key in after | now if now.get(key) != after.get(key)]
    assert not wrong, f"not as after an undisturbed run: {wrong[:3]}"
    assert again == said or not COMMANDS[name].repeats, "it prints something else than an undisturbed run"


def wait_for_moment(process: subprocess.Popen[bytes], after: float, home: Home | None) -> bool:
    """Wait so many seconds, and then for the first write into `home`; whether the command is still at work."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after)
    if home is not None:
        there = home.files
        while process.poll() is None and home.files == there:
            time.sleep(0.005)
    return process.poll() is None


def draw_moment(draw: random.Random, name: str, trial: int, usual: float) -> tuple[float, bool]:
    """Draw a moment of a command's usual time, and whether it is to be that of the next write."""
    writing = trial % 2 == 1 and COMMANDS[name].writes
    return draw.uniform((0.5 if writing else 0.15) * usual, usual), writing


def trials_of(number: int, only: list[str] | None) -> dict[str, int]:
    """Share trials out among the commands, or some of them."""
    shares = {name: COMMANDS[name].share for name in only or COMMANDS}
    return {name: max(1, round(share * number / sum(shares.values()))) for name, share in shares.items()}


class Table:
    """What the trials of commands came to."""

    def __init__(self) -> None:
        self._trials: dict[str, list[tuple[str, bool, str]]] = {}

    def add(self, name: str, where: str, unfinished: bool, wrong: str) -> None:
        self._trials.setdefault(name, []).append((where, unfinished, wrong))

    def print(self, what: str) -> bool:
        """Print it as Markdown, with a number of `what` for each command; whether anything was wrong."""
        print(f"| command | {what} | nothing written | a part | all | unfinished | ended well | else |")
        print("|---|---|---|---|---|---|---|---|")
        for name, trials in self._trials.items():
            wheres, halves, wrongs = zip(*trials, strict=True)
            counts = " | ".join(str(wheres.count(where)) for where in ("nothing new", "a part", "all"))
            wrong = "; ".join(sorted(set(filter(None, wrongs))))
            print(f"| `{name}` | {len(wheres)} | {counts} | {sum(halves)} | {wrongs.count('')} | {wrong} |")
        print(f"\n{sum(map(len, self._trials.values()))} {what} in all.")
        return any(wrong for trials in self._trials.values() for *_, wrong in trials)


def tell(name: str, moment: float, usual: float, where: str, unfinished: bool, wrong: str) -> None:
    """Print at once what a trial came to."""
    outcome = f"{where}{', unfinished' if unfinished else ''}: {wrong or 'well'}"
    print(f"{name} {moment:.1f} s of {usual:.1f}: {outcome}", file=sys.stderr, flush=True)
