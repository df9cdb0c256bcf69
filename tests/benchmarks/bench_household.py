"""Time and memory where many people listen to one large library.

    bench_household.py [--listeners 20] [--histories 1] [--tracks 100000] [--known 5000] [--listens 25000]
                       [--library FOLDER]

Makes a library as `bench_scale.py` does, in which every listener knows so many tracks by so many listens, half of the
tracks those that the next one knows too. The last ones have a history that is imported, as many as `--histories` says,
the others count fields of their own. Measured are `cfembed`, the first run, one with nothing
new and one after 100 new listens, and `cfplaylists` with a list for each listener, before and after a new day's draw.
`--library` is one that `bench_scale.py` has left in a folder: it is taken as it is and changed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from bench_scale import FIRST, NEW, fill_store, known_tracks, measure, write_history
from made_up import CONFIG, fill_fields, make_library


def name(k: int) -> str:
    """Of the listener of a number."""
    return f"listener{k}"


def settings(home: Path, listeners: int, counted: int) -> str:
    """Listeners with count fields, and a list for each of all."""
    fields = "\n".join(f"    {name(k)}: [plays_{k}]" for k in range(counted))
    lists = "\n".join(f"  - {{kind: discover, user: {name(k)}}}" for k in range(listeners))
    return f"cfaudio:\n  playlist_dir: {home}/lists\n  users:\n{fields}\n  playlists:\n{lists}\n"


def counts(tracks: int, known: int, listens: int, k: int) -> Iterator[tuple[int, str, object]]:
    """How often the listener of a number has played each track that they know."""
    theirs = known_tracks(tracks, known, skip=k * known // 2)
    plays = np.random.default_rng(k).geometric(known / listens, known)
    return ((track, f"plays_{k}", count) for track, count in zip(theirs.tolist(), plays.tolist(), strict=True))


def take_up(home: Path, tracks: int, known: int, listens: int, k: int, seed: int, first: int = FIRST) -> None:
    """Import listens of the listener of a number."""
    table = home / "listens.csv"
    write_history(table, tracks, known, listens, first, seed, skip=k * known // 2)
    measure(home, "cfimport", "-u", name(k), "csv", str(table))


def measure_all(home: Path, listeners: int, histories: int, tracks: int, known: int, listens: int) -> None:
    """Let a household listen to the library in a folder, and measure."""
    counted = listeners - histories
    (home / "config.yaml").write_text(CONFIG.format(home=home) + settings(home, listeners, counted))
    for k in range(counted):
        fill_fields(home, counts(tracks, known, listens, k))
    for k in range(counted, listeners):
        take_up(home, tracks, known, listens, k, seed=10 + k)
    print(f"{tracks:,} tracks, {listeners} listeners: the first run", flush=True)
    measure(home, "cfembed")
    print("again, with nothing new", flush=True)
    measure(home, "cfembed")
    take_up(home, tracks, known, NEW, listeners - 1, seed=9, first=FIRST + 500_000_000)
    print(f"after {NEW} new listens", flush=True)
    measure(home, "cfembed")
    print("a list for each listener", flush=True)
    for command in ("cfplaylists", "cfplaylists --seed 2", f"cfrecommend -n 50 -u {name(listeners - 1)}"):
        measure(home, *command.split())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listeners", type=int, default=20)
    parser.add_argument("--histories", type=int, default=1, help="fewer than there are listeners")
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--known", type=int, default=5_000)
    parser.add_argument("--listens", type=int, default=25_000)
    parser.add_argument("--library", type=Path, help="a library that bench_scale.py --keep has left, to be changed")
    opts = parser.parse_args()
    household = opts.listeners, opts.histories, opts.tracks, opts.known, opts.listens
    if opts.library:
        measure_all(opts.library, *household)
        return
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as folder:
        make_library(Path(folder), opts.tracks)
        fill_store(Path(folder), 0, opts.tracks)
        measure_all(Path(folder), *household)


if __name__ == "__main__":
    main()
