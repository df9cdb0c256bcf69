"""Values out of files that promise nothing: each function takes anything and gives the type it names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

_NUMBERS = {int, float, str}  # by exact type: a bool is no number here
_DRIVE = re.compile(r"/[A-Za-z]:/")


def text(value: object) -> str:
    """Give `value` as text without blanks around it; "" for what is no text and no number."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # a title such as 1979 loses its quotes in some exports
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape").strip()
    return ""


def number(value: object) -> float | None:
    """Give `value` as a finite number; None where it is none."""
    if type(value) not in _NUMBERS:
        return None
    try:
        result = float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def whole(value: object) -> int:
    """Give `value` as a whole number; 0 where it is no number."""
    return int(number(value) or 0)


def inner(value: object, *keys: str) -> Any:
    """Follow `keys` through nested objects; None where the way ends early."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def credit(names: Iterable[str]) -> str:
    """Write a list of artists as one credit.

    Players that keep lists have mostly taken them out of credits such as "A feat. B". Written so again, what
    compares artists without their guests finds the first one.
    """
    first, *guests = [name for name in names if name] or [""]
    return f"{first} feat. {', '.join(guests)}" if guests else first


def path_of_url(url: str) -> str:
    """Give the path that a file:// URL names, with undecodable bytes as surrogates; "" for any other URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme.lower() != "file":
        return ""
    # '#' and '?' are letters of a file's name here, which some players leave bare.
    after = url[len("file:") :]
    if after.startswith("//"):
        after = after[2 + len(parts.netloc) :]
    path = unquote(after, errors="surrogateescape")
    return path[1:] if _DRIVE.match(path) else path
