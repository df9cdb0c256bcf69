"""Koito: its export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfaudio_core.history.formats.base import Format, ReadOptions, check_keys, convert_entries
from cfaudio_core.history.readers.files import members
from cfaudio_core.history.readers.json_stream import json_entries
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import get_nested, join_artists, parse_date, to_number, to_text

_KIND = "an export of Koito"


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read an export; of each name the primary alias is taken, of several artists the primary one first."""
    with members(source, r"\.json$", ".json file") as files:
        for file in files:
            yield from convert_entries(json_entries(file, "listens.item", _KIND), _listen, file.name, options)


def _listen(entry: dict[str, Any], where: str) -> Listen:
    check_keys(entry, ("listened_at", "track"), where, "a listen of Koito")
    about = entry["track"]
    check_keys(about, (), where, "a listen of Koito")
    track = TrackText(
        artist=join_artists(map(_name, _primary_first(entry.get("artists")))),
        title=_name(about),
        album=_name(entry.get("album")),
        recording_mbid=to_text(about.get("mbid")),
        duration=to_number(about.get("duration")) or 0.0,
    )
    return Listen(track, parse_date(entry["listened_at"]))


def _name(thing: object) -> str:
    names = (to_text(alias.get("alias")) for alias in _primary_first(get_nested(thing, "aliases")))
    return next(filter(None, names), "")


def _primary_first(things: object) -> list[dict[str, Any]]:
    known = [thing for thing in things if isinstance(thing, dict)] if isinstance(things, list) else []
    return sorted(known, key=lambda thing: thing.get("is_primary") is not True)


KOITO = Format("koito", "Koito: its export as JSON", "koito_export.json", parse)
