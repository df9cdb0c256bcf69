"""Six people's public listening histories, each read into sessions.

The files come from public repositories and are put into a folder by hand; but the first they state no licence, so that
none is in this one:

    music-stats/*.json          music-stats/timeline @ b1e2647, data/years
    spacedlevo.db               spacedlevo/lastfm-analysis @ 75d7cae7, data/lastfmscrobbles.backup
    krish.csv                   krishkumar/lastfm-listening-history @ 97f93ba3, data/lastfm_scrobbles.csv
    zsteve.csv                  zsteve/metal-listening-analysis @ 2c067d23, scrobbles.csv
    djivs.csv                   Djivs/lastfmprostats @ 4361d4da, scrobbles.csv
    lukas_spotify/*.json        lukaszamora/spotify-history @ 4a8f7790, StreamingHistory0-3.json
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cfaudio_core.data.listens import Listens
from cfaudio_core.data.sessions import DEFAULT_LENGTH_S, Sessions, find_sessions
from cfaudio_core.history.normalize import album_key, artist_key, title_key

Play = tuple[float, str, str, str]  # time, artist, title, album
GAP = 1800 - DEFAULT_LENGTH_S  # 30 minutes between two beginnings, as nobody's lengths are known


def _utc(text: str, form: str) -> float:
    return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()


def _music_stats(folder: Path) -> Iterator[Play]:
    for file in sorted((folder / "music-stats").glob("*.json")):
        for row in json.loads(file.read_text()):
            yield _utc(row["date"], "%Y-%m-%d %H:%M"), row["artist"]["name"], row["track"]["name"], row["album"]["name"]


def _spacedlevo(folder: Path) -> Iterator[Play]:
    query = (
        "SELECT l.timestamp, a.name, t.name, b.name FROM listens l JOIN tracks t ON t.id = l.track_id "
        "JOIN artists a ON a.id = t.artist_id LEFT JOIN albums b ON b.id = t.album_id"
    )
    with sqlite3.connect(f"file:{folder / 'spacedlevo.db'}?mode=ro", uri=True) as db:
        yield from ((float(time), artist, title, album or "") for time, artist, title, album in db.execute(query))


def _csv(name: str, time: Callable[[dict[str, str]], float]) -> Callable[[Path], Iterator[Play]]:
    def read(folder: Path) -> Iterator[Play]:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield time(row), row["artist"], row["track"], row["album"]

    return read


def _lukas(folder: Path) -> Iterator[Play]:
    for file in sorted((folder / "lukas_spotify").glob("*.json")):
        for row in json.loads(file.read_text()):
            if row["msPlayed"] >= 30_000:
                time = _utc(row["endTime"], "%Y-%m-%d %H:%M") - row["msPlayed"] / 1000
                yield time, row["artistName"], row["trackName"], ""


PEOPLE: dict[str, Callable[[Path], Iterator[Play]]] = {
    "zsteve": _csv("zsteve", lambda row: _utc(row["date"], "%Y-%m-%d %H:%M:%S")),
    "djivs": _csv("djivs", lambda row: _utc(row["utc_time"], "%d %b %Y, %H:%M")),
    "lukas_spotify": _lukas,
    "music-stats": _music_stats,
    "spacedlevo": _spacedlevo,
    "krish": _csv("krish", lambda row: float(row["timestamp"])),
}


class Person(NamedTuple):
    """Sessions, and what the tags say: int64 (n,) artist and album numbers, album -1 where unknown."""

    sessions: Sessions
    artist: np.ndarray
    album: np.ndarray


def read_person(plays: Iterator[Play]) -> Person:
    """Put the plays in order; a track is an artist and a title."""
    rows = sorted({(time, artist, title, album) for time, artist, title, album in plays if time > 1e9})
    of_key: dict[tuple[str, str], int] = {}
    item = np.array([of_key.setdefault((artist_key(a), title_key(t)), len(of_key)) for _, a, t, _ in rows], np.int64)
    artists: dict[str, int] = {}
    artist = np.array([artists.setdefault(name, len(artists)) for name, _ in of_key], np.int64)
    albums: dict[tuple[int, str], int] = {}
    album = np.full(len(of_key), -1, np.int64)
    for at, (*_, name) in zip(item, rows, strict=True):
        if name and album[at] < 0:
            album[at] = albums.setdefault((int(artist[at]), album_key(name)), len(albums))
    n = len(rows)
    times = np.array([row[0] for row in rows]).astype(np.int64)
    unknown = np.full(n, np.nan)
    zeros = np.zeros(n, np.int64)
    return Person(
        find_sessions(Listens(zeros, item, times, unknown, zeros, zeros, unknown, zeros > 0), GAP), artist, album
    )
