"""Hiding: groups of tracks with all that a library and its listeners know of them, or all after a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.util.arrays import BoolArray, IntArray


def groups_of(tracks: Tracks, kind: str) -> IntArray:
    """int64 (n,): tracks with one number are hidden together; `kind` is "tracks", "albums" or "artists".

    A track without an album or artist goes alone, with its copies: the same audio twice is one track.
    """
    named = {"tracks": [""] * len(tracks), "albums": tracks.albums, "artists": tracks.artists}[kind]
    texts = [
        f"={name}" if name else f"#{key or at}" for at, (name, key) in enumerate(zip(named, tracks.keys, strict=True))
    ]
    return np.unique(texts, return_inverse=True)[1].astype(np.int64)


def sample(tracks: Tracks, listeners: Sequence[Listener], most: int, seed: int) -> IntArray:
    """int64 (k,): at most `most` tracks to evaluate on, so that a large library takes no longer.

    Whole artists at random, those with known tracks first, until half of the tracks are known ones; the rest are never
    played tracks, of these artists first.
    """
    n = len(tracks)
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    known = np.any([listener.known for listener in listeners], axis=0)
    artist = groups_of(tracks, "artists")
    draw = rng.permutation(int(artist.max()) + 1)[artist] + rng.random(n)  # artists in any order, tracks within them
    some = np.flatnonzero(known)[np.argsort(draw[known])][: max(most // 2, most - int((~known).sum()))]
    met = np.isin(artist, artist[some])
    others = np.flatnonzero(~known)
    others = others[np.lexsort((draw[others], ~met[others]))][: most - len(some)]
    return np.sort(np.concatenate([some, others]))


def without(listener: Listener, hidden: BoolArray) -> Listener:
    """The listener as if they had never met the hidden tracks."""
    return Listener(
        listener.name,
        np.where(hidden, 0, listener.plays).astype(np.float32),
        np.where(hidden, 0, listener.skips).astype(np.float32),
        listener.sessions.select(~hidden[listener.sessions.track]),
        feedback=np.where(hidden, 0, listener.feedback).astype(np.float32),
    )
