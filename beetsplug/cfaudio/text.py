"""Wording that messages share."""

from __future__ import annotations


def counted(n: int, thing: str) -> str:
    """Format a number of things: "1 file", "2 files"."""
    return f"{n} {thing}{'' if n == 1 else 's'}"
