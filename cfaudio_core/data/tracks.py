"""The library as columns, one entry a track."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cfaudio_core.util.arrays import FloatArray, IntArray


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
        columns: dict[str, Any] = {
            name: values[index] if isinstance(values, np.ndarray) else [values[i] for i in index] if values else []
            for name, values in vars(self).items()
            if name != "counts"
        }
        return Tracks(**columns, counts={name: column[index] for name, column in self.counts.items()})
