"""Tracks by one of several artists, or by none: what is looked up for a text whose artist as a whole has no such title.

Services write "A, B", "A & B" or "Various Artists" where a library has "A feat. B", and the other way round. A credit
is taken apart only where that joins no two artists that the library has apart: "Simon" is not "Simon & Garfunkel".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.history.normalize import VARIOUS, album_key, artist_key, artist_keys, guest_keys
from cfaudio_core.history.records import TrackText

_NOBODY = (
    "Unknown, None, Null, N/A, Various Artist, Various Interprets, Various Performers, Multiple Artists, No "
    "Artist, Compilation, Compilations, Sampler, Soundtrack, Original Soundtrack, OST, AA.VV., Vari, Vários, "
    "Vários Artistas, Diversos, Varios Artistas, Varios Intérpretes, Artistes divers, Artiste inconnu, "
    "Artisti vari, Artista sconosciuto, Artista desconocido, Artista desconhecido, Divers, Diverse, Diverse "
    "Interpreten, Diverse Künstler, Verschiedene, Verschiedene Interpreten, Verschiedene Künstler, Unbekannt, "
    "Unbekannter Künstler, Unbekannter Interpret, Diverse Artiesten, Verschillende artiesten, Onbekende "
    "artiest, Diverse artister, Blandade artister, Okänd artist, Ukjent artist, Ukendt kunstner, Różni "
    "wykonawcy, Nieznany wykonawca, 群星, オムニバス, 不明なアーティスト, Разные исполнители, Неизвестный исполнитель"
)

NOBODY = VARIOUS | {artist_key(name) for name in _NOBODY.split(",")}
"""Keys of artists that name nobody, as services write them."""

SAME_LENGTH_S = 3.0
"""Seconds by which lengths of one recording differ between sources."""


class CreditIndex:
    """Index of a library's tracks by each of their artists, and by their albums.

    Parameters
    ----------
    tracks
        n tracks.
    titles, artists, albumartists, albums
        n keys each, of their names.
    """

    def __init__(
        self,
        tracks: Tracks,
        titles: Sequence[str],
        artists: Sequence[str],
        albumartists: Sequence[str],
        albums: Sequence[str],
    ) -> None:
        self._lengths = np.nan_to_num(tracks.lengths)
        self._artists, self._albumartists, self._albums = artists, albumartists, albums
        self._releases = tracks.albums
        self._whole = {*self._artists, *self._albumartists} - NOBODY
        self._listed = [frozenset(map(artist_key, names)) for names in tracks.credits] or [frozenset()] * len(tracks)
        self._credited: list[frozenset[str]] = []
        self._by_artist: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_album: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, (artist, title) in enumerate(zip(tracks.artists, tracks.titles, strict=True)):
            credited = self._listed[at] or frozenset((*artist_keys(artist), *guest_keys(title)))
            self._credited.append(credited)
            if titles[at]:
                for name in {*credited, self._artists[at], self._albumartists[at]} - NOBODY:
                    self._by_artist[name, titles[at]].append(at)
                if self._albums[at]:
                    self._by_album[self._albums[at], titles[at]].append(at)

    def find(self, text: TrackText, title: str) -> list[int]:
        """Find the tracks that a text may be, by its title's key and its album or one of its artists."""
        artist = artist_key(text.artist or text.album_artist)
        if artist in NOBODY:
            return self._on_album(text, title, compiled=bool(text.artist or text.album_artist))
        names = tuple(dict.fromkeys((*artist_keys(text.artist or text.album_artist), *guest_keys(text.title))))
        near = {at for name in (artist, *names) for at in self._by_artist.get((name, title), [])}
        if same := [at for at in near if self._credited[at] == frozenset(names) and len(names) > 1]:
            return sorted(same)
        credited = {at for at in near if self._is_credited(at, text, artist, names)}
        if any(self._agrees(at, text) is None for at in credited):  # then the others of them may be meant as well
            credited |= {at for at in near if {self._artists[at], self._albumartists[at]}.intersection(names)}
        return sorted(credited) or self._by_nobody(text, title)

    def _is_credited(self, at: int, text: TrackText, artist: str, names: Sequence[str]) -> bool:
        """Whether a track that shares an artist with a text is by the artists of the text."""
        agrees = self._agrees(at, text)
        if artist in self._listed[at]:
            return True
        if artist in self._whole:
            return False
        if len(names) > 1 and names[0] in (self._artists[at], self._albumartists[at]):
            return agrees is not False
        return agrees is True

    def _agrees(self, at: int, text: TrackText) -> bool | None:
        """Whether a track is on the text's album or has its length; None where the text tells neither."""
        if text.album and self._albums[at] == album_key(text.album):
            return True
        if text.duration > 0 and self._lengths[at] > 0:
            return abs(float(self._lengths[at]) - text.duration) <= SAME_LENGTH_S
        return False if text.album else None

    def _on_album(self, text: TrackText, title: str, *, compiled: bool) -> list[int]:
        """Find the tracks of a title on the text's album, which is by several artists where that is `compiled`."""
        found = self._by_album.get((album_key(text.album), title), []) if text.album else []
        if compiled:
            found = [at for at in found if self._albumartists[at] not in self._credited[at] - NOBODY]
        # Two albums of one name may be by anybody.
        return found if len({self._releases[at] for at in found}) == 1 else []

    def _by_nobody(self, text: TrackText, title: str) -> list[int]:
        """Find the tracks on the text's album whose artist the library does not know."""
        found = self._by_album.get((album_key(text.album), title), []) if text.album else []
        return [at for at in found if self._artists[at] in NOBODY and self._albumartists[at] in NOBODY]
