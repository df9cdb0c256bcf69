"""The settings of servers, checked; no message repeats a value of theirs, as it may be a secret."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from beets.exceptions import UserError

from beetsplug.cfaudio.config.checks import Section

LOGINS = {
    "subsonic": ("user", "password", "token"),
    "jellyfin": ("user", "password", "token"),
    "plex": ("token",),
}
"""Servers with an account for each listener, and what an account of theirs may have."""

SECRETS = ("password", "token")


class ServerAccount(NamedTuple):
    """An account on a server."""

    user: str = ""
    password: str = ""
    token: str = ""


@dataclass(frozen=True)
class Server:
    """A server with accounts: its address, and listener to account, "" for the main listener."""

    url: str
    accounts: Mapping[str, ServerAccount] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Servers:
    """The servers that playlists can be put on.

    Attributes
    ----------
    web
        Those of `LOGINS` that are configured.
    mpd_host, mpd_port, mpd_password
        Where MPD is; "" where there is no host or password.
    mpd_music
        Folder that is MPD's music folder; "" where that is not known.
    has_mpd
        Whether the configuration or the environment says anything of it.
    """

    web: Mapping[str, Server] = field(default_factory=dict)
    mpd_host: str = ""
    mpd_port: int = 6600
    mpd_password: str = field(default="", repr=False)
    mpd_music: str = ""
    has_mpd: bool = False


def read_servers(settings: Section, beets_mpd: Mapping[str, object]) -> Servers:
    """Check the settings of all servers; a wrong value is a UserError with its key.

    MPD is where cfaudio's own section says, or else beets' (`beets_mpd`), or else MPD_HOST and MPD_PORT.
    """
    web = {kind: server for kind in LOGINS if (server := _web_server(settings[kind], kind)) is not None}
    own = {} if settings["mpd"] is None else settings["mpd"]
    of_mpd = Section(own, "cfaudio.mpd", ("host", "port", "password"))
    if not of_mpd.values and beets_mpd:
        keys = ("host", "port", "password", "music_directory")
        of_mpd = Section({key: beets_mpd[key] for key in keys if key in beets_mpd}, "mpd", keys)
    if not of_mpd.values:
        of_mpd = _environment()
    # As its own clients have it, a password may stand before the host; a socket without a name begins with @.
    password, at, host = (of_mpd.text("host") if "host" in of_mpd else "localhost").rpartition("@")
    if not password:
        host = at + host
    port = of_mpd.values.get("port", 6600)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise of_mpd.error("port", "must be a whole number from 1 to 65535")
    return Servers(
        web,
        host,
        port,
        of_mpd.text("password") or password,
        of_mpd.text("music_directory"),
        bool(of_mpd.values),
    )


def _web_server(value: object, kind: str) -> Server | None:
    login = LOGINS[kind]
    section = Section({} if value is None else value, f"cfaudio.{kind}", ("url", "users", *login))
    if not section.values:
        return None
    url = section.text("url")
    if not url.lower().startswith(("http://", "https://")):
        raise section.error("url", "must be an address such as https://music.example.org")
    if "@" in url or "?" in url:
        raise section.error("url", "must be an address alone: user and password are settings of their own")
    users = section["users"] or {}
    if not isinstance(users, dict):
        raise section.error("users", "must map each listener to an account")
    sections = {
        str(name): Section({} if one is None else one, f"{section.key}.users.{name}", login)
        for name, one in users.items()
    }
    accounts: dict[str, ServerAccount] = {}
    for name, one in {"": section, **sections}.items():
        account = ServerAccount(**{key: one.text(key) for key in login})
        if any(account):
            accounts[name] = account
            if not account.token and not (account.user and account.password):
                needed = "needs a user and a password, or a token" if "password" in login else "needs a token"
                raise UserError(f"{one.key}: {needed}")
    return Server(url, accounts)


def _environment() -> Section:
    """Read what MPD's own clients take from the environment."""
    values: dict[str, object] = {"host": os.environ["MPD_HOST"]} if os.environ.get("MPD_HOST") else {}
    if port := os.environ.get("MPD_PORT"):
        if not port.isascii() or not port.isdigit():
            raise UserError("MPD_PORT: must be a whole number from 1 to 65535")
        values["port"] = int(port)
    return Section(values, "MPD_HOST and MPD_PORT", ("host", "port"))
