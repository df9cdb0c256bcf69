"""What was known when a model was made, and whether what is known now is worth a new lesson.

A few plays more hardly change what can be learnt: they are folded in, and the model stays. A new lesson is due when
there is likely something to gain: when a tenth of what is known has changed, or when it is to be learnt in another way.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log1p
from typing import Any, NamedTuple

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.models.model_files import FORMAT
from cfaudio_core.training.fit import ENOUGH, TrainingSettings
from cfaudio_core.util.arrays import FloatArray, float32

ENOUGH_CHANGE = 0.1
"""The share of what was known that has to change before a new lesson is due."""


Counted = list[list[float]]
"""Positions of tracks, and a number for each."""


class Drift(NamedTuple):
    """What has changed since a model was made.

    Attributes
    ----------
    what
        What has changed most, in words: "what is known of me has changed by 3.2%".
    plays
        The number of plays and skips that are new.
    due
        Whether a new lesson is due.
    """

    what: str
    plays: int
    due: bool


@dataclass(frozen=True)
class TrainingSnapshot:
    """What is learnt from, in little.

    Attributes
    ----------
    conditions
        Changes with the settings, the net and the format of the model files.
    tracks
        The number of heard tracks.
    keys
        Content keys of the k tracks that are known of any listener or are in a playlist.
    tags
        k digests of their artists, albums, genres and playlists.
    plays, skips
        Name of each listener to the tracks that they have played or skipped, as positions among the k, and how often:
        in a large household most tracks are known of few.
    listens
        Name of each listener to the number of plays whose time is known.
    """

    conditions: str
    tracks: int
    keys: list[str]
    tags: list[str]
    plays: dict[str, Counted]
    skips: dict[str, Counted]
    listens: dict[str, int]

    @classmethod
    def of(cls, tracks: Tracks, people: Sequence[Listener], net: str, settings: TrainingSettings) -> TrainingSnapshot:
        """The evidence in a library of n heard tracks, by listeners over the same n tracks."""
        listed = np.array([bool(names) for names in tracks.playlists], bool)
        known = np.flatnonzero(np.any([listed, *(p.known for p in people)], axis=0))
        return cls(
            conditions=_digest([FORMAT, net, settings.kept()]),
            tracks=len(tracks),
            keys=[tracks.keys[i] for i in known],
            tags=[
                _digest([tracks.artists[i], tracks.albums[i], tracks.genres[i], sorted(tracks.playlists[i])])
                for i in known
            ],
            plays={p.name: _counted(p.plays[known]) for p in people},
            skips={p.name: _counted(p.skips[known]) for p in people},
            listens={p.name: len(p.sessions.track) for p in people},
        )

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TrainingSnapshot:
        """What `as_json` gave."""
        both = {what: {name: _sparse(counts) for name, counts in stored[what].items()} for what in ("plays", "skips")}
        return cls(**{**stored, **both})

    def counts(self, name: str) -> Counter[tuple[str, str]]:
        """How often a listener has played or skipped each track: (content key, "play" or "skip") to number."""
        counts: Counter[tuple[str, str]] = Counter()
        for what, (at, numbers) in (("play", self.plays[name]), ("skip", self.skips[name])):
            for k, number in zip(at, numbers, strict=True):
                counts[self.keys[int(k)], what] += int(number)
        return counts

    def taught(self) -> list[str]:
        """The listeners who are learnt from."""
        return [name for name in self.plays if len({*self.plays[name][0], *self.skips[name][0]}) >= ENOUGH]


def change(then: TrainingSnapshot, now: TrainingSnapshot) -> Drift | None:
    """What has changed between two states of the evidence; None if nothing has.

    Measured are, each as a share of what there was: log(1 + plays) and log(1 + skips) of every listener who is learnt
    from, summed over the tracks, so that the first play of a track tells more than its tenth; their plays whose time
    is known; the known tracks that are tagged otherwise; and the number of heard tracks.
    """
    if then == now:
        return None
    if then.conditions != now.conditions:
        return Drift("the settings have changed", 0, due=True)
    if (then.plays.keys(), set(then.taught())) != (now.plays.keys(), set(now.taught())):
        return Drift("there are other listeners to learn from", 0, due=True)
    shares, plays = {}, 0
    for name in now.plays:
        before, after = then.counts(name), now.counts(name)
        plays += (after - before).total()
        if name in now.taught():
            moved = sum(abs(log1p(before[what]) - log1p(after[what])) for what in before | after)
            timed = abs(now.listens[name] - then.listens[name]) / max(then.listens[name], len(then.keys))
            shares[f"what is known of {name}"] = max(moved / np.log1p([*before.values()]).sum(), timed)
    tagged = dict(zip(then.keys, then.tags, strict=True))
    other = sum(tagged.get(key, tag) != tag for key, tag in zip(now.keys, now.tags, strict=True))
    shares["what the tags of known tracks say"] = other / max(len(then.keys), 1)
    shares["the number of tracks"] = abs(now.tracks - then.tracks) / max(then.tracks, 1)
    what = max(shares, key=lambda name: shares[name])
    by = f"has changed by {shares[what]:.1%}" if shares[what] <= 1 else "has more than doubled"
    return Drift(f"{what} {by}", plays, due=shares[what] >= ENOUGH_CHANGE)


def _counted(counts: FloatArray) -> Counted:
    """Where an array is not 0, and what it is there."""
    at = np.flatnonzero(counts)
    return [at.tolist(), counts[at].tolist()]


def _sparse(stored: Counted | list[float]) -> Counted:
    """What `_counted` gave, or the whole array, as older models have it."""
    return stored if stored and isinstance(stored[0], list) else _counted(float32(stored))


def _digest(facts: object) -> str:
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=6).hexdigest()
