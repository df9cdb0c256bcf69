"""The library as lists and pages are made from it: vectors, scores and names, kept in one file, and who plays what.

`cfembed` writes the file at its end. Whatever reads it compares the digests of its blocks with those of the library as
it is, and reads the fields of blocks that have changed; what another program or version has written is passed over.
Counts and the history are read live, since they change with every song that is played.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from beets.logging import getLogger

from beetsplug.cfaudio.config.settings import Settings, score_field
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.blocks import Block, read_blocks
from beetsplug.cfaudio.library.fields import column, count_values, read_fields
from beetsplug.cfaudio.library.listeners import add_history, last_played_of
from cfaudio_core import __version__
from cfaudio_core.data.listeners import Listener, make_listeners
from cfaudio_core.history.count_growth import DATES
from cfaudio_core.ranking.duplicates import Marks, same_songs
from cfaudio_core.util.array_file import read_arrays, write_arrays
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray
from cfaudio_core.util.vector_codec import stack

if TYPE_CHECKING:
    from beets.library import Library

FILE = "snapshot.safetensors"
FORMAT = f"1 {__version__}"
"""One version's file is nothing that another has to know; raise the number between releases."""

_FORMER = "catalogue"  # where 0.1.0 kept what it had read
_log = getLogger("beets.cfaudio")


@dataclass(frozen=True)
class LibrarySnapshot:
    """n tracks, in the order of their ids.

    Attributes
    ----------
    ids
        int64 (n,), ascending: the library's own numbers.
    artist
        int64 (n,): the same number for the same artist, whatever its capitals; 0 where unknown.
    song
        int64 (n,): the same number for the same song.
    lengths
        float32 (n,), seconds; 0 where unknown.
    placed
        bool (n,): has a vector of the model that made most of them.
    vectors
        float32 (n, d), unit length; zeros where not placed, and for vectors of another length than most have.
    scores
        Field of scores to float32 (n,), NaN where there is none; fields that no track has are left out.
    """

    ids: IntArray
    artist: IntArray
    song: IntArray
    lengths: FloatArray
    placed: BoolArray
    vectors: FloatArray
    scores: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class RankingData(LibrarySnapshot):
    """Everything that lists are chosen from, read once for any number of them: the tracks, and who plays them.

    Attributes
    ----------
    scores
        By listener instead: float32 (n,), NaN where there is none.
    listeners
        The listeners over the tracks, the main one first.
    last_played
        Listener to int64 (n,): UTC, seconds, when each track was last played; 0 where unknown or never.
    now
        UTC, seconds.
    """

    listeners: list[Listener]
    last_played: Mapping[str, IntArray]
    now: float
    _tag_shares: dict[str, float] = field(default_factory=dict)

    def at(self, ids: Sequence[int]) -> IntArray:
        """int64 (k,): positions of tracks."""
        return np.searchsorted(self.ids, np.array(ids, np.int64))

    def tag_shares(self, lib: Library) -> Mapping[str, float]:
        """Share of the tracks with any tags that have each; read when first asked for."""
        if not self._tag_shares:
            stored = count_values(lib, "cf_tags")
            tracks: Counter[str] = Counter()
            for text, number in stored.items():
                tracks.update(dict.fromkeys(text.split(", ") if text else (), number))
            known = stored.total() - stored[""]
            self._tag_shares.update({tag: number / max(known, 1) for tag, number in tracks.items()})
        return self._tag_shares


def read_library(lib: Library, settings: Settings) -> RankingData:
    """Read once what any number of lists are chosen from."""
    tracks = read_snapshot(lib, settings)
    dates = sorted({DATES[name] for name in settings.count_fields if name in DATES})
    stored = read_fields(lib, [*settings.count_fields, *dates])
    counts = {name: column(tracks.ids, stored[name]) for name in settings.count_fields if stored[name]}
    with user_errors():
        by_count = make_listeners(counts, settings.users, len(tracks))
        everyone = add_history(by_count, settings, tracks.ids, tracks.lengths)
    last_played = {}
    for listener in everyone:
        last_played[listener.name] = last_played_of(listener, settings, tracks.ids, counts, stored)
    nothing = np.full(len(tracks), np.float32(np.nan))
    fields = {one.name: score_field(one.name, main=one is everyone[0]) for one in everyone}
    scores = {name: tracks.scores.get(own, nothing) for name, own in fields.items()}
    return RankingData(
        **{**vars(tracks), "scores": scores}, listeners=everyone, last_played=last_played, now=time.time()
    )


