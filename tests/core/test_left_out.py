"""A run of the tests says at its end what it has left out, and how to have it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from needs import left_out

HERE = Path(__file__).parent


def test_reasons_are_counted_and_the_way_to_have_programs_is_named() -> None:
    mpd, root = "Skipped: mpd is not installed (apt-get install mpd)", "Skipped: root may read everything"
    assert list(left_out([mpd, root, mpd])) == [
        "2 tests: mpd is not installed (apt-get install mpd)",
        "1 test: root may read everything",
        "`make test-all` installs these programs where apt is there, and runs the tests again.",
    ]
    assert list(left_out([root])) == ["1 test: root may read everything"]
    assert list(left_out([])) == []


def test_every_module_that_is_called_slow_is_there() -> None:
    named = (HERE.parent / "slow.txt").read_text("ascii").split()
    assert set(named) <= {file.stem for file in HERE.parent.rglob("test_*.py")}


def run_tests(*args: object, **environment: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, args)]
    ran = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()


def test_what_is_left_out_is_said_before_the_closing_line(tmp_path: Path) -> None:
    *lines, closing = run_tests(HERE / "test_report_scripts.py", PATH=str(tmp_path))
    said = [line for line in lines if line][-2:]
    assert said[0].endswith(" tests: node is not installed (apt-get install nodejs)")
    assert said[1].startswith("`make test-all` installs")
    assert " skipped in " in closing


def test_nothing_is_said_where_all_ran() -> None:
    lines = run_tests(HERE / "test_threads.py")
    assert " passed in " in lines[-1]
    assert not any("left out" in line for line in lines)
