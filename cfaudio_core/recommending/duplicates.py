"""Which tracks are the same song: copies of one recording, remasters, and live takes of the same title."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cfaudio_core.listening.names import VARIOUS, artist_key, fold, title_key
from cfaudio_core.tracks import FloatArray, IntArray, Tracks

_TAKE = re.compile(
    r"\s*[(\[][^()\[\]]*\b(?:live|unplugged|acoustic|demo|take \d+|sessions?|alternate|rehearsal|edit)\b[^()\[\]]*[)\]]"
    r"|\s[-\u2013\u2014]\s*(?:live|unplugged|acoustic|demo|alternate|rehearsal|radio edit|single edit)\b.*$",
    re.IGNORECASE,
)
_SAME_LENGTH = 5.0  # seconds
_NO_SONG = re.compile(
    r"(?:track|titel|piste|pista|untitled|no ?title|intro|outro|interlude|skit|prelude|hidden track|bonus track)?\s*\d*"
)
"""Titles that tell nothing, folded: many songs of one artist have them."""


def songs(tracks: Tracks) -> IntArray:
    """Number the songs of a library.

    Parameters
    ----------
    tracks
        n tracks.

    Returns
    -------
    IntArray
        int64 (n,): the same number for the same song. Tracks are one song if they have the same sound (`keys`), the
        same MusicBrainz recording, or one artist and title but for editions and takes, unless an album has that title
        twice.
    """
    titles = [_song(artist, title) for artist, title in zip(tracks.artists, tracks.titles, strict=True)]
    twice = _twice_on_an_album(titles, tracks)
    by_title = ["" if title in twice else title for title in titles]
    return _joined([tracks.keys, tracks.recording_mbids, by_title])


def one_a_song(song: IntArray, allowed: IntArray, plays: FloatArray, appeal: FloatArray) -> IntArray:
    """Of each song the track that stands for it: the most played, then the most appealing, then the first.

    Parameters
    ----------
    song
        int64 (n,), as `songs` numbers them.
    allowed
        int64 (m,): positions of the tracks there are to choose from.
    plays, appeal
        float32 (n,).

    Returns
    -------
    IntArray
        int64, positions in ascending order.
    """
    order = np.lexsort((allowed, -np.nan_to_num(appeal[allowed], nan=-np.inf), -plays[allowed]))
    _, first = np.unique(song[allowed[order]], return_index=True)
    return np.sort(allowed[order][first])


def _song(artist: str, title: str) -> str:
    """Who and what, without editions and takes; "" where that does not tell a song."""
    who = artist_key(artist)
    if who in VARIOUS:
        return ""
    stripped = _TAKE.sub("", title) if "(" in title or "[" in title or " -" in title or " \u2013" in title else title
    what = title_key(stripped if stripped.strip() else title)
    return "" if not what or _NO_SONG.fullmatch(fold(stripped)) else f"{who}\0{what}"


def _twice_on_an_album(titles: Sequence[str], tracks: Tracks) -> set[str]:
    """Titles that an album has word for word more than once, at different lengths: they tell no song."""
    lengths: dict[tuple[str, str], float] = {}
    twice = set()
    for i, (title, album) in enumerate(zip(titles, tracks.albums, strict=True)):
        if title and album:
            length = float(tracks.lengths[i])
            if abs(lengths.setdefault((tracks.titles[i], album), length) - length) > _SAME_LENGTH:
                twice.add(title)
    return twice


def _joined(columns: Sequence[Sequence[str]]) -> IntArray:
    """int64 (n,): tracks that share a text of any column have one number, and so have all that hang together."""
    n = len(columns[0])
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for column in columns:
        first: dict[str, int] = {}
        for i, text in enumerate(column):
            if text and (other := first.setdefault(text, i)) != i:
                a, b = root(other), root(i)
                parent[max(a, b)] = min(a, b)
    return np.array([root(i) for i in range(n)], np.int64)
