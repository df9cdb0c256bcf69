"""Navidrome, Gonic, Airsonic and other servers that speak Subsonic's API: counts and stars of the user who asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfaudio_core.clients.http import Service, is_url
from cfaudio_core.clients.subsonic import SubsonicServer
from cfaudio_core.data.feedback import LIKE, of_stars
from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import NOT_MUSIC, Format, ReadOptions
from cfaudio_core.history.records import Opinion, Record, Tally, TrackText
from cfaudio_core.util.values import parse_date, to_int, to_number, to_text


def parse(source: str, options: ReadOptions) -> Iterator[Record]:
    """Read the user's play count, last play, star and rating of each song of a server.

    `source` is the address of the server, with or without ``/rest``. The options need `user` and `password`, or a
    `token` (an API key of OpenSubsonic). The password itself is sent only to servers that do not take a salted hash of
    it. No server gives single plays.
    """
    if not is_url(source):
        raise SourceError(f"{source}: not the address of a server (https://...)")
    if not options.token and not (options.user and options.password):
        raise SourceError("subsonic: needs a user and a password, or a token")
    with Service(source.rstrip("/").removesuffix("/rest")) as service:
        server = SubsonicServer(service, options.user or "", options.password or "", options.token or "")
        songs = known = 0
        for song in server.songs():
            songs += 1
            tally, value = _tally(song, options.user or ""), opinion(song.get("starred"), song.get("userRating"))
            known += "playCount" in song or value != 0
            if value and song.get("type", "music") == "music":
                yield Opinion(tally.track, value, parse_date(song.get("starred")), tally.user)
            if tally.plays and song.get("type", "music") != "music":
                options.on_skip(NOT_MUSIC)
            else:
                yield tally
        if songs and not known:
            raise SourceError(f"{service.base}: none of its {songs} songs has a count of plays for this user")


def opinion(starred: object, rating: object) -> float:
    """Convert a star, which is a like, and one to five stars to feedback; 0 where there is neither."""
    return LIKE if starred else of_stars(to_number(rating) or 0)


def _tally(song: dict[str, Any], user: str) -> Tally:
    track = TrackText(
        artist=to_text(song.get("displayArtist")) or to_text(song.get("artist")),
        title=to_text(song.get("title")),
        album=to_text(song.get("album")),
        album_artist=to_text(song.get("displayAlbumArtist")),
        recording_mbid=to_text(song.get("musicBrainzId")),
        path=to_text(song.get("path")),
        duration=to_number(song.get("duration")) or 0.0,
    )
    return Tally(track, to_int(song.get("playCount")), last=parse_date(song.get("played")), user=user)


SUBSONIC = Format(
    "subsonic",
    "Navidrome, Gonic, Airsonic and other Subsonic servers: counts, stars and ratings of one user",
    "https://music.example.org",
    parse,
    states_all=True,
)
