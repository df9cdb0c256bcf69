"""Periods after which a playlist is drawn again, and the seed of its draw."""

from __future__ import annotations

import datetime as dt
import zlib

REFRESH = ("daily", "weekly", "monthly", "never")
"""How often a playlist is chosen again."""


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
    """A seed of draws: the same number for the same parts."""
    return zlib.crc32("\0".join(map(str, parts)).encode("utf-8", "replace"))
