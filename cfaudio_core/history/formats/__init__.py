"""The formats and services a listening history can come from, one module each."""

from __future__ import annotations

from cfaudio_core.history.formats.itunes import SOURCE as ITUNES
from cfaudio_core.history.formats.jellyfin import SOURCE as JELLYFIN
from cfaudio_core.history.formats.koito import SOURCE as KOITO
from cfaudio_core.history.formats.lastfm import SOURCE as LASTFM
from cfaudio_core.history.formats.listenbrainz import SOURCE as LISTENBRAINZ
from cfaudio_core.history.formats.lyrion import SOURCE as LYRION
from cfaudio_core.history.formats.maloja import SOURCE as MALOJA
from cfaudio_core.history.formats.mpd import SOURCE as MPD
from cfaudio_core.history.formats.navidrome import SOURCE as NAVIDROME
from cfaudio_core.history.formats.rockbox import SOURCE as ROCKBOX
from cfaudio_core.history.formats.source import Source, SourceError, SourceOptions
from cfaudio_core.history.formats.spotify import SOURCE as SPOTIFY
from cfaudio_core.history.formats.subsonic import SOURCE as SUBSONIC
from cfaudio_core.history.formats.table import SOURCE as TABLE

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        LISTENBRAINZ,
        LASTFM,
        SPOTIFY,
        NAVIDROME,
        JELLYFIN,
        SUBSONIC,
        MALOJA,
        KOITO,
        ROCKBOX,
        ITUNES,
        MPD,
        LYRION,
        TABLE,
    )
}
"""Every source by the name the user calls it by."""

__all__ = ["SOURCES", "Source", "SourceError", "SourceOptions"]
