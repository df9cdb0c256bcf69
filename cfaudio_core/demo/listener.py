"""A simulated listener and a history of plays.

Somebody loves a third of the music or more by style, knows most artists well and others not at all, tries other things
now and then and often skips those. What is loved is hidden from the recommender, which sees the history alone: so a
recommendation can be checked afterwards.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cfaudio_core.demo.library import Song
from cfaudio_core.errors import CfAudioError

MIN_SONGS = 8
"""With fewer there is nothing to love and leave, or to recommend."""

_MET_SHARE = 0.72  # of the tracks of each group
_LISTENS = 500
_LOVED_SHARE = 1 / 3  # of the music, at least
_LOYALTY = 0.8  # of the listens go to loved music
_SKIPS_LOVED, _SKIPS_OTHER = 0.04, 0.4  # of these listens end early
_SESSION = 8  # listens without a break, on average
_START = datetime(2024, 1, 1, 18, tzinfo=UTC)  # long ago: nothing is too fresh in memory to be recommended
_PAUSE_S = 2.0


@dataclass(frozen=True)
class History:
    """A listener's history, and what the listener loves.

    Attributes
    ----------
    kind
        The tag that decides what is loved: "genre", "artist" or "album".
    loved
        The loved genres, artists or albums.
    starts
        What was put on, in order: the song, seconds since 1970, and whether it was skipped.
    """

    kind: str
    loved: tuple[str, ...]
    starts: tuple[tuple[Song, int, bool], ...]

    def group(self, song: Song) -> str:
        """The genre, artist or album that decides whether the listener loves a song; "" if unknown."""
        return _group(song, self.kind)

    def loves(self, song: Song) -> bool:
        """Whether a song is of the kind the listener loves, played or not."""
        return self.group(song) in self.loved

    def known(self) -> set[int]:
        """Ids of the songs that were played or skipped."""
        return {song.id for song, _, _ in self.starts}

    def write(self, file: Path) -> None:
        """Write a table as a player keeps it."""
        with file.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(("time", "artist", "title", "album", "path", "skipped"))
            for song, time, skipped in self.starts:
                when = datetime.fromtimestamp(time, UTC).isoformat()
                table.writerow((when, song.artist, song.title, song.album, song.path, int(skipped)))


def simulate_history(songs: Sequence[Song], seed: int) -> History:
    """Simulate some months; the same seed and tags give the same ones.

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
    n_favourite = int(rng.binomial(_LISTENS, _LOYALTY))
    sessions: list[list[tuple[Song, bool]]] = []
    for pool, listens, skipping in (
        (favourites, n_favourite, _SKIPS_LOVED),
        (others, _LISTENS - n_favourite, _SKIPS_OTHER),
    ):
        times = dict(zip(pool, _spread(listens, len(pool), rng), strict=True))
        for name in sorted({_group(song, kind) for song in pool}):
            own = [song for song in pool if _group(song, kind) == name for _ in range(times[song])]
            shuffled = [own[i] for i in rng.permutation(len(own))]
            for at in range(0, len(shuffled), _SESSION):
                # Nothing is put on twice in a session.
                session = dict.fromkeys(shuffled[at : at + _SESSION])
                sessions.append([(song, bool(rng.random() < skipping)) for song in session])

    starts = []
    for day, number in enumerate(rng.permutation(len(sessions))):
        time = _START.timestamp() + 86400 * day + float(rng.uniform(0, 4 * 3600))
        for song, skipped in sessions[number]:
            starts.append((song, int(time), skipped))
            time += _PAUSE_S + song.length / (5 if skipped else 1)
    return History(kind, tuple(sorted(loved)), tuple(starts))


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
    """Choose the tracks of a group that the listener comes across: artist by artist, the last ones never."""
    artists = rng.permutation(sorted({song.artist for song in group})).tolist()
    in_order = sorted(group, key=lambda song: (artists.index(song.artist), song.id))
    return in_order[: int(_MET_SHARE * len(group) + rng.random())]


def _spread(listens: int, n: int, rng: np.random.Generator) -> list[int]:
    """Spread listens over n songs, each of which has one at least, and some are favourites."""
    weights = 1 / np.sqrt(1 + rng.permutation(n))
    return [1 + int(times) for times in rng.multinomial(max(listens - n, 0), weights / weights.sum())]
