"""Conversion of values from files and services: each function takes any value and returns the type it names."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

_NUMBERS = {int, float, str, Decimal}  # by exact type: a bool is no number here, and PostgreSQL has sums as decimals
_DRIVE = re.compile(r"/[A-Za-z]:/")
# Names of months are read here and not by strptime, which would want them in the language of the machine.
_MONTHS = (  # in English, German, French, Spanish, Italian, Portuguese and Dutch
    "jan ene gen,feb f\u00e9v fev,mar m\u00e4r mrz maa,apr avr abr,may mai mag mei,jun juin giu,jul juil lug,"
    "aug ao\u00fb aou ago,sep set,oct okt out ott,nov,dec dez d\u00e9c dic"
)
_WEEKDAY, _NAME = r"(?:[A-Za-z]{3,9},? +)?", r"(?P<month>[^\W\d_]{3,10})"
_DAYS = (
    _WEEKDAY + r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[ .-]+" + _NAME + r"[ .,-]+(?P<year>\d{4})",
    _WEEKDAY + _NAME + r"\.? +(?P<day>\d{1,2})(?:st|nd|rd|th)?,? +(?P<year>\d{4})",
    r"(?P<day>\d{1,2})(?P<mark>[/. -])[ .-]*(?P<month>\d{1,2})[/. -]+(?P<year>\d{4}|\d\d)",
    r"(?P<year>\d{4})[/.-](?P<month>\d{1,2})[/.-](?P<day>\d{1,2})",
)
_TIME = (
    r"(?:(?:T|,? +(?:at +)?)(?P<hour>\d{1,2})[:.h](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d+)?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?:(?P<zone>[+-]\d\d:?\d\d)|Z|UTC|GMT|Uhr))?)?"
)
_FORMS = tuple(re.compile(day + ",?" + _TIME) for day in _DAYS)
_NUMERIC = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})\2(?:\d{4}|\d\d)\b")
_GO_ZONE = re.compile(r" ([+-]\d{4}) [A-Z]{3,4}$")
_ISO_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_CLOCK = re.compile(r"(?:\d+:)?\d{1,2}:\d\d(?:\.\d+)?")
_COMPACT_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")  # a second in 1970 otherwise
_TIME_OF_DAY = re.compile(r"\d{1,2}[:h]\d\d(:\d\d(\.\d+)?)?( ?[AaPp]\.?[Mm]\.?)?( ?(Z|UTC|Uhr|[+-]\d\d:?\d\d))?")
_MIDNIGHT = re.compile(r"[T ]0?0:00(:00(\.0+)?)?(Z| UTC)?$")
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # nano-, micro- and milliseconds are that large since 1973


MAX_CLOCK_ERROR_S = 86_400
"""Seconds by which another clock may be ahead of this one."""


def printable(text: str) -> str:
    """Replace line breaks and other signs that do not print, such as those that command a terminal, by blanks."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def in_one_line(text: str) -> str:
    """Make a text printable, with single blanks between words."""
    return " ".join(printable(text).split())


def latest_time() -> int:
    """Return the latest time that is believed, UTC in seconds since 1970: a later one is of a wrong clock."""
    return int(time.time()) + MAX_CLOCK_ERROR_S


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


