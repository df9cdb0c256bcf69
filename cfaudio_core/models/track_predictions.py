"""What a model makes of the sound of every track: all that placing needs of it, whatever is played or tagged later."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.data.training_set import unit
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.knn_graph import knn_graph
from cfaudio_core.models.model_files import Model
from cfaudio_core.models.neighbor_search import along
from cfaudio_core.models.tag_effects import TagEffects
from cfaudio_core.util.arrays import FloatArray, IntArray


class TrackPredictions(NamedTuple):
    """What a model makes of the sound of n tracks.

    Attributes
    ----------
    said
        float32 (n, outputs): what their sound foretells, before anything is known of their neighbours.
    axes
        float32 (n, factors), unit length: along the principal axes of the library's sound.
    places
        float32 (n, d): where their neighbours are looked for, see `search.search_basis`.
    graph
        Of the n tracks, see `neighbours.knn_graph`; without edges where the model was taught by nobody.
    """

    said: FloatArray
    axes: FloatArray
    places: FloatArray
    graph: sparse.csr_array

    @classmethod
    def of(cls, model: Model, feature_matrix: FeatureMatrix, graph: sparse.csr_array | None = None) -> TrackPredictions:
        """Those of the tracks of a landscape, whose graph may be there already."""
        said, axes, places = _rows(model, feature_matrix)
        return cls(said, axes, places, _graph(model, places) if graph is None else graph)

    def joined_by(self, model: Model, feature_matrix: FeatureMatrix, rows: IntArray) -> TrackPredictions:
        """Those of a library that has changed.

        Parameters
        ----------
        model
            The same model.
        landscape
            Of the tracks that are new.
        rows
            int64 (m,): which track each of the library's is now: one of the n, or after them one of the new ones.
        """
        old = np.flatnonzero(rows < len(self.said))
        new = np.flatnonzero(rows >= len(self.said))

        def joined(before: FloatArray, added: FloatArray) -> FloatArray:
            table = np.empty((len(rows), before.shape[1]), np.float32)
            table[old], table[new] = before[rows[old]], added[rows[new] - len(before)]
            return table

        said, axes, places = (joined(*both) for both in zip(self[:3], _rows(model, feature_matrix), strict=True))
        return TrackPredictions(said, axes, places, _graph(model, places))


def kernel_of(model: Model) -> KernelMachine:
    """The kernel machine of a model that was taught by somebody."""
    return KernelMachine(*(model.arrays[f"kernel.{part}"] for part in KernelMachine._fields))


def effects_of(model: Model) -> TagEffects:
    """What artist, album and genre add to the sound, by a model that was taught by somebody."""
    arrays = (model.arrays[f"effects.{part}"] for part in ("values", "coverage", "trust"))
    return TagEffects(model.about["labels"], *arrays)


def space_of(model: Model) -> FeatureSpace:
    """The space of sound that a model was made in."""
    return FeatureSpace(*(model.arrays[f"space.{part}"] for part in FeatureSpace._fields))


def _rows(model: Model, feature_matrix: FeatureMatrix) -> tuple[FloatArray, FloatArray, FloatArray]:
    basis, search = model.arrays["sound.basis"], model.arrays["sound.search"]
    kernel = kernel_of(model) if model.about["taught"] else None
    widths = (len(kernel.mean) if kernel else 0, basis.shape[1], search.shape[1] or search.shape[0])
    said, axes, places = (np.empty((len(feature_matrix), width), np.float32) for width in widths)
    for part, features in feature_matrix.blocks():
        if kernel:
            said[part] = kernel.by_likeness(features)
        axes[part], places[part] = unit(features @ basis), along(features, search)
    return said, axes, places


def _graph(model: Model, places: FloatArray) -> sparse.csr_array:
    if not model.about["taught"]:
        return sparse.csr_array((len(places), len(places)), dtype=np.float32)
    return knn_graph(places)
