"""A simulated listener and a month of plays.

Somebody loves a third of the music or more by style, knows some artists well and others not at all, tries
other things now and then and often skips those. What is loved is hidden from the recommender, which sees the
counts alone: so a recommendation can be checked afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cfaudio_core.demo.library import Song
from cfaudio_core.errors import CfAudioError

MIN_SONGS = 8
"""With fewer there is nothing to love and leave, or to recommend."""

_LISTENS = 180  # six a day
_LOVED_SHARE = 1 / 3  # of the music, at least
_LOYALTY = 0.85  # of the listens go to loved music
_SKIPS_LOVED, _SKIPS_OTHER = 0.04, 0.4  # of these listens end early


@dataclass(frozen=True)
class Month:
    """A month of plays, and what the listener loves.

    Attributes
    ----------
    kind
        The tag that decides what is loved: "genre", "artist" or "album".
    loved
        The loved genres, artists or albums.
    plays, skips
        Track id to count, 1 and up.
    """

    kind: str
    loved: tuple[str, ...]
    plays: dict[int, int]
    skips: dict[int, int]

    def group(self, song: Song) -> str:
        """The genre, artist or album that decides whether the listener loves a song; "" if unknown."""
        return _group(song, self.kind)

    def loves(self, song: Song) -> bool:
        """Whether a song is of the kind the listener loves, played or not."""
        return self.group(song) in self.loved


def simulate_month(songs: Sequence[Song], seed: int) -> Month:
    """Simulate a month; the same seed and tags give the same one, counts are ignored.

    Raises
    ------
    CfAudioError
        If there are fewer than `MIN_SONGS`.
    """
    if len(songs) < MIN_SONGS:
        raise CfAudioError(f"a demo needs at least {MIN_SONGS} tracks, and here are {len(songs)}")
    rng = np.random.default_rng(seed)
    kind = _deciding_kind(songs)
    groups: dict[str, list[Song]] = defaultdict(list)
    for song in songs:
        groups[_group(song, kind)].append(song)

    loved: list[str] = []
    n_loved = 0
    for name in rng.permutation(sorted(group for group in groups if group)).tolist():
        if n_loved < _LOVED_SHARE * len(songs):
            loved.append(name)
            n_loved += len(groups[name])

    met = {name: _met(group, rng) for name, group in sorted(groups.items())}
    favourites = [song for name in loved for song in met[name]]
    others = [song for name in met if name not in loved for song in met[name]]
    plays: dict[int, int] = {}
    skips: dict[int, int] = {}
    n_favourite = int(rng.binomial(_LISTENS, _LOYALTY))
    for pool, listens, skipping in (
        (favourites, n_favourite, _SKIPS_LOVED),
        (others, _LISTENS - n_favourite, _SKIPS_OTHER),
    ):
        for song, times in zip(pool, _spread(listens, len(pool), rng), strict=True):
            skipped = int(rng.binomial(times, skipping))
            plays |= {song.id: times - skipped} if times > skipped else {}
            skips |= {song.id: skipped} if skipped else {}
    return Month(kind, tuple(sorted(loved)), plays, skips)


def _group(song: Song, kind: str) -> str:
    return {"genre": song.genre, "artist": song.artist, "album": song.album}[kind]


def _deciding_kind(songs: Sequence[Song]) -> str:
    """Choose the widest tag that nearly all songs have and that makes at least three groups."""
    for kind in ("genre", "artist", "album"):
        named = [group for song in songs if (group := _group(song, kind))]
        if len(named) >= 0.9 * len(songs) and len(set(named)) >= 3:
            return kind
    return "artist"


def _met(group: Sequence[Song], rng: np.random.Generator) -> list[Song]:
    """Choose the half of a group that the listener comes across: artist by artist, the last ones never."""
    artists = rng.permutation(sorted({song.artist for song in group})).tolist()
    in_order = sorted(group, key=lambda song: (artists.index(song.artist), song.id))
    return in_order[: (len(group) + int(rng.integers(2))) // 2]


def _spread(listens: int, n: int, rng: np.random.Generator) -> list[int]:
    """Spread listens over n songs, of which some are favourites."""
    if n == 0:
        return []
    weights = 1 / np.sqrt(1 + rng.permutation(n))
    return [int(times) for times in rng.multinomial(listens, weights / weights.sum())]
