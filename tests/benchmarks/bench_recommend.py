"""Time and memory of choosing fifty tracks from a large library, beside `beet ls` on it.

    bench_recommend.py [TRACKS]

Makes a beets library of 100,000 placed tracks, a tenth of them played, straight into its tables; runs `beet ls`,
`beet cfrecommend` and variants of it, each in a process of its own, and prints wall time, peak memory and the ratio.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from bench_import import CONFIG, names, recording, run

from cfaudio_core.embedding.codec import encode

DIMENSION = 40
STYLES = 60
PLAYED = 0.1


def fill_library(file: Path, tracks: int) -> None:
    """Items and their flexible fields straight into the library's tables, in clusters of sound."""
    items = [
        (f"a/{track}.flac".encode(), *names(track), names(track)[0], recording(track), 200.0) for track in range(tracks)
    ]
    with sqlite3.connect(file) as connection:
        connection.executemany(
            "INSERT INTO items (path, artist, title, album, albumartist, mb_trackid, length) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            items,
        )
        connection.executemany(
            "INSERT INTO item_attributes (entity_id, key, value) VALUES (?, ?, ?)", _attributes(tracks)
        )
    connection.close()


def _attributes(tracks: int) -> Iterator[tuple[int, str, object]]:
    random = np.random.default_rng(1)
    centres = random.standard_normal((STYLES, DIMENSION))
    vectors = centres[random.integers(STYLES, size=tracks)] + random.standard_normal((tracks, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    played = random.random(tracks) < PLAYED
    for track in range(tracks):
        yield track + 1, "cf_embedding", encode(vectors[track].astype(np.float32))
        yield track + 1, "cf_score", round(float(100 * random.random()), 3)
        yield track + 1, "cf_model", "cf-0123456789"
        yield track + 1, "cf_key", f"{track:032x}"
        if played[track]:
            yield track + 1, "play_count", int(random.geometric(0.2))
            yield track + 1, "last_played", 1_700_000_000.0 + track


def main() -> None:
    """Measure and print."""
    tracks = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as home:
        Path(home, "config.yaml").write_text(CONFIG.format(home=home))
        env = {**os.environ, "BEETSDIR": home}
        beet = [sys.executable, "-m", "beets"]
        run([*beet, "ls"], env)  # makes the library
        fill_library(Path(home, "library.db"), tracks)
        print(f"{tracks} tracks, {PLAYED:.0%} of them played")
        _, listed, _, peak = run([*beet, "ls"], env)
        print(f"beet ls: {listed:.1f} s, {peak} MB at most")
        for options in (["-n", "50"], ["-n", "50", "--explain"], ["-n", "50", "--like", "id:1"], ["-n", "500"]):
            said, wall, cpu, peak = run([*beet, "cfrecommend", *options], env)
            lines = len(said.splitlines())
            print(
                f"beet cfrecommend {' '.join(options)}: {lines} lines, {wall:.1f} s ({cpu:.1f} s of CPU), {peak} MB at "
                f"most, {wall / listed:.2f} of beet ls"
            )


if __name__ == "__main__":
    main()
