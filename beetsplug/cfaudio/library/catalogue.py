"""What has to be known of every track to choose from a library, kept beside it.

A library of a million tracks takes half a minute to read. What is read is kept in parts of 10,000 ids. While the
library's file has not been written to, none of it is read again; else SQLite makes a digest of each part, which takes a
tenth of the time, and the parts whose digest has changed are read. Scores change with every run of `cfembed`, and what
tracks are called hardly ever: each has digests of its own. Counts change with every song that is played, and are kept
apart from both.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from beets.logging import getLogger

from beetsplug.cfaudio.library.columns import (
    COLUMNS,
    KEYS,
    MILLISECONDS,
    PLACES,
    Counts,
    counts_query,
    joined,
    joined_scores,
    joined_vectors,
    read_counts,
    read_names,
    read_places,
    spread_counts,
)
from beetsplug.cfaudio.library.fields import ranges
from cfaudio_core.ranking.duplicates import Marks, same_songs
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray
from cfaudio_core.util.shelf import Arrays, Shelf, file_state, is_settled

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings

WORTH = 20_000
"""Tracks of a library that is worth keeping a catalogue of; a smaller one is read in less than half a second."""

FOLDER = "catalogue"
_MOST_THREADS = 4
_log = getLogger("beets.cfaudio")


@dataclass(frozen=True)
class Catalogue:
    """n tracks, in the order of their ids.

    Attributes
    ----------
    ids
        int64 (n,).
    artist
        int64 (n,): the same number for the same artist, whatever its capitals; 0 where unknown.
    song
        int64 (n,): the same number for the same song.
    lengths
        float32 (n,), seconds; 0 where unknown.
    placed
        bool (n,): has a vector of the model that made most of them.
    vectors
        float32 (n, d), unit length; zeros where not placed.
    scores
        Field of scores to float32 (n,), NaN where there is none; fields that no track has are left out.
    counts, dates
        Count field to float32 (n,), NaN where there is none, and field of dates to int64 (n,), UTC in seconds, 0 where
        there is none; fields that no track has are left out.
    """

    ids: IntArray
    artist: IntArray
    song: IntArray
    lengths: FloatArray
    placed: BoolArray
    vectors: FloatArray
    scores: Mapping[str, FloatArray]
    counts: Mapping[str, FloatArray]
    dates: Mapping[str, IntArray]

    def __len__(self) -> int:
        return len(self.ids)


class CatalogueReader:
    """Reads a library, as far as it has changed since it was read last.

    Attributes
    ----------
    shelf
        What is kept; anything else that is made of the tracks may be kept there too.
    worth
        Whether the library is so large that anything is kept.
    """

    def __init__(self, lib: Library, settings: Settings) -> None:
        self._lib, self._counts = lib, settings.count_fields
        with lib.transaction() as tx:
            self.worth = bool(tx.query("SELECT count(*) FROM items")[0][0] >= WORTH)
        self.shelf = Shelf(settings.folder / FOLDER if self.worth else None)
        self._state = self._library_state() if self.worth else None
        self._ranges = ranges(lib)
        self._scanned: list[Counts] = []

    def read(self) -> Catalogue:
        """All of it."""
        digests = self._digests()
        names = self._parts("names", digests["names"], read_names)
        places = self._parts("places", digests["places"], read_places)
        ids = joined(names, "ids", np.int64)
        numbers = self.shelf.get("numbers", _digest(digests["names"]), lambda: _numbers(names))
        heard = f"{self._state} {self._counts}" if self._state else None
        counts = self.shelf.get("counts", heard, lambda: spread_counts(self._read_counts(), ids))
        placed, vectors = joined_vectors(places, ids)
        return Catalogue(
            ids=ids,
            artist=numbers["artist"],
            song=numbers["song"],
            lengths=joined(names, "lengths", np.float32),
            placed=placed,
            vectors=vectors,
            scores=joined_scores(places, ids),
            counts={name[6:]: array for name, array in counts.items() if name.startswith("count:")},
            dates={name[5:]: array for name, array in counts.items() if name.startswith("date:")},
        )

    def peek(self) -> tuple[IntArray, FloatArray] | None:
        """Ids and vectors, if they are kept, and the library has not been written to since."""
        kept = self.shelf.peek("digests", self._state and f"{self._state} {self._ranges}")
        if kept is None:
            return None
        parts: dict[str, list[Arrays]] = {}
        for what, digests in _texts(kept).items():
            there = (self.shelf.peek(f"{what}-{at[0]}", key) for at, key in zip(self._ranges, digests, strict=True))
            parts[what] = [part for part in there if part is not None]
            if len(parts[what]) < len(self._ranges):
                return None
        ids = joined(parts["names"], "ids", np.int64)
        vectors = joined_vectors(parts["places"], ids)[1]
        placed = vectors.any(axis=1)
        return ids[placed], vectors[placed]

    def keep(self) -> None:
        """Keep what was read, if it was not changed meanwhile; a folder that cannot be written to is no matter."""
        if self._state is None or self._state != self._library_state() or not is_settled(self._file):
            return
        try:
            self.shelf.keep()
        except OSError as error:
            _log.debug("what was read of the library is not kept: {}: {}", error.filename, error.strerror)

    @property
    def _file(self) -> Path:
        return Path(os.fsdecode(self._lib.path))

    def _library_state(self) -> str | None:
        """What changes with the library; None where it is no file, or is being changed by this process."""
        busy = self._lib._connection().in_transaction or not self._file.is_file()
        return None if busy else file_state(self._file)

    def _parts(
        self, what: str, digests: Sequence[str | None], read: Callable[[Library, tuple[int, int]], Arrays]
    ) -> list[Arrays]:
        """One kind of part of all of the library."""
        return [
            self.shelf.get(f"{what}-{within[0]}", digest, partial(read, self._lib, within))
            for within, digest in zip(self._ranges, digests, strict=True)
        ]

    def _digests(self) -> dict[str, list[str | None]]:
        """What stands for the `names` of each part of the library, and for its `places`; None where nothing does."""
        try:
            kept = self.shelf.get("digests", f"{self._state} {self._ranges}", self._make_digests) if self._state else {}
        except sqlite3.Error as error:  # as where somebody else is writing for long
            _log.debug("all of the library is read: {}", error)
            self._state, kept = None, {}
        return _texts(kept) if kept else dict.fromkeys(("names", "places"), [None] * len(self._ranges))

    def _make_digests(self) -> Arrays:
        """Of all that is read of each part, uint8 (parts, bytes). SQLite lets go of Python's lock while it works."""
        url = f"{self._file.absolute().as_uri()}?mode=ro"
        with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
            found = list(pool.map(partial(_scan_part, url, self._counts), self._ranges))
        self._scanned = [counts for *_, counts in found]  # where parts may have changed, counts have
        return {
            "names": np.array([list(names) for names, _, _ in found], np.uint8),
            "places": np.array([list(places) for _, places, _ in found], np.uint8),
        }

    def _read_counts(self) -> list[Counts]:
        """The counts of each part."""
        if self._scanned:
            return self._scanned
        query, names = counts_query(self._counts)
        with self._lib.transaction() as tx:
            return [read_counts(tx.query(query, [*within, *names])) for within in self._ranges]


