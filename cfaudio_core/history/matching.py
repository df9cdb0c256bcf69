"""Matching of a source's texts to tracks of the library: one index over the library, one look-up a text.

A text is matched by the first of these that has a candidate: MusicBrainz recording, MusicBrainz release track, path,
artist with title and album, artist with title. A track whose names are not those of the text gives way to one whose
names are, to the letter: ids are mapped wrongly, and other files come to a path. Names are compared by their keys
(`normalize`), always as a whole: a listen to "Song" is never one to "Song (inst.)". For what has no match at all, each
of several artists is looked up (`credits`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from cfaudio_core.data.feedback import is_rating_field
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.history.credits import SAME_LENGTH_S, CreditIndex
from cfaudio_core.history.normalize import (
    VARIOUS,
    album_key,
    artist_key,
    artist_keys,
    fold,
    is_movement,
    plain_key,
    title_key,
)
from cfaudio_core.history.paths import PathIndex
from cfaudio_core.history.records import TrackText
from cfaudio_core.util.arrays import IntArray

UNKNOWN = -1
"""Position of a text that is no track of the library."""

AMBIGUOUS = -2
"""Position of a text that may be several tracks of the library."""

_RELEASE_DIFFERENCE_S = 10.0  # between lengths on an album and a compilation, with their fades and silences
_MBID_LETTERS = 36
_SEVERAL = re.compile(r"[\s;/,]+")
_NO_NAMES, _NAMES, _ALBUM = range(3)  # how far a track agrees with a text


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
        self._of, self._folder = tracks, folder
        self._lengths = np.nan_to_num(tracks.lengths)
        self._plays = _most_played(tracks)
        self._albums = [album_key(album) for album in tracks.album_titles]
        self._artists = [artist_key(artist) for artist in tracks.artists]
        self._albumartists = [artist_key(artist) for artist in tracks.albumartists]
        self._recordings = _positions(tracks.recording_mbids)
        self._tracks = _positions(tracks.track_mbids)
        self._keys = [title_key(title) if title else "" for title in tracks.titles]
        self._titles: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, key in enumerate(self._keys):
            # Spotify and Subsonic name the artist of the album, others that of the track.
            for artist in {self._artists[at], self._albumartists[at]} - VARIOUS if key else ():
                self._titles[artist, key].append(at)
        self._known_titles = frozenset(self._keys)
        self._known_albums = frozenset(self._albums)
        self._named = np.zeros(len(tracks), np.bool_)
        self._paths: PathIndex | None = None
        self._credits: CreditIndex | None = None

    def match(self, texts: Collection[TrackText]) -> IntArray:
        """Look up m texts: int64 (m,), positions in `tracks`; `UNKNOWN` or `AMBIGUOUS` where there is none."""
        found = np.full(len(texts), UNKNOWN)
        on_album = np.array([bool(text.album) and album_key(text.album) in self._known_albums for text in texts], bool)
        for now in (on_album, ~on_album):  # of copies, those without an album take the one that others name
            for k, text in enumerate(texts):
                if now[k]:
                    found[k] = self._match_one(text)
            self._named = np.bincount(found[found >= 0], minlength=len(self._of)) > 0
        return found

    def _match_one(self, text: TrackText) -> int:
        doubtful, agrees = UNKNOWN, _NO_NAMES
        for at in self._identified(text):
            now = self._agrees(at, text)
            if now == _ALBUM:
                return at
            if doubtful < 0 or now > agrees:
                doubtful, agrees = at, now
        title = title_key(text.title) if text.title else ""
        named = self._match_names(text, title) if title else UNKNOWN
        if doubtful < 0:
            # Most of what is not in the library has no title that is.
            return self._match_credits(text, title) if named == UNKNOWN and title in self._known_titles else named
        return named if self._is_nearer(named, text, agrees) else doubtful

    def _identified(self, text: TrackText) -> Iterator[int]:
        """Yield the tracks that the ids and the path of a text stand for, the surest first."""
        for ids in (text.recording_mbid, text.track_mbid):
            for mbid in ids.split():
                for index in (self._recordings, self._tracks):  # sources take one for the other
                    if mbid in index:
                        yield self._choose(index[mbid], text, one_recording=True)
        if text.path:
            if self._paths is None:  # most sources know no paths
                self._paths = PathIndex(self._of, self._folder)
            at = self._paths.find(text.path, lambda at: self._agrees(at, text, strictly=True) > _NO_NAMES)
            if at >= 0:
                yield at

    def _agrees(self, at: int, text: TrackText, *, strictly: bool = False) -> int:
        """Compare the names of a track and a text, as far as both have them; `strictly`, both must have them."""
        title, artist = self._of.titles[at], text.artist or text.album_artist
        if strictly and not (title and text.title and artist):
            return _NO_NAMES
        if title and text.title and title != text.title and self._keys[at] != title_key(text.title):
            return _NO_NAMES
        mine = {self._artists[at], self._albumartists[at]} - VARIOUS
        if mine and artist and self._of.artists[at] != artist:
            theirs = {artist_key(artist), artist_key(text.album_artist)} - VARIOUS
            if theirs and not mine & theirs and not mine.intersection(artist_keys(artist)):
                return _NO_NAMES
        if text.album and self._of.album_titles[at] != text.album and self._albums[at] != album_key(text.album):
            return _NAMES
        return _ALBUM

    def _is_nearer(self, named: int, text: TrackText, agrees: int) -> bool:
        """Whether the track of a text's names is meant, and not one that agrees with the text so far."""
        if named < 0:
            return named == AMBIGUOUS and agrees == _NO_NAMES
        to_the_letter = plain_key(self._of.titles[named]) == plain_key(text.title)
        return to_the_letter and self._agrees(named, text) > agrees

    def _match_names(self, text: TrackText, title: str) -> int:
        for artist in (artist_key(text.artist), artist_key(text.album_artist)):
            if artist not in VARIOUS and (candidates := self._titles.get((artist, title), [])):
                return self._choose(self._of_album(candidates, text), text)
        return UNKNOWN

    def _match_credits(self, text: TrackText, title: str) -> int:
        if not title:
            return UNKNOWN
        if self._credits is None:
            self._credits = CreditIndex(self._of, self._keys, self._artists, self._albumartists, self._albums)
        candidates = self._credits.find(text, title)
        return self._choose(self._of_album(candidates, text), text) if candidates else UNKNOWN

    def _of_album(self, candidates: list[int], text: TrackText) -> list[int]:
        """Keep the candidates on the text's album, or all where none is."""
        album = album_key(text.album) if text.album else ""
        return [at for at in candidates if album and self._albums[at] == album] or candidates

    def _choose(self, candidates: list[int], text: TrackText, *, one_recording: bool = False) -> int:
        """Choose the track that is meant among candidates with one key.

        The title to the letter, the album and the length decide, as far as they are known and leave any. The rest are
        copies of one recording, on an album and on a compilation say: one that other texts name with its album is
        taken, else the most played, and of equals the one that came first into the library. `AMBIGUOUS` where they
        differ in artist, title or length, or are movements on different albums, unless they are known to be
        `one_recording`.
        """
        if len(candidates) == 1:
            return candidates[0]
        if text.title:
            plain = plain_key(text.title)
            candidates = [at for at in candidates if plain_key(self._of.titles[at]) == plain] or candidates
        candidates = self._of_album(candidates, text)
        if text.duration > 0:
            near = [at for at in candidates if abs(self._lengths[at] - text.duration) <= SAME_LENGTH_S]
            one_recording = one_recording or (bool(near) and not self._are_movements(near))
            candidates = near or candidates
        if not one_recording and not self._one_recording(candidates):
            return AMBIGUOUS
        return min(candidates, key=lambda at: (not self._named[at], -self._plays[at], at))

    def _one_recording(self, candidates: list[int]) -> bool:
        names = {(self._artists[at], plain_key(self._of.titles[at])) for at in candidates}
        lengths = [self._lengths[at] for at in candidates if self._lengths[at] > 0]
        alike = len(names) == 1 and (not lengths or max(lengths) - min(lengths) <= _RELEASE_DIFFERENCE_S)
        return alike and not self._are_movements(candidates)

    def _are_movements(self, candidates: list[int]) -> bool:
        """Whether tracks of one title are likely to be of different works."""
        several = len({self._albums[at] for at in candidates}) > 1
        return several and any(is_movement(fold(self._of.titles[at])) for at in candidates)


def _positions(names: Sequence[str]) -> dict[str, list[int]]:
    """Map each id to the positions that have it; taggers join several by ";" or "/"."""
    positions: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        for one in _SEVERAL.split(name) if len(name) > _MBID_LETTERS else (name,) if name else ():
            positions[one].append(at)
    return dict(positions)


def _most_played(tracks: Tracks) -> np.ndarray:
    def is_count(name: str) -> bool:
        return "skip" not in name and not is_rating_field(name)

    plays = [np.nan_to_num(column) for name, column in tracks.counts.items() if is_count(name)]
    return np.max(plays, axis=0) if plays else np.zeros(len(tracks), np.float32)
