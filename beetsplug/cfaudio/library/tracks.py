"""The tracks of the beets library as columns, read by bulk SQL; `write` is the way back."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Sequence
from sys import intern
from typing import Any

import numpy as np
from beets.dbcore.pathutils import expand_path_from_db
from beets.dbcore.types import MULTI_VALUE_DELIMITER
from beets.library import Library

from beetsplug.cfaudio.library.fields import column, few, parts, read_fields, without_cycle_search
from cfaudio_core.data.tracks import Tracks

_COLUMNS = (
    *("artists", "albums", "genres", "titles", "album_titles", "albumartists", "recording_mbids", "track_mbids"),
    *("lengths", "keys", "models", "credits"),
)
_UNTIDY = re.compile(rb"(^|/)\.{0,2}(/|$)")  # "a//b", "./a", "a/..": for beets to tidy up


@without_cycle_search()
def read_tracks(lib: Library, count_fields: Sequence[str], only: Sequence[int] | None = None) -> Tracks:
    """Read every track of the library, or those of some ids, in ascending order.

    `count_fields` are read as counts; those that no track has are left out.
    """
    ids: list[int] = []
    stored: list[bytes] = []
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    flexible: dict[str, dict[int, object]] = {name: {} for name in count_fields}
    genres: dict[str, tuple[str, ...]] = {}
    credits: dict[str, tuple[str, ...]] = {}
    for which, numbers in parts(lib) if only is None else few(only):
        with lib.transaction() as tx:
            rows = tx.query(
                "SELECT id, path, artist, artists, albumartist, album, album_id, genres, title, length, "
                f"mb_trackid, mb_releasetrackid FROM items WHERE id {which} ORDER BY id",
                numbers,
            )
        own = read_fields(lib, [*count_fields, "cf_key", "cf_model"], [(which, numbers)])
        for name, values in flexible.items():
            values |= own[name]
        for row in rows:
            if (text := row["genres"] or "") not in genres:
                genres[text] = tuple(intern(genre) for genre in text.split(MULTI_VALUE_DELIMITER) if genre)
            if (text := row["artists"] or "") not in credits:
                names = tuple(text.split(MULTI_VALUE_DELIMITER))
                credits[text] = names if len(names) > 1 else ()
        ids += [row["id"] for row in rows]
        stored += [bytes(row["path"] or b"") for row in rows]
        # Texts that many tracks share are kept once: names take most of the memory of a large library.
        part: dict[str, list[Any]] = {
            "artists": [intern(artist(row)) for row in rows],
            "albums": [intern(album(row)) for row in rows],
            "genres": [genres[row["genres"] or ""] for row in rows],
            "titles": [row["title"] or "" for row in rows],
            "album_titles": [intern(row["album"] or "") for row in rows],
            "albumartists": [intern(row["albumartist"] or "") for row in rows],
            "recording_mbids": [recording(row) for row in rows],
            "track_mbids": [(row["mb_releasetrackid"] or "").strip().lower() for row in rows],
            "lengths": [row["length"] or 0 for row in rows],
            "keys": [str(own["cf_key"].get(row["id"], "")) for row in rows],
            "credits": [credits[row["artists"] or ""] for row in rows],
            "models": [intern(str(own["cf_model"].get(row["id"], ""))) for row in rows],
        }
        for name, more in part.items():
            columns[name] += more
    lengths = np.array(columns.pop("lengths"), np.float32)
    return Tracks(
        ids=np.array(ids, np.int64),
        paths=_paths(lib, stored),
        lengths=lengths,
        playlists=[()] * len(ids),
        counts={name: column(np.array(ids, np.int64), values) for name, values in flexible.items() if values},
        **columns,
    )


def read_paths(lib: Library) -> dict[int, bytes]:
    """Read the file names of all tracks, absolute, by their ids."""
    with lib.transaction() as tx:
        rows = tx.query("SELECT id, path FROM items ORDER BY id")
    return dict(zip([row["id"] for row in rows], _paths(lib, [bytes(row["path"] or b"") for row in rows]), strict=True))


def ids_of(lib: Library, query: str | list[str]) -> list[int]:
    """Find the ids of the tracks that match a query."""
    return [item.id for item in lib.items(query) if item.id is not None]


def read_titles(lib: Library, ids: Sequence[int]) -> list[str]:
    """Read the titles of tracks, in the order of their ids."""
    titles: dict[int, str] = {}
    for which, numbers in few(ids):
        with lib.transaction() as tx:
            rows = tx.query(f"SELECT id, title FROM items WHERE id {which}", numbers)
        titles |= {row["id"]: row["title"] or "" for row in rows}
    return [titles.get(i, "") for i in ids]


def _paths(lib: Library, stored: Sequence[bytes]) -> list[bytes]:
    """Make file names absolute; those plainly below the music folder in a hundredth of beets' time."""
    with lib.music_dir_context():
        folder = expand_path_from_db(b"x")[:-1]
        return [
            folder + path
            if os.sep == "/" and path and path[:1] not in b"/~" and not _UNTIDY.search(path)
            else expand_path_from_db(path)
            for path in stored
        ]


def artist(row: sqlite3.Row) -> str:
    """Name the artist of an item."""
    return str(row["artist"] or row["albumartist"] or "").strip()


def album(row: sqlite3.Row) -> str:
    """Make a text that two items share if they are on one album; singletons have none."""
    if row["album_id"] is not None:
        return f"#{row['album_id']}"
    return f"{row['albumartist'] or ''}\0{row['album']}" if row["album"] else ""


def recording(row: sqlite3.Row) -> str:
    """MusicBrainz recording of an item; "" where unknown."""
    return (row["mb_trackid"] or "").strip().lower()
