"""Small libraries with obvious answers, for the tests of the stages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cfaudio_core.audio.descriptors import N_DESCRIPTORS
from cfaudio_core.audio.stereo import N_WIDTHS
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.factorization.factorizer import FactorizerSettings
from cfaudio_core.factorization.wmf import WmfSettings
from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import FeatureResult, FileState
from cfaudio_core.features.summaries import FeatureSummaries
from cfaudio_core.models.embedding_axes import EmbeddingAxes
from cfaudio_core.models.hybrid_model import HybridModel, ModelInfo
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.util.arrays import FloatArray, IntArray

NET = "MSD_musicnn-3"

QUICK = TrainingSettings(
    factors=FactorizerSettings(6, wmf=WmfSettings(iterations=4)),
    folds=3,
)
"""A fit that takes well under a second."""


def make_tracks(n: int, **columns: Sequence[object]) -> Tracks:
    """`n` tracks with different paths and keys and no tags, but for the columns given."""
    made: dict[str, object] = {
        "ids": np.arange(1, n + 1),
        "paths": [b"/music/%d.flac" % i for i in range(n)],
        "keys": [f"key{i}" for i in range(n)],
        "artists": [""] * n,
        "albums": [""] * n,
        "genres": [()] * n,
        "models": [""] * n,
        "titles": [""] * n,
        "album_titles": [""] * n,
        "albumartists": [""] * n,
        "recording_mbids": [""] * n,
        "track_mbids": [""] * n,
        "lengths": np.zeros(n, np.float32),
        "playlists": [()] * n,
    }
    return Tracks(**{**made, **columns})  # type: ignore[arg-type]


def make_listener(plays: Sequence[float], skips: Sequence[float] | None = None, name: str = "me") -> Listener:
    plays = np.float32(plays)
    return Listener(name, plays, np.zeros_like(plays) if skips is None else np.float32(skips))


def make_model(name: str = "cf-0123456789", listeners: Sequence[str] = (), **parts: object) -> HybridModel:
    """A model that nothing was fitted to, but for the parts given."""
    info = ModelInfo(name, NET, QUICK, 0, list(listeners))
    none = np.zeros((0, 0), np.float32)
    space = FeatureSpace(np.float32([1, 2]), none.ravel(), np.float32([[1, 2], [3, 4]]), none.ravel(), {"net": 2})
    return HybridModel(info, space, EmbeddingAxes(none, none, none), none, **parts)  # type: ignore[arg-type]


class Library(NamedTuple):
    """A library whose listener likes tracks by the first number of their summary, and plays half of it."""

    tracks: Tracks
    listener: Listener
    summaries: FloatArray
    liking: FloatArray

    @property
    def sound(self) -> FeatureSummaries:
        """Sound that is the same all through a track."""
        return steady(self.summaries)

    def subset(self, index: IntArray) -> Library:
        return Library(
            self.tracks.subset(index), self.listener.subset(index), self.summaries[index], self.liking[index]
        )


def steady(summaries: FloatArray) -> FeatureSummaries:
    """Sound of tracks that do not change from window to window."""
    return FeatureSummaries(summaries, np.zeros_like(summaries), np.zeros((summaries.shape[1],) * 2))


def make_library(n: int = 240, seed: int = 0) -> Library:
    """Albums of 5 tracks, two an artist; every other track was played, the more often the more it is liked."""
    rng = np.random.default_rng(seed)
    summaries = rng.normal(0, 1, (n, 8)).astype(np.float32)
    liking = summaries[:, 0]
    plays = np.where(np.arange(n) % 2 == 0, 1 + np.round(8 / (1 + np.exp(-3 * liking))), 0)
    tracks = make_tracks(
        n,
        artists=[f"artist {i // 10}" for i in range(n)],
        albums=[f"album {i // 5}" for i in range(n)],
        genres=[(f"genre {i % 3}",) for i in range(n)],
    )
    return Library(tracks, make_listener(plays), summaries, liking)


def fill_store(store: FeatureStore, library: Library, windows: int = 10, net: str = NET) -> None:
    """Put features into a store as if the library had been analysed; `summarise` gives the summaries back."""
    root = library.summaries.astype(np.float64)
    features = np.pad((np.sign(root) * root**2).astype(np.float16), ((0, 0), (0, N_WIDTHS)))  # in mono
    described = np.zeros((windows, N_DESCRIPTORS), np.float16)
    results = [
        FeatureResult(path, FileState(path, 1, 1), key, np.tile(row, (windows, 1)), descriptors=described)
        for path, key, row in zip(library.tracks.paths, library.tracks.keys, features, strict=True)
    ]
    store.add(net, windows, results)


def write_files(folder: Path, names: Sequence[str]) -> list[bytes]:
    """Small files that are there, though nothing can be analysed of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())
    return [bytes(folder / name) for name in names]
