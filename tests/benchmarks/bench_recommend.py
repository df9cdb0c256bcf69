"""Time and memory of choosing fifty tracks from a large library, beside `beet ls` on it.

    bench_recommend.py [TRACKS]

Makes a beets library of 100,000 placed tracks, a tenth of them played, straight into its tables; runs `beet ls`,
`beet cfrecommend` and variants of it, each in a process of its own, and prints wall time, peak memory and the ratio.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from made_up import STYLES, beet, fill_fields, make_library

from cfaudio_core.embedding.codec import encode

DIMENSION = 40
PLAYED = 0.1


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


def main() -> None:
    """Measure and print."""
    tracks = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as home:
        make_library(Path(home), tracks)
        fill_fields(Path(home), _attributes(tracks))
        print(f"{tracks} tracks, {PLAYED:.0%} of them played")
        listed = beet(Path(home), "ls")
        print(f"beet ls: {listed.wall:.1f} s, {listed.peak} MB at most")
        for options in (["-n", "50"], ["-n", "50", "--explain"], ["-n", "50", "--like", "id:1"], ["-n", "500"]):
            ran = beet(Path(home), "cfrecommend", *options)
            lines = len(ran.said.splitlines())
            print(
                f"beet cfrecommend {' '.join(options)}: {lines} lines, {ran.wall:.1f} s ({ran.cpu:.1f} s of CPU), "
                f"{ran.peak} MB at most, {ran.wall / listed.wall:.2f} of beet ls"
            )


if __name__ == "__main__":
    main()
