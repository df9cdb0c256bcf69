"""Damaged, hostile and borderline files as tracks of a real beets library, through the real `beet cfembed`.

    bench_torture.py FOLDER [--jobs N] [--windows N|all]

FOLDER holds the files, and in README.tsv a line for each: its name, what a sane analyser does with it (analyse,
degrade, refuse, skip), and what it is. Prints a table of the same lines and what came of them; ends with status 1
if one is not as expected, if anything but a finite, unequal vector of unit length was stored, or if the run took longer
than a minute. As root it gives up the right to read what it may not, so that an unreadable file is one.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import beets
import numpy as np
from beets.library import Item, Library

from cfaudio_core.util.vector_codec import decode

CONFIG = """\
directory: {folder}
library: {home}/library.db
plugins: [cfaudio]
create_backup_before_migrations: no
cfaudio: {{windows: {windows}}}
"""
MOST_SECONDS = 60
# Names that README.tsv cannot spell out, in its words.
ODD_NAMES = {
    r"latin1_caf\xe9_\xff\xfe.ogg": b"latin1_caf\xe9_\xff\xfe.ogg",
    r"new\nline.ogg": b"new\nline.ogg",
    "nnn...n.ogg": b"n" * 251 + b".ogg",
    "e+U+0301_nfd.ogg": "e\u0301_nfd.ogg".encode(),
    "U+00E9_nfc.ogg": "\u00e9_nfc.ogg".encode(),
    "unreadable_dir/": b"unreadable_dir/ref.ogg",
}
# What each expectation allows to come of a file.
ALLOWED = {
    "analyse": {"analysed"},
    "degrade": {"analysed", "named"},
    "refuse": {"named"},
    "skip": {"named"},
}


class Row(NamedTuple):
    """A line of README.tsv."""

    name: str
    expect: str
    what: str

    def path(self, folder: Path) -> bytes:
        """The file's name as the file system has it."""
        return os.path.join(os.fsencode(folder), ODD_NAMES.get(self.name, os.fsencode(self.name)))  # noqa: PTH118


def read_rows(folder: Path) -> list[Row]:
    """The lines of README.tsv but its first."""
    lines = (folder / "README.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [Row(*line.split("\t", 2)) for line in lines]


def make_library(home: Path, folder: Path, rows: list[Row], windows: str) -> dict[str, int]:
    """Make a beets home whose library has a track for each row, most of them played; row name to item id."""
    (home / "config.yaml").write_text(CONFIG.format(folder=folder, home=home, windows=windows))
    beets.config["create_backup_before_migrations"] = False
    library = Library(str(home / "library.db"), directory=os.fsencode(folder))
    ids: dict[str, int] = {}
    for at, row in enumerate(rows):
        item = Item(
            path=row.path(folder), title=f"{at}", artist=f"Artist {at % 20}", album=f"Album {at % 40}", length=60
        )
        ids[row.name] = library.add(item)
        item["play_count"] = at % 4
        item.store()
    library._close()
    return ids


def without_privileges(command: list[str]) -> list[str]:
    """The command, where root runs it, without root's right to read everything."""
    if os.geteuid() == 0 and shutil.which("setpriv"):
        return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    return command


def outcomes(home: Path, ids: dict[str, int], paths: dict[str, bytes]) -> dict[str, tuple[str, str]]:
    """Row name to "analysed", "named", "lost" or "junk", and the details."""
    with sqlite3.connect(home / "library.db") as library:
        stored = library.execute("SELECT entity_id, key, value FROM item_attributes WHERE key LIKE 'cf%'").fetchall()
    fields: dict[int, dict[str, object]] = {}
    for entity, key, value in stored:
        fields.setdefault(entity, {})[key] = value
    with sqlite3.connect(home / "cfaudio" / "features.db") as features:
        problems = dict(features.execute("SELECT path, problem FROM files WHERE problem IS NOT NULL"))
        data = dict(features.execute("SELECT cf_key, data FROM features"))
    found: dict[str, tuple[str, str]] = {}
    for name, item in ids.items():
        has = fields.get(item, {})
        problem = problems.get(paths[name])
        if "cf_embedding" in has:
            vector = decode(str(has["cf_embedding"]))
            features = np.frombuffer(data[str(has["cf_key"])], "<f2")
            sane = np.isfinite(vector).all() and np.ptp(vector) > 0 and abs(np.linalg.norm(vector) - 1) < 1e-3
            sane = sane and np.isfinite(features).all() and np.ptp(features) > 0 and "cf_score" in has
            found[name] = ("analysed", "") if sane else ("junk", f"stored {vector[:4]}...")
        elif has:
            found[name] = ("junk", f"no vector, but {', '.join(has)}")
        else:
            found[name] = ("named", problem) if problem else ("lost", "")
    return found


def main() -> int:
    """Run it; 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--windows", default="10")
    options = parser.parse_args()
    folder = options.folder.resolve()
    rows = read_rows(folder)
    paths = {row.name: row.path(folder) for row in rows}
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        ids = make_library(home, folder, rows, options.windows)
        beet = [sys.executable, "-m", "beets", "cfembed", "--jobs", str(options.jobs)]
        before = time.monotonic()
        ran = subprocess.run(
            without_privileges(beet),
            env={**os.environ, "BEETSDIR": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=20 * MOST_SECONDS,
        )
        seconds = time.monotonic() - before
        said = os.fsdecode(ran.stderr)
        found = outcomes(home, ids, paths)
        for name, (outcome, _) in found.items():
            # What is not there at all is no file whose problem could be kept: being told of it is all there can be.
            told = [line.rpartition(": ")[2] for line in said.splitlines() if f"/{name.rstrip('/')}" in line]
            if outcome == "lost" and told:
                found[name] = ("named", told[0])
    red = [row for row in rows if found[row.name][0] not in ALLOWED[row.expect]]
    width = max(len(row.name) for row in rows)
    for row in sorted(rows, key=lambda row: list(ALLOWED).index(row.expect)):
        outcome, detail = found[row.name]
        mark = "RED" if row in red else "ok"
        print(f"{mark:3}  {row.name:{width}}  {row.expect:8} {outcome}{': ' if detail else ''}{detail}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\n{len(rows)} inputs, {len(red)} not as expected; {seconds:.0f} s with {options.jobs} jobs, ", end="")
    print(f"the largest process {peak:.0f} MB")
    print(os.fsdecode(ran.stdout))
    if ran.returncode or "Traceback" in said:
        print(said)
    return int(bool(red) or ran.returncode != 0 or seconds > MOST_SECONDS or "Traceback" in said)


if __name__ == "__main__":
    sys.exit(main())
