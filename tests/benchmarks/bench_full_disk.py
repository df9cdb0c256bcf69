"""Run commands on disks that fill up under them, and see that each ends in one line and the next run as if nothing was.

    python tests/benchmarks/bench_full_disk.py LIBRARY [--free 0,4,16,64,256,1024,4096]

LIBRARY is as for `homes.py`. Each trial has the library on a tmpfs of its own with so many kB left, runs a command,
makes room, and runs it once more. It takes root's right to mount.

Prints a Markdown table: command, trials that met a full disk, how they ended, and how many of all ended well.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homes import COMMANDS, Home, check_between, check_ended


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """A large tmpfs."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, free: int) -> Path:
    """Leave so many kB free; the file that takes the rest."""
    ballast = folder / "ballast"
    with ballast.open("wb") as out:
        left = shutil.disk_usage(folder).free - 1024 * free
        out.write(bytes(left))
    return ballast


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--free", default="0,4,16,64,256,1024,4096")
    parser.add_argument("--only", choices=list(COMMANDS))
    options = parser.parse_args()
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        for name in [options.only] if options.only else list(COMMANDS):
            root = Path(temporary) / name
            before = Home.of(options.library, root / "before", name)
            undisturbed = before.copy(root / "after")
            wanted = undisturbed.finish(name)
            units, after = before.units, undisturbed.units
            for free in map(int, options.free.split(",")):
                with disk(root / f"{free}") as folder:
                    home = before.copy(folder / "home")
                    ballast = fill(folder, free)
                    process = home.start(name)
                    said = process.communicate()[0].decode("utf-8", "replace")
                    complaint = said.strip().splitlines()[-1] if process.returncode else ""
                    ballast.unlink()  # now: even reading what is there takes SQLite some room
                    try:
                        assert process.returncode in (0, 1), f"exit status {process.returncode}"
                        assert "Traceback" not in said, said[-600:]
                        check_between(home, units, after)
                        check_ended(name, home, after, wanted)
                        outcome = ""
                    except AssertionError as error:
                        outcome = str(error)
                rows[name].append((complaint.replace(str(folder), ""), outcome))
                print(f"{name} {free} kB: {complaint or 'had room'}: {outcome or 'well'}", file=sys.stderr, flush=True)
    print("| command | disks | full | what was said | ended well | else |\n|---|---|---|---|---|---|")
    for name, trials in rows.items():
        complaints = {complaint for complaint, _ in trials if complaint}
        full = sum(bool(complaint) for complaint, _ in trials)
        wrong = {outcome for _, outcome in trials if outcome}
        well = len(trials) - sum(bool(outcome) for _, outcome in trials)
        said = "; ".join(sorted(complaints))
        print(f"| `{name}` | {len(trials)} | {full} | {said} | {well} | {'; '.join(sorted(wrong))} |")
    sys.exit(any(outcome for trials in rows.values() for _, outcome in trials))


if __name__ == "__main__":
    main()
