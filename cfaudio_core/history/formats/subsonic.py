"""Navidrome, Gonic, Airsonic and other servers that speak Subsonic's API: counts of the user who asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfaudio_core.clients.http import Service, is_url
from cfaudio_core.clients.subsonic import SubsonicServer
from cfaudio_core.history.formats.source import Source, SourceError, SourceOptions
from cfaudio_core.history.readers.screening import NOT_MUSIC, screened
from cfaudio_core.history.readers.times import from_text
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import number, text, whole


@screened
def read(source: str, options: SourceOptions) -> Iterator[Listen | Tally]:
    """Read how often the user played each song of a server, and when last.

    `source` is the address of the server, with or without ``/rest``. The options need `user` and `password`, or a
    `token` (an API key of OpenSubsonic). The password itself is sent only to servers that do not take a salted hash of
    it. Single plays are not to be had from any server.
    """
    if not is_url(source):
        raise SourceError(f"{source}: not the address of a server (https://...)")
    if not options.token and not (options.user and options.password):
        raise SourceError("subsonic: needs a user and a password, or a token")
    with Service(source.rstrip("/").removesuffix("/rest")) as service:
        server = SubsonicServer(service, options.user or "", options.password or "", options.token or "")
        songs = told = 0
        for song in server.songs():
            songs += 1
            told += "playCount" in song
            tally = _tally(song, options.user or "")
            if tally.plays and song.get("type", "music") != "music":
                options.on_skip(NOT_MUSIC)
            else:
                yield tally
        if songs and not told:
            raise SourceError(f"{service.base}: none of its {songs} songs has a count of plays for this user")


def _tally(song: dict[str, Any], user: str) -> Tally:
    track = TrackText(
        artist=text(song.get("displayArtist")) or text(song.get("artist")),
        title=text(song.get("title")),
        album=text(song.get("album")),
        album_artist=text(song.get("displayAlbumArtist")),
        recording_mbid=text(song.get("musicBrainzId")),
        path=text(song.get("path")),
        duration=number(song.get("duration")) or 0.0,
    )
    return Tally(track, whole(song.get("playCount")), last=from_text(song.get("played")), user=user)


SOURCE = Source(
    "subsonic",
    "Navidrome, Gonic, Airsonic and other Subsonic servers: counts of one user",
    "https://music.example.org",
    read,
)