def read_moment(text: str, month_first: bool | None = None) -> datetime | None:
    """Read a date, with a time or without; None where it is empty or of an unknown form.

    Known are ISO 8601, with a blank for the T or a fraction of a second if need be, the day first or the name of the
    month, and 12 hours with am or pm: "20 Nov 2020 09:35", "20.11.2020 09:35", "November 20, 2020 at 09:35AM",
    "20/11/2020 9:35 pm". Of two numbers, the first one is the month with `month_first`. Where that is None it is the
    day, and a date between slashes, in which both are usual, is of an unknown form.
    """
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(text)  # most are
    written = _GO_ZONE.sub(r"\1", " ".join(text.split())).removesuffix(" UTC")
    try:
        return datetime.fromisoformat(written.replace("/", "-"))
    except ValueError:
        found = next((form for pattern in _FORMS if (form := pattern.fullmatch(written))), None)
    if not found:
        return None
    part = {name: value or "" for name, value in found.groupdict().items()}
    day, month = part["day"], part["month"]
    if part.get("mark") == "/" and month_first is None:
        return None
    if part.get("mark") and month_first:
        day, month = month, day
    year, hour = int(part["year"]), int(part["hour"] or 0)
    if part["half"] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if part["half"] in "Pp" else 0)
    try:
        number = int(month) if month.isdecimal() else _month(month.lower())
        year += 0 if year > 99 else 2000 if year < 70 else 1900
        moment = datetime(year, number, int(day), hour, int(part["minute"] or 0), int(part["second"] or 0))
    except ValueError:
        return None
    if sign := part["zone"][:1]:
        minutes = 60 * int(part["zone"][1:3]) + int(part["zone"][-2:])
        return moment.replace(tzinfo=timezone(timedelta(minutes=-minutes if sign == "-" else minutes)))
    return moment


def _month(name: str) -> int:
    at = max(_MONTHS.find(name[:4]), _MONTHS.find(name[:3]))
    return _MONTHS.count(",", 0, at) + 1 if at >= 0 else 0


def month_comes_first(dates: Iterable[str]) -> bool | None:
    """Tell whether dates such as 11/20/2020 have the month first, by all of them together.

    None: nothing tells, as in 05/06/2020. Between dots or hyphens the day is first then.
    """
    unclear = False
    for date in dates:
        if found := _NUMERIC.match(date):
            if int(found[1]) > 12:
                return False
            if int(found[3]) > 12:
                return True
            unclear = unclear or found[2] == "/"
    return None if unclear else False


def parse_date(value: object, *, local: bool = False, month_first: bool | None = None) -> int:
    """Convert a date and time to UTC, seconds since 1970; 0 where it is empty or of an unknown form.

    The forms are those of `read_moment`. A time without a zone is UTC, or of this machine's zone where `local`.
    """
    moment = read_moment(value, month_first) if isinstance(value, str) else None
    if moment is None:
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
    text = without_midnight(text.strip())
    if ":" in text or (text.isdecimal() and not _COMPACT_DAY.fullmatch(text)):
        return False
    if text.isdecimal():
        return True
    return parse_date(text, month_first=False) != 0 or parse_date(text, month_first=True) != 0


def without_midnight(text: str) -> str:
    """Remove the time of a date that programs write where they know no time."""
    return _MIDNIGHT.sub("", text) if "0:00" in text else text


def parse_time(value: object, *, month_first: bool | None = None) -> int:
    """Convert seconds, milli-, micro- or nanoseconds since 1970, or a date; 0 where it is of an unknown form."""
    if type(value) is int and abs(value) < _SCALES[-1][0]:
        return value  # as most are
    count = to_number(value)
    if count is None or (1.9e7 < count < 2.1e7 and isinstance(value, str) and _COMPACT_DAY.fullmatch(value.strip())):
        return parse_date(value, month_first=month_first)
    for smallest, scale in _SCALES:
        if abs(count) >= smallest:
            return int(count / scale)
    return int(count)


def parse_duration(value: object) -> float | None:
    """Convert seconds, or hours, minutes and seconds such as "1:02:03", "4:05" and "PT4M5S"; None for another."""
    number = to_number(value.strip().replace(",", ".", 1) if isinstance(value, str) else value)
    if number is None and isinstance(value, str) and (iso := _ISO_DURATION.fullmatch(value.strip())):
        return sum(scale * float(part or 0) for scale, part in zip((3600, 60, 1), iso.groups(), strict=True))
    if number is None and isinstance(value, str) and _CLOCK.fullmatch(value.strip()):
        return float(sum(60**power * float(part) for power, part in enumerate(reversed(value.split(":")))))
    return number


def local_to_utc(seconds: int) -> int:
    """Convert seconds since 1970 in local time, the clock of a device that knows no time zone, to UTC."""
    try:
        year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
        return int(datetime(year, month, day, hour, minute, min(second, 59)).timestamp())
    except (OverflowError, ValueError, OSError):
        return 0
