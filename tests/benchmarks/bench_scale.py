"""Time and memory of the commands where the features of a large library are there already.

    bench_scale.py [--tracks 100000] [--known 20000] [--listens 200000] [--keep FOLDER] [--no-page]

Makes a beets library, a feature store of made-up features of the real shape (10 windows of 704 numbers a track), and a
history of listening sessions in which some tracks are known. The files are noise of 30 s, one for each style, under as
many names as there are tracks, so that fine-tuning has something to read. Then it runs the real commands, each in a
process of its own, and prints seconds, CPU seconds with those of worker processes, and the peak memory of the largest
process, and what the stages took: of `cfembed` the first run, one with nothing new, one after 100 new listens, and one
after 100 new tracks; then `cfstatus`, lists, playlists of all kinds, and the page. With `--keep` the library is left in
a folder; one that an interrupted run has made there is measured as it is.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from made_up import ARTIST, STYLES, beet, fill_fields, fill_library, key, make_library, names, style

from cfaudio_core.audio.descriptors import N_DESCRIPTORS
from cfaudio_core.audio.stereo import N_WIDTHS
from cfaudio_core.backbones.registry import backbone_id
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import FeatureResult, file_state
from cfaudio_core.util.arrays import IntArray

NET = backbone_id("musicnn")
WINDOWS, DIM = 10, 704 + N_WIDTHS
RATE = 44_100

AT_ONCE, NEW = 500, 100  # tracks
FIRST = 1_200_000_000  # UTC, seconds
CONFIG = """\
cfaudio:
  playlist_dir: {home}/lists
  playlists:
  - {{kind: discover}}
  - {{kind: rediscover}}
  - {{kind: daily mix}}
  - {{kind: radio, like: 'id:1'}}
  - {{kind: new arrivals}}
  - {{kind: deep cuts}}
"""
STAGES = {  # of each command, in the order of the tables in docs/lab/performance.md
    "cfembed": (
        ("beetsplug.cfaudio.pipeline", "read_tracks"),
        ("beetsplug.cfaudio.pipeline", "read_listeners"),
        ("beetsplug.cfaudio.pipeline", "extract_library"),
        ("cfaudio_core.training.fit", "gather_interactions"),
        ("cfaudio_core.training.fit", "LatentFactors.fit"),
        ("cfaudio_core.training.fit", "fit_representation"),
        ("cfaudio_core.training.representation", "adapter_data"),
        ("cfaudio_core.training.representation", "_train"),
        ("cfaudio_core.training.fit", "knn_graph"),
        ("cfaudio_core.training.fit", "KernelMachine.fit"),
        ("cfaudio_core.training.fit", "select_net"),
        ("cfaudio_core.training.fit", "TagEffects.fit"),
        ("cfaudio_core.pipeline.run", "fit_model"),
        ("cfaudio_core.pipeline.run", "embed_tracks"),
        ("cfaudio_core.pipeline.run", "cached_predictions"),
        ("beetsplug.cfaudio.pipeline", "fit_and_embed"),
        ("beetsplug.cfaudio.pipeline", "item_tags"),
        ("beetsplug.cfaudio.pipeline", "item_character"),
        ("beetsplug.cfaudio.pipeline", "write_fields"),
        ("beetsplug.cfaudio.pipeline", "fields_digest"),
        ("beetsplug.cfaudio.pipeline", "write_snapshot"),
    ),
    "cfstatus": (
        ("beetsplug.cfaudio.status.collect", "_read_tracks"),
        ("beetsplug.cfaudio.status.collect", "_read_fields"),
        ("beetsplug.cfaudio.status.collect", "_read_history"),
    ),
    "cfplaylists": (
        ("beetsplug.cfaudio.playlists.update", "read_library"),
        ("beetsplug.cfaudio.playlists.kinds", "choose_items"),
        ("beetsplug.cfaudio.playlists.update", "_choose"),
    ),
    "cfreport": (
        ("beetsplug.cfaudio.library.snapshot", "read_library"),
        ("beetsplug.cfaudio.report.collect", "read_tracks"),
        ("beetsplug.cfaudio.report.collect", "_coordinates"),
        ("beetsplug.cfaudio.report.collect", "ten_to_play"),
        ("beetsplug.cfaudio.report.learnt", "_disagreements"),
        ("beetsplug.cfaudio.report.learnt", "net_outputs"),
        ("beetsplug.cfaudio.report.learnt", "_cards"),
        ("beetsplug.cfaudio.report.collect", "_taste_modes"),
        ("cfaudio_core.report.serving.lists", "lists_as_json"),
        ("cfaudio_core.report.page", "render"),
    ),
    "cfrecommend": (
        ("beetsplug.cfaudio.library.snapshot", "read_library"),
        ("beetsplug.cfaudio.playlists.recommend", "choose_items"),
    ),
}
TIMED = """
import functools, importlib, resource, sys, time
taken = {}
def cpu_time():  # of this process, and of the workers that have ended
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime
def timed(module, name):
    *owner, attribute = name.split(".")
    owner = functools.reduce(getattr, owner, importlib.import_module(module))
    work = getattr(owner, attribute)
    @functools.wraps(work)
    def wrapped(*args, **kwargs):
        cpu, clock = cpu_time(), time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            before = taken.get(name, (0, 0, 0))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            taken[name] = before[0] + cpu_time() - cpu, before[1] + time.perf_counter() - clock, peak
    setattr(owner, attribute, staticmethod(wrapped) if isinstance(owner, type) else wrapped)
