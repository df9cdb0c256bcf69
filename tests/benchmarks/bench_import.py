"""Time and memory of importing a long ListenBrainz history against a large library.

    bench_import.py [LISTENS [TRACKS]]

Makes an export of 1,000,000 listens of about 60,000 distinct tracks and a beets library of 100,000 tracks, runs
`beet cfimport` twice, each in a process of its own, and prints wall time, peak memory and what it says.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from made_up import beet, make_library, names, recording

FIRST = 1_200_000_000  # UTC, seconds
GAP = 420  # seconds between two listens, on the average
OF_LIBRARY = 0.8  # share of the distinct tracks played that the library has


def write_export(file: Path, listens: int, tracks: int) -> int:
    """An export as ListenBrainz makes them; returns the number of distinct tracks in it."""
    random = np.random.default_rng(1)
    # Popularity falls off as a power of the rank; some of what is played is not in the library.
    weights = np.arange(1, int(tracks / OF_LIBRARY) + 1) ** -0.8
    drawn = random.permutation(len(weights))[random.choice(len(weights), listens, p=weights / weights.sum())]
    times = FIRST + np.cumsum(random.integers(60, 2 * GAP - 60, listens))
    months = (times.astype("datetime64[s]").astype("datetime64[M]")).astype(str)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("user.json", '{"user_id": 1, "username": "bench"}')
        for month in np.unique(months):
            lines = [line(int(drawn[k]), int(times[k])) for k in np.flatnonzero(months == month)]
            archive.writestr(f"listens/{month[:4]}/{int(month[5:])}.jsonl", "\n".join(lines))
    return len(np.unique(drawn))


def line(track: int, at: int) -> str:
    """One listen; every third is mapped to a recording."""
    artist, title, album = names(track)
    mapped = (
        {"recording_mbid": recording(track), "recording_name": title, "artist_mbids": []} if track % 3 == 0 else None
    )
    about = {
        "track_name": title,
        "artist_name": artist,
        "release_name": album,
        "recording_msid": recording(track + 1),
        "mbid_mapping": mapped,
        "additional_info": {"duration_ms": 200_000, "media_player": "Player", "submission_client": "bench"},
    }
    return json.dumps({"listened_at": at, "inserted_at": float(at), "track_metadata": about})


def main() -> None:
    """Measure and print."""
    listens = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    tracks = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as home:
        export = Path(home, "listenbrainz_bench_1.zip")
        distinct = write_export(export, listens, tracks)
        make_library(Path(home), tracks)
        print(f"{listens} listens of {distinct} tracks ({export.stat().st_size / 1e6:.0f} MB), {tracks} in the library")
        for label in ("first", "again"):
            ran = beet(Path(home), "cfimport", "listenbrainz", str(export))
            print(f"{label}: {ran.wall:.1f} s ({ran.cpu:.1f} s of CPU), {ran.peak} MB at most")
            print(*(f"    {part}" for part in ran.said.splitlines()[:2]), sep="\n")
        print(f"history.db: {Path(home, 'cfaudio', 'history.db').stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
