"""Cut the power while commands write, and see that what the disk held by then opens, and that they go on from it.

    python tests/benchmarks/bench_power_cuts.py LIBRARY [--cuts 40] [--seed 0] [--only COMMAND ...]

LIBRARY is as for `homes.py`. Each trial has its copy on a disk of its own, an image of ext4 that is mounted (which
takes root's right), and copies that image while the command is at its first write after a random moment. The copy has
what the kernel had written to the disk by then, and none of what it still held in memory, as after a power cut. It is
mounted, all databases are checked, and the command is run on it, and compared with a run that nobody disturbed.

Prints a Markdown table like that of `bench_kills.py`.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homes import COMMANDS, Home, Table, check_between, check_ended, draw_moment, tell, trials_of, wait_for_moment

DISK = "4G"  # sparse; `cfdoctor` calls a small disk full


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Home]:
    """Mount an image; the home on it."""
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    try:
        yield Home(folder / "home")
    finally:
        subprocess.run(["umount", folder], check=True)


def copy_image(image: Path, target: Path) -> None:
    subprocess.run(["cp", "--sparse=always", image, target], check=True)


def cut(home: Home, name: str, moment: float, writing: bool, disk: Path, copy: Path) -> bool:
    """Copy the disk at that moment, with the command at rest, and kill it; whether it had not ended before."""
    process = home.start(name)
    at_work = wait_for_moment(process, moment, home if writing else None)
    if at_work:
        os.killpg(process.pid, signal.SIGSTOP)
        copy_image(disk, copy)
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return at_work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(COMMANDS))
    options = parser.parse_args()
    draw = random.Random(options.seed)
    table = Table()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        fresh, disk, copy, folder = root / "fresh", root / "disk", root / "copy", root / "mounted"
        folder.mkdir()
        for name, number in trials_of(options.cuts, options.only).items():
            fresh.unlink(missing_ok=True)
            subprocess.run(["truncate", "-s", DISK, fresh], check=True)
            subprocess.run(["mkfs.ext4", "-q", fresh], check=True)
            with mounted(fresh, folder) as home:
                units = Home.of(options.library, home.folder, name).units
            copy_image(fresh, disk)
            with mounted(disk, folder) as home:
                began = time.monotonic()
                said = home.finish(name)
                usual, after = time.monotonic() - began, home.units
            left, trial = number, 0
            while left > 0 and trial < 10 * number:
                trial += 1
                moment, writing = draw_moment(draw, name, 1, usual)
                copy_image(fresh, disk)
                with mounted(disk, folder) as home:
                    if not cut(home, name, moment, writing, disk, copy):
                        usual *= 0.9
                        continue
                left -= 1
                where, half, wrong = "", False, ""
                with mounted(copy, folder) as home:
                    try:
                        half = home.unfinished
                        where = check_between(home, units, after)
                        check_ended(name, home, after, said)
                    except AssertionError as error:
                        wrong = str(error)
                table.add(name, where, half, wrong)
                tell(name, moment, usual, where, half, wrong)
    sys.exit(table.print("cuts"))


if __name__ == "__main__":
    main()
