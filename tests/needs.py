"""What some tests need beyond Python: they are skipped without it, and the last lines of a run say how to have it.

`programs.txt` has a program a line, and its package in Debian. `.ci/programs` installs them.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGES = dict(line.split() for line in (HERE / "programs.txt").read_text("utf-8").splitlines())
HOW = {program: f"apt-get install {package}" for program, package in PACKAGES.items()}
HOW["maneki"] = "pip install maneki, with Python 3.13"

not_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything (run as another user)"
)


def find(program: str) -> str | None:
    """The program's file; maneki is where `.ci/programs` has put it, too."""
    return shutil.which(program) or shutil.which(program, path=HERE.parent / ".maneki" / "bin")


def missing(program: str) -> str:
    """Say that a program is not there, and how to have it."""
    return f"{program} is not installed ({HOW[program]})"


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing."""
    return pytest.mark.skipif(find(program) is None, reason=missing(program))


def left_out(reasons: Iterable[str]) -> Iterator[str]:
    """A line for each reason for which tests were skipped, and one for what installs programs."""
    counts = Counter(reason.removeprefix("Skipped: ") for reason in reasons)
    for reason, n in sorted(counts.items()):
        yield f"{n} {'test' if n == 1 else 'tests'}: {reason}"
    if any(how in reason for reason in counts for how in HOW.values()):
        yield "`make test-all` installs these programs where apt is there, and runs the tests again."
