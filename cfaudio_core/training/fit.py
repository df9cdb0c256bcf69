"""Fit of a model: from the library's features, factors and listeners to a `HybridModel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import Interactions, gather_interactions
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Targets, TrainingSet
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.embedding_axes import EmbeddingAxes, blend_directions
from cfaudio_core.models.hybrid_model import HeldOutPredictions, HybridModel, ModelInfo, TrackPredictions
from cfaudio_core.models.kernel_machine import KernelMachine
from cfaudio_core.models.knn_graph import knn_graph
from cfaudio_core.models.latent_factors import LatentFactors
from cfaudio_core.models.neighbor_search import AXES_TRACKS, neighbor_basis, neighbor_features
from cfaudio_core.models.tag_effects import TagEffects
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS, TrainingSettings
from cfaudio_core.training.representation import fit_representation
from cfaudio_core.training.selection import select_net
from cfaudio_core.util.arrays import IntArray, float32
from cfaudio_core.util.fingerprint import fingerprint

if TYPE_CHECKING:
    from cfaudio_core.finetuning.track_windows import TrackWindows


def make_model_id(
    tracks: Tracks, listeners: Sequence[Listener], net: str, settings: TrainingSettings, n_windows: int = 0
) -> str:
    """Make the id of a model from a fingerprint of everything that `fit_model` makes it of."""
    columns = (tracks.keys, tracks.artists, tracks.albums, tracks.genres, tracks.playlists)
    return f"cf-{fingerprint(net, n_windows, settings, *columns, listeners, size=5)}"


def fit_model(
    tracks: Tracks,
    listeners: Sequence[Listener],
    feature_matrix: FeatureMatrix,
    net: str,
    settings: TrainingSettings,
    windows: TrackWindows | None = None,
    n_windows: int = 0,
) -> tuple[HybridModel, TrackPredictions]:
    """Fit a model, and predict the library that it is fitted to.

    With fewer than 30 known tracks for every listener nothing is trained: the model knows the library's audio alone.

    Parameters
    ----------
    tracks, listeners, feature_matrix
        n analysed tracks, listeners over them, and their features.
    net, n_windows
        Id of the pretrained net that the features come from, and of how many windows a track; 0 for whole tracks.
    settings
        Settings of the fit.
    windows
        Reads the windows of tracks; needed where a net is to be trained.
    """
    trained = [listener for listener in listeners if listener.known.sum() >= MIN_KNOWN_TRACKS]
    known = np.flatnonzero(np.any([np.zeros(len(tracks), bool), *(listener.known for listener in trained)], axis=0))
    contexts = gather_interactions(tracks, trained) if trained else None
    factors = LatentFactors.fit(tracks.keys, contexts, known, settings) if contexts else LatentFactors()
    targets = Targets.of(trained, known, factors.directions[: len(known)])
    adapts = settings.net.fine_tune == "auto"
    representation = fit_representation(
        tracks, known, targets, feature_matrix, windows if adapts else None, settings.seed
    )
    feature_matrix = feature_matrix.within(representation.space)
    no_axes = np.zeros((0, 0), np.float32)
    model = HybridModel(
        info=ModelInfo(
            id=make_model_id(tracks, listeners, net, settings, n_windows),
            net=net,
            settings=settings,
            n_tracks=len(tracks),
            trained_listeners=[listener.name for listener in trained],
            part_errors=representation.errors,
        ),
        feature_space=feature_matrix.space,
        embedding_axes=EmbeddingAxes(no_axes, no_axes, no_axes),
        neighbor_basis=neighbor_basis(feature_matrix),
        factors=factors,
    )
    if contexts is None:
        model = replace(model, embedding_axes=_fit_axes(model, tracks, feature_matrix))
        return model, model.predict(feature_matrix)
    graph = knn_graph(neighbor_features(feature_matrix, model.neighbor_basis))
    model = _train(model, tracks, trained, contexts, known, targets, feature_matrix, graph, windows)
    return model, model.predict(feature_matrix, graph)


def _train(
    model: HybridModel,
    tracks: Tracks,
    listeners: Sequence[Listener],
    contexts: Interactions,
    known: IntArray,
    targets: Targets,
    feature_matrix: FeatureMatrix,
    graph: sparse.csr_array,
    windows: TrackWindows | None,
) -> HybridModel:
    """Fit the parts of a model that predict the listeners' preferences and the factors."""
    settings = model.info.settings
    # What is decided on held-out tracks, is decided for each listener, and once for all factors together.
    groups = np.minimum(np.arange(targets.values.shape[1]), len(listeners))
    fold = np.random.default_rng(settings.seed).permutation(len(known)) % settings.folds
    training_set = TrainingSet(feature_matrix.rows(known), graph, known, targets, groups, fold)
    kernel, by_audio = KernelMachine.fit(training_set, settings.seed)
    by_audio, stack_weights, nets, baselines, held_out_by = select_net(
        tracks, listeners, training_set, by_audio, feature_matrix, windows, settings.net, settings.seed
    )
    tag_effects, by_both = TagEffects.fit(tracks, training_set, by_audio)
    of_listeners = slice(None, len(listeners))
    truth = float32(np.where(targets.known, targets.preference, np.nan))
    model = replace(
        model,
        info=replace(
            model.info,
            n_contexts=contexts.count("album", "artist", "genre"),
            n_playlists=contexts.count("playlist"),
            n_counted=contexts.count("counted"),
            n_sessions=contexts.count("session"),
            n_listens=sum(len(listener.sessions.track) for listener in listeners),
            held_out_by=held_out_by,
        ),
        kernel=kernel,
        stack_weights=stack_weights,
        nets=nets,
        tag_effects=tag_effects,
        held_out=HeldOutPredictions(truth, by_audio[:, of_listeners], by_both[:, of_listeners], baselines),
    )
    return replace(model, embedding_axes=_fit_axes(model, tracks, feature_matrix, contexts))


def _fit_axes(
    model: HybridModel, tracks: Tracks, feature_matrix: FeatureMatrix, contexts: Interactions | None = None
) -> EmbeddingAxes:
    """Fit the axes of the embedding to a sample of tracks, by their factors as far as the model has any."""
    settings = model.info.settings
    at = np.arange(len(tracks))
    if len(at) > AXES_TRACKS:
        at = np.sort(np.random.default_rng(settings.seed).choice(len(at), AXES_TRACKS, replace=False))
    features, n_listeners = feature_matrix.rows(at), len(model.info.trained_listeners)
    directions = preferences = np.zeros((len(at), 0), np.float32)
    if contexts is not None:
        sample = tracks.subset(at)
        predicted = model.tag_effects.predict(sample, model.kernel.predict(features))
        rows, own = model.factors.rows(sample.keys), np.zeros((len(at), model.factors.directions.shape[1]), np.float32)
        own[rows >= 0] = model.factors.directions[rows[rows >= 0]]
        preferences = predicted[:, :n_listeners]
        directions = blend_directions(own, predicted[:, n_listeners:], contexts.n_entries[at])
    return EmbeddingAxes.fit(directions, preferences, features, settings.factors.factors)
