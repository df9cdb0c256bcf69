"""CPU time of `beet cfembed` against ffmpeg decoding the same files, side by side in one run.

    bench_hearing.py [FOLDER]

FOLDER holds music (by default the pieces of `cfaudio demo`). Both sides are whole processes with all their children;
the ratio is what counts, since the machine's speed cancels out. The last line is a second `beet cfembed`, with
nothing new.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cfaudio_core.demo.catalogue import write_pieces

AUDIO = {".ogg", ".oga", ".opus", ".mp3", ".flac", ".wav", ".m4a"}
CONFIG = """\
directory: {folder}
library: {home}/library.db
plugins: [cfaudio]
threaded: no
create_backup_before_migrations: no
import: {{copy: no, write: no, autotag: no, resume: no, quiet: yes, duplicate_action: keep}}
"""


def cost(commands: list[list[str]], env: dict[str, str]) -> tuple[float, float]:
    """CPU and wall seconds of some commands with all their children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for command in commands:
        subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="cfaudio-bench-") as home:
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1]).resolve()
        else:
            folder = Path(home) / "music"
            list(write_pieces(folder, seed=1))
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in AUDIO)
        Path(home, "config.yaml").write_text(CONFIG.format(folder=folder, home=home))
        env = {**os.environ, "BEETSDIR": home}
        beet = [sys.executable, "-m", "beets"]
        decode = ["ffmpeg", "-nostdin", "-v", "quiet", "-threads", "1"]
        cost([[*beet, "import", "-A", "-C", "-q", str(folder)]], env)
        # Seven tracks of ten are played, so that the first run has something to learn from.
        for digits, plays in (("0-3", 9), ("4-6", 1)):
            change = [f"id::[{digits}]$", f"play_count={plays}"]
            cost([[*beet, "modify", "-y", "-M", "-W", *change]], env)
        subprocess.run([sys.executable, "-c", WARM_UP], check=True)  # the weights are fetched once in a lifetime
        first = cost([[*beet, "cfembed"]], env)
        ffmpeg = cost([[*decode, "-i", str(p), "-map", "0:a:0?", "-f", "null", "-"] for p in files], env)
        second = cost([[*beet, "cfembed"]], env)
    print(f"{len(files)} files           cpu s   wall s")
    for label, (cpu, wall) in {"ffmpeg -f null": ffmpeg, "beet cfembed": first, "beet cfembed again": second}.items():
        print(f"{label:20} {cpu:7.1f} {wall:8.1f}")
    print(f"cfembed / ffmpeg, CPU:        {first[0] / ffmpeg[0]:.2f}")
    print(f"second / first cfembed, CPU:  {second[0] / first[0]:.3f}   wall: {second[1] / first[1]:.3f}")


WARM_UP = "from cfaudio_core.nets.weights import load_weights; load_weights('MSD_musicnn')"

if __name__ == "__main__":
    main()
