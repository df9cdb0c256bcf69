"""Spotify's downloads: the extended streaming history, and the account data of the last year."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cfaudio_core.history.formats.base import NOT_MUSIC, Format, ReadOptions, check_keys, convert_entries
from cfaudio_core.history.readers.files import Member, members
from cfaudio_core.history.readers.json_stream import json_entries
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import parse_date, to_number, to_text

PRIVATE = "private session"
NOT_PLAYED = "track that could not be played"
TWICE = "file of account data beside the extended history, which has the same plays"

_KIND = "a play of Spotify's streaming history"
_EXTENDED = re.compile(r"(^|/)(Streaming_History_Audio[^/]*|endsong[^/]*)\.json$")
_ACCOUNT = re.compile(r"(^|/)StreamingHistory(_music)?(_?\d+)?( ?\(\d+\))?\.json$")  # " (1)" is a browser's
_FILES = "Streaming_History_Audio*.json, endsong*.json or StreamingHistory*.json"
_MAX_PLAY_MS = 86_400_000
_FLAGS = {"1": True, "true": True, "0": False, "false": False}  # of programs that rewrite the files
_WENT_ON = ("fwdbtn", "backbtn", "clickrow", "clickside")  # reasons of an end: how much was played tells of a skip


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read a download as a folder, a zip archive, or one of its files.

    Spotify records when a play ended; a listen has the time it began. Podcasts, audiobooks and videos are left out, and
    so are private sessions: who started one wanted it to have no consequences. The address, the device and the country
    in each row are not kept.
    """
    with members(source, f"{_EXTENDED.pattern}|{_ACCOUNT.pattern}", _FILES) as files:
        extended = [file for file in files if _EXTENDED.search(file.path)]
        for file in files:
            if extended and len(files) > 1 and file not in extended:
                options.on_skip(TWICE)
                continue
            yield from _file(file, options)


def _file(file: Member, options: ReadOptions) -> Iterator[Listen]:
    def listen(entry: dict[str, Any], where: str) -> Listen | None:
        if "ms_played" in entry and "ts" in entry:
            return _extended(entry, options)
        check_keys(entry, ("endTime", "msPlayed") if "endTime" in entry else ("ts", "ms_played"), where, _KIND)
        return _account_data(entry, options)

    yield from convert_entries(json_entries(file, "item", _KIND), listen, file.name, options)


def _extended(entry: dict[str, Any], options: ReadOptions) -> Listen | None:
    artist = to_text(entry.get("master_metadata_album_artist_name"))
    title = to_text(entry.get("master_metadata_track_name"))
    if not title and any(entry.get(name) for name in ("spotify_episode_uri", "episode_name", "audiobook_uri")):
        options.on_skip(NOT_MUSIC)
        return None
    if entry.get("incognito_mode") is True:
        options.on_skip(PRIVATE)
        return None
    # Only the album's artist is named, and stands for the track's as well.
    track = TrackText(artist, title, to_text(entry.get("master_metadata_album_album_name")), artist)
    reason, skipped = entry.get("reason_end"), _FLAGS.get(to_text(entry.get("skipped")).lower(), entry.get("skipped"))
    if reason == "trackerror" and not to_number(entry["ms_played"]):
        options.on_skip(NOT_PLAYED)
        return None
    if reason == "trackdone":
        skipped = False
    elif skipped is not True and (skipped is not False or reason in _WENT_ON):
        skipped = None
    return _play(track, entry["ts"], entry["ms_played"], skipped, options)


def _account_data(entry: dict[str, Any], options: ReadOptions) -> Listen | None:
    track = TrackText(to_text(entry.get("artistName")), to_text(entry.get("trackName")))
    return _play(track, entry["endTime"], entry["msPlayed"], None, options)


def _play(track: TrackText, end: object, played: object, skipped: bool | None, options: ReadOptions) -> Listen | None:
    milliseconds = to_number(played)
    possible = milliseconds is not None and 0 <= milliseconds <= _MAX_PLAY_MS
    seconds = milliseconds / 1000 if milliseconds is not None and possible else None
    ended = parse_date(end)
    begun = ended - round(seconds or 0) if ended else 0
    return Listen(track, begun, seconds, skipped)


SPOTIFY = Format(
    "spotify",
    "Spotify: the extended streaming history or the account data, as folder, zip or JSON file",
    "my_spotify_data.zip",
    parse,
)
