"""Other programs that analyse audio: one process over all files each; and how a worker's memory grows over many tracks.

    extraction_peers.py essentia|pymusly|windows|whole [FILE...]
    extraction_peers.py memory TRACKS FILE...

Run by bench_extraction.py, which measures the process from without.
"""

from __future__ import annotations

import os
import resource
import sys
from itertools import cycle, islice


def essentia(files: list[str]) -> None:
    import essentia as library
    from essentia.standard import MusicExtractor

    library.log.infoActive = library.log.warningActive = False
    extract = MusicExtractor()
    for file in files:
        extract(file)


def pymusly(files: list[str]) -> None:
    from pymusly import MuslyJukebox

    jukebox = MuslyJukebox("timbre")
    for file in files:
        jukebox.track_from_audiofile(file, 0)  # no length: the whole


def windows(files: list[str], n: int = 10) -> None:
    from cfaudio_core.features.jobs import ExtractorConfig, FileJob
    from cfaudio_core.features.worker import make_ready

    analyse = make_ready(ExtractorConfig(windows=n), lambda: None)
    results = [analyse(FileJob(os.fsencode(file), "")) for file in files]
    assert all(h.features is not None for h in results)


def whole(files: list[str]) -> None:
    from cfaudio_core.features.jobs import FULL_TRACK

    windows(files, FULL_TRACK)


PEERS = {"essentia": essentia, "pymusly": pymusly, "windows": windows, "whole": whole}


def memory(tracks: str, *files: str) -> None:
    """Extract so many tracks, the files over and over, one window of each; print the peak after each tenth of them."""
    from cfaudio_core.features.jobs import ExtractorConfig, FileJob
    from cfaudio_core.features.worker import make_ready

    todo = [FileJob(os.fsencode(file), "") for file in islice(cycle(files), int(tracks))]
    analyse = make_ready(ExtractorConfig(windows=1), lambda: None)
    step = max(1, len(todo) // 10)
    for start in range(0, len(todo), step):
        for file in todo[start : start + step]:
            analyse(file)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)  # KiB on Linux


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    memory(*given) if what == "memory" else PEERS[what](given)
