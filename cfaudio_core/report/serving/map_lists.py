"""What the server does for the map: radio from a track, a path between two, and saving a list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cfaudio_core.errors import CfAudioError

if TYPE_CHECKING:
    from flask import Flask, Response

MAX_NAME = 200
"""Letters of a list's name."""

_MAX_BYTES = 4_000_000  # of a list to save: 100,000 numbers are 1 MB


class MapList(NamedTuple):
    """A list that was made from the map: ids of its tracks, and why it is empty or short where it is.

    `texts` has title and artist of those of its tracks that the map does not have.
    """

    tracks: list[int]
    why: str = ""
    texts: Mapping[int, tuple[str, str]] = MappingProxyType({})


class MapLists(Protocol):
    """Makes lists from tracks of the map, and saves them; errors are `CfAudioError`."""

    def radio(self, number: int) -> MapList:
        """Choose tracks like one track, which comes first."""
        ...

    def path(self, begin: int, end: int) -> MapList:
        """Go from one track to another."""
        ...

    def save(self, name: str, tracks: list[int]) -> list[str]:
        """Put a list into the configured targets; returns these."""
        ...

    def m3u(self, name: str, tracks: list[int]) -> bytes:
        """Make a list as a file, which holds the names of the tracks' files."""
        ...


def add_map_routes(app: Flask, lists: MapLists) -> None:
    """Let an application, which guards its requests and answers errors itself, answer those of the map."""
    from flask import Response, abort, jsonify, request

    def answer(made: MapList) -> Response:
        return jsonify(tracks=made.tracks, why=made.why, texts=dict(made.texts))

    @app.get("/<token>/map/radio/<int:number>")
    def _radio(token: str, number: int) -> Response:
        return answer(lists.radio(number))

    @app.get("/<token>/map/path/<int:begin>/<int:end>")
    def _path(token: str, begin: int, end: int) -> Response:
        return answer(lists.path(begin, end))

    def named() -> tuple[str, list[int]]:
        if (request.content_length or 0) > _MAX_BYTES:
            abort(413)
        given = request.get_json(silent=True)
        name, tracks = (given.get("name"), given.get("tracks")) if isinstance(given, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(tracks, list) or not all(type(i) is int for i in tracks):
            abort(400)
        name = " ".join(name.split())
        if not name or len(name) > MAX_NAME or not tracks:
            raise CfAudioError(f"a list needs a name of at most {MAX_NAME} letters, and tracks")
        return name, tracks

    @app.post("/<token>/map/save")
    def _save(token: str) -> Response:
        return jsonify(written=lists.save(*named()))

    @app.post("/<token>/map/m3u")
    def _m3u(token: str) -> Response:
        return Response(lists.m3u(*named()), content_type="audio/x-mpegurl")
