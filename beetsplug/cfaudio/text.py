"""Wording that messages share."""

from __future__ import annotations


def counted(n: int, thing: str, things: str = "") -> str:
    """Format a number of things: "1 file", "2 files"; `things` where an s does not do."""
    return f"{n} {thing if n == 1 else things or thing + 's'}"
