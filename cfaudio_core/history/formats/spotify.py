"""Spotify's downloads: the extended streaming history, and the account data of the last year."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cfaudio_core.history.formats.source import Source, SourceError, SourceOptions
from cfaudio_core.history.readers.files import Member, members
from cfaudio_core.history.readers.json_stream import json_entries
from cfaudio_core.history.readers.screening import NOT_MUSIC, screened
from cfaudio_core.history.readers.times import from_text
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import number, text

SHORTEST = 30.0
"""Seconds: what was left before counts as skipped, as it does for Spotify itself."""

PRIVATE = "private session"
IMPOSSIBLE_LENGTH = "impossible length of a play"
TWICE = "file of account data beside the extended history, which has the same plays"

_KIND = "a play of Spotify's streaming history"
_EXTENDED = re.compile(r"(^|/)(Streaming_History_Audio[^/]*|endsong[^/]*)\.json$")
_ACCOUNT = re.compile(r"(^|/)StreamingHistory(_music)?(_?\d+)?\.json$")
_FILES = "Streaming_History_Audio*.json, endsong*.json or StreamingHistory*.json"
_LONGEST = 86_400_000  # milliseconds


@screened
def read(source: str, options: SourceOptions) -> Iterator[Listen | Tally]:
    """Read a download as a folder, a zip archive, or one of its files.

    Spotify notes when a play ended; a listen has the time it began. Podcasts, audiobooks and videos are left out, and
    so are private sessions: who started one wanted it to have no consequences. Of the address, the device and the
    country that each row tells nothing is kept.
    """
    with members(source, f"{_EXTENDED.pattern}|{_ACCOUNT.pattern}", _FILES) as files:
        extended = [file for file in files if _EXTENDED.search(file.path)]
        for file in files:
            if extended and len(files) > 1 and file not in extended:
                options.on_skip(TWICE)
                continue
            yield from _file(file, options)


def _file(file: Member, options: SourceOptions) -> Iterator[Listen]:
    for at, entry in json_entries(file, "item", _KIND):
        if "ms_played" in entry and "ts" in entry:
            listen = _extended(entry, options)
        elif "msPlayed" in entry and "endTime" in entry:
            listen = _account(entry, options)
        else:
            raise SourceError(f"{file.name}: entry {at} is not {_KIND}")
        if listen:
            yield listen


def _extended(entry: dict[str, Any], options: SourceOptions) -> Listen | None:
    artist = text(entry.get("master_metadata_album_artist_name"))
    title = text(entry.get("master_metadata_track_name"))
    if not title and any(entry.get(name) for name in ("spotify_episode_uri", "episode_name", "audiobook_uri")):
        options.on_skip(NOT_MUSIC)
        return None
    if entry.get("incognito_mode") is True:
        options.on_skip(PRIVATE)
        return None
    # Only the album's artist is told, so it stands for the track's as well.
    track = TrackText(artist, title, text(entry.get("master_metadata_album_album_name")), artist)
    return _play(track, entry["ts"], entry["ms_played"], entry.get("reason_end") == "trackdone", options)


def _account(entry: dict[str, Any], options: SourceOptions) -> Listen | None:
    track = TrackText(text(entry.get("artistName")), text(entry.get("trackName")))
    return _play(track, entry["endTime"], entry["msPlayed"], False, options)


def _play(track: TrackText, end: object, played: object, whole: bool, options: SourceOptions) -> Listen | None:
    milliseconds = number(played)
    if milliseconds is None or not 0 <= milliseconds <= _LONGEST:
        options.on_skip(IMPOSSIBLE_LENGTH)
        return None
    seconds = milliseconds / 1000
    ended = from_text(end)
    begun = ended - round(seconds) if ended else 0
    return Listen(track, begun, seconds, skipped=seconds < SHORTEST and not whole)


SOURCE = Source(
    "spotify",
    "Spotify: the extended streaming history or the account data, as folder, zip or JSON file",
    "my_spotify_data.zip",
    read,
)
