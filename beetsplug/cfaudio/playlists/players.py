"""Makes the players and servers of the settings that lists can be put on."""

from __future__ import annotations

import os
from collections.abc import Sequence

from beets.library import Item

from beetsplug.cfaudio.config.servers import Server
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.text import counted
from cfaudio_core.clients.mpd import MpdClient
from cfaudio_core.targets.base import Entry, Target

_MAX_NAMED = 10  # tracks that a target does not have


def entry_of(item: Item) -> Entry:
    """Make the entry of an item."""
    label = f"{item.artist} - {item.title}"
    return Entry(item.path, item.length or 0, label, item.artist, item.title, item.album, item.albumartist)


def mpd_client(settings: Settings, directory: bytes) -> MpdClient:
    """Make the client of the MPD of the settings; `directory` is beets' music folder."""
    servers = settings.servers
    of_mpd = os.fsencode(os.path.expanduser(servers.mpd_music))  # noqa: PTH111 (bytes)
    music = settings.music_folder(of_mpd or directory)
    return MpdClient(servers.mpd_host, servers.mpd_port, music, password=servers.mpd_password)


def account_target(kind: str, server: Server, account: str, main: str, music: bytes) -> Target:
    """Make the target of an account on a server of some kind, "" for the one of the main listener."""
    login, listener = server.accounts[account], account or main
    if kind == "plex":
        from cfaudio_core.targets.plex import PlexAccount

        return PlexAccount(server.url, music, token=login.token, listener=listener)
    if kind == "jellyfin":
        from cfaudio_core.targets.jellyfin import JellyfinAccount

        return JellyfinAccount(server.url, music, **login._asdict(), listener=listener)
    from cfaudio_core.targets.subsonic import SubsonicAccount

    return SubsonicAccount(server.url, music, **login._asdict(), listener=listener)


def left_out(name: str, entries: Sequence[Entry]) -> str:
    """Format the tracks of a list that a target does not have."""
    named = ", ".join(entry.label for entry in entries[:_MAX_NAMED])
    more = f", and {len(entries) - _MAX_NAMED} more" if len(entries) > _MAX_NAMED else ""
    return f"{counted(len(entries), 'track')} of {name} not there: {named}{more}"
