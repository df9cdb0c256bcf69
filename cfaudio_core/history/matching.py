"""Matching of a source's texts to tracks of the library: one index over the library, one look-up a text.

A text is matched by the first of these that has a candidate: MusicBrainz recording, MusicBrainz release track, path,
artist with title and album, artist with title. Names are compared by their keys (`normalize`), always as a whole: a
listen to "Song" is never one to "Song (inst.)".
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.history.normalize import VARIOUS, album_key, artist_key, plain_key, title_key
from cfaudio_core.history.records import TrackText
from cfaudio_core.util.arrays import IntArray

UNKNOWN = -1
"""Position of a text that is no track of the library."""

AMBIGUOUS = -2
"""Position of a text that may be several tracks of the library."""

_SOURCE_DIFFERENCE_S = 3.0  # by which lengths of one recording differ between sources
_RELEASE_DIFFERENCE_S = 10.0  # the same between an album and a compilation, with their fades and silences
_MIN_COMPONENTS = 3  # artist, album and file name make a path that is no coincidence


class LibraryIndex:
    """Index of a library's tracks by ids, paths and names.

    Parameters
    ----------
    tracks
        n tracks.
    folder
        The music folder, to which relative paths refer; b"": unknown, paths are compared by their ends alone.
    """

    def __init__(self, tracks: Tracks, folder: bytes = b"") -> None:
        self._lengths = np.nan_to_num(tracks.lengths)
        self._plays = _most_played(tracks)
        self._albums = [album_key(album) for album in tracks.album_titles]
        self._artists = [artist_key(artist) for artist in tracks.artists]
        self._recordings = _positions(tracks.recording_mbids)
        self._tracks = _positions(tracks.track_mbids)
        self._index_names(tracks)
        self._of_titles, self._of_paths, self._folder = tracks.titles, tracks.paths, folder
        self._components: list[tuple[str, ...]] = []

    def _index_names(self, tracks: Tracks) -> None:
        self._titles: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, title in enumerate(tracks.titles):
            key = title_key(title) if title else ""
            if key:
                # Spotify and Subsonic name the artist of the album, others that of the track.
                for artist in {self._artists[at], artist_key(tracks.albumartists[at])} - VARIOUS:
                    self._titles[artist, key].append(at)

    def _index_paths(self) -> None:
        self._ends: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._whole: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._components = [_components(path.decode("utf-8", "surrogateescape")) for path in self._of_paths]
        below = len(_components(self._folder.decode("utf-8", "surrogateescape"))) if self._folder else 0
        for at, parts in enumerate(self._components):
            self._whole[parts].append(at)
            if below:
                self._whole[parts[below:]].append(at)
            self._ends[parts[-_MIN_COMPONENTS:]].append(at)

    def match(self, texts: Collection[TrackText]) -> IntArray:
        """Look up m texts: int64 (m,), positions in `tracks`; `UNKNOWN` or `AMBIGUOUS` where there is none."""
        if not self._components and any(text.path for text in texts):  # most sources know no paths
            self._index_paths()
        return np.array([self._match_one(text) for text in texts], np.int64)

    def _match_one(self, text: TrackText) -> int:
        if text.recording_mbid in self._recordings:
            return self._choose(self._recordings[text.recording_mbid], text, one_recording=True)
        if text.track_mbid in self._tracks:
            return self._choose(self._tracks[text.track_mbid], text, one_recording=True)
        if text.path:
            at = self._match_path(text)
            if at >= 0:
                return at
        return self._match_names(text)

    def _match_path(self, text: TrackText) -> int:
        """Find the track at the path, or the only one whose path has the same end."""
        parts = _components(text.path)
        candidates = self._whole.get(parts, [])
        if not candidates and len(parts) >= _MIN_COMPONENTS:
            # A device has other folders above: the longest common end decides, of at least three components.
            near = self._ends.get(parts[-_MIN_COMPONENTS:], [])
            common = [_common_end(self._components[at], parts) for at in near]
            candidates = [at for at, n in zip(near, common, strict=True) if n == max(common)]
        if not candidates and len(parts) >= 2:
            candidates = self._whole.get(parts[-2:], [])  # a music folder with no more than one level
        return candidates[0] if len(candidates) == 1 else UNKNOWN

    def _match_names(self, text: TrackText) -> int:
        title = title_key(text.title) if text.title else ""
        candidates: list[int] = []
        for artist in (artist_key(text.artist), artist_key(text.album_artist)):
            if title and artist not in VARIOUS:
                candidates = self._titles.get((artist, title), [])
                if candidates:
                    break
        return self._choose(self._of_album(candidates, text), text) if candidates else UNKNOWN

    def _of_album(self, candidates: list[int], text: TrackText) -> list[int]:
        """Keep the candidates on the text's album, or all where none is."""
        album = album_key(text.album) if text.album else ""
        return [at for at in candidates if album and self._albums[at] == album] or candidates

    def _choose(self, candidates: list[int], text: TrackText, *, one_recording: bool = False) -> int:
        """Choose the track that is meant among candidates with one key.

        The title to the letter, the album and the length decide, as far as they are known and leave any. The rest are
        copies of one recording, on an album and on a compilation say: the most played is taken, and of equals the one
        that came first into the library. `AMBIGUOUS` where they differ in artist, title or length, unless they are
        known to be `one_recording`.
        """
        if len(candidates) == 1:
            return candidates[0]
        if text.title:
            plain = plain_key(text.title)
            candidates = [at for at in candidates if plain_key(self._of_titles[at]) == plain] or candidates
        candidates = self._of_album(candidates, text)
        if text.duration > 0:
            near = [at for at in candidates if abs(self._lengths[at] - text.duration) <= _SOURCE_DIFFERENCE_S]
            one_recording = one_recording or bool(near)
            candidates = near or candidates
        if not one_recording and not self._one_recording(candidates):
            return AMBIGUOUS
        return min(candidates, key=lambda at: (-self._plays[at], at))

    def _one_recording(self, candidates: list[int]) -> bool:
        names = {(self._artists[at], plain_key(self._of_titles[at])) for at in candidates}
        lengths = [self._lengths[at] for at in candidates if self._lengths[at] > 0]
        return len(names) == 1 and (not lengths or max(lengths) - min(lengths) <= _RELEASE_DIFFERENCE_S)


def _positions(names: Sequence[str]) -> dict[str, list[int]]:
    """Map each name, but the empty one, to the positions that have it."""
    positions: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        if name:
            positions[name].append(at)
    return dict(positions)


def _components(path: str) -> tuple[str, ...]:
    """Split a path, folded in case and form: portable players' file systems do not tell these apart."""
    folded = path if path.isascii() else unicodedata.normalize("NFC", path)  # macOS decomposes letters with accents
    return tuple(part for part in folded.casefold().replace("\\", "/").split("/") if part not in ("", "."))


def _common_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    n = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        n += 1
    return n


def _most_played(tracks: Tracks) -> np.ndarray:
    plays = [np.nan_to_num(column) for name, column in tracks.counts.items() if "skip" not in name]
    return np.max(plays, axis=0) if plays else np.zeros(len(tracks), np.float32)
