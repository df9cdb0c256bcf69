"""The library as lists and pages are made from it: vectors, scores and names, kept in one file, and who plays what.

`cfembed` writes the file at its end. Whatever reads it looks whether the library's file was written to since. If so, it
compares the digests of the stored blocks with those of the library as it is, reads the fields of blocks that have
changed, and all counts; and the history, if that was written to. What another version has written is passed over.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from beets.logging import getLogger

from beetsplug.cfaudio.config.listeners import score_field
from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.blocks import Block, digest_of, read_blocks
from beetsplug.cfaudio.library.fields import column, count_values, read_fields, without_cycle_search
from beetsplug.cfaudio.library.history import seconds
from beetsplug.cfaudio.library.listeners import add_history, history_key, last_played_of, read_history
from beetsplug.cfaudio.library.snapshot_file import StoredSnapshot, read_snapshot_file, write_snapshot_file
from beetsplug.cfaudio.library.tracks import library_file
from cfaudio_core.data.listeners import Listener, make_listeners
from cfaudio_core.data.tracks import TrackMarks
from cfaudio_core.history.count_growth import DATES
from cfaudio_core.ranking.duplicates import Marks, same_songs
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray
from cfaudio_core.util.files import settled_state
from cfaudio_core.util.fingerprint import Prints
from cfaudio_core.util.vector_codec import stack

if TYPE_CHECKING:
    from beets.library import Library

FILE = "snapshot.safetensors"
Columns = dict[str, np.ndarray[Any, Any]]
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
        int64 (n,): the same number for the same artist, whatever its spelling and guests; 0 where unknown.
    album
        int64 (n,): the same number for the same album; 0 for a track of none.
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
    marks
        The tracks' marks, by which they are known when another has their id; None: by their ids.
    """

    ids: IntArray
    artist: IntArray
    album: IntArray
    song: IntArray
    lengths: FloatArray
    placed: BoolArray
    vectors: FloatArray
    scores: Mapping[str, FloatArray]
    marks: TrackMarks | None = field(default=None, kw_only=True)

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
    next_month
        Listener to float32 (n,), see `ranking.next_month`, of those who were asked for.
    """

    listeners: list[Listener]
    last_played: Mapping[str, IntArray]
    now: float
    next_month: dict[str, FloatArray] = field(default_factory=dict)
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
    stored, snapshot, columns = _read_rows(lib, settings)
    snapshot = _read_plays(lib, settings, stored, snapshot, columns)
    tracks = _tracks(columns)
    n, counts = len(tracks), snapshot.counts
    with user_errors():
        by_counts = make_listeners(
            {name: counts[name] for name in settings.count_fields if name in counts}, settings.users, n
        )
    everyone = add_history(by_counts, snapshot.listeners)
    last_played = {one.name: last_played_of(one, settings, counts, n) for one in everyone}
    nothing = np.full(n, np.float32(np.nan))
    fields = {one.name: score_field(one.name, main=one is everyone[0]) for one in everyone}
    scores = {name: tracks.scores.get(own, nothing) for name, own in fields.items()}
    return RankingData(
        **{**vars(tracks), "scores": scores}, listeners=everyone, last_played=last_played, now=time.time()
    )


def read_snapshot(lib: Library, settings: Settings) -> LibrarySnapshot:
    """Read the tracks: from the file as far as the library is as it was then, else from the fields."""
    return _tracks(_read_rows(lib, settings)[2])


def write_snapshot(lib: Library, settings: Settings) -> str:
    """Write the file, unless all is as it was then, and return the library's `fields_digest`.

    Where it cannot be written, lists take longer.
    """
    settled_state(library_file(lib), wait=True)  # cfembed has just written to it
    stored, snapshot, columns = _read_rows(lib, settings)
    snapshot = _read_plays(lib, settings, stored, snapshot, columns)
    try:
        if snapshot.stamps != stored.stamps:
            write_snapshot_file(settings.folder / FILE, snapshot)
        shutil.rmtree(settings.folder / _FORMER, ignore_errors=True)
    except OSError as error:
        _log.debug("the snapshot of the library is not kept: {}: {}", error.filename, error.strerror)
    return digest_of(block.fields_digest for block in snapshot.blocks.values())


@without_cycle_search()
def _read_rows(lib: Library, settings: Settings) -> tuple[StoredSnapshot, StoredSnapshot, Columns]:
    """Read the file, the rows of the library as far as they differ from it, and the columns of these."""
    stored = read_snapshot_file(settings.folder / FILE)
    # Changes of this process that are not committed are not in the file of the library.
    state = None if lib._connection().in_transaction else settled_state(library_file(lib))
    if state is not None and state == stored.state:
        return stored, stored, _joined(stored.blocks.values()) | dict(stored.numbers)
    snapshot = stored._replace(state=state, blocks=read_blocks(lib, stored.blocks))
    columns = _joined(snapshot.blocks.values())
    if snapshot.digests != stored.digests:
        numbers = {
            "artist_number": _numbered(columns["artist_mark"]),
            "album_number": _numbered(columns["album_mark"]),
            "song_number": same_songs(Marks(*(columns[name] for name in Marks._fields)), columns["lengths"]),
        }
        snapshot = snapshot._replace(numbers=numbers)
    return stored, snapshot, columns | dict(snapshot.numbers)


def _numbered(marks: Prints) -> IntArray:
    """Number marks, int64 (n,): the same number for the same one, 0 for none."""
    return np.unique(np.append(np.uint64(0), marks), return_inverse=True)[1][1:].astype(np.int64)


def _joined(blocks: Collection[Block]) -> Columns:
    """Join the columns of blocks; a field of scores that some do not have is NaN there."""
    columns = [{**block.names, **block.fields} for block in blocks]
    nothing = [np.full(len(of_block["ids"]), np.float32(np.nan)) for of_block in columns]
    return {
        name: np.concatenate([of_block.get(name, nan) for of_block, nan in zip(columns, nothing, strict=True)])
        for name in dict.fromkeys(name for of_block in columns for name in of_block)
    }


def _read_plays(
    lib: Library, settings: Settings, stored: StoredSnapshot, snapshot: StoredSnapshot, columns: Columns
) -> StoredSnapshot:
    """Add counts and listeners to the rows of the library: as stored, or where there may be others, read again."""
    if snapshot is not stored or stored.count_fields != settings.count_fields:
        counts = read_counts(lib, settings.count_fields, columns["ids"])
        snapshot = snapshot._replace(count_fields=settings.count_fields, counts=counts)
    names, marks, lengths = settings.listener_names, _marks(columns), columns["lengths"]
    key = history_key(lib, names, settings, marks, lengths)
    if key is None or key != stored.history_key:
        with user_errors():
            listeners = read_history(lib, names, settings, marks, lengths)
        same = key == history_key(lib, names, settings, marks, lengths)
        snapshot = snapshot._replace(history_key=key if same else None, listeners=listeners)
    return snapshot if settled_state(library_file(lib)) == snapshot.state else snapshot._replace(state=None)


def read_counts(lib: Library, names: Sequence[str], ids: IntArray) -> Columns:
    """Read the count fields that any item has, float32 (n,), NaN where one has none, and their dates, int64 (n,)."""
    dates = sorted({DATES[name] for name in names if name in DATES})
    stored = read_fields(lib, [*names, *dates])
    counts = {name: column(ids, stored[name]) for name in names if stored[name]}
    return counts | {date: column(ids, stored[date], seconds, np.int64(0)) for date in dates if stored[date]}


def _tracks(columns: Columns) -> LibrarySnapshot:
    models = columns["model"]
    known, uses = np.unique(models[models > 0], return_counts=True)
    placed = models == known[np.argmax(uses)] if len(known) else np.zeros(len(models), bool)
    vectors = stack(columns["values"], columns["width"])
    return LibrarySnapshot(
        ids=columns["ids"],
        artist=columns["artist_number"],
        album=columns["album_number"],
        song=columns["song_number"],
        lengths=columns["lengths"],
        placed=placed,
        # Those of two models cannot be compared.
        vectors=vectors if placed.all() else np.where(placed[:, None], vectors, np.float32(0)),
        scores={name: scores for name, scores in columns.items() if name.startswith("cf_score")},
        marks=_marks(columns),
    )


def _marks(columns: Columns) -> TrackMarks:
    return TrackMarks(columns["ids"], columns["sound"], columns["name"])
