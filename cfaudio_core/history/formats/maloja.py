"""Maloja: its export, and its web API."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from cfaudio_core.clients.http import Service, is_url
from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions, check_keys, convert_entries
from cfaudio_core.history.readers.files import members
from cfaudio_core.history.readers.json_stream import json_entries
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import get_nested, join_artists, parse_time, to_number, to_text

_KIND = "an export of Maloja"
_PAGE_SCROBBLES = 1000


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read an export, or all scrobbles of a server; `options.token` is an API key, where it wants one."""
    if is_url(source):
        yield from _api(source, options)
        return
    with members(source, r"\.json$", ".json file") as files:
        for file in files:
            yield from convert_entries(json_entries(file, "scrobbles.item", _KIND), _listen, file.name, options)


def _listen(entry: dict[str, Any], where: str) -> Listen:
    check_keys(entry, ("time", "track"), where, "a scrobble of Maloja")
    about = entry["track"]
    check_keys(about, ("title",), where, "a scrobble of Maloja")
    album = about.get("album")
    track = TrackText(
        artist=_credit(about.get("artists")),
        title=to_text(about["title"]),
        album=to_text(get_nested(album, "albumtitle")),
        album_artist=_credit(get_nested(album, "artists")),
        duration=to_number(about.get("length")) or 0.0,
    )
    return Listen(track, parse_time(entry["time"]), to_number(entry.get("duration")))


def _credit(artists: object) -> str:
    return join_artists(map(to_text, artists)) if isinstance(artists, list) else to_text(artists)


def _api(url: str, options: ReadOptions) -> Iterator[Listen]:
    secret = {"key": options.token} if options.token else {}
    with Service(url) as service:
        for page in itertools.count():
            # Without `since` the server leaves out what is older than its own start.
            params: dict[str, str | int] = {"since": "1990", "page": page, "perpage": _PAGE_SCROBBLES, **secret}
            status, answer = service.ask("/apis/mlj_1/scrobbles", params)
            entries = answer.get("list")
            if status >= 400 or not isinstance(entries, list):
                raise SourceError(f"{service.base}: the answer is not a page of Maloja's scrobbles (status {status})")
            for at, entry in enumerate(entries, page * _PAGE_SCROBBLES + 1):
                where = f"{service.base}: entry {at}"
                if not isinstance(entry, dict):
                    raise SourceError(f"{where} is not a scrobble of Maloja")
                yield _listen(entry, where)
            if len(entries) < _PAGE_SCROBBLES:
                return


MALOJA = Format(
    "maloja", "Maloja: its export as JSON, or the address of a server", "maloja_export_20260101.json", parse
)
