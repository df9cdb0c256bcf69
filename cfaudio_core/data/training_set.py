"""What is to be learnt of tracks: how they are liked, and the direction of their latent factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32


class Parabolas(NamedTuple):
    """y'Ay - 2 b'y + c of m tracks, see `prediction_error`.

    Attributes
    ----------
    curvature
        float32 (m, factors, factors): A.
    slope
        float32 (m, factors): b.
    level
        float32 (m,): c.
    """

    curvature: FloatArray
    slope: FloatArray
    level: FloatArray


@dataclass(frozen=True)
class Targets:
    """What is to be predicted of `m` tracks.

    Attributes
    ----------
    preference
        float32 (m, listeners), standardised over what is known of each listener.
    known
        bool (m, listeners): where a preference is known.
    direction
        float32 (m, factors): unit latent factors, or (m, 0) where contexts say nothing.
    plays
        How wrong other factors would be about the plays; for the loss that goes by these alone.
    """

    preference: FloatArray
    known: BoolArray
    direction: FloatArray
    plays: Parabolas | None = None

    def __len__(self) -> int:
        return len(self.preference)

    def subset(self, rows: IntArray) -> Targets:
        """Those of some of the tracks."""
        plays = Parabolas(*(part[rows] for part in self.plays)) if self.plays else None
        return Targets(self.preference[rows], self.known[rows], self.direction[rows], plays)

    @property
    def values(self) -> FloatArray:
        """float32 (m, listeners + factors): all that is to be predicted, side by side."""
        return np.hstack([np.where(self.known, self.preference, 0), self.direction]).astype(np.float32)

    @property
    def weights(self) -> FloatArray:
        """float32 (m, listeners + factors): the weight of each value's error.

        A listener's preferences and all the factors together weigh the same: a unit direction has variance 1 in all.
        """
        return np.hstack([self.known, np.ones_like(self.direction)]).astype(np.float32)


class TrainingSet(NamedTuple):
    """What is to be learnt of a library, and how it is divided to see what was learnt.

    Attributes
    ----------
    features
        float32 (m, dim): places of the known tracks in the space of sound.
    graph
        Of all n tracks, see `neighbours.knn_graph`.
    known
        int64 (m,): positions of the known tracks, whose targets are known.
    targets
        Of these m.
    groups
        int64 (outputs,): outputs with one number share what is decided on held-out tracks.
    fold
        int64 (m,): tracks with one number are held out together.
    """

    features: FloatArray
    graph: sparse.csr_array
    known: IntArray
    targets: Targets
    groups: IntArray
    fold: IntArray

    def subset(self, rows: IntArray) -> TrainingSet:
        """What is to be learnt of some of the known tracks."""
        return self._replace(
            features=self.features[rows],
            known=self.known[rows],
            targets=self.targets.subset(rows),
            fold=self.fold[rows],
        )

    def to_all(self, values: FloatArray) -> FloatArray:
        """float32 (n, outputs): values (m, outputs) of the known tracks at their places among all, 0 elsewhere."""
        everywhere = np.zeros((self.graph.shape[0], values.shape[1]), np.float32)
        everywhere[self.known] = values
        return everywhere


def same_columns(table: npt.NDArray[Any]) -> list[IntArray]:
    """The columns of (m, outputs) that hold the same, together: positions of outputs that can be solved for at once."""
    same: dict[bytes, list[int]] = {}
    for output, column in enumerate(table.T):
        same.setdefault(column.tobytes(), []).append(output)
    return [np.array(outputs) for outputs in same.values()]


def unit(vectors: FloatArray) -> FloatArray:
    """Rows at unit length; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return float32(vectors / np.where(norms > 0, norms, 1))
