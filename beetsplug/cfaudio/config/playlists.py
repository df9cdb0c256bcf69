"""The setting `playlists`, checked, and the periods after which one of them is drawn again."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from beets.exceptions import UserError

from beetsplug.cfaudio.config.checks import Section, shown
from beetsplug.cfaudio.config.servers import LOGINS

TARGETS = ("m3u", *LOGINS, "mpd")
PATH_STYLES = ("auto", "playlist", "library", "absolute")
"""How entries of M3U files name the music, see `m3u.entry_base`."""

HALF_A_YEAR_DAYS = 182
REFRESH = ("daily", "weekly", "monthly", "never")
"""How often a playlist is chosen again."""


class Kind(NamedTuple):
    """A ready-made kind of list: its name and settings, None where they are the usual ones.

    `title` is its name with what changes from list to list; "" where that is nothing.
    """

    name: str
    n: int = 50
    unplayed: float | None = None
    refresh: str = "weekly"
    fresh_days: int | None = None
    title: str = ""


KINDS = {
    "mix": Kind("Mix", refresh="daily"),
    "discover": Kind("Discover", 30, 1.0),
    "rediscover": Kind("Rediscover", 30, 0.0, fresh_days=HALF_A_YEAR_DAYS),
    "daily mix": Kind("Daily Mix $number", 50, 0.3, "daily", 0, "Daily Mix $number%if{$tags,: $tags}"),
    "radio": Kind("Radio", refresh="daily"),
    "new arrivals": Kind("New Arrivals", 30, 1.0, "daily", 0),
    "deep cuts": Kind("Deep Cuts", 30, 1.0),
    "new artists": Kind("New Artists", 30, 1.0),
    "albums": Kind("Albums", 5),
    "on this day": Kind("On This Day", 30, 0.0, "daily", 0),
    "focus": Kind("Focus", refresh="daily"),
}


@dataclass(frozen=True)
class Playlist:
    """An entry of `playlists`; None where the usual setting is meant. See docs/playlists.md for what each means."""

    name: str
    kind: str
    n: int
    query: tuple[str, ...]
    unplayed: float | None
    user: str | None
    like: tuple[str, ...]
    refresh: str
    per_artist: int | None
    diversity: float | None
    fresh_days: int | None
    targets: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name that keeps lists of different listeners apart."""
        return f"{self.name} [{self.user}]" if self.user else self.name

    @property
    def title(self) -> str:
        """Template of the title: the name's, unless that is a kind's own which has another."""
        kind, user = KINDS[self.kind], f" ({self.user})" if self.user else ""
        return kind.title + user if kind.title and self.name == kind.name + user else self.name

    @property
    def former_key(self) -> str:
        """The `key` that the entry had when lists were named by their titles."""
        return f"{self.title} [{self.user}]" if self.user else self.title


def read_playlists(value: object) -> tuple[Playlist, ...]:
    """Check the entries of `playlists`.

    Raises
    ------
    UserError
        Naming the entry and the key with a wrong value.
    """
    if not isinstance(value, list):
        raise UserError(f"cfaudio.playlists: must be a list, each entry with a - before it, not {shown(value)}")
    playlists: list[Playlist] = []
    for position, entry in enumerate(value, start=1):
        playlist = _playlist(entry, f"cfaudio.playlists[{position}]")
        if any(other.key == playlist.key for other in playlists):
            raise UserError(f"cfaudio.playlists[{position}].name: there is a playlist {playlist.name!r} already")
        playlists.append(playlist)
    return tuple(playlists)


def read_relative_to(value: object, path: Callable[[str], Path | None]) -> str | Path:
    """Check `relative_to`: a style of entries, or a folder, which `path` makes of a setting."""
    return value if isinstance(value, str) and value in PATH_STYLES else path("relative_to") or PATH_STYLES[0]


def _playlist(entry: object, key: str) -> Playlist:
    known = Playlist.__dataclass_fields__
    given = Section(entry, key, known)
    if "kind" not in given and "name" not in given:
        raise UserError(f"{key}: must have a name, or a kind ({', '.join(KINDS)})")
    kind = given.choice("kind", tuple(KINDS)) if "kind" in given else "mix"
    user = given["user"]
    if user is not None and not isinstance(user, str):
        raise given.error("user", f"must be a listener, not {shown(user)}")
    usual = {name: setting for name, setting in KINDS[kind]._asdict().items() if setting is not None and name in known}
    usual["name"] += f" ({user})" if user else ""
    section = Section({**usual, "targets": ["m3u"], **given.values}, key, known)
    name, like = section.text("name"), section.query("like")
    if not name:
        raise section.error("name", "must be a text")
    if kind == "radio" and not like:
        raise section.error("like", "must be a query, as a radio plays tracks similar to those of a query")
    targets = section.texts("targets", "targets")
    if not targets:
        raise section.error("targets", f"must be a list of targets ({', '.join(TARGETS)})")
    for target in targets:
        if target not in TARGETS:
            raise section.error("targets", f"must be one of {', '.join(TARGETS)}, not {target!r}")
    return Playlist(
        name=name,
        kind=kind,
        n=section.whole("n", 1, 100_000),
        query=section.query("query"),
        unplayed=section.share("unplayed") if "unplayed" in section else None,
        user=user,
        like=like,
        refresh=section.choice("refresh", REFRESH),
        per_artist=section.whole("per_artist", 1, 10_000) if "per_artist" in section else None,
        diversity=section.share("diversity") if "diversity" in section else None,
        fresh_days=section.whole("fresh_days", 0, 36_500) if "fresh_days" in section else None,
        targets=tuple(dict.fromkeys(targets)),
    )


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
