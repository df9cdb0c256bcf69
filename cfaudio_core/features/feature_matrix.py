"""Where all tracks of a library lie in the space of sound, also where they are too many to be held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cfaudio_core.features.feature_space import FeatureSpace, FeatureSummaries
from cfaudio_core.util.arrays import FloatArray, IntArray

AT_ONCE = 50_000
"""So many tracks are held in memory at once. In larger libraries, so many tell what space the library lies in."""

_BLOCK = 4096  # tracks

ReadSummaries = Callable[[IntArray], FeatureSummaries]
"""What was heard of the tracks at int64 (k,) positions."""


class FeatureMatrix:
    """The places of n tracks in the space of sound.

    Those of a large library are computed a block of tracks at a time, whenever they are asked for: kept, they would
    take more memory than all else.

    Parameters
    ----------
    space
        The space.
    n
        The number of tracks.
    hear
        What was heard of some of them.
    whole
        What was heard of all of them, if that is there already.
    """

    def __init__(self, space: FeatureSpace, n: int, hear: ReadSummaries, whole: FeatureSummaries | None = None) -> None:
        self.space, self._n, self._hear = space, n, hear
        if whole is None and 0 < n <= AT_ONCE:
            whole = hear(np.arange(n))
        self._whole = None if whole is None else space.apply(whole)

    @classmethod
    def of(cls, sound: FeatureSummaries, space: FeatureSpace | None = None) -> FeatureMatrix:
        """That of a library of which all that was heard is in memory."""
        return cls(space or FeatureSpace.of(sound), len(sound.summaries), sound.at, sound)

    @classmethod
    def explore(cls, n: int, hear: ReadSummaries, examine: ReadSummaries, seed: int) -> FeatureMatrix:
        """That of a library whose space is not known yet.

        Parameters
        ----------
        n, hear
            As above.
        examine
            The same as `hear`, with the covariance within tracks.
        seed
            Chooses the tracks that tell the space, where there are more than `AT_ONCE`.
        """
        if n <= AT_ONCE:
            sound = examine(np.arange(n))
            return cls(FeatureSpace.of(sound), n, hear, sound)
        chosen = np.random.default_rng(seed).choice(n, AT_ONCE, replace=False)
        return cls(FeatureSpace.of(examine(np.sort(chosen))), n, hear)

    def __len__(self) -> int:
        return self._n

    def at(self, positions: IntArray) -> FloatArray:
        """float32 (k, dim): the places of the tracks at int64 (k,) positions."""
        if self._whole is not None:
            return self._whole[positions]
        places = np.empty((len(positions), 2 * len(self.space.mean)), np.float32)
        for start in range(0, len(positions), _BLOCK):
            part = slice(start, start + _BLOCK)
            places[part] = self.space.apply(self._hear(positions[part]))
        return places

    def sample(self, most: int, seed: int) -> FloatArray:
        """float32 (k, dim): all places, or those of so many tracks, in their order."""
        if self._n <= most:
            return self.at(np.arange(self._n))
        return self.at(np.sort(np.random.default_rng(seed).choice(self._n, most, replace=False)))

    def blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Which tracks, and their places float32 (k, dim), one block after the other."""
        if self._whole is not None:
            yield slice(0, self._n), self._whole
            return
        for start in range(0, self._n, _BLOCK):
            part = np.arange(start, min(start + _BLOCK, self._n))
            yield slice(start, start + len(part)), self.at(part)
