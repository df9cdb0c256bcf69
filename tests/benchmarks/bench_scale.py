"""Time and memory of `beet cfembed` where the features of a large library are there already.

    bench_scale.py [--tracks 100000] [--known 20000] [--listens 200000]

Makes a beets library, a feature store of made-up features of the real shape (10 windows of 704 numbers a track), and a
history of listening sessions in which some tracks are known. Then it runs the real commands, each in a process of its
own, and prints seconds, CPU seconds and peak memory, and what the stages of `cfembed` took: the first run, one with
nothing new, one after 100 new listens, and one after 100 new tracks.
"""

from __future__ import annotations

import argparse
import csv
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cfaudio_core.audio.stereo import N_WIDTHS
from cfaudio_core.embedding.feature_store import FeatureStore
from cfaudio_core.embedding.heard import FileState, Heard
from cfaudio_core.nets.backbone import backbone_id

NET = backbone_id("musicnn")
WINDOWS, DIM = 10, 704 + N_WIDTHS
ARTIST, ALBUM = 40, 10  # tracks
STYLES = 60
NEW = 100
FIRST = 1_200_000_000  # UTC, seconds
CONFIG = """\
directory: {home}/music
library: {home}/library.db
plugins: [cfaudio]
threaded: no
create_backup_before_migrations: no
"""
STAGES = (
    ("beetsplug.cfaudio.embedding", "read_tracks"),
    ("beetsplug.cfaudio.embedding", "take_snapshot"),
    ("beetsplug.cfaudio.embedding", "read_people"),
    ("cfaudio_core.embedding.run", "hear_library"),
    ("cfaudio_core.embedding.run", "learn_and_place"),
    ("cfaudio_core.embedding.run", "learn"),
    ("cfaudio_core.embedding.run", "place"),
    ("beetsplug.cfaudio.embedding", "write_fields"),
)
TIMED = """
import functools, importlib, resource, sys, time
taken = {}
def timed(module, name):
    module = importlib.import_module(module)
    work = getattr(module, name)
    @functools.wraps(work)
    def wrapped(*args, **kwargs):
        start = time.process_time()
        try:
            return work(*args, **kwargs)
        finally:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            taken[name] = (taken.get(name, (0, 0))[0] + time.process_time() - start, peak)
    setattr(module, name, wrapped)
stages, *args = sys.argv[1:]
for stage in stages.split():
    timed(*stage.split(":"))
from beets.ui import main
sys.argv[0] = "beet"
try:
    main(args)
finally:
    for name, (seconds, peak) in taken.items():
        print(f"    {name:16} {seconds:7.1f} s of CPU  {peak:6} MB so far")
"""


def fill_library(file: Path, first: int, count: int) -> None:
    """Items straight into the library's tables: beets would take an hour."""
    numbers = range(first, first + count)
    with sqlite3.connect(file) as connection:
        connection.executemany(
            "INSERT INTO items (id, path, title, artist, albumartist, album, genres, length, added) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 200, 0)",
            [
                (i + 1, b"%d.flac" % i, f"Song {i}", *[f"Artist {i // ARTIST}"] * 2, f"Album {i // ALBUM}", genre(i))
                for i in numbers
            ],
        )
        connection.executemany(
            "INSERT INTO item_attributes (entity_id, key, value) VALUES (?, 'cf_key', ?)",
            [(i + 1, key(i)) for i in numbers],
        )
    connection.close()


def key(track: int) -> str:
    """A content key."""
    return f"{track * 0x9E3779B97F4A7C15 % 2**64:016x}{track:016x}"


def genre(track: int) -> str:
    """The style of its artist."""
    return f"Genre {track // ARTIST % STYLES}"


def fill_store(file: Path, first: int, count: int) -> None:
    """Features of tracks: a style, an artist, the track and its windows, each varying less than the one before."""
    fixed = np.random.default_rng(0)
    styles, axes = fixed.normal(0, 1, (STYLES, 24)), fixed.normal(0, 0.3, (24, DIM))
    noise = fixed.normal(0, 0.25, 1_000_003).astype(np.float32)
    with FeatureStore(file) as store:
        for start in range(first, first + count, 1000):
            heard = []
            for i in range(start, min(start + 1000, first + count)):
                artist, own = np.random.default_rng(i // ARTIST), np.random.default_rng((1, i))
                mean = (styles[i // ARTIST % STYLES] + artist.normal(0, 0.7, 24) + own.normal(0, 0.5, 24)) @ axes
                at = int(own.integers(len(noise) - WINDOWS * DIM))
                windows = np.maximum(mean + noise[at : at + WINDOWS * DIM].reshape(WINDOWS, DIM), 0)
                heard.append(Heard(b"%d.flac" % i, FileState(b"%d.flac" % i, 1, 1), key(i), windows.astype(np.float16)))
            store.add(NET, WINDOWS, heard)


def write_history(file: Path, tracks: int, known: int, listens: int, first: int, seed: int) -> None:
    """A table of sessions of 15 plays, mostly of one neighbourhood, over the first `known` of a mixed order."""
    random = np.random.default_rng(seed)
    order = np.sort(np.random.default_rng(1).permutation(tracks)[:known])
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["artist", "title", "album", "time"])
        at = first
        for start in range(0, listens, 15):
            centre, at = int(random.integers(known)), at + 6 * 3600
            for step in range(min(15, listens - start)):
                i = int(order[int(centre + random.normal(0, 40)) % known])
                table.writerow([f"Artist {i // ARTIST}", f"Song {i}", f"Album {i // ALBUM}", at + 210 * step])


def beet(home: Path, *args: str) -> None:
    """Run a command in a process of its own, and print what it took and said."""
    stages = " ".join(":".join(stage) for stage in STAGES) if args[0] == "cfembed" else ""
    command = [sys.executable, "-c", TIMED, stages, *args]
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "BEETSDIR": str(home)}, stdin=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"beet {args[0]} failed")
    cpu = used.ru_utime + used.ru_stime
    print(f"  beet {args[0]}: {wall:.1f} s, {cpu:.1f} s of CPU, {used.ru_maxrss // 1024} MB at most", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--known", type=int, default=20_000)
    parser.add_argument("--listens", type=int, default=200_000)
    opts = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as folder:
        home = Path(folder)
        (home / "config.yaml").write_text(CONFIG.format(home=home))
        subprocess.run([sys.executable, "-m", "beets", "ls"], env={**os.environ, "BEETSDIR": folder}, check=True)
        store, table = home / "cfaudio" / "features.db", home / "listens.csv"
        fill_library(home / "library.db", 0, opts.tracks)
        fill_store(store, 0, opts.tracks)
        write_history(table, opts.tracks, opts.known, opts.listens, FIRST, seed=2)
        beet(home, "cfimport", "csv", str(table))
        print(f"{opts.tracks:,} tracks, features of {store.stat().st_size / 1e9:.2f} GB: the first run", flush=True)
        beet(home, "cfembed")
        print("again, with nothing new", flush=True)
        beet(home, "cfembed")
        write_history(table, opts.tracks, opts.tracks, NEW, FIRST + 500_000_000, seed=3)
        beet(home, "cfimport", "csv", str(table))
        print(f"after {NEW} new listens", flush=True)
        beet(home, "cfembed")
        fill_library(home / "library.db", opts.tracks, NEW)
        fill_store(store, opts.tracks, NEW)
        print(f"after {NEW} new tracks", flush=True)
        beet(home, "cfembed")


if __name__ == "__main__":
    main()
