"""Extract files by one Dask worker and by two, one thread each, on this machine: how much faster are two?

    python tests/benchmarks/bench_dask.py FOLDER [--files 60] [--rounds 2]

One and two take turns, since other work may share the machine. The features are compared too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from dask_cluster import dask_cluster

from cfaudio_core.features.dask_cluster import extract_on_cluster
from cfaudio_core.features.jobs import ExtractorConfig, FileJob


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    found = sorted(f for f in options.folder.rglob("*") if f.suffix in (".flac", ".mp3", ".ogg", ".opus", ".wav"))
    files = [FileJob(os.fsencode(file), "") for file in found[:: max(1, len(found) // options.files)][: options.files]]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for number in (1, 2):
            (Path(folder) / str(number)).mkdir()
        with dask_cluster(Path(folder) / "1") as one, dask_cluster(Path(folder) / "2") as two:
            one.add_worker()
            two.add_worker()
            two.add_worker()
            for cluster in (one, two):  # the net is loaded, and the files are in memory
                list(extract_on_cluster(files, ExtractorConfig(), cluster.address))
            for _ in range(options.rounds):
                for number, cluster in ((1, one), (2, two)):
                    began = time.monotonic()
                    outcomes = list(extract_on_cluster(files, ExtractorConfig(), cluster.address))
                    seconds[number].append(time.monotonic() - began)
                    results.append({result.path: result for result in outcomes})
    first = results[0]
    for other in results[1:]:
        assert other.keys() == first.keys()
        for path, result in other.items():
            assert result.key == first[path].key
            if result.features is not None:
                assert np.allclose(result.features, first[path].features, atol=1e-5)
    print(f"| workers | s for {len(files)} files |\n|---|---|")
    for number, taken in seconds.items():
        print(f"| {number} | {', '.join(f'{s:.1f}' for s in taken)} |")
    print(f"two are {min(seconds[1]) / min(seconds[2]):.2f} times as fast as one")


if __name__ == "__main__":
    main()
