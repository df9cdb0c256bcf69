"""Files of a library by their paths, as servers and portable players name them."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.history.normalize import VARIOUS, album_key, artist_key

_UNKNOWN = -1
_MIN_COMPONENTS = 3  # artist, album and file name make a path that is no coincidence
_DISC = re.compile(
    r"(?:bonus[\s._-]*)?(?:cd|dis[ck]|disque|dvd)[\s._#-]*(?:\d+\b.*|[a-d]|[ivx]+)?|(?:vinyl|lp|side)[\s._#-]*(?:\d+|[a-d])|\d"
)
"""Folders of discs, which many albums have."""

_ROOTS = frozenset({"music", "musik", "musique", "musica", "m\u00fasica", "mymusic", "mp3", "audio", "media", "sd"})


class PathIndex:
    """Index of a library's tracks by their paths.

    Parameters
    ----------
    tracks
        n tracks.
    folder
        The music folder, to which relative paths refer; b"": unknown, paths are compared by their ends alone.
    """

    def __init__(self, tracks: Tracks, folder: bytes = b"") -> None:
        self._of = tracks
        self._ends: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._whole: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._components = [_components(path.decode("utf-8", "surrogateescape")) for path in tracks.paths]
        root = _components(folder.decode("utf-8", "surrogateescape")) if folder else ()
        self._below = len(root)
        self._roots = _ROOTS | {*root[-1:]}
        for at, parts in enumerate(self._components):
            self._whole[parts].append(at)
            if root:
                self._whole[parts[len(root) :]].append(at)
            self._ends[parts[-_MIN_COMPONENTS:]].append(at)

    def find(self, path: str, agrees: Callable[[int], bool]) -> int:
        """Find the track at a path, or the only one whose path has the same end; -1 where there is none.

        Artist, album and file name have to be in that end, or the names of the track have to agree: many albums have
        a "CD 1/01 Intro.mp3".
        """
        parts = _components(path)
        candidates = self._whole.get(parts, [])
        if not candidates and len(parts) >= _MIN_COMPONENTS:
            # A device has other folders above: the longest common end decides, of at least three components.
            near = self._ends.get(parts[-_MIN_COMPONENTS:], [])
            common = {at: _common_end(self._components[at], parts) for at in near}
            longest = [at for at in near if common[at] == max(common.values())]
            candidates = [at for at in longest if self._is_telling(at, parts, common[at]) or agrees(at)]
        if not candidates and len(parts) >= 2:  # a music folder with no more than one level
            level = self._whole.get(parts[-2:], [])
            candidates = [at for at in level if self._is_telling(at, parts, 2) or agrees(at)]
        return candidates[0] if len(candidates) == 1 else _UNKNOWN

    def _is_telling(self, at: int, parts: tuple[str, ...], common: int) -> bool:
        """Whether the last components of a path, which are those of a track's too, are of no other artist's file."""
        album = album_key(self._of.album_titles[at])
        folders = [part for part in parts[-common:-1] if not _DISC.fullmatch(part) or album_key(part) == album]
        if len(folders) >= _MIN_COMPONENTS - 1:
            return True
        if common < len(self._components[at]) - self._below or not folders:
            return False
        # All below the music folder is the same, and so what is above has to be a music folder, or the artist.
        above = parts[-common - 1].replace(" ", "") if len(parts) > common else ""
        artists = {artist_key(self._of.artists[at]), artist_key(self._of.albumartists[at])} - VARIOUS
        return not above or above in self._roots or above[0] == "<" or above[-1] == ":" or artist_key(above) in artists


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
