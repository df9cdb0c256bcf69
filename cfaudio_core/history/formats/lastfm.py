"""Last.fm, which has no export of its own: the files of common export tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

from cfaudio_core.data.feedback import LIKE
from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import ODD_ENTRY, PLAYING, TOO_SHORT, Format, ReadOptions, check_keys
from cfaudio_core.history.formats.headings import find_columns
from cfaudio_core.history.formats.table import read_table
from cfaudio_core.history.readers.files import Member, first_bytes, full_rows, lines, members, rows
from cfaudio_core.history.readers.json_stream import json_entries
from cfaudio_core.history.records import Listen, Opinion, Record, TrackText
from cfaudio_core.util.values import get_nested, is_time_of_day, parse_date, parse_time, to_int, to_text

_Entry = Callable[[Sequence[str]], Listen]

_KIND = "an export of Last.fm"
_LOVED = re.compile(r"(^|[^a-z])loved([^/]*)$", re.IGNORECASE)  # of a file's name
_NO_DATE = -1  # a row has none, where others have one that makes no sense
_TIMES = ("uts", "timestamp", "time", "utc_time", "datetime", "date")  # as headings, the exact ones first


def parse(source: str, options: ReadOptions) -> Iterator[Record]:
    """Read the files of common exporters.

    - JSON of ghan.nl: pages of tracks as the API gives them, with seconds;
    - CSV of ghan.nl, with headings and seconds;
    - CSV of benjaminbenben's lastfm-to-csv: artist, album, title and date, no headings, minutes only;
    - tab-separated text of lastexport.py: seconds, title, artist, album and ids, no headings;
    - CSV and JSON of lastfmstats.com, with milliseconds;
    - CSV of lastfm-backup-cli: date, time, artist and title, no headings;
    - CSV of Libre.fm: comments, then headings.

    What was playing during the export is the first one without a date, and left out. A file with "loved" in its name,
    or the API's ``lovedtracks`` in it, has loved tracks and no plays.
    """
    with members(source, r"\.(json|csv|tsv|txt)$", ".json, .csv, .tsv or .txt file") as files:
        for file in files:
            start = first_bytes(file).lstrip()
            if not start:
                raise SourceError(f"{file.name}: empty")
            records = _json(file, start, options) if start[:1] in b"[{" else _table(file, options)
            is_loved = b'"lovedtracks"' in start or _LOVED.search(file.path)
            yield from map(_as_loved, records) if is_loved else records


def _as_loved(record: Record) -> Record:
    return Opinion(record.track, LIKE, record.time) if isinstance(record, Listen) else record


def _json(file: Member, start: bytes, options: ReadOptions) -> Iterator[Listen]:
    loved = "lovedtracks.track.item" if b'"lovedtracks"' in start else "recenttracks.track.item"
    inside = "scrobbles.item" if b'"scrobbles"' in start else loved
    prefix = "item" if start.startswith(b"[") else inside
    for at, entry in json_entries(file, prefix, _KIND):
        if entry is None:
            options.on_skip(ODD_ENTRY)
            continue
        page = entry.get("track", entry)
        if isinstance(page, str):
            page = {**entry, "name": page}
        for track in page if isinstance(page, list) else [page]:  # the API gives a single track without its list
            check_keys(track, ("name", "artist"), f"{file.name}: entry {at}", _KIND)
            if get_nested(track, "@attr", "nowplaying") == "true":
                options.on_skip(PLAYING)
            else:
                yield _track(track)


def _track(track: dict[str, Any]) -> Listen:
    artist, album = track["artist"], track.get("album")
    return Listen(
        TrackText(
            artist=to_text(get_nested(artist, "#text") or get_nested(artist, "name") or artist),
            title=to_text(track["name"]),
            album=to_text(get_nested(album, "#text") or album),
            recording_mbid=to_text(track.get("mbid")),
        ),
        parse_time(get_nested(track, "date", "uts") or track.get("date")),
    )


def _table(file: Member, options: ReadOptions) -> Iterator[Record]:
    head = next((line for _, line in lines(file) if line.strip() and not line.startswith("#")), "")
    tabs = "\t" in head
    delimiter = "\t" if tabs else ";" if head.count(";") > head.count(",") else ","
    table = rows(file, delimiter, quoted=not tabs)
    at, first = next(((at, row) for at, row in table if not row[0].startswith("#")), (0, []))
    if not first:
        raise SourceError(f"{file.name}: not {_KIND}: it holds comments only")
    headings = [heading.strip().lower().partition("#")[0] for heading in first]  # lastfmstats: Date#NAME
    if {"artist", "track"} <= set(headings):
        entry = _by_heading(headings, f"{file.name}: line {at}")
    elif {"artist", "title", "time"} <= find_columns(first, [], {}, file.name).keys():
        yield from read_table(file, options)
        return
    else:
        entry = _by_position(first, tabs, f"{file.name}: line {at}")
        table = chain([(at, first)], table)
        tabs = tabs and first[0].strip().isdecimal()
    width = 3 if tabs else len(first)
    playing: TrackText | None = None  # the service has it on each page, without a time
    for _, row in full_rows(table, width, file.name, lambda: options.on_skip(TOO_SHORT)):
        listen = entry(row)
        if listen.time == _NO_DATE and (playing is None or listen.track == playing):
            playing = listen.track
            options.on_skip(PLAYING)
        else:
            yield listen


def _by_heading(headings: list[str], where: str) -> _Entry:
    place = {heading: i for i, heading in reversed(list(enumerate(headings)))}
    moment = next((name for name in _TIMES if name in place), None)
    if moment is None:
        raise SourceError(f"{where} has no heading {', '.join(_TIMES)}")

    def listen(row: Sequence[str]) -> Listen:
        artist, title, album, mbid = (
            row[place[name]] if name in place and place[name] < len(row) else ""
            for name in ("artist", "track", "album", "track_mbid")
        )
        track = TrackText(artist=artist, title=title, album=album, recording_mbid=mbid)
        written = row[place[moment]].strip() if place[moment] < len(row) else ""
        return Listen(track, parse_time(written) if written else _NO_DATE)

    return listen


def _by_position(row: Sequence[str], tabs: bool, where: str) -> _Entry:
    if tabs and row[0].strip().isdecimal() and len(row) >= 3:
        # The ids that follow come in an order that differs between versions, so they are not used.
        return lambda row: Listen(TrackText(row[2], row[1], row[3] if len(row) > 3 else ""), to_int(row[0]))
    if len(row) == 4 and (not row[3].strip() or parse_date(row[3])):
        return lambda row: Listen(TrackText(row[0], row[2], row[1]), parse_date(row[3]) if row[3].strip() else _NO_DATE)
    if len(row) == 4 and is_time_of_day(row[1]) and parse_date(row[0]):
        return lambda row: Listen(TrackText(row[2], row[3]), parse_date(f"{row[0].strip()} {row[1].strip()}"))
    raise SourceError(f"{where} is not the beginning of {_KIND}")


LASTFM = Format(
    "lastfm",
    "exports of Last.fm and Libre.fm, also of loved tracks: ghan.nl, lastfmstats, lastfm-to-csv, lastexport",
    "recenttracks-NAME-1700000000.json",
    parse,
)
