"""The settings `subsonic` and `mpd`, checked; no message repeats a value of theirs, as it may be a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from beets.exceptions import UserError

from beetsplug.cfaudio.config.checks import Section


class ServerAccount(NamedTuple):
    """An account on a server."""

    user: str = ""
    password: str = ""
    token: str = ""


@dataclass(frozen=True)
class Servers:
    """The servers that playlists can be put on.

    Attributes
    ----------
    subsonic
        Address; None where there is none.
    accounts
        Listener to account on it, "" for the main listener.
    mpd_host, mpd_port, mpd_password
        Where MPD is; "" where there is no host or password.
    has_mpd
        Whether the configuration says anything of it.
    """

    subsonic: str | None = None
    accounts: Mapping[str, ServerAccount] = field(default_factory=dict, repr=False)
    mpd_host: str = ""
    mpd_port: int = 6600
    mpd_password: str = field(default="", repr=False)
    has_mpd: bool = False


def read_servers(subsonic: object, mpd: object) -> Servers:
    """Check both settings; a wrong value is a UserError with its key."""
    login = ServerAccount._fields
    section = Section({} if subsonic is None else subsonic, "cfaudio.subsonic", ("url", "users", *login))
    url = section.text("url")
    if section.values and not url.lower().startswith(("http://", "https://")):
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
        account = ServerAccount(*map(one.text, login))
        if any(account):
            accounts[name] = account
            if not account.token and not (account.user and account.password):
                raise UserError(f"{one.key}: needs a user and a password, or a token")
    of_mpd = Section({} if mpd is None else mpd, "cfaudio.mpd", ("host", "port", "password"))
    host = of_mpd.text("host") if "host" in of_mpd else "localhost"
    port = of_mpd.values.get("port", 6600)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise of_mpd.error("port", "must be a whole number from 1 to 65535")
    return Servers(url or None, accounts, host, port, of_mpd.text("password"), bool(of_mpd.values))
