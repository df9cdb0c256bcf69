"""The settings `playlists`, `subsonic` and `mpd`, checked."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from beets.exceptions import UserError

from cfaudio_core.ranking.periods import REFRESH

TARGETS = ("m3u", "subsonic", "mpd")
HALF_A_YEAR = 182  # days


class Kind(NamedTuple):
    """A ready-made kind of list: the name and the settings that it comes with, None where they are the usual ones."""

    name: str
    n: int = 50
    unplayed: float | None = None
    refresh: str = "weekly"
    fresh_days: int | None = None


KINDS = {
    "mix": Kind("Mix", refresh="daily"),
    "discover": Kind("Discover", 30, 1.0),
    "rediscover": Kind("Rediscover", 30, 0.0, fresh_days=HALF_A_YEAR),
    "daily mix": Kind("Daily Mix $number%if{$tags,: $tags}", 50, 0.3, "daily", 0),
    "radio": Kind("Radio", refresh="daily"),
    "new arrivals": Kind("New Arrivals", 30, 1.0, "daily", 0),
    "deep cuts": Kind("Deep Cuts", 30, 1.0),
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
        """What it is known by from run to run: two listeners may have lists of one name."""
        return f"{self.name} [{self.user}]" if self.user else self.name


class Account(NamedTuple):
    """An account on a server."""

    user: str = ""
    password: str = ""
    token: str = ""


@dataclass(frozen=True)
class Servers:
    """Where the servers are: `subsonic` None and `mpd_host` "" where there is none.

    `subsonic` is an address, and `accounts` has an account for each listener ("" for the main one).
    """

    subsonic: str | None = None
    accounts: Mapping[str, Account] = field(default_factory=dict, repr=False)
    mpd_host: str = ""
    mpd_port: int = 6600
    mpd_password: str = field(default="", repr=False)


def read_playlists(value: object) -> tuple[Playlist, ...]:
    """The entries of `playlists`.

    Raises
    ------
    UserError
        Naming the entry and the key whose value makes no sense.
    """
    if not isinstance(value, list):
        raise UserError(f"cfaudio.playlists: must be a list of playlists, not {value!r}")
    playlists: list[Playlist] = []
    for position, entry in enumerate(value):
        playlist = _playlist(entry, f"cfaudio.playlists[{position + 1}]")
        if any(other.key == playlist.key for other in playlists):
            raise UserError(f"cfaudio.playlists[{position + 1}].name: there is a playlist {playlist.name!r} already")
        playlists.append(playlist)
    return tuple(playlists)


def read_servers(subsonic: object, mpd: object) -> Servers:
    """The settings `subsonic` and `mpd`; no message repeats a value of theirs, as it may be a secret."""
    section = _mapping(subsonic, "cfaudio.subsonic", {"url", "users", *Account._fields})
    url = _text(section.get("url"), "cfaudio.subsonic.url")
    if section and not url.lower().startswith(("http://", "https://")):
        raise UserError("cfaudio.subsonic.url: must be an address such as https://music.example.org")
    if "@" in url or "?" in url:
        raise UserError("cfaudio.subsonic.url: must be an address alone: user and password are settings of their own")
    accounts = {"": _account(section, "cfaudio.subsonic")}
    users = section.get("users") or {}
    if not isinstance(users, dict):
        raise UserError("cfaudio.subsonic.users: must map each listener to an account")
    for name, one in users.items():
        key = f"cfaudio.subsonic.users.{name}"
        accounts[str(name)] = _account(_mapping(one, key, set(Account._fields)), key)
    accounts = {name: one for name, one in accounts.items() if any(one)}
    for name, one in accounts.items():
        if not one.token and not (one.user and one.password):
            raise UserError(f"cfaudio.subsonic{name and '.users.' + name}: needs a user and a password, or a token")
    of_mpd = _mapping(mpd, "cfaudio.mpd", {"host", "port", "password"})
    port = of_mpd.get("port", 6600)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise UserError("cfaudio.mpd.port: must be a whole number from 1 to 65535")
    return Servers(
        url or None,
        accounts,
        _text(of_mpd.get("host", "localhost"), "cfaudio.mpd.host"),
        port,
        _text(of_mpd.get("password"), "cfaudio.mpd.password"),
    )


def _playlist(entry: object, key: str) -> Playlist:
    if not isinstance(entry, dict):
        raise UserError(f"{key}: must have a kind, or a name and what is to be in it, not be {entry!r}")
    known = Playlist.__dataclass_fields__
    for name in entry:
        if name not in known:
            raise UserError(f"{key}.{name}: there is no such setting (there are {', '.join(known)})")
    if "kind" not in entry and "name" not in entry:
        raise UserError(f"{key}: must have a name, or a kind ({', '.join(KINDS)})")
    kind = entry.get("kind", "mix")
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"{key}.kind: must be one of {', '.join(KINDS)}, not {kind!r}")
    usual, user = KINDS[kind], entry.get("user")
    if user is not None and not isinstance(user, str):
        raise UserError(f"{key}.user: must be a listener, not {user!r}")
    like = _query(entry.get("like"), f"{key}.like")
    if kind == "radio" and not like:
        raise UserError(f"{key}.like: must be a query, as a radio plays what is like something")
    name = _text(entry.get("name", usual.name + (f" ({user})" if user else "")), f"{key}.name")
    if not name:
        raise UserError(f"{key}.name: must be a text")
    return Playlist(
        name=name,
        kind=kind,
        n=_whole(entry, "n", key, usual.n, (1, 100_000)) or usual.n,
        query=_query(entry.get("query"), f"{key}.query"),
        unplayed=_number(entry, "unplayed", key, usual.unplayed, (0, 1)),
        user=user,
        like=like,
        refresh=_choice(entry.get("refresh", usual.refresh), REFRESH, f"{key}.refresh"),
        per_artist=_whole(entry, "per_artist", key, None, (1, 10_000)),
        diversity=_number(entry, "diversity", key, None, (0, 1)),
        fresh_days=_whole(entry, "fresh_days", key, usual.fresh_days, (0, 36_500)),
        targets=_targets(entry.get("targets", ["m3u"]), f"{key}.targets"),
    )


def _account(section: Mapping[str, Any], key: str) -> Account:
    return Account(*(_text(section.get(name), f"{key}.{name}") for name in Account._fields))


def _mapping(value: object, key: str, known: set[str]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{key}: must have settings below it")
    for name in value:
        if name not in known:
            raise UserError(f"{key}.{name}: there is no such setting (there are {', '.join(sorted(known))})")
    return value


def _text(value: object, key: str) -> str:
    """A text; a password of digits needs no quotes."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UserError(f"{key}: must be a text")
    # YAML's escapes can spell a letter beyond 16 bits as two halves.
    return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def _query(value: object, key: str) -> tuple[str, ...]:
    """The parts of a beets query."""
    if value is None:
        return ()
    if not isinstance(value, str):
        raise UserError(f"{key}: must be a beets query, not {value!r}")
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise UserError(f"{key}: {value}: {error}") from error


def _targets(value: object, key: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed:
        raise UserError(f"{key}: must be a list of targets ({', '.join(TARGETS)}), not {value!r}")
    return tuple(dict.fromkeys(_choice(one, TARGETS, key) for one in listed))


def _choice(value: object, choices: Sequence[str], key: str) -> str:
    if not isinstance(value, str) or value not in choices:
        raise UserError(f"{key}: must be one of {', '.join(choices)}, not {value!r}")
    return value


def _whole(entry: Mapping[str, Any], name: str, key: str, usual: int | None, bounds: tuple[int, int]) -> int | None:
    value = _number(entry, name, key, usual, bounds, whole=True)
    return None if value is None else int(value)


def _number(
    entry: Mapping[str, Any],
    name: str,
    key: str,
    usual: float | None,
    bounds: tuple[int, int],
    *,
    whole: bool = False,
) -> float | None:
    value = entry.get(name, usual)
    if value is None and name not in entry:
        return None
    low, high = bounds
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
        raise UserError(
            f"{key}.{name}: must be a {'whole ' if whole else ''}number from {low} to {high}, not {value!r}"
        )
    return value
