"""The hybrid model: predicts preferences and latent factors of every track of a library from its audio and its tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy import sparse

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.models.embedding_axes import EmbeddingAxes
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.knn_graph import knn_graph
from cfaudio_core.models.latent_factors import LatentFactors
from cfaudio_core.models.neighbor_search import project
from cfaudio_core.models.tag_effects import TagEffects
from cfaudio_core.models.training_snapshot import TrainingSettings, TrainingSnapshot
from cfaudio_core.util.arrays import FloatArray, IntArray

_NO_ROWS = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class ModelInfo:
    """Facts about a model and the data that it was fitted to.

    Attributes
    ----------
    id
        "cf-" and a fingerprint of everything that the model was made of; the value of `cf_model`.
    net
        Id of the pretrained net whose features were used.
    settings
        Settings of the fit.
    n_tracks
        Number of analysed tracks.
    trained_listeners
        Names of the listeners of whom enough was known; the first outputs are their preferences, in this order, and
        the others are factors.
    n_contexts, n_playlists, n_sessions, n_counted
        Numbers of albums, artists and genres, of playlists, of sessions, and of runs between which counts grew, that
        join tracks.
    n_listens
        Number of plays whose time is known.
    part_errors
        Error of the preferences of held-out artists by all parts of the feature space, `chosen`, and without each of
        them, in the variance of what is known; empty where too little is known.
    held_out_by
        What was held out as a whole for the comparison with baselines: "artists", "albums" or "tracks".
    """

    id: str
    net: str
    settings: TrainingSettings
    n_tracks: int
    trained_listeners: list[str]
    n_contexts: int = 0
    n_playlists: int = 0
    n_sessions: int = 0
    n_counted: int = 0
    n_listens: int = 0
    part_errors: dict[str, float] = field(default_factory=dict)
    held_out_by: str = "tracks"


class HeldOutPredictions(NamedTuple):
    """Predictions of the preferences of known tracks, float32 (m, listeners) each, made without the track's fold.

    Attributes
    ----------
    truth
        Standardised preferences, NaN where unknown.
    by_audio, by_audio_and_tags
        Predictions of the model.
    baselines
        The same where whole artists or albums are held out, and of simpler means: name to float32 (k, listeners), with
        their `truth`; see `compare_baselines`.
    """

    truth: FloatArray = _NO_ROWS
    by_audio: FloatArray = _NO_ROWS
    by_audio_and_tags: FloatArray = _NO_ROWS
    baselines: dict[str, FloatArray] = {}  # noqa: RUF012 (nobody changes it)


class TrackPredictions(NamedTuple):
    """Predictions for n tracks from their audio, which no play and no tag changes.

    Attributes
    ----------
    by_audio
        float32 (n, outputs): predictions of the kernel machine, before residuals correct them.
    audio_part
        float32 (n, d): the part of the embeddings that is audio, see `EmbeddingAxes`.
    neighbor_features
        float32 (n, d): where neighbours are looked for, see `neighbor_basis`.
    graph
        Of the n tracks, see `knn_graph`; without edges where the model was trained on nobody.
    """

    by_audio: FloatArray
    audio_part: FloatArray
    neighbor_features: FloatArray
    graph: sparse.csr_array


@dataclass(frozen=True)
class HybridModel:
    """A model of one library; only `info`, `feature_space`, axes and basis are fitted where too little was played.

    Attributes
    ----------
    info
        Facts about the model.
    feature_space
        Whitens feature summaries: summaries (n, dim) -> features (n, 2 dim).
    embedding_axes
        Principal axes of the library's factors and features.
    neighbor_basis
        float32 (2 dim, d): axes along which neighbours are looked for; (2 dim, 0) for all.
    snapshot
        The training data, to measure drift from.
    factors
        Latent factors of the tracks.
    kernel
        Predicts preferences and factors from features.
    stack_weights
        float32 (2, outputs): what the predictions of the kernel machine and of the trained nets are multiplied by.
    nets
        Parameters of the trained nets, by name; none where no net makes the predictions better.
    tag_effects
        Adds the effects of artist, album and genre.
    held_out
        Held-out predictions, for the evaluation.
    """

    info: ModelInfo
    feature_space: FeatureSpace
    embedding_axes: EmbeddingAxes
    neighbor_basis: FloatArray
    snapshot: TrainingSnapshot = field(default_factory=TrainingSnapshot)
    factors: LatentFactors = field(default_factory=LatentFactors)
    kernel: KernelMachine = field(default_factory=KernelMachine)
    stack_weights: FloatArray = field(default_factory=lambda: np.zeros((2, 0), np.float32))
    nets: list[dict[str, FloatArray]] = field(default_factory=list)
    tag_effects: TagEffects = field(default_factory=TagEffects)
    held_out: HeldOutPredictions = field(default_factory=HeldOutPredictions)

    @property
    def id(self) -> str:
        """Id of the model."""
        return self.info.id

    def predict(self, feature_matrix: FeatureMatrix, graph: sparse.csr_array | None = None) -> TrackPredictions:
        """Predict the n tracks of a feature matrix, whose graph may be there already."""
        by_audio, audio_part, projected = self._predict_rows(feature_matrix)
        return TrackPredictions(by_audio, audio_part, projected, self._graph(projected) if graph is None else graph)

    def predict_new(
        self, predictions: TrackPredictions, feature_matrix: FeatureMatrix, rows: IntArray
    ) -> TrackPredictions:
        """Predict a library that has changed, only its new tracks by their features.

        Parameters
        ----------
        predictions
            Of the n tracks that there were.
        feature_matrix
            Of the new tracks.
        rows
            int64 (m,): which track each of the library's is now: one of the n, or after them one of the new ones.
        """
        n = len(predictions.by_audio)
        old, new = np.flatnonzero(rows < n), np.flatnonzero(rows >= n)

        def join(before: FloatArray, added: FloatArray) -> FloatArray:
            table = np.empty((len(rows), before.shape[1]), np.float32)
            table[old], table[new] = before[rows[old]], added[rows[new] - n]
            return table

        parts = zip(predictions[:3], self._predict_rows(feature_matrix), strict=True)
        by_audio, audio_part, projected = (join(*both) for both in parts)
        return TrackPredictions(by_audio, audio_part, projected, self._graph(projected))

    def _predict_rows(self, feature_matrix: FeatureMatrix) -> tuple[FloatArray, FloatArray, FloatArray]:
        n, d = len(feature_matrix), self.neighbor_basis.shape[1] or self.neighbor_basis.shape[0]
        by_audio = np.empty((n, len(self.kernel.mean)), np.float32)
        audio_part = np.empty((n, self.embedding_axes.of_audio.shape[1]), np.float32)
        projected = np.empty((n, d), np.float32)
        for part, features in feature_matrix.blocks():
            by_audio[part] = self.kernel.predict(features)
            audio_part[part] = self.embedding_axes.project_audio(features)
            projected[part] = project(features, self.neighbor_basis)
        return by_audio, audio_part, projected

    def _graph(self, projected: FloatArray) -> sparse.csr_array:
        if not self.info.trained_listeners:
            return sparse.csr_array((len(projected), len(projected)), dtype=np.float32)
        return knn_graph(projected)
