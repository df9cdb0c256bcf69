"""The library as columns, one entry a track, and the marks by which its tracks are known again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray
from cfaudio_core.util.fingerprint import Prints, prints

NOWHERE = -1
"""Position of a track that is not among others."""


@dataclass(frozen=True)
class Tracks:
    """`n` tracks of a library.

    Attributes
    ----------
    ids
        int64 (n,); the library's own numbers.
    paths
        n absolute file names, as bytes: a file name need not be text.
    keys
        n content keys of the audio (`cf_key`), "" where the track was never analysed.
    artists, albums
        n texts each, equal where the artist or the album is the same one; "" where unknown.
    genres
        n tuples of texts.
    models
        n ids of the model that made the track's embedding (`cf_model`), "" where it has none.
    titles, album_titles, albumartists
        n texts each, as tagged; "" where unknown.
    recording_mbids, track_mbids
        n MusicBrainz ids each, of the recording and of the track on its release, in lower case; "" where unknown.
    lengths
        float32 (n,), seconds; 0 where unknown.
    playlists
        n tuples of names of playlists made by hand.
    counts
        Count field to float32 (n,), NaN where a track has no such count.
    credits
        n tuples of the artists of a track, one by one; () for a track with less than two, [] where nobody asked.
    """

    ids: IntArray
    paths: list[bytes]
    keys: list[str]
    artists: list[str]
    albums: list[str]
    genres: list[tuple[str, ...]]
    models: list[str]
    titles: list[str]
    album_titles: list[str]
    albumartists: list[str]
    recording_mbids: list[str]
    track_mbids: list[str]
    lengths: FloatArray
    playlists: list[tuple[str, ...]]
    counts: dict[str, FloatArray] = field(default_factory=dict)
    credits: list[tuple[str, ...]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, index: IntArray) -> Tracks:
        """Select the tracks at int64 (k,) positions."""
        if np.array_equal(index, np.arange(len(self))):
            return self
        columns: dict[str, Any] = {
            name: values[index] if isinstance(values, np.ndarray) else [values[i] for i in index] if values else []
            for name, values in vars(self).items()
            if name != "counts"
        }
        return Tracks(**columns, counts={name: column[index] for name, column in self.counts.items()})


class TrackMarks(NamedTuple):
    """Marks of n tracks: what they are known by, since a library gives the id of a removed item to another one.

    Attributes
    ----------
    ids
        int64 (n,): the library's own numbers.
    sounds, names
        uint64 (n,): digests of the content key, and of artist, title and album; 0 where unknown.
    """

    ids: IntArray
    sounds: Prints
    names: Prints

    def find(self, others: TrackMarks) -> IntArray:
        """Find m other tracks among these, whose ids ascend: int64 (m,), positions, `NOWHERE` where one is not.

        A track is the one with its content key or its names, and of several the one with its id. A track without
        either, as 0.1.0 kept it, is the one with its id.
        """
        if not len(self.ids):
            return np.full(len(others.ids), NOWHERE)
        at = np.minimum(np.searchsorted(self.ids, others.ids), len(self.ids) - 1)
        unmarked = (others.sounds == 0) & (others.names == 0)
        same = unmarked | _equal(self.sounds[at], others.sounds) | _equal(self.names[at], others.names)
        found = np.where(same & (self.ids[at] == others.ids), at, NOWHERE)
        for mine, theirs in ((self.sounds, others.sounds), (self.names, others.names)):
            lost = np.flatnonzero((found == NOWHERE) & (theirs > 0))
            if len(lost):
                order = np.argsort(mine, kind="stable")
                first = order[np.minimum(np.searchsorted(mine, theirs[lost], sorter=order), len(order) - 1)]
                found[lost] = np.where(mine[first] == theirs[lost], first, NOWHERE)
        return found.astype(np.int64)


def marks_of(tracks: Tracks) -> TrackMarks:
    """Mark tracks."""
    names = map(name_of, tracks.artists, tracks.titles, tracks.album_titles)
    return TrackMarks(tracks.ids, prints(tracks.keys), prints(names))


def name_of(artist: str, title: str, album: str) -> str:
    """Join the names of a track to a text whose digest is its mark; "" where it has none."""
    return f"{artist}\0{title}\0{album}" if artist or title else ""


def from_rows(rows: Iterable[tuple[int, int, int]]) -> TrackMarks:
    """Make marks of ids, sounds and names as a database keeps them: digests as signed numbers."""
    columns = np.array(list(rows), np.int64).reshape(-1, 3).T
    return TrackMarks(columns[0], columns[1].view(np.uint64), columns[2].view(np.uint64))


def as_rows(tracks: TrackMarks) -> dict[int, tuple[int, int]]:
    """Map each id to the marks of sound and name, as signed numbers."""
    sounds, names = (column.view(np.int64).tolist() for column in (tracks.sounds, tracks.names))
    return dict(zip(tracks.ids.tolist(), zip(sounds, names, strict=True), strict=True))


def _equal(one: Prints, other: Prints) -> BoolArray:
    same: BoolArray = (one == other) & (other > 0)
    return same
