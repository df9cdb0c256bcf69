"""How commands put things."""

from __future__ import annotations


def counted(n: int, thing: str) -> str:
    """A number of things: "1 file", "2 files"."""
    return f"{n} {thing}{'' if n == 1 else 's'}"
