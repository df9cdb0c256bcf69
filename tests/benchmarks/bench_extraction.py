"""CPU time of `beet cfembed` against ffmpeg decoding the same files, side by side in one run.

    bench_extraction.py [FOLDER]

FOLDER holds music (by default the pieces of `cfaudio demo`). All sides are whole processes with all their children;
the ratio is what counts, since the machine's speed cancels out. `cfembed` runs with ten windows a track, which trains
too, and with whole tracks (`windows: all`); a second run of each is one with nothing new, its training and extraction
done. On a few tracks, one process each compares whole tracks with essentia's MusicExtractor and with pymusly, where
they are installed. Last comes the memory of one worker over 10,000 tracks.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cfaudio_core.demo.albums import write_pieces

AUDIO = {".ogg", ".oga", ".opus", ".mp3", ".flac", ".wav", ".m4a"}
CONFIG = """\
directory: {folder}
library: {home}/library.db
plugins: [cfaudio]
threaded: no
create_backup_before_migrations: no
import: {{copy: no, write: no, autotag: no, resume: no, quiet: yes, duplicate_action: keep}}
cfaudio: {{windows: {windows}}}
"""
PEERS = Path(__file__).with_name("extraction_peers.py")
COMPARED = 8  # whole tracks for the peers, of a length between these, in bytes: essentia takes its time
SMALLEST, LARGEST = 2_000_000, 8_000_000
MANY = 10_000


def cost(commands: list[list[str]], env: dict[str, str]) -> tuple[float, float]:
    """CPU and wall seconds of some commands with all their children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for command in commands:
        subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, time.perf_counter() - start


def configure(home: str, folder: Path, windows: str) -> None:
    Path(home, "config.yaml").write_text(CONFIG.format(folder=folder, home=home, windows=windows))


def extracted_alone(files: list[Path], windows: int) -> tuple[float, float]:
    """The cost of extraction without beets and without training, in as many workers as there are cores."""
    with tempfile.TemporaryDirectory() as folder:
        return cost([[sys.executable, "-c", EXTRACT, folder, str(windows), *map(str, files)]], {**os.environ})


def compare_peers(files: list[Path]) -> None:
    """Print what extraction costs peers on whole tracks, over what it costs to start them, and cfaudio both ways."""
    fit = [p for p in files if p.suffix != ".opus" and SMALLEST < p.stat().st_size < LARGEST]  # essentia lacks Opus
    few = [str(p) for p in (fit or files)[:: max(1, len(fit or files) // COMPARED)][:COMPARED]]
    costs = {}
    for peer in ("windows", "whole", "pymusly", "essentia"):
        command, env = [sys.executable, str(PEERS), peer], {**os.environ, **ONE_THREAD}
        try:
            costs[peer] = cost([[*command, *few]], env)[0] - cost([command], env)[0]
        except subprocess.CalledProcessError:
            print(f"{peer}: not measured (is it installed?)")
    print(f"{len(few)} tracks, one process, CPU s: {', '.join(f'{k} {v:.2f}' for k, v in costs.items())}")
    for peer in [p for p in ("pymusly", "essentia") if p in costs]:
        ratios = (f"{costs[peer] / costs[own]:.1f} times cfaudio on {own}" for own in ("windows", "whole"))
        print(f"{peer} on whole tracks, CPU: {', '.join(ratios)}")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as home:
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1]).resolve()
        else:
            folder = Path(home) / "music"
            for number, path in enumerate(write_pieces(folder, seed=1, seconds=60.0)):
                if number % 6:  # one of each artist is enough
                    path.unlink()
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in AUDIO)
        configure(home, folder, "10")
        env = {**os.environ, "BEETSDIR": home}
        beet = [sys.executable, "-m", "beets"]
        ffmpeg = ["ffmpeg", "-nostdin", "-v", "quiet", "-threads", "1"]
        to_nothing = ["-map", "0:a:0?", "-f", "null", "-"]
        cost([[*beet, "import", "-A", "-C", "-q", str(folder)]], env)
        # Seven tracks of ten are played, so that the first run has something to learn from.
        for digits, plays in (("0-3", 9), ("4-6", 1)):
            change = [f"id::[{digits}]$", f"play_count={plays}"]
            cost([[*beet, "modify", "-y", "-M", "-W", *change]], env)
        subprocess.run([sys.executable, "-c", WARM_UP], check=True)  # the weights are fetched once in a lifetime
        costs = {"beet cfembed": cost([[*beet, "cfembed"]], env)}
        costs["ffmpeg -f null"] = cost([[*ffmpeg, "-i", str(p), *to_nothing] for p in files], env)
        costs["beet cfembed again"] = cost([[*beet, "cfembed"]], env)
        costs["its extraction alone"] = extracted_alone(files, 10)
        configure(home, folder, "all")
        costs["beet cfembed, all"] = cost([[*beet, "cfembed"]], env)
    print(f"{len(files)} files           cpu s   wall s   / ffmpeg, CPU")
    for label, (cpu, wall) in costs.items():
        print(f"{label:20} {cpu:7.1f} {wall:8.1f} {cpu / costs['ffmpeg -f null'][0]:16.3f}")
    compare_peers(files)
    command = [sys.executable, str(PEERS), "memory", str(MANY), *map(str, files)]
    peaks = subprocess.run(command, env={**os.environ, **ONE_THREAD}, check=True, stdout=subprocess.PIPE)
    print(f"peak MB of a worker after each tenth of {MANY:,} tracks: {' '.join(peaks.stdout.decode().split())}")


ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
WARM_UP = "from cfaudio_core.backbones.registry import prepare_extractor; prepare_extractor('musicnn')"
EXTRACT = """
import os, sys
from pathlib import Path
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.extractor import extract
from cfaudio_core.features.jobs import ExtractorConfig, FileJob
folder, windows, *files = sys.argv[1:]
with FeatureStore(Path(folder) / "f.db") as store:
    todo = [FileJob(os.fsencode(file), "") for file in files]
    list(extract(todo, ExtractorConfig(windows=int(windows)), store, "net", jobs=os.cpu_count() or 1))
"""

if __name__ == "__main__":
    main()
