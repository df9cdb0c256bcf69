"""Features of all tracks of a library, also where they are too many to be held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.features.summaries import FeatureSummaries
from cfaudio_core.util.arrays import FloatArray, IntArray

MAX_TRACKS = 50_000
"""Tracks whose features are held in memory at once. Of a larger library, so many are what its space is fitted to."""

_BLOCK_TRACKS = 4096

ReadSummaries = Callable[[IntArray], FeatureSummaries]
"""Reads the summaries of the tracks at int64 (k,) positions."""


class FeatureMatrix:
    """Features of n tracks, float32 (n, dim).

    Those of a large library are computed a block of tracks at a time, whenever they are asked for: kept, they would
    take more memory than all else.

    Parameters
    ----------
    space
        The fitted space that they lie in.
    n
        The number of tracks.
    read
        Reads the summaries of some of them.
    whole
        The summaries of all of them, if they are in memory already.
    """

    def __init__(self, space: FeatureSpace, n: int, read: ReadSummaries, whole: FeatureSummaries | None = None) -> None:
        self.space, self._n, self._read = space, n, read
        if whole is None and 0 < n <= MAX_TRACKS:
            whole = read(np.arange(n))
        self._whole = None if whole is None else space.transform(whole)

    @classmethod
    def of(cls, summaries: FeatureSummaries, space: FeatureSpace | None = None) -> FeatureMatrix:
        """Features of a library whose summaries are in memory; without a space, one is fitted to them."""
        return cls(space or FeatureSpace.fit(summaries), len(summaries.means), summaries.subset, summaries)

    @classmethod
    def fit(cls, n: int, read: ReadSummaries, read_covariance: ReadSummaries, seed: int) -> FeatureMatrix:
        """Fit a space to a library, and compute its features.

        Parameters
        ----------
        n, read
            As above.
        read_covariance
            The same as `read`, with the covariance within tracks.
        seed
            Chooses the tracks that the space is fitted to, where there are more than `MAX_TRACKS`.
        """
        if n <= MAX_TRACKS:
            summaries = read_covariance(np.arange(n))
            return cls(FeatureSpace.fit(summaries), n, read, summaries)
        chosen = np.random.default_rng(seed).choice(n, MAX_TRACKS, replace=False)
        return cls(FeatureSpace.fit(read_covariance(np.sort(chosen))), n, read)

    def within(self, space: FeatureSpace) -> FeatureMatrix:
        """Features of the same tracks in another space."""
        return self if space is self.space else FeatureMatrix(space, self._n, self._read)

    def __len__(self) -> int:
        return self._n

    def rows(self, positions: IntArray) -> FloatArray:
        """float32 (k, dim): features of the tracks at int64 (k,) positions."""
        if self._whole is not None:
            return self._whole[positions]
        features = np.empty((len(positions), self.space.width), np.float32)
        for start in range(0, len(positions), _BLOCK_TRACKS):
            part = slice(start, start + _BLOCK_TRACKS)
            features[part] = self.space.transform(self._read(positions[part]))
        return features

    def activations(self, positions: IntArray) -> FloatArray:
        """Read what the pretrained net makes of the tracks at int64 (k,) positions: float32 (k, d), in no space."""
        starts = range(0, max(len(positions), 1), _BLOCK_TRACKS)
        return np.concatenate([self._read(positions[at : at + _BLOCK_TRACKS]).activations for at in starts])

    def sample(self, n_max: int, seed: int) -> FloatArray:
        """float32 (k, dim): features of all tracks, or of so many of them, in their order."""
        if self._n <= n_max:
            return self.rows(np.arange(self._n))
        return self.rows(np.sort(np.random.default_rng(seed).choice(self._n, n_max, replace=False)))

    def blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield some tracks and their features, float32 (k, dim), one block after the other."""
        if self._whole is not None:
            yield slice(0, self._n), self._whole
            return
        for start in range(0, self._n, _BLOCK_TRACKS):
            part = np.arange(start, min(start + _BLOCK_TRACKS, self._n))
            yield slice(start, start + len(part)), self.rows(part)