def _scan_part(url: str, counts: Sequence[str], within: tuple[int, int]) -> tuple[bytes, bytes, Counts]:
    """Digests of the names and of the places of a part, and its counts."""
    # Between texts stand the numbers of their items, before the first one none. Literals are quicker than char().
    items = ", ".join(f"group_concat(ifnull({column}, '\x01'), '\x1e')" for column in (*COLUMNS[2:], MILLISECONDS))
    called = f"SELECT min(id), group_concat(ifnull({COLUMNS[1]}, '\x01'), id), {items} FROM items WHERE id"
    fields = "SELECT min(entity_id), group_concat(value, entity_id), group_concat(key, '') FROM item_attributes"
    with closing(sqlite3.connect(url, uri=True)) as connection:
        connection.text_factory = bytes

        def digest(*queries: str) -> bytes:
            made = blake2b(digest_size=16)
            for query in queries:
                for value in connection.execute(query, within).fetchone():
                    made.update(value if isinstance(value, bytes) else repr(value).encode())
                    made.update(b"\0")
            return made.digest()

        names = digest(f"{called} BETWEEN ? AND ?", f"{fields} WHERE entity_id BETWEEN ? AND ? AND {KEYS}")
        places = digest(f"{fields} WHERE entity_id BETWEEN ? AND ? AND {PLACES}")
        connection.text_factory = str
        query, wanted = counts_query(counts)
        return names, places, read_counts(connection.execute(query, [*within, *wanted]))


def _texts(kept: Arrays) -> dict[str, list[str | None]]:
    """Digests as the shelf takes them."""
    return {what: [row.tobytes().hex() for row in digests] for what, digests in kept.items()}


def _digest(digests: Sequence[str | None]) -> str | None:
    return None if None in digests else blake2b(" ".join(map(str, digests)).encode(), digest_size=16).hexdigest()


def _numbers(parts: Sequence[Arrays]) -> Arrays:
    """Artists and songs, over the whole library."""
    artists = np.concatenate([np.zeros(1, np.uint64), *(part["artist"] for part in parts)])
    of_tracks = Marks(*(joined(parts, name, np.uint64) for name in Marks._fields))
    return {
        "artist": np.unique(artists, return_inverse=True)[1][1:].astype(np.int64),
        "song": same_songs(of_tracks, joined(parts, "lengths", np.float32)),
    }
