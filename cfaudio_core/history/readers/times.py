"""Times as they are written in exports, to UTC seconds since 1970."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from cfaudio_core.util.values import number

# Names of months are read here and not by strptime, which would want them in the language of the machine.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_FIRST = re.compile(r"(\d{1,2})[ .-]+([A-Za-z]{3,}|\d{1,2})[ .-]+(\d{4}),?(?:[ T]+(\d{1,2}):(\d\d)(?::(\d\d))?)?")
_GO_ZONE = re.compile(r" ([+-]\d{4}) [A-Z]{3,4}$")
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # nano-, micro- and milliseconds are that large since 1973


def from_epoch(value: object) -> int:
    """Read seconds since 1970, a number or its digits; 0 where there are none."""
    return int(number(value) or 0)


def from_text(value: object, *, local: bool = False) -> int:
    """Read a date and time.

    Parameters
    ----------
    value : object
        ISO 8601, with a blank for the T or a fraction of a second if need be; or the day first, as in
        "20 Nov 2020 09:35", "11 Jul 2024, 09:07" and "20.11.2020 09:35".
    local : bool
        What a time without a zone means: this machine's, where True, and UTC otherwise.

    Returns
    -------
    int
        UTC, seconds since 1970; 0 where `value` is empty or not understood.
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


def from_any(value: object) -> int:
    """Read seconds, milli-, micro- or nanoseconds since 1970, or a date and time in UTC; 0 where not understood."""
    count = number(value)
    if count is None:
        return from_text(value)
    for least, scale in _SCALES:
        if abs(count) >= least:
            return int(count / scale)
    return int(count)


def from_local_clock(seconds: int) -> int:
    """Read the clock of a device that knows no time zone: local time, counted as if it were UTC."""
    try:
        year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
        return int(datetime(year, month, day, hour, minute, min(second, 59)).timestamp())
    except (OverflowError, ValueError, OSError):
        return 0
