"""The formats and services that a listening history can come from, one module each."""

from __future__ import annotations

from cfaudio_core.history.formats.base import Format, ReadOptions
from cfaudio_core.history.formats.file_tags import FILE_TAGS
from cfaudio_core.history.formats.itunes import ITUNES
from cfaudio_core.history.formats.jellyfin import JELLYFIN
from cfaudio_core.history.formats.koito import KOITO
from cfaudio_core.history.formats.lastfm import LASTFM
from cfaudio_core.history.formats.listenbrainz import LISTENBRAINZ
from cfaudio_core.history.formats.lyrion import LYRION
from cfaudio_core.history.formats.maloja import MALOJA
from cfaudio_core.history.formats.mpd import MPD
from cfaudio_core.history.formats.navidrome import NAVIDROME
from cfaudio_core.history.formats.rockbox import ROCKBOX
from cfaudio_core.history.formats.spotify import SPOTIFY
from cfaudio_core.history.formats.subsonic import SUBSONIC
from cfaudio_core.history.formats.table import TABLE

_SERVICES = (LISTENBRAINZ, LASTFM, SPOTIFY, NAVIDROME, JELLYFIN, SUBSONIC, MALOJA, KOITO)
_PLAYERS = (ROCKBOX, ITUNES, MPD, LYRION, FILE_TAGS)

FORMATS: dict[str, Format] = {known.name: known for known in (*_SERVICES, *_PLAYERS, TABLE)}
"""Every format by its name on the command line."""

__all__ = ["FORMATS", "Format", "ReadOptions"]
