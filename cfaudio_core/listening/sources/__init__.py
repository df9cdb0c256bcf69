"""The formats and services a listening history can come from, one module each."""

from __future__ import annotations

from cfaudio_core.listening.sources.itunes import SOURCE as ITUNES
from cfaudio_core.listening.sources.jellyfin import SOURCE as JELLYFIN
from cfaudio_core.listening.sources.koito import SOURCE as KOITO
from cfaudio_core.listening.sources.lastfm import SOURCE as LASTFM
from cfaudio_core.listening.sources.listenbrainz import SOURCE as LISTENBRAINZ
from cfaudio_core.listening.sources.lyrion import SOURCE as LYRION
from cfaudio_core.listening.sources.maloja import SOURCE as MALOJA
from cfaudio_core.listening.sources.mpd import SOURCE as MPD
from cfaudio_core.listening.sources.navidrome import SOURCE as NAVIDROME
from cfaudio_core.listening.sources.rockbox import SOURCE as ROCKBOX
from cfaudio_core.listening.sources.source import Source, SourceError, SourceOptions
from cfaudio_core.listening.sources.spotify import SOURCE as SPOTIFY
from cfaudio_core.listening.sources.subsonic import SOURCE as SUBSONIC
from cfaudio_core.listening.sources.table import SOURCE as TABLE

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
