"""Kill commands, or interrupt them with ctrl-C, at random moments, and see that nothing is lost or half-written.

    python tests/benchmarks/bench_kills.py LIBRARY [--kills 100] [--seed 0] [--only COMMAND] [--signal INT]

LIBRARY is a folder with `library.db`, `config.yaml` and a folder `cfaudio`, from which the features of some tracks are
taken in each trial, so that there is something to analyse; it is copied, and never written to. Each trial begins
with the same copy, kills one command, looks at what is there, runs the command once more, and compares with what a run
that nobody disturbed has left. Commands are killed at a moment drawn evenly over their usual duration and, as little
of that is writing, every second time at the first write after a moment in its second half. A trial whose command ended
before its moment came does not count as a kill.

Prints a Markdown table: command, how far it had come, kills, how many of them left something unfinished (a
file beside the place where it belongs, or the journal of a database), and how many of the trials ended well.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

State = dict[str, Any]
PLAYLISTS = [{"kind": "discover", "n": 20}, {"kind": "daily mix", "n": 20}, {"name": "Both", "n": 30}]
COMMANDS = {
    "cfembed": ["cfembed", "--retrain", "-j", "2"],
    "cfimport": ["cfimport", "listenbrainz", "listens.zip"],
    "cfplaylists": ["cfplaylists", "--seed", "1"],
    "cfreport": ["cfreport"],
}


class Home:
    """A copy of the library, and the real commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, library: Path, folder: Path) -> Home:
        folder.mkdir(parents=True)
        shutil.copy(library / "library.db", folder)
        shutil.copytree(library / "cfaudio", folder / "cfaudio", ignore=shutil.ignore_patterns("report"))
        if (library / "listenbrainz.zip").exists():
            shutil.copy(library / "listenbrainz.zip", folder / "listens.zip")
        config = yaml.safe_load((library / "config.yaml").read_text())
        config["library"] = "library.db"
        config["cfaudio"] = {"playlist_dir": "playlists", "playlists": PLAYLISTS}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        return cls(folder)

    def copy(self, folder: Path) -> Home:
        shutil.copytree(self.folder, folder)
        return Home(folder)

    def start(self, args: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "beets", *args],
            cwd=self.folder,
            env={**os.environ, "BEETSDIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

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

    def make_incomplete(self, number: int) -> None:
        """Forget the features of some tracks."""
        with contextlib.closing(sqlite3.connect(self.folder / "library.db")) as lib, lib:
            mine = "SELECT entity_id FROM item_attributes WHERE key = 'cf_key' ORDER BY entity_id LIMIT ?"
            ids = [row[0] for row in lib.execute(mine, (number,))]
            marks = ", ".join("?" * len(ids))
            keys = f"SELECT value FROM item_attributes WHERE key = 'cf_key' AND entity_id IN ({marks})"
            gone = [row[0] for row in lib.execute(keys, ids)]
            lib.execute(
                f"DELETE FROM item_attributes WHERE key LIKE 'cf\\_%' ESCAPE '\\' AND entity_id IN ({marks})", ids
            )
        with contextlib.closing(sqlite3.connect(self.folder / "cfaudio" / "features.db")) as store, store:
            for table in ("features", "files"):
                store.execute(f"DELETE FROM {table} WHERE cf_key IN ({marks})", gone)

    @property
    def owner(self) -> State:
        """All that is not cfaudio's."""
        tables = ("items", "albums", "album_attributes")
        state: State = {table: self.sql("library.db", f"SELECT * FROM {table} ORDER BY id") for table in tables}
        state["attributes"] = self.sql(
            "library.db", "SELECT * FROM item_attributes WHERE key NOT LIKE 'cf\\_%' ESCAPE '\\' ORDER BY id"
        )
        state["config"] = (self.folder / "config.yaml").read_bytes()
        return state

    @property
    def fields(self) -> State:
        """All cf_ fields but the model's id, which differs where the order of features does."""
        mine = "SELECT entity_id, key, value FROM item_attributes WHERE key LIKE 'cf\\_%' ESCAPE '\\' ORDER BY 1, 2"
        return {"fields": self.sql("library.db", mine)}

    @property
    def listens(self) -> list[tuple[Any, ...]]:
        return self.sql(
            "cfaudio/history.db",
            "SELECT time, artist, title, skipped FROM cf_listens JOIN cf_texts ON cf_texts.id = text_id "
            "ORDER BY 1, 2, 3",
        )

    @property
    def features(self) -> set[tuple[Any, ...]]:
        return set(self.sql("cfaudio/features.db", "SELECT cf_key, net, wanted, data FROM features"))

    @property
    def playlists(self) -> dict[str, bytes]:
        folder = self.folder / "playlists"
        return {file.name: file.read_bytes() for file in sorted(folder.glob("*.m3u"))} if folder.exists() else {}

    @property
    def report(self) -> dict[str, bytes]:
        """The page, without the day it was made, and the layout of its map."""
        files = [self.folder / "cfaudio" / "report" / name for name in ("index.html", "map.bin")]
        return {file.name: re.sub(rb"\d{4}-\d\d-\d\d", b"", file.read_bytes()) for file in files if file.exists()}

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

    def intact(self) -> None:
        """Every database is sound."""
        for name in ("library.db", "cfaudio/features.db", "cfaudio/history.db"):
            assert self.sql(name, "PRAGMA integrity_check") in ([], [("ok",)]), f"{name} is damaged"


def finish(process: subprocess.Popen[bytes]) -> str:
    out = process.communicate()[0].decode("utf-8", "replace")
    assert process.returncode == 0, f"exit status {process.returncode}: {out[-300:]}"
    assert "Traceback" not in out, out[-600:]
    return out


def kill(process: subprocess.Popen[bytes], how: signal.Signals, after: float, home: Home | None) -> bool:
    """Kill the command and its workers after so many seconds, or at its first write after that into `home`.

    Returns whether it had not ended before.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after)
    if home is not None:
        there = home.files
        while process.poll() is None and home.files == there:
            time.sleep(0.002)
    dead = process.poll() is None
    if dead:
        os.killpg(process.pid, how)
    said = process.communicate()[0].decode("utf-8", "replace")
    assert "Traceback" not in said or "cfaudio" not in said, said[-600:]  # beets, while it is loaded, has tracebacks
    return dead and process.returncode == (-how if how == signal.SIGKILL else 0)  # beets ends with 0 after ctrl-C


def check_killed(name: str, home: Home, before: Home, after: Home) -> str:
    """What is there after the kill is what was there before or what comes after, and nothing between; which of them."""
    home.intact()
    assert home.owner == before.owner, "the owner's data differ"
    assert before.features <= home.features, "features are lost"
    assert set(before.listens) <= set(home.listens), "listens are lost"
    if name == "cfembed":
        assert home.fields in (before.fields, after.fields), "fields are half-written"
        new = len(home.features) - len(before.features)
        if home.fields == after.fields:
            return "fields written"
        if not new:
            return "nothing new"
        return "extracting" if 0 < new < INCOMPLETE_TRACKS else "training"
    if name == "cfimport":
        assert home.listens in (before.listens, after.listens), "the import is half there"
        return "imported" if home.listens else "nothing new"
    if name == "cfplaylists":
        for file, content in home.playlists.items():
            assert content == after.playlists[file], f"{file} is half-written"
        return f"{len(home.playlists)} of {len(after.playlists)} lists" if home.playlists else "nothing new"
    for file, content in home.report.items():
        assert content == after.report[file], f"{file} is half-written"
    return {0: "nothing new", 1: "map laid out", 2: "page written"}[len(home.report)]


def check_ended(name: str, home: Home, before: Home, after: Home) -> None:
    """The next run has led to what an undisturbed one does."""
    home.intact()
    assert home.owner == before.owner, "the owner's data differ"
    assert home.fields == after.fields, "the fields are not those of an undisturbed run"
    assert home.features == after.features, "the features are not those of an undisturbed run"
    assert home.listens == after.listens, "the listens are not those of an undisturbed run"
    assert home.playlists == after.playlists, "the playlists are not those of an undisturbed run"
    assert home.report == after.report, "the page or its map is not that of an undisturbed run"


INCOMPLETE_TRACKS = 12
SHARES = {"cfembed": 0.4, "cfimport": 0.2, "cfplaylists": 0.2, "cfreport": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(COMMANDS))
    parser.add_argument("--signal", choices=["KILL", "INT"], default="KILL")
    options = parser.parse_args()
    how = signal.Signals[f"SIG{options.signal}"]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores ctrl-C
    draw = random.Random(options.seed)
    names = [options.only] if options.only else list(COMMANDS)
    rows: dict[tuple[str, str], list[tuple[bool, str]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name in names:
            before = Home.of(options.library, root / name / "before")
            if name == "cfembed":
                before.make_incomplete(INCOMPLETE_TRACKS)
            if name == "cfimport":
                for file in (before.folder / "cfaudio").glob("history.db*"):
                    file.unlink()
            after = before.copy(root / name / "after")
            began = time.monotonic()
            finish(after.start(COMMANDS[name]))
            usual = time.monotonic() - began
            left, trial = options.kills if options.only else max(1, round(SHARES[name] * options.kills)), 0
            while left > 0:
                trial += 1
                home = before.copy(root / name / f"{trial}")
                writing = trial % 2 == 1
                moment = draw.uniform((0.5 if writing else 0.15) * usual, usual)
                if name == "cfreport" and trial % 4 == 1:  # with its map laid out, the first that it writes is the page
                    moment = 0
                    (home.folder / "cfaudio" / "report").mkdir()
                    shutil.copy(after.folder / "cfaudio" / "report" / "map.bin", home.folder / "cfaudio" / "report")
                where, half, dead = "had ended", False, True
                try:
                    dead = kill(home.start(COMMANDS[name]), how, moment, home if writing else None)
                    left -= dead
                    half = home.unfinished
                    where = check_killed(name, home, before, after) if dead else where
                    began = time.monotonic()
                    finish(home.start(COMMANDS[name]))
                    if where == "nothing new":  # as loaded as the machine is now
                        usual = 0.7 * usual + 0.3 * (time.monotonic() - began)
                    check_ended(name, home, before, after)
                    outcome = ""
                except AssertionError as error:
                    outcome = str(error)
                if dead:
                    rows[name, where].append((half, outcome))
                said = f"{where}{', unfinished' if dead and half else ''}: {outcome or 'well'}"
                print(f"{name} {moment:.1f} s of {usual:.1f}: {said}", file=sys.stderr, flush=True)
                shutil.rmtree(home.folder)
    print("| command | when it was killed there was | kills | left unfinished | ended well | else |")
    print("|---|---|---|---|---|---|")
    for (name, where), trials in sorted(rows.items()):
        halves, outcomes = zip(*trials, strict=True)
        wrong = "; ".join(sorted(set(filter(None, outcomes))))
        print(f"| `{name}` | {where} | {len(trials)} | {sum(halves)} | {outcomes.count('')} | {wrong} |")
    print(f"\n{sum(map(len, rows.values()))} commands were killed.")
    sys.exit(any(outcome for trials in rows.values() for _, outcome in trials))


if __name__ == "__main__":
    main()
