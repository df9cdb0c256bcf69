"""Plays of a made-up library in the shape of each format, and what is counted when some of them are imported."""

from __future__ import annotations

import csv
import json
import plistlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from synthetic import make_tracks

from cfaudio_core.data.listeners import Listener, make_listeners
from cfaudio_core.history.formats import FORMATS, ReadOptions
from cfaudio_core.history.listeners import MatchedHistory, with_history
from cfaudio_core.history.matching import LibraryIndex
from cfaudio_core.history.store import ListenStore
from cfaudio_core.util.fingerprint import prints

LENGTHS = (200, 45, 400, 150, 140, 900)  # seconds
TITLES = ("Song", "Song (live)", "Song, Pt. 2", "Song", "Other", "Allegro")
ARTISTS = ("Ann", "Ann", "Ann", "Ben", "Ben", "Ann and Ben")
ALBUMS = [f"Album {artist}" for artist in ARTISTS]
PATHS = [f"{ARTISTS[at]}/{ALBUMS[at]}/{at} {TITLES[at]}.flac" for at in range(len(LENGTHS))]
TRACKS = make_tracks(
    len(LENGTHS),
    paths=[f"/music/{path}".encode() for path in PATHS],
    artists=list(ARTISTS),
    titles=list(TITLES),
    album_titles=ALBUMS,
    albumartists=list(ARTISTS),
    lengths=np.float32(LENGTHS),
)
Play = tuple[int, int]
"""Position of the track, and the time."""
Plays = Sequence[Play]


def import_and_count(store_file: Path, *sources: tuple[str, Path]) -> Listener:
    """Import sources of some formats one after the other, and count."""
    with ListenStore(f"sqlite:///{store_file}") as store:
        for name, path in sources:
            records = FORMATS[name].read(str(path), ReadOptions())
            store.add(records, source=name, listener_of=lambda _: "me")
        texts = store.texts()
        durations = np.array([text.duration for text in texts.values()], np.float64)
        positions = LibraryIndex(TRACKS, b"/music").match(texts.values())
        by_counts = make_listeners({}, {}, len(LENGTHS))
        history = MatchedHistory.read(store, durations, TRACKS.lengths, positions, 1800.0, prints(TRACKS.keys))
        return with_history(by_counts, history)[0]


