"""Koito: its export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfaudio_core.history.formats.source import Source, SourceError, SourceOptions
from cfaudio_core.history.readers.files import members
from cfaudio_core.history.readers.json_stream import json_entries
from cfaudio_core.history.readers.screening import screened
from cfaudio_core.history.readers.times import from_text
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import credit, inner, number, text

_KIND = "an export of Koito"


@screened
def read(source: str, options: SourceOptions) -> Iterator[Listen | Tally]:
    """Read an export; of each name the primary alias is taken, of several artists the primary one first."""
    with members(source, r"\.json$", ".json file") as files:
        for file in files:
            for at, entry in json_entries(file, "listens.item", _KIND):
                if "listened_at" not in entry or not isinstance(entry.get("track"), dict):
                    raise SourceError(f"{file.name}: entry {at} is not a listen of Koito")
                yield _listen(entry)


def _listen(entry: dict[str, Any]) -> Listen:
    about, artists = entry["track"], entry.get("artists")
    known = [artist for artist in artists if isinstance(artist, dict)] if isinstance(artists, list) else []
    known.sort(key=lambda artist: artist.get("is_primary") is not True)
    track = TrackText(
        artist=credit(map(_name, known)),
        title=_name(about),
        album=_name(entry.get("album")),
        recording_mbid=text(about.get("mbid")),
        duration=number(about.get("duration")) or 0.0,
    )
    return Listen(track, from_text(entry["listened_at"]))


def _name(thing: object) -> str:
    aliases = inner(thing, "aliases")
    known = [alias for alias in aliases if isinstance(alias, dict)] if isinstance(aliases, list) else []
    known.sort(key=lambda alias: alias.get("is_primary") is not True)
    return text(known[0].get("alias")) if known else ""


SOURCE = Source("koito", "Koito: its export as JSON", "koito_export.json", read)