def read_snapshot(lib: Library, settings: Settings) -> LibrarySnapshot:
    """Read the tracks: from the file as far as the library is as it was then, else from the fields."""
    _, columns, _ = _read_columns(lib, settings.folder / FILE)
    models = columns["model"]
    known, uses = np.unique(models[models > 0], return_counts=True)
    placed = models == known[np.argmax(uses)] if len(known) else np.zeros(len(models), bool)
    vectors = stack(columns["values"], columns["width"])
    return LibrarySnapshot(
        ids=columns["ids"],
        artist=columns["artist_number"],
        song=columns["song_number"],
        lengths=columns["lengths"],
        placed=placed,
        # Those of two models cannot be compared.
        vectors=vectors if placed.all() else np.where(placed[:, None], vectors, np.float32(0)),
        scores={name: scores for name, scores in columns.items() if name.startswith("cf_score")},
    )


def write_snapshot(lib: Library, settings: Settings) -> None:
    """Write the file, unless the library is as it was then; where that cannot be done, lists take longer."""
    file = settings.folder / FILE
    blocks, columns, fresh = _read_columns(lib, file)
    arrays = {name: columns[name] for name in ("artist_number", "song_number")}
    for first, block in blocks.items():
        arrays |= {f"{first}/names/{name}": array for name, array in block.names.items()}
        arrays |= {f"{first}/fields/{name}": array for name, array in block.fields.items()}
    try:
        if not fresh:
            write_arrays(file, arrays, {"format": FORMAT, "digests": _digests(blocks)})
        shutil.rmtree(settings.folder / _FORMER, ignore_errors=True)
    except OSError as error:
        _log.debug("the snapshot of the library is not kept: {}: {}", error.filename, error.strerror)


def _read_columns(lib: Library, file: Path) -> tuple[dict[int, Block], dict[str, np.ndarray[Any, Any]], bool]:
    """Read the blocks of the library, their columns with numbers of artists and songs, and whether the file has all."""
    stored, numbers = _read_file(file)
    blocks = read_blocks(lib, stored)
    columns = _joined(blocks.values())
    fresh = _digests(blocks) == _digests(stored)
    if not fresh:
        marked = np.concatenate((np.zeros(1, np.uint64), columns["artist_mark"]))
        numbers = {
            "artist_number": np.unique(marked, return_inverse=True)[1][1:].astype(np.int64),
            "song_number": same_songs(Marks(*(columns[name] for name in Marks._fields)), columns["lengths"]),
        }
    return blocks, columns | numbers, fresh


def _read_file(file: Path) -> tuple[dict[int, Block], dict[str, np.ndarray[Any, Any]]]:
    """Read the blocks by their first ids, and the numbers of artists and songs; nothing from another version."""
    arrays, about = read_arrays(file) or ({}, {})
    if about.get("format") != FORMAT:
        return {}, {}
    of_block: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    for full, array in arrays.items():
        block, _, name = full.rpartition("/")
        of_block.setdefault(block, {})[name] = array
    blocks = {
        first: Block(of_names, of_block[f"{first}/names"], of_fields, of_block[f"{first}/fields"])
        for first, of_names, of_fields in about["digests"]
    }
    return blocks, of_block[""]


def _joined(blocks: Collection[Block]) -> dict[str, np.ndarray[Any, Any]]:
    """Join the columns of blocks; a field of scores that some do not have is NaN there."""
    columns = [{**block.names, **block.fields} for block in blocks]
    nothing = [np.full(len(of_block["ids"]), np.float32(np.nan)) for of_block in columns]
    return {
        name: np.concatenate([of_block.get(name, nan) for of_block, nan in zip(columns, nothing, strict=True)])
        for name in dict.fromkeys(name for of_block in columns for name in of_block)
    }


def _digests(blocks: Mapping[int, Block]) -> list[list[Any]]:
    """List the first id of each block and its digests, as JSON has them."""
    return [[first, block.names_digest, block.fields_digest] for first, block in blocks.items()]
