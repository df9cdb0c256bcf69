"""Time and memory of choosing fifty tracks from a large library, beside `beet ls` on it.

    bench_recommend.py [TRACKS]

Makes a beets library of 100,000 placed tracks, a tenth of them played, straight into its tables, and a history of half
as many listens; runs `beet cfrecommend` and variants of it, each in a process of its own, and prints wall time, CPU
time and peak memory: without a snapshot, with one and nothing changed, and after each kind of change to the library
since the snapshot was written.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import Process
from pathlib import Path

import numpy as np
from bench_scale import FIRST, write_history
from made_up import STYLES, beet, fill_fields, fill_library, make_library

from cfaudio_core.util.vector_codec import encode

BEET = (sys.executable, "-m", "beets")
RECOMMEND = ("cfrecommend", "-n", "50")
DIMENSION = 40
PLAYED = 0.1
WRITE = """
import sys
from beets.ui import main
from beetsplug.cfaudio.library import snapshot

def instead(lib, settings):
    snapshot.write_snapshot(lib, settings)
    sys.exit(0)

snapshot.read_library = instead
main(["cfrecommend"])
"""


def _attributes(tracks: int) -> Iterator[tuple[int, str, object]]:
    random = np.random.default_rng(1)
    centres = random.standard_normal((STYLES, DIMENSION))
    vectors = centres[random.integers(STYLES, size=tracks)] + random.standard_normal((tracks, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    played = random.random(tracks) < PLAYED
    for track in range(tracks):
        yield track, "cf_embedding", encode(vectors[track].astype(np.float32))
        yield track, "cf_score", round(float(100 * random.random()), 3)
        yield track, "cf_model", "cf-0123456789"
        yield track, "cf_key", f"{track:032x}"
        if played[track]:
            yield track, "play_count", int(random.geometric(0.2))
            yield track, "last_played", 1_700_000_000.0 + track


def _make(home: Path, tracks: int) -> None:
    make_library(home, tracks)
    fill_fields(home, _attributes(tracks))
    write_history(home / "listens.csv", tracks, tracks // 10, tracks // 2, FIRST, seed=2)
    beet(home, "cfimport", "csv", str(home / "listens.csv"))


def _play(home: Path) -> None:
    fill_fields(home, [(0, "play_count", 7), (0, "last_played", 1_750_000_000.0)])


def _retag(home: Path) -> None:
    beet(home, "modify", "-y", "-W", "-M", "id:2", "title=Another")


def _import(home: Path, tracks: int) -> None:
    fill_library(home, tracks, 12)
    fill_fields(home, ((tracks + k, "cf_key", f"{tracks + k:032x}") for k in range(12)))


def _listen(home: Path, tracks: int) -> None:
    write_history(home / "listens.csv", tracks, tracks // 10, 15, FIRST + 400_000_000, seed=3)
    beet(home, "cfimport", "csv", str(home / "listens.csv"))


def _measure(home: Path, what: str, *command: str, begin: tuple[str, ...] = BEET) -> float:
    ran = beet(home, *command, begin=begin)
    print(f"{what}: {ran.wall:.1f} s, {ran.cpu:.1f} s of CPU, {ran.peak} MB at most", flush=True)
    return ran.wall


def main() -> None:
    """Measure and print."""
    tracks = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as folder:
        home = Path(folder)
        # In a process of its own: the peak of a command is at least what its parent has taken.
        making = Process(target=_make, args=(home, tracks))
        making.start()
        making.join()
        print(f"{tracks:,} tracks, {PLAYED:.0%} of them played, {tracks // 2:,} listens", flush=True)
        _measure(home, "beet ls id:1", "ls", "id:1")
        listed = _measure(home, "beet ls", "ls")
        _measure(home, "beet cfrecommend -n 50 without a snapshot", *RECOMMEND)
        _measure(home, "writing it, as cfembed does at its end", begin=(sys.executable, "-c", WRITE))
        for options in ("-n 50", "--explain", "--like id:1", "--now", "--seed 1", "-n 500"):
            took = _measure(home, f"nothing changed, {options}", "cfrecommend", *options.split())
            print(f"    {took / listed:.2f} of beet ls")
        changes: dict[str, Callable[[], None]] = {
            "one more play": lambda: _play(home),
            "one track retagged": lambda: _retag(home),
            "12 tracks imported": lambda: _import(home, tracks),
            "15 listens imported": lambda: _listen(home, tracks),
        }
        for what, change in changes.items():
            change()
            _measure(home, f"after {what}", *RECOMMEND)
        _measure(home, "writing it again", begin=(sys.executable, "-c", WRITE))
        _measure(home, "nothing changed", *RECOMMEND)


if __name__ == "__main__":
    main()
