"""Dates and times as programs and people write them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

# Names of months are read here and not by strptime, which would want them in the language of the machine.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY, _NAME = r"(?:[A-Za-z]{3,9},? +)?", r"(?P<month>[A-Za-z]{3,9})"
_DAYS = (
    _WEEKDAY + r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[ .-]+" + _NAME + r"[ .,-]+(?P<year>\d{4})",
    _WEEKDAY + _NAME + r"\.? +(?P<day>\d{1,2})(?:st|nd|rd|th)?,? +(?P<year>\d{4})",
    r"(?P<day>\d{1,2})(?P<mark>[/. -])[ .-]*(?P<month>\d{1,2})[/. -]+(?P<year>\d{4}|\d\d)",
    r"(?P<year>\d{4})[/.-](?P<month>\d{1,2})[/.-](?P<day>\d{1,2})",
)
_CLOCK = (
    r"(?:(?:T|,? +(?:at +)?)(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d+)?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?:(?P<zone>[+-]\d\d:?\d\d)|Z|UTC|GMT))?)?"
)
_FORMS = tuple(re.compile(day + ",?" + _CLOCK) for day in _DAYS)
_NUMERIC = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})\2(?:\d{4}|\d\d)\b")
_GO_ZONE = re.compile(r" ([+-]\d{4}) [A-Z]{3,4}$")


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
        number = int(month) if month.isdecimal() else _MONTHS.index(month[:3].lower()) + 1
        year += 0 if year > 99 else 2000 if year < 70 else 1900
        moment = datetime(year, number, int(day), hour, int(part["minute"] or 0), int(part["second"] or 0))
    except ValueError:
        return None
    if sign := part["zone"][:1]:
        minutes = 60 * int(part["zone"][1:3]) + int(part["zone"][-2:])
        return moment.replace(tzinfo=timezone(timedelta(minutes=-minutes if sign == "-" else minutes)))
    return moment


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
