"""What is read of the library once, for any number of lists to be chosen from."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from beetsplug.cfaudio.embedding import user_errors
from beetsplug.cfaudio.history import seconds_column
from beetsplug.cfaudio.library import column, read_fields, read_texts, read_tracks
from beetsplug.cfaudio.listeners import read_people
from beetsplug.cfaudio.settings import Settings, score_field
from cfaudio_core.embedding.codec import decode_all
from cfaudio_core.listening.snapshot import DATES
from cfaudio_core.recommending.duplicates import songs
from cfaudio_core.tracks import FloatArray, IntArray, Tracks

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.listening.counts import Listener


@dataclass(frozen=True)
class Loaded:
    """What is read once for any number of lists.

    Attributes
    ----------
    tracks, people
        n tracks, and the listeners over them, the main one first.
    vectors
        float32 (n, d), unit length; zeros where a track has none, or one of another model than most have.
    scores
        Listener to float32 (n,), NaN where there is none.
    last_heard
        Listener to int64 (n,): UTC, seconds, when each track was last heard; 0 where unknown or never.
    song
        int64 (n,): the same number for the same song.
    now
        UTC, seconds.
    """

    tracks: Tracks
    people: list[Listener]
    vectors: FloatArray
    scores: dict[str, FloatArray]
    last_heard: dict[str, IntArray]
    song: IntArray
    now: float


def read_library(lib: Library, settings: Settings) -> Loaded:
    """Read once what any number of lists are chosen from."""
    owners, texts = read_texts(lib, "cf_embedding")
    vectors_of = decode_all(texts)
    del texts  # before the rest is read: it is the largest part of the library
    tracks = read_tracks(lib, settings.count_fields)
    with user_errors():
        people = read_people(lib, tracks, settings, match=False)
    fields = {person.name: score_field(person.name, main=person is people[0]) for person in people}
    dates = sorted({DATES[name] for name in tracks.counts if name in DATES})
    stored = read_fields(lib, [*fields.values(), *dates])
    times = {date: seconds_column(tracks.ids, stored[date]) for date in dates}
    return Loaded(
        tracks,
        people,
        _vectors(tracks, owners, vectors_of),
        {name: column(tracks.ids, stored[name_of]) for name, name_of in fields.items()},
        {person.name: _last_heard(person, settings, tracks, times) for person in people},
        songs(tracks),
        time.time(),
    )


def _vectors(tracks: Tracks, owners: IntArray, vectors: FloatArray) -> FloatArray:
    """float32 (n, d): the vectors in the order of the tracks; those of another model than most have mean nothing."""
    newest = max((m for m in set(tracks.models) if m), key=Counter(tracks.models).__getitem__, default="")
    comparable = np.array([bool(newest) and model == newest for model in tracks.models], bool)
    at = np.searchsorted(tracks.ids, owners)
    there = np.isin(owners, tracks.ids)
    placed = np.zeros((len(tracks), vectors.shape[1]), np.float32)
    placed[at[there]] = vectors[there]
    placed[~comparable] = 0
    return placed


def _last_heard(person: Listener, settings: Settings, tracks: Tracks, times: dict[str, IntArray]) -> IntArray:
    """By the listener's history and by the dates beside the listener's counts."""
    mine = settings.users.get(person.name, [] if settings.users else list(tracks.counts))
    last = person.sessions.last_played(len(tracks))
    for date in {DATES[name] for name in mine if name in DATES and name in tracks.counts}:
        last = np.maximum(last, times[date])
    return last
