"""The training set: features of known tracks, their targets, and the folds that are held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from cfaudio_core.data.listeners import Listener
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32


@dataclass(frozen=True)
class Targets:
    """Targets of m known tracks: the listeners' preferences, and the direction of the latent factors.

    Attributes
    ----------
    preference
        float32 (m, listeners), standardised over what is known of each listener.
    known
        bool (m, listeners): where a preference is known.
    direction
        float32 (m, factors): unit latent factors, zeros where unknown, or (m, 0) where contexts say nothing.
    """

    preference: FloatArray
    known: BoolArray
    direction: FloatArray

    @classmethod
    def of(cls, listeners: Sequence[Listener], known: IntArray, direction: FloatArray) -> Targets:
        """Gather targets at int64 (m,) positions of the known tracks; directions are float32 (m, factors)."""
        if not listeners:
            return cls(np.zeros((len(known), 0), np.float32), np.zeros((len(known), 0), bool), direction)
        preference = np.stack([standard_preference(listener)[known] for listener in listeners], axis=1)
        return cls(preference, np.stack([listener.known[known] for listener in listeners], axis=1), direction)

    def __len__(self) -> int:
        return len(self.preference)

    def subset(self, rows: IntArray) -> Targets:
        """Targets of some of the tracks."""
        return Targets(self.preference[rows], self.known[rows], self.direction[rows])

    @property
    def values(self) -> FloatArray:
        """float32 (m, listeners + factors): all targets side by side, 0 where unknown."""
        return np.hstack([np.where(self.known, self.preference, 0), self.direction]).astype(np.float32)

    @property
    def weights(self) -> FloatArray:
        """float32 (m, listeners + factors): the weight of each value's error.

        A listener's preferences and all the factors together weigh the same: a unit direction has variance 1 in all.
        """
        placed = np.any(self.direction, axis=1, keepdims=True)
        return np.hstack([self.known, np.broadcast_to(placed, self.direction.shape)]).astype(np.float32)


class TrainingSet(NamedTuple):
    """The m known tracks of a library of n tracks, and how they are held out.

    Attributes
    ----------
    features
        float32 (m, dim), see `FeatureMatrix`.
    graph
        Of all n tracks, see `knn_graph`.
    known
        int64 (m,): positions of the known tracks.
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
        """Take some of the known tracks."""
        return self._replace(
            features=self.features[rows],
            known=self.known[rows],
            targets=self.targets.subset(rows),
            fold=self.fold[rows],
        )

    def scatter(self, values: FloatArray) -> FloatArray:
        """float32 (n, outputs): values (m, outputs) of the known tracks at their positions, 0 elsewhere."""
        scattered = np.zeros((self.graph.shape[0], values.shape[1]), np.float32)
        scattered[self.known] = values
        return scattered


def standard_preference(listener: Listener) -> FloatArray:
    """float32 (n,): a listener's preference with mean 0 and variance 1 over the tracks that are known of them."""
    preference = listener.preference
    known = preference[listener.known]
    if not len(known):
        return np.zeros_like(preference)
    return float32((preference - known.mean()) / (known.std() if known.std() > 1e-6 else 1))


def fold_groups(names: Sequence[str], n_folds: int, seed: int) -> IntArray:
    """Put tracks into folds by their names, int64 (m,): those of one name into one fold, nameless ones into any.

    The largest groups first, each into the fold that is smallest so far: folds come out about even.
    """
    groups: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        groups.setdefault(name or f"\0{row}", []).append(row)
    rows_of = list(groups.values())
    fold, sizes = np.zeros(len(names), np.int64), np.zeros(n_folds, np.int64)
    for i in sorted(np.random.default_rng(seed).permutation(len(rows_of)), key=lambda i: -len(rows_of[i])):
        smallest = int(sizes.argmin())
        fold[rows_of[i]] = smallest
        sizes[smallest] += len(rows_of[i])
    return fold


def same_columns(table: npt.NDArray[Any]) -> list[IntArray]:
    """Group equal columns of (m, outputs): positions of outputs that can be solved for at once."""
    same: dict[bytes, list[int]] = {}
    for output, column in enumerate(table.T):
        same.setdefault(column.tobytes(), []).append(output)
    return [np.array(outputs) for outputs in same.values()]


def unit(vectors: FloatArray) -> FloatArray:
    """Scale rows to unit length; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return float32(vectors / np.where(norms > 0, norms, 1))
