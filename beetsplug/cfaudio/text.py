"""Wording that messages share."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import beets
from beets.ui import print_


def say(line: str) -> None:
    """Print a line, with blanks for what would command the terminal: there are names of files, and texts, in many."""
    from cfaudio_core.util.values import printable

    print_(printable(line))


def say_waiting(what: str) -> None:
    """Say at once, also where the output is a file, that another run of a command is waited for."""
    say(f"Waiting for another {what} to end; ctrl-C stops waiting.")
    sys.stdout.flush()


def counted(n: int, thing: str, things: str = "") -> str:
    """Format a number of things: "1 file", "2 files"; `things` where an s does not do."""
    return f"{n} {thing if n == 1 else things or thing + 's'}"


def no_plays(name: str = "") -> str:
    """Say that no plays are known, of a listener other than the first by their name, and the three ways on."""
    return (
        f"no plays{f' of {name}' if name else ''} known yet. Import a history (`beet cfimport`), let a player count "
        "(mpdstats does), or start from music you like: `beet cfrecommend --like artist:NAME`"
    )


def capitalized(sentence: str) -> str:
    """Begin a sentence with a capital, and leave the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


def about(seconds: float) -> str:
    """Format how long something will take, roughly."""
    if seconds < 55:
        return "less than a minute"
    if seconds < 5400:
        return f"about {counted(round(seconds / 60), 'minute')}"
    return f"about {counted(round(seconds / 3600), 'hour')}"


def is_verbose() -> bool:
    """Whether `beet -v` asks for details."""
    return bool(beets.config["verbose"].get(int))


def shown(file: object) -> str:
    """Format a path as people type it: from ~ where it lies in their home."""
    try:
        return f"~/{Path(str(file)).relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(file)


def to_datetime(seconds: int, zone: tzinfo | None = UTC) -> datetime | None:
    """Convert UTC in seconds to a moment in a zone, None for this machine's; None where no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, zone)
    except (ValueError, OverflowError, OSError):
        return None
