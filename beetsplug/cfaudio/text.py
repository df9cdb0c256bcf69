"""Wording that messages share."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def counted(n: int, thing: str, things: str = "") -> str:
    """Format a number of things: "1 file", "2 files"; `things` where an s does not do."""
    return f"{n} {thing if n == 1 else things or thing + 's'}"


def to_datetime(seconds: int, zone: tzinfo | None = UTC) -> datetime | None:
    """Convert UTC in seconds to a moment in a zone, None for this machine's; None where no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, zone)
    except (ValueError, OverflowError, OSError):
        return None
