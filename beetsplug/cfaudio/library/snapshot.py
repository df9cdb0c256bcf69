"""What is read of the library once, for any number of lists to be chosen from."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from beetsplug.cfaudio.config.settings import Settings, score_field
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.catalogue import Catalogue, CatalogueReader
from beetsplug.cfaudio.library.fields import count_values
from beetsplug.cfaudio.library.history import has_history, history_file
from beetsplug.cfaudio.library.listeners import add_history
from cfaudio_core.data.listeners import Listener, make_listeners
from cfaudio_core.data.sessions import Sessions
from cfaudio_core.history.count_growth import DATES
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray
from cfaudio_core.util.shelf import Arrays, file_state, is_settled

if TYPE_CHECKING:
    from beets.library import Library


@dataclass(frozen=True)
class RankingData:
    """What is read once for any number of lists, of n tracks.

    Attributes
    ----------
    ids
        int64 (n,), ascending: the library's own numbers.
    artist, song
        int64 (n,): the same number for the same artist, 0 where unknown, and for the same song.
    listeners
        The listeners over the tracks, the main one first.
    placed
        bool (n,): has a vector of the model that made most of them.
    vectors
        float32 (n, d), unit length; zeros where not placed.
    scores
        Listener to float32 (n,), NaN where there is none.
    last_played
        Listener to int64 (n,): UTC, seconds, when each track was last played; 0 where unknown or never.
    now
        UTC, seconds.
    """

    ids: IntArray
    artist: IntArray
    song: IntArray
    listeners: list[Listener]
    placed: BoolArray
    vectors: FloatArray
    scores: dict[str, FloatArray]
    last_played: dict[str, IntArray]
    now: float
    _tag_shares: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, ids: Sequence[int]) -> IntArray:
        """int64 (k,): positions of tracks."""
        return np.searchsorted(self.ids, np.array(ids, np.int64))

    def tag_shares(self, lib: Library) -> Mapping[str, float]:
        """Share of the tracks with any tags that have each; read when first asked for."""
        if not self._tag_shares:
            stored = count_values(lib, "cf_tags")
            tracks: Counter[str] = Counter()
            for text, number in stored.items():
                tracks.update(dict.fromkeys(text.split(", ") if text else (), number))
            known = stored.total() - stored[""]
            self._tag_shares.update({tag: number / max(known, 1) for tag, number in tracks.items()})
        return self._tag_shares


def read_library(lib: Library, settings: Settings) -> RankingData:
    """Read once what any number of lists are chosen from."""
    reader = CatalogueReader(lib, settings)
    tracks = reader.read()
    with user_errors():
        people = _people(reader, tracks, settings)
    nothing = np.full(len(tracks), np.nan, np.float32)
    field_of = {person.name: score_field(person.name, main=person is people[0]) for person in people}
    return RankingData(
        ids=tracks.ids,
        artist=tracks.artist,
        song=tracks.song,
        listeners=people,
        placed=tracks.placed,
        vectors=tracks.vectors,
        scores={name: tracks.scores.get(field, nothing) for name, field in field_of.items()},
        last_played={person.name: _last_heard(person, settings, tracks) for person in people},
        now=time.time(),
    )


def keep_catalogue(lib: Library, settings: Settings) -> None:
    """Read the library for the next command that chooses from it, if it is large enough for that to take long."""
    if CatalogueReader(lib, settings).worth:
        read_library(lib, settings)


def _people(reader: CatalogueReader, tracks: Catalogue, settings: Settings) -> list[Listener]:
    """The listeners by their counts and by the history; and what was read is kept, as long as none of it changed."""
    people = make_listeners(tracks.counts, settings.users, len(tracks))
    if not has_history(settings):
        reader.keep()
        return people
    file = history_file(settings)
    before = file_state(file) if file is not None else None
    over = blake2b(tracks.ids.tobytes() + tracks.lengths.tobytes(), digest_size=16).hexdigest()
    key = f"{before} {over} {[person.name for person in people]} {settings.session_gap}"
    zeros = np.zeros(len(tracks), np.float32)
    without = [Listener(person.name, zeros, zeros) for person in people]
    heard = _listeners(
        reader.shelf.get(
            "heard",
            key if before else None,
            lambda: _arrays(add_history(without, settings, tracks.ids, tracks.lengths)),
        )
    )
    if file is None or (file_state(file) == before and is_settled(file)):
        reader.keep()
    counted = {person.name: person for person in people}
    return [
        replace(
            person,
            plays=np.maximum(person.plays, counted[person.name].plays),
            skips=np.maximum(person.skips, counted[person.name].skips),
        )
        if person.name in counted
        else person
        for person in heard
    ]


def _last_heard(person: Listener, settings: Settings, tracks: Catalogue) -> IntArray:
    """By the listener's history and by the dates beside the listener's counts."""
    mine = settings.users.get(person.name, [] if settings.users else list(tracks.counts))
    last = person.sessions.last_played(len(tracks))
    for date in {DATES[name] for name in mine if name in DATES and name in tracks.counts}:
        if date in tracks.dates:
            last = np.maximum(last, tracks.dates[date])
    return last


def _arrays(people: Sequence[Listener]) -> Arrays:
    """Listeners as arrays with names, to be kept."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for k, person in enumerate(people):
        arrays |= {f"{k}:plays": person.plays, f"{k}:skips": person.skips}
        arrays |= {f"{k}:{part.name}": getattr(person.sessions, part.name) for part in fields(Sessions)}
    names = json.dumps([person.name for person in people])
    return arrays | {"names": np.frombuffer(names.encode(), np.uint8)}


def _listeners(arrays: Arrays) -> list[Listener]:
    """What `_arrays` made arrays of."""
    return [
        Listener(
            name,
            arrays[f"{k}:plays"],
            arrays[f"{k}:skips"],
            Sessions(*(arrays[f"{k}:{part.name}"] for part in fields(Sessions))),
        )
        for k, name in enumerate(json.loads(arrays["names"].tobytes()))
    ]
