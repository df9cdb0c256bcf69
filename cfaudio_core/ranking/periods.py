"""How long a playlist stays as it is."""

from __future__ import annotations

import datetime as dt
import zlib

REFRESH = ("daily", "weekly", "monthly", "never")
"""How often a playlist is chosen anew."""


def period(refresh: str, day: dt.date) -> str:
    """The period that a day is in: two days of one period have the same list. Weeks begin on Mondays."""
    if refresh == "daily":
        return day.isoformat()
    if refresh == "weekly":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    if refresh == "monthly":
        return f"{day:%Y-%m}"
    return "ever"


def seed(*parts: object) -> int:
    """A number for what is to be drawn the same whenever these are the same."""
    return zlib.crc32("\0".join(map(str, parts)).encode("utf-8", "replace"))
