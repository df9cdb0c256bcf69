"""The library as columns: what the stages need to know of every track."""

from __future__ import annotations

from dataclasses import dataclass, field

from cfaudio_core.util.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Tracks:
    """`n` tracks of a library, one entry of each column a track.

    Attributes
    ----------
    ids
        int64 (n,); the library's own numbers.
    paths
        n absolute file names, as bytes: a file name need not be text.
    keys
        n content keys of the audio (`cf_key`), "" where the track was never heard.
    artists, albums
        n texts each, equal where the artist or the album is the same one; "" where unknown.
    genres
        n tuples of texts.
    models
        n ids of the model that made the track's vector (`cf_model`), "" where it has none.
    titles, album_titles, albumartists
        n texts each, as tagged; "" where unknown.
    recording_mbids, track_mbids
        n MusicBrainz ids each, of the recording and of the track on its release, in lower case; "" where unknown.
    lengths
        float32 (n,), seconds; 0 where unknown.
    playlists
        n tuples of names of playlists that the owner made; empty where there are none.
    counts
        The name of a count field to float32 (n,), NaN where a track has no such count.
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

    def __len__(self) -> int:
        return len(self.ids)

    def subset(self, index: IntArray) -> Tracks:
        """The tracks at int64 (k,) positions."""
        return Tracks(
            ids=self.ids[index],
            paths=[self.paths[i] for i in index],
            keys=[self.keys[i] for i in index],
            artists=[self.artists[i] for i in index],
            albums=[self.albums[i] for i in index],
            genres=[self.genres[i] for i in index],
            models=[self.models[i] for i in index],
            titles=[self.titles[i] for i in index],
            album_titles=[self.album_titles[i] for i in index],
            albumartists=[self.albumartists[i] for i in index],
            recording_mbids=[self.recording_mbids[i] for i in index],
            track_mbids=[self.track_mbids[i] for i in index],
            lengths=self.lengths[index],
            playlists=[self.playlists[i] for i in index],
            counts={name: column[index] for name, column in self.counts.items()},
        )
