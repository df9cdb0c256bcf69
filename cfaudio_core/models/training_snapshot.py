"""Training settings, and the snapshot of the data that a model was fitted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from cfaudio_core.data.feedback import FEEDBACK_PLAYS
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.factorization.factorizer import FactorizerSettings
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.util.arrays import FloatArray, IntArray
from cfaudio_core.util.fingerprint import fingerprint

MIN_KNOWN_TRACKS = 30
"""Tracks that a listener must have played or skipped before a model is trained on them."""


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a fit.

    Attributes
    ----------
    factorizer
        One of `factorizer.NAMES`, or `factorizer.NO_FACTORIZER`.
    factors
        Its settings.
    net
        Settings of the net that is trained on the library.
    folds
        Number of parts that known tracks are held out in.
    seed
        Starts everything random.
    """

    factorizer: str = "vector_exp"
    factors: FactorizerSettings = field(default_factory=FactorizerSettings)
    net: NetSettings = field(default_factory=NetSettings)
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True)
class TrainingSnapshot:
    """Snapshot of a library's training data, to measure later how far it has drifted.

    Attributes
    ----------
    conditions
        Fingerprint of the net and the settings.
    n_tracks
        The number of analysed tracks.
    keys
        Content keys of the k tracks that are known of any listener or are in a playlist.
    tags
        k fingerprints of their artists, albums, genres and playlists.
    plays, skips
        Name of each listener to int64 (2, p): the tracks that they have played or skipped, as positions among the k,
        and how often, with a like or dislike as `FEEDBACK_PLAYS` of them. In a large household most tracks are known of
        few.
    n_listens
        Name of each listener to the number of plays whose time is known.
    n_described
        Number of tracks that have audio descriptors.
    """

    conditions: str = ""
    n_tracks: int = 0
    keys: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    plays: dict[str, IntArray] = field(default_factory=dict)
    skips: dict[str, IntArray] = field(default_factory=dict)
    n_listens: dict[str, int] = field(default_factory=dict)
    n_described: int = 0

    @classmethod
    def of(
        cls, tracks: Tracks, listeners: Sequence[Listener], net: str, settings: TrainingSettings
    ) -> TrainingSnapshot:
        """Take a snapshot of n analysed tracks, and of the listeners over them."""
        listed = np.array([bool(names) for names in tracks.playlists], bool)
        known = np.flatnonzero(np.any([listed, *(listener.known for listener in listeners)], axis=0))

        @cache  # most have the tags of another track of their album
        def tag(artist: str, album: str, genres: tuple[str, ...], playlists: tuple[str, ...]) -> str:
            return fingerprint(artist, album, genres, sorted(playlists), size=6)

        return cls(
            conditions=fingerprint(net, settings),
            n_tracks=len(tracks),
            keys=[tracks.keys[i] for i in known],
            tags=[tag(tracks.artists[i], tracks.albums[i], tracks.genres[i], tracks.playlists[i]) for i in known],
            plays={one.name: _counted(one.plays[known], one.opinion[known]) for one in listeners},
            skips={one.name: _counted(one.skips[known], -one.opinion[known]) for one in listeners},
            n_listens={listener.name: len(listener.sessions.track) for listener in listeners},
        )

    def counts(self, listener: str) -> Counter[tuple[str, str]]:
        """Count a listener's plays and skips: (content key, "play" or "skip") to number."""
        counts: Counter[tuple[str, str]] = Counter()
        for kind, counted in (("play", self.plays[listener]), ("skip", self.skips[listener])):
            for k, number in counted.T.tolist():
                counts[self.keys[k], kind] += number
        return counts

    def trained_listeners(self) -> list[str]:
        """Names of the listeners of whom enough is known to train on."""
        return [
            name for name in self.plays if len(np.union1d(self.plays[name][0], self.skips[name][0])) >= MIN_KNOWN_TRACKS
        ]


def _counted(counts: FloatArray, opinion: FloatArray) -> IntArray:
    """int64 (2, p): where there are counts, or opinions above 0, and what they come to there."""
    counts = np.rint(counts + FEEDBACK_PLAYS * np.maximum(opinion, 0))
    at = np.flatnonzero(counts)
    return np.stack([at, counts[at].astype(np.int64)])
