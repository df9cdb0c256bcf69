"""Kill commands, or interrupt them with ctrl-C, at random moments, and see that nothing is lost or half-written.

    python tests/benchmarks/bench_kills.py LIBRARY [--kills 100] [--seed 0] [--only COMMAND ...] [--signal INT]

LIBRARY is as for `homes.py`. Each trial begins with the same copy of it, kills one command, looks at what is there,
runs the command once more, and compares with what a run that nobody disturbed has left. Commands are killed at a moment
drawn evenly over their usual duration and, as little of that is writing, every second time at the first write after a
moment in its second half. A trial whose command ended before its moment came does not count as a kill.

Prints a Markdown table: command, kills, how many of them had written nothing, a part or all of what it writes, how many
left something unfinished (a file beside the place where it belongs, or the journal of a database), and how many of the
trials ended well.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from homes import COMMANDS, Home, Table, check_between, check_ended, draw_moment, tell, trials_of, wait_for_moment


def kill(process: subprocess.Popen[bytes], how: signal.Signals, after: float, home: Home | None) -> tuple[bool, bool]:
    """Kill the command and its workers after so many seconds, or at its first write after that into `home`.

    Returns whether it had not ended before, and whether the kill counts: ctrl-C while beets is loaded does not.
    """
    at_work = wait_for_moment(process, after, home)
    if at_work:
        os.killpg(process.pid, how)
    said = process.communicate()[0].decode("utf-8", "replace")
    assert "Traceback" not in said or "cfaudio" not in said, said[-600:]  # beets, while it is loaded, has tracebacks
    ends = (-how,) if how == signal.SIGKILL else (0, 130)  # ctrl-C: beets ends with 0, a command with 130
    return at_work, at_work and process.returncode in ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(COMMANDS))
    parser.add_argument("--signal", choices=["KILL", "INT"], default="KILL")
    options = parser.parse_args()
    how = signal.Signals[f"SIG{options.signal}"]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores ctrl-C
    draw = random.Random(options.seed)
    table = Table()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name, number in trials_of(options.kills, options.only).items():
            before = Home.of(options.library, root / name / "before", name)
            undisturbed = before.copy(root / name / "after")
            began = time.monotonic()
            said = undisturbed.finish(name)
            usual = time.monotonic() - began
            units, after = before.units, undisturbed.units
            left, trial = number, 0
            while left > 0 and trial < 10 * number:
                trial += 1
                home = before.copy(root / name / f"{trial}")
                moment, writing = draw_moment(draw, name, trial, usual)
                if name == "cfreport" and trial % 4 == 1:  # with its map laid out, the first that it writes is the page
                    moment = 0
                    (home.folder / "cfaudio" / "report").mkdir()
                    shutil.copy(undisturbed.folder / "cfaudio/report/map.bin", home.folder / "cfaudio/report")
                where, half, dead, wrong = "had ended", False, True, ""
                try:
                    at_work, dead = kill(home.start(name), how, moment, home if writing else None)
                    left -= dead
                    usual *= 1 if at_work else 0.9
                    half = home.unfinished
                    where = check_between(home, units, after) if dead else where
                    began = time.monotonic()
                    check_ended(name, home, after, said)
                    if where == "nothing new":  # as loaded as the machine is now
                        usual = 0.7 * usual + 0.3 * (time.monotonic() - began)
                except AssertionError as error:
                    wrong = str(error)
                if dead:
                    table.add(name, where, half, wrong)
                tell(name, moment, usual, where, dead and half, wrong)
                shutil.rmtree(home.folder)
    sys.exit(table.print("kills"))


if __name__ == "__main__":
    main()