def _iso(time: int, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return datetime.fromtimestamp(time, UTC).strftime(form)


def _local(time: int) -> str:
    return datetime.fromtimestamp(time).strftime("%Y-%m-%d %H:%M:%S")


def _json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def _table(path: Path, rows: Iterable[Sequence[object]], delimiter: str = ",") -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def _database(path: Path, schema: str, content: dict[str, list[tuple[object, ...]]]) -> Path:
    with sqlite3.connect(path) as connection:
        connection.executescript(schema)
        for table, rows in content.items():
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.close()
    return path


def listenbrainz(path: Path, plays: Plays) -> Path:
    about = [
        {"artist_name": a, "track_name": t, "release_name": r} for a, t, r in zip(ARTISTS, TITLES, ALBUMS, strict=True)
    ]
    return _json(path, [{"listened_at": time, "track_metadata": about[at]} for at, time in plays])


def lastfm(path: Path, plays: Plays) -> Path:
    tracks = [
        {
            "artist": {"#text": ARTISTS[at]},
            "album": {"#text": ALBUMS[at]},
            "name": TITLES[at],
            "date": {"uts": str(time)},
        }
        for at, time in plays
    ]
    return _json(path, [{"track": tracks}])


def lastfm_in_minutes(path: Path, plays: Plays) -> Path:
    return _table(path, ([ARTISTS[at], ALBUMS[at], TITLES[at], _iso(time, "%d %b %Y %H:%M")] for at, time in plays))


def lastfm_in_two_columns(path: Path, plays: Plays) -> Path:
    return _table(
        path, ([_iso(time, "%Y-%m-%d"), _iso(time, "%H:%M:%S"), ARTISTS[at], TITLES[at]] for at, time in plays)
    )


def spotify(path: Path, plays: Plays) -> Path:
    rows = [
        {
            "ts": _iso(time + LENGTHS[at]),
            "ms_played": LENGTHS[at] * 1000,
            "master_metadata_track_name": TITLES[at],
            "master_metadata_album_artist_name": ARTISTS[at],
            "master_metadata_album_album_name": ALBUMS[at],
            "reason_end": "trackdone",
            "skipped": False,
        }
        for at, time in plays
    ]
    return _json(path, rows)


def spotify_in_minutes(path: Path, plays: Plays) -> Path:
    rows = [
        {
            "endTime": _iso(time + LENGTHS[at], "%Y-%m-%d %H:%M"),
            "artistName": ARTISTS[at],
            "trackName": TITLES[at],
            "msPlayed": LENGTHS[at] * 1000,
        }
        for at, time in plays
    ]
    return _json(path, rows)


def navidrome(path: Path, plays: Plays) -> Path:
    counts = Counter(at for at, _ in set(plays))
    schema = """
        CREATE TABLE user (id, user_name);
        CREATE TABLE media_file (id, path, title, album, artist, album_artist, duration);
        CREATE TABLE annotation (user_id, item_id, item_type, play_count, play_date);
        CREATE TABLE scrobbles (media_file_id, user_id, submission_time);
    """
    files = [(at, PATHS[at], TITLES[at], ALBUMS[at], ARTISTS[at], ARTISTS[at], LENGTHS[at]) for at in counts]
    content: dict[str, list[tuple[object, ...]]] = {
        "user": [("u", "ann")],
        "media_file": files,
        "annotation": [("u", at, "media_file", n, None) for at, n in counts.items()],
        "scrobbles": [(at, "u", time) for at, time in plays],
    }
    return _database(path, schema, content)


def jellyfin(path: Path, plays: Plays) -> Path:
    names = [f"{ARTISTS[at]} - {TITLES[at]} ({ALBUMS[at]})" for at in range(len(LENGTHS))]
    rows = ([_local(t), "u", f"i{at}", "Audio", names[at], "Direct", "web", "tv", LENGTHS[at]] for at, t in plays)
    return _table(path, rows, "\t")


def maloja(path: Path, plays: Plays) -> Path:
    tracks = [{"artists": [a], "title": t, "album": None} for a, t in zip(ARTISTS, TITLES, strict=True)]
    return _json(path, {"scrobbles": [{"time": time, "track": tracks[at]} for at, time in plays]})


def koito(path: Path, plays: Plays) -> Path:
    def named(name: str) -> dict[str, object]:
        return {"is_primary": True, "aliases": [{"alias": name, "is_primary": True}]}

    listens = [
        {
            "listened_at": _iso(time),
            "track": named(TITLES[at]) | {"duration": LENGTHS[at]},
            "album": named(ALBUMS[at]),
            "artists": [named(ARTISTS[at])],
        }
        for at, time in plays
    ]
    return _json(path, {"version": "1", "listens": listens})


def rockbox(path: Path, plays: Plays) -> Path:
    rows = [f"{ARTISTS[at]}\t{ALBUMS[at]}\t{TITLES[at]}\t1\t{LENGTHS[at]}\tL\t{time}\t\n" for at, time in plays]
    path.write_text("#AUDIOSCROBBLER/1.1\n#TZ/UTC\n#CLIENT/Rockbox\n" + "".join(rows))
    return path


def lyrion(path: Path, plays: Plays) -> Path:
    rows: list[tuple[object, ...]] = [(f"file:///music/{PATHS[at]}".replace(" ", "%20"), None, t, 0) for at, t in plays]
    return _database(path, "CREATE TABLE track_history (url, musicbrainz_id, played, rating)", {"track_history": rows})


def table(path: Path, plays: Plays) -> Path:
    rows = [(PATHS[at], ARTISTS[at], TITLES[at], _iso(time), LENGTHS[at] * 1000) for at, time in plays]
    return _table(path, [("path", "artist", "title", "time", "seconds"), *rows])


def mpd(path: Path, plays: Plays) -> Path:
    counts = Counter(at for at, _ in set(plays))
    rows: list[tuple[object, ...]] = [("song", PATHS[at], "playCount", str(n)) for at, n in counts.items()]
    return _database(path, "CREATE TABLE sticker (type, uri, name, value)", {"sticker": rows})


def itunes(path: Path, plays: Plays) -> Path:
    counts = Counter(at for at, _ in set(plays))
    tracks = {
        str(at): {"Name": TITLES[at], "Artist": ARTISTS[at], "Album": ALBUMS[at], "Play Count": n}
        for at, n in counts.items()
    }
    path.write_bytes(plistlib.dumps({"Tracks": tracks}))
    return path


Writer = tuple[str, str, Callable[[Path, Plays], Path]]
"""Name of the format, ending of the file, and the function that writes it."""

DATED: list[Writer] = [
    ("listenbrainz", "json", listenbrainz),
    ("lastfm", "json", lastfm),
    ("lastfm", "csv", lastfm_in_two_columns),
    ("spotify", "json", spotify),
    ("navidrome", "db", navidrome),
    ("jellyfin", "tsv", jellyfin),
    ("maloja", "json", maloja),
    ("koito", "json", koito),
    ("rockbox", "log", rockbox),
    ("lyrion", "db", lyrion),
    ("csv", "csv", table),
]
IN_MINUTES: list[Writer] = [("lastfm", "csv", lastfm_in_minutes), ("spotify", "json", spotify_in_minutes)]
COUNTED: list[Writer] = [("mpd", "db", mpd), ("itunes", "xml", itunes)]
