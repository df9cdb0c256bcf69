"""Subsonic's web API, which Navidrome, Gonic, Airsonic and others speak: counts of the user who asks."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

from cfaudio_core.listening.records import Listen, Tally, TrackText
from cfaudio_core.listening.sources._screening import NOT_MUSIC, screened
from cfaudio_core.listening.sources._service import Service, is_url
from cfaudio_core.listening.sources._times import from_text
from cfaudio_core.listening.sources._values import inner, number, text, whole
from cfaudio_core.listening.sources.source import Source, SourceError, SourceOptions

_VERSION = "1.16.1"
_EVERYTHING: dict[str, str | int] = {"query": "", "artistCount": 0, "albumCount": 0}
_PAGE = 500  # the most that servers give
_NO_TOKENS = {10, 41, 42}  # parameter missing, no token authentication for this user, mechanism not supported
_REFUSED = {40: "wrong user or password", 43: "conflicting credentials", 44: "wrong token", 50: "not allowed"}


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
        server = _Server(service, options)
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


class _FailedError(Exception):
    """The server says that it cannot do what it was asked."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


class _Server:
    def __init__(self, service: Service, options: SourceOptions):
        self._service = service
        self._credentials: dict[str, str] = {}
        self._log_in(options)

    def _log_in(self, options: SourceOptions) -> None:
        if options.token:
            self._credentials = {"apiKey": options.token}
            self._ask("ping")
            return
        user, password = options.user or "", options.password or ""
        salt = secrets.token_hex(8)
        hashed = hashlib.md5((password + salt).encode(), usedforsecurity=False).hexdigest()
        self._credentials = {"u": user, "t": hashed, "s": salt}
        try:
            self._call("ping")
        except _FailedError as failure:
            if failure.code not in _NO_TOKENS:
                raise self._error("ping", failure) from None
            self._credentials = {"u": user, "p": f"enc:{password.encode().hex()}"}
            self._ask("ping")

    def songs(self) -> Iterator[dict[str, Any]]:
        """Give all songs: by an empty search, or album by album from servers that find nothing by it."""
        found = False
        try:
            for song in self._pages("search3", "searchResult3", "song", _EVERYTHING, "songCount", "songOffset"):
                found = True
                yield song
        except _FailedError as failure:
            if found:
                raise self._error("search3", failure) from None
        if found:
            return
        try:
            by_name: dict[str, str | int] = {"type": "alphabeticalByName"}
            for album in self._pages("getAlbumList2", "albumList2", "album", by_name, "size", "offset"):
                whole_album = self._call("getAlbum", id=text(album.get("id")))
                yield from _objects(inner(whole_album, "album", "song"))
        except _FailedError as failure:
            raise self._error("getAlbumList2", failure) from None

    def _pages(
        self, name: str, part: str, kind: str, params: dict[str, str | int], size: str, offset: str
    ) -> Iterator[dict[str, Any]]:
        at = 0
        seen: set[str] = set()
        while page := _objects(inner(self._call(name, **params, **{size: _PAGE, offset: at}), part, kind)):
            new = [thing for thing in page if text(thing.get("id")) not in seen]
            if not new:
                return  # a server that knows no offset gives the first page for ever
            seen.update(text(thing.get("id")) for thing in new)
            yield from new
            at += len(page)

    def _ask(self, name: str) -> None:
        try:
            self._call(name)
        except _FailedError as failure:
            raise self._error(name, failure) from None

    def _call(self, name: str, **params: str | int) -> dict[str, Any]:
        common = {"v": _VERSION, "c": "beets-cfaudio", "f": "json"}
        status, answer = self._service.get(f"/rest/{name}.view", {**common, **self._credentials, **params})
        content = answer.get("subsonic-response")
        if not isinstance(content, dict):
            if status in (401, 403):
                raise _FailedError(40, "")
            raise SourceError(f"{self._service.base}: not a server that speaks Subsonic's API (status {status})")
        if content.get("status") != "ok":
            raise _FailedError(whole(inner(content, "error", "code")), text(inner(content, "error", "message")))
        return content

    def _error(self, name: str, failure: _FailedError) -> SourceError:
        why = _REFUSED.get(failure.code) or f"error {failure.code} {self._without_secrets(str(failure))}"
        return SourceError(f"{self._service.base}: {name}: {why}")

    def _without_secrets(self, message: str) -> str:
        return "" if any(secret in message for name, secret in self._credentials.items() if name != "u") else message


def _objects(value: object) -> list[dict[str, Any]]:
    """Give the objects of a list; some servers write a single one without the list."""
    things = value if isinstance(value, list) else [value]
    return [thing for thing in things if isinstance(thing, dict)]


SOURCE = Source(
    "subsonic",
    "Navidrome, Gonic, Airsonic and other Subsonic servers: counts of one user",
    "https://music.example.org",
    read,
)
