"""Conversion of values from files and services: each function takes any value and returns the type it names."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

_NUMBERS = {int, float, str}  # by exact type: a bool is no number here
_DRIVE = re.compile(r"/[A-Za-z]:/")
# Names of months are read here and not by strptime, which would want them in the language of the machine.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_FIRST = re.compile(r"(\d{1,2})[ .-]+([A-Za-z]{3,}|\d{1,2})[ .-]+(\d{4}),?(?:[ T]+(\d{1,2}):(\d\d)(?::(\d\d))?)?")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?")
_GO_ZONE = re.compile(r" ([+-]\d{4}) [A-Z]{3,4}$")
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # nano-, micro- and milliseconds are that large since 1973


def to_text(value: object) -> str:
    """Convert to text without blanks around it; "" for what is no text and no number."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # a title such as 1979 loses its quotes in some exports
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape").strip()
    return ""


def to_number(value: object) -> float | None:
    """Convert to a finite number; None where it is none."""
    if type(value) not in _NUMBERS:
        return None
    try:
        result = float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def to_int(value: object) -> int:
    """Convert to an integer; 0 where it is no number."""
    return int(to_number(value) or 0)


def get_nested(value: object, *keys: str) -> Any:
    """Follow `keys` through nested objects; None where one is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def join_artists(names: Iterable[str]) -> str:
    """Join a list of artists into one credit.

    Players that keep lists have mostly split credits such as "A feat. B". Joined so again, a comparison without guests
    finds the first artist.
    """
    first, *guests = [name for name in names if name] or [""]
    return f"{first} feat. {', '.join(guests)}" if guests else first


def url_to_path(url: str) -> str:
    """Convert a file:// URL to a path, with undecodable bytes as surrogates; "" for any other URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme.lower() != "file":
        return ""
    # '#' and '?' are letters of a file's name here, which some players leave bare.
    rest = url[len("file:") :]
    if rest.startswith("//"):
        rest = rest[2 + len(parts.netloc) :]
    path = unquote(rest, errors="surrogateescape")
    return path[1:] if _DRIVE.match(path) else path


def parse_date(value: object, *, local: bool = False) -> int:
    """Convert a date and time to UTC, seconds since 1970; 0 where it is empty or of an unknown form.

    Known are ISO 8601, with a blank for the T or a fraction of a second if need be, and the day first, as in
    "20 Nov 2020 09:35", "11 Jul 2024, 09:07" and "20.11.2020 09:35". A time without a zone is UTC, or of this machine's
    zone where `local`.
    """
    if not isinstance(value, str):
        return 0
    written = _GO_ZONE.sub(r"\1", value.strip()).removesuffix(" UTC")
    try:
        moment = datetime.fromisoformat(written.replace("/", "-"))
    except ValueError:
        found = _DAY_FIRST.fullmatch(written)
        if not found:
            return 0
        day, month, year, hour, minute, second = found.groups(default="0")
        try:
            month_number = int(month) if month.isdecimal() else _MONTHS.index(month[:3].lower()) + 1
            moment = datetime(int(year), month_number, int(day), int(hour), int(minute), int(second))
        except ValueError:
            return 0
    if moment.tzinfo is None and not local:
        moment = moment.replace(tzinfo=UTC)
    try:
        return int(moment.timestamp())
    except (OverflowError, ValueError, OSError):
        return 0


def is_time_of_day(text: str) -> bool:
    """Tell whether a text is a time without a date, such as "09:35" or "9:35:12"."""
    return bool(_TIME_OF_DAY.fullmatch(text.strip()))


def is_day(text: str) -> bool:
    """Tell whether a text is a date without a time, such as "2020-11-20", "20.11.2020" or "20 Nov 2020"."""
    return ":" not in text and not text.strip().isdecimal() and parse_date(text) != 0


def parse_time(value: object) -> int:
    """Convert seconds, milli-, micro- or nanoseconds since 1970, or a date; 0 where it is of an unknown form."""
    count = to_number(value)
    if count is None:
        return parse_date(value)
    for smallest, scale in _SCALES:
        if abs(count) >= smallest:
            return int(count / scale)
    return int(count)


def local_to_utc(seconds: int) -> int:
    """Convert seconds since 1970 in local time, the clock of a device that knows no time zone, to UTC."""
    try:
        year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
        return int(datetime(year, month, day, hour, minute, min(second, 59)).timestamp())
    except (OverflowError, ValueError, OSError):
        return 0
