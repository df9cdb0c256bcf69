"""Lines on configured playlists: what they are called, what is on them, when they change, and where they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from beetsplug.cfaudio.config.playlists import Playlist
from beetsplug.cfaudio.playlists.state import ChosenList, PlaylistState
from beetsplug.cfaudio.text import counted, shown

_WEEK = 7


def next_change(refresh: str, day: dt.date) -> dt.date | None:
    """The first day after one on which a list is chosen again; None for never."""
    if refresh == "daily":
        return day + dt.timedelta(days=1)
    if refresh == "weekly":
        return day + dt.timedelta(days=_WEEK - day.weekday())
    if refresh == "monthly":
        return (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    return None


def spoken(day: dt.date, today: dt.date) -> str:
    """Name a day to come as people do, in English."""
    days = (day - today).days
    return "tomorrow" if days == 1 else f"{day:%A}" if 0 < days <= _WEEK else f"{day.day} {day:%B}"


def called(name: str, state: PlaylistState | None, kind: str = "") -> str:
    """Name the lists of an entry as they are called, such as "Daily Mix 1 to 5", before there are any by its kind.

    `name` is the entry's, which may be a template.
    """
    names = [one.name for one in state.lists if one.name] if state else []
    if not names:
        return kind if kind and set("$%") & set(name) else name
    heads = [head(one) for one in names]
    stem = heads[0].removesuffix("1")
    if len(names) > 1 and heads == [f"{stem}{k}" for k in range(1, len(names) + 1)]:
        return f"{stem}1 to {len(names)}"
    return ", ".join(names)


def head(name: str) -> str:
    """Cut off what a name says of this week's tracks: "Daily Mix 1: jazz" is Daily Mix 1."""
    return name.split(": ")[0]


def describe_lists(
    playlist: Playlist, lists: Sequence[ChosenList], empty: Sequence[str], *, kept: bool, today: dt.date
) -> Iterator[str]:
    """Describe each list of an entry; `empty` has why it is empty or short, `kept` says that it is not due yet."""
    whom = playlist.user or "you"
    day = next_change(playlist.refresh, today)
    unchanged = f"; unchanged until {spoken(day, today)}" if day else "; unchanged"
    for at, one in enumerate(lists):
        why = empty[at] if at < len(empty) else ""
        if not one.ids:
            yield f"{one.title or one.name}: empty: {why or 'nothing can be chosen'}"
            continue
        n_new = len(one.unplayed)
        new = f", {'all' if n_new == len(one.ids) else n_new} new to {whom}" if n_new else ""
        short = f"; {why}" if why else ""
        yield f"{one.title or one.name}: {counted(len(one.ids), 'track')}{new}{unchanged if kept else ''}{short}"


def where(made: Mapping[str, Sequence[str]], at: int) -> list[str]:
    """Name the places of one of an entry's lists, by the marks of its targets: files, or else targets."""
    return [
        shown(marks[at]) if target == "m3u" else target
        for target, marks in made.items()
        if at < len(marks) and marks[at]
    ]
