"""A finding, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

OK, NOTE, FIX = "ok", "note", "fix"
"""All is well; something is less than it could be; something has to be done."""

_LEVELS = (OK, NOTE, FIX)


class Finding(NamedTuple):
    """A line of the doctor's.

    Attributes
    ----------
    level
        `OK`, `NOTE` or `FIX`.
    about
        What was looked at, in a word.
    text
        How it is.
    advice
        What to do; "": nothing.
    """

    level: str
    about: str
    text: str
    advice: str = ""

    def line(self) -> str:
        """Format it as one line."""
        text = " ".join(f"{self.text}; {self.advice}".split()) if self.advice else " ".join(self.text.split())
        return f"{self.level:5} {self.about:9} {text}"


def is_report(text: str) -> bool:
    """Whether a text begins with a finding's line."""
    return text.split(" ", 1)[0] in _LEVELS


def must_be_fixed(findings: Iterable[Finding]) -> bool:
    """Whether anything has to be done."""
    return any(finding.level == FIX for finding in findings)


def shown_path(path: Path) -> str:
    """Shorten a path by the user's folder, whose name is nobody else's business."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