stages, *args = sys.argv[1:]
for stage in stages.split():
    timed(*stage.split(":"))
from beets.ui import main
sys.argv[0] = "beet"
try:
    main(args)
finally:
    for name, (cpu, clock, peak) in taken.items():
        print(f"    {name:16} {cpu:7.1f} s of CPU {clock:7.1f} s {peak:6} MB so far")
"""


def make_files(home: Path, first: int, count: int) -> list[bytes]:
    """Names of tracks' files, each a link to the one of its style: 30 s of noise, through a filter of its own."""
    folder = home / "music" / "a"
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(STYLES):
        if not (source := home / "music" / f"{k}.flac").exists():
            sums = np.random.default_rng(k).normal(0, 1, (30 * RATE, 2)).cumsum(axis=0)
            smooth = sums[1 + k :] - sums[: -1 - k]  # moving sums, so that styles differ in their highest frequencies
            soundfile.write(source, 0.3 * smooth / np.abs(smooth).max(), RATE)
    files = [os.fsencode(folder / f"{i}.flac") for i in range(first, first + count)]
    for i, file in enumerate(files, first):
        os.link(home / "music" / f"{style(i)}.flac", file)
    return files


def fill_store(home: Path, first: int, count: int) -> None:
    """Features of tracks: a style, an artist, the track and its windows, each varying less than the one before."""
    fixed = np.random.default_rng(0)
    styles, axes = fixed.normal(0, 1, (STYLES, 24)), fixed.normal(0, 0.3, (24, DIM))
    noise = np.lib.stride_tricks.sliding_window_view(fixed.normal(0, 0.25, 1_000_003).astype(np.float32), WINDOWS * DIM)
    with FeatureStore(home / "cfaudio" / "features.db") as store:
        for start in range(first, first + count, AT_ONCE):
            tracks = range(start, min(start + AT_ONCE, first + count))
            artists = {i // ARTIST: np.random.default_rng(i // ARTIST).normal(0, 0.7, 24) for i in tracks}
            random = np.random.default_rng((1, start))
            own = random.normal(0, 0.5, (len(tracks), 24))
            around = styles[[style(i) for i in tracks]] + np.array([artists[i // ARTIST] for i in tracks])
            mean = ((around + own) @ axes).astype(np.float32)
            windows = noise[random.integers(len(noise), size=len(tracks))].reshape(len(tracks), WINDOWS, DIM)
            features = np.maximum(mean[:, None] + windows, 0).astype(np.float16)
            descriptors = np.abs(windows[:, :, :N_DESCRIPTORS]).astype(np.float16)
            files = make_files(home, tracks.start, len(tracks))
            store.add(
                NET,
                WINDOWS,
                [
                    FeatureResult(file, file_state(file), key(i), own, descriptors=described)
                    for i, file, own, described in zip(tracks, files, features, descriptors, strict=True)
                ],
            )
    fill_fields(home, ((i, "cf_key", key(i)) for i in range(first, first + count)))


def known_tracks(tracks: int, known: int, skip: int = 0) -> IntArray:
    """Positions of the `known` tracks after the first `skip` of a mixed order, ascending."""
    return np.sort(np.roll(np.random.default_rng(1).permutation(tracks), -skip)[:known])


def write_history(file: Path, tracks: int, known: int, listens: int, first: int, seed: int, skip: int = 0) -> None:
    """A table of sessions of 15 plays, mostly of one neighbourhood, over `known_tracks`."""
    random = np.random.default_rng(seed)
    order = known_tracks(tracks, known, skip)
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["artist", "title", "album", "time"])
        at = first
        for start in range(0, listens, 15):
            centre, at = int(random.integers(known)), at + 3 * 3600
            for step in range(min(15, listens - start)):
                i = int(order[int(centre + random.normal(0, 40)) % known])
                table.writerow([*names(i), at + 210 * step])


def measure(home: Path, *args: str) -> None:
    """Run a command, and print what it took and said."""
    stages = " ".join(":".join(stage) for stage in STAGES.get(args[0], ()))
    ran = beet(home, *args, begin=(sys.executable, "-c", TIMED, stages))
    if args[0] == "cfrecommend":  # but not the list itself
        ran = ran._replace(said="\n".join(line for line in ran.said.splitlines() if " s of CPU " in line))
    print(*(f"    {line}" for line in ran.said.splitlines()), sep="\n")
    print(f"  beet {' '.join(args)}: {ran.wall:.1f} s, {ran.cpu:.1f} s of CPU, {ran.peak} MB at most", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--known", type=int, default=20_000)
    parser.add_argument("--listens", type=int, default=200_000)
    parser.add_argument("--keep", type=Path, help="a folder to make the library in, and to leave it there")
    parser.add_argument("--no-page", action="store_true", help="leave out cfreport, which takes longest")
    opts = parser.parse_args()
    if opts.keep:
        opts.keep.mkdir(parents=True, exist_ok=True)
        measure_all(opts.keep, opts.tracks, opts.known, opts.listens, page=not opts.no_page)
        return
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as folder:
        measure_all(Path(folder), opts.tracks, opts.known, opts.listens, page=not opts.no_page)


def measure_all(home: Path, tracks: int, known: int, listens: int, *, page: bool) -> None:
    """Make a library in a folder, and measure."""
    table = home / "listens.csv"
    if not table.exists():
        make_library(home, tracks, CONFIG.format(home=home))
        fill_store(home, 0, tracks)
        write_history(table, tracks, known, listens, FIRST, seed=2)
    measure(home, "cfimport", "csv", str(table))
    print(f"{tracks:,} tracks: the first run", flush=True)
    measure(home, "cfembed")
    print("again, with nothing new", flush=True)
    measure(home, "cfembed")
    write_history(table, tracks, tracks, NEW, FIRST + 500_000_000, seed=3)
    measure(home, "cfimport", "csv", str(table))
    print(f"after {NEW} new listens", flush=True)
    measure(home, "cfembed")
    fill_library(home, tracks, NEW)
    fill_store(home, tracks, NEW)
    print(f"after {NEW} new tracks", flush=True)
    measure(home, "cfembed")
    measure_lists(home, page=page)


def measure_lists(home: Path, *, page: bool) -> None:
    """What is made of a library that is learnt from: lists and the page, each for the first time and again."""
    lists = ("cfstatus", "cfrecommend -n 50", "cfplaylists", "cfplaylists --seed 2")
    for command in (*lists, *(("cfreport", "cfreport") if page else ())):
        measure(home, *command.split())


if __name__ == "__main__":
    main()
