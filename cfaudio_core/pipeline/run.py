"""Fit and embed: the second half of a run, which fits when there is something to gain and embeds every track."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from cfaudio_core.audio.descriptors import DESCRIPTORS
from cfaudio_core.backbones.registry import backbone_id
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.errors import StoreError
from cfaudio_core.features.feature_matrix import FeatureMatrix, ReadSummaries
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.finetuning.track_windows import TrackWindows
from cfaudio_core.models.hybrid_model import HybridModel, TrackPredictions
from cfaudio_core.models.model_files import is_outdated, kept_models, load_model, require_model, save_model
from cfaudio_core.models.training_snapshot import TrainingSettings, TrainingSnapshot
from cfaudio_core.pipeline.extract import RunResult, RunSettings
from cfaudio_core.pipeline.net_predictions import forget_net_predictions, predict_nets
from cfaudio_core.pipeline.prediction_cache import cache_predictions, cached_predictions
from cfaudio_core.pipeline.scoring import embed_tracks
from cfaudio_core.training.drift import measure_drift
from cfaudio_core.training.fit import fit_model
from cfaudio_core.util.fingerprint import fingerprint
from cfaudio_core.util.threads import threads_for

FeaturesOf = Callable[[Sequence[str]], FeatureMatrix]

EMBEDDED = "placed"
"""Name of the store's note of what the embeddings in the library were made of."""


def fit_and_embed(
    tracks: Tracks,
    listeners: Sequence[Listener],
    result: RunResult,
    store: FeatureStore,
    models: Path,
    settings: RunSettings,
    *,
    may_fit: bool = True,
) -> None:
    """Fit a model if that is worth it, and embed the tracks if anything has changed; into `result`.

    Parameters
    ----------
    tracks, listeners
        As in `extract_library`, with its listeners.
    result
        Of `extract_library`.
    store, models
        Where features and models are kept.
    settings
        Settings of the run.
    may_fit
        False: use the model in force as it is, if there is one.
    """
    net = backbone_id(settings.extractor.backbone)
    tracks = replace(tracks, keys=result.keys).subset(result.analysed)
    listeners = [listener.subset(result.analysed) for listener in listeners]
    described = store.keys(DESCRIPTORS, settings.extractor.windows).intersection(tracks.keys)
    now = replace(TrainingSnapshot.of(tracks, listeners, net, settings.training), n_described=len(described))
    model = _go_back(models, net, now, settings) if settings.model else _model_in_force(models, net, settings, result)
    drift = measure_drift(model.snapshot, now) if model else None
    again = settings.retrain or (settings.force and not settings.model) or (drift is not None and drift.due)
    fits = may_fit and (model is None or again)
    result.model = model
    if not len(tracks) or (model is None and not may_fit):
        return
    if model and not fits:
        result.fingerprint = _fingerprint(model, tracks, listeners, described)
        if store.noted(EMBEDDED) == result.fingerprint and set(tracks.models) == {model.id}:
            return
    result.drift = drift
    windows = TrackWindows(
        store, net, settings.extractor, dict(zip(tracks.keys, tracks.paths, strict=True)), settings.jobs
    )
    if model is None or fits:
        model, predictions, feature_matrix = _fit(tracks, listeners, windows, models, now, settings.training)
        features_of: FeaturesOf = lambda _: feature_matrix  # noqa: E731 (it is there already)
        result.model, result.fitted, result.fingerprint = model, True, _fingerprint(model, tracks, listeners, described)
    else:
        features_of = partial(_features, windows, model)
        file, made_of = _cache(models, model, windows)
        if settings.force or result.described:
            file.unlink(missing_ok=True)
        predictions = cached_predictions(file, made_of, model, tracks.keys, features_of)
    by_net = predict_nets(model, tracks.keys, windows, features_of)
    result.embeddings = embed_tracks(model, tracks, listeners, predictions, by_net)


def _fit(
    tracks: Tracks,
    listeners: Sequence[Listener],
    windows: TrackWindows,
    models: Path,
    snapshot: TrainingSnapshot,
    settings: TrainingSettings,
) -> tuple[HybridModel, TrackPredictions, FeatureMatrix]:
    """Fit a model to all analysed tracks, and keep it with its predictions."""
    with threads_for(len(tracks)):
        read, read_covariance = (_reader(windows, tracks.keys, covariance=one) for one in (False, True))
        feature_matrix = FeatureMatrix.fit(len(tracks), read, read_covariance, settings.seed)
        model, predictions = fit_model(
            tracks, listeners, feature_matrix, windows.net, settings, windows, windows.config.windows
        )
    model = replace(model, snapshot=snapshot)
    save_model(models, model)
    # As later runs have it: on some processors the last bits of a product depend on the order of an array in memory.
    model = load_model(models, model.id)
    forget_net_predictions(windows.store, kept_models(models))
    file, made_of = _cache(models, model, windows)
    cache_predictions(file, made_of, tracks.keys, predictions)
    for other in models.glob("[!c]*.safetensors"):  # caches of earlier versions; those of models begin with "cf-"
        if other != file:
            other.unlink(missing_ok=True)
    return model, predictions, feature_matrix


def _features(windows: TrackWindows, model: HybridModel, keys: Sequence[str]) -> FeatureMatrix:
    """Compute the features of tracks in a model's space."""
    return FeatureMatrix(model.feature_space, len(keys), _reader(windows, keys))


def _reader(windows: TrackWindows, keys: Sequence[str], *, covariance: bool = False) -> ReadSummaries:
    """Read feature summaries of tracks by their position among some keys."""
    return lambda rows: windows.store.summaries(windows.net, [keys[i] for i in rows], covariance=covariance)


def _cache(models: Path, model: HybridModel, windows: TrackWindows) -> tuple[Path, str]:
    """Name the cache of predictions, and what they are made of: how many windows a track has counts too."""
    return models / "predictions.safetensors", fingerprint(model.id, windows.net, windows.config.windows)


def _go_back(models: Path, net: str, now: TrainingSnapshot, settings: RunSettings) -> HybridModel:
    """Put an earlier model in force, as if it had been fitted to what is known now.

    Raises
    ------
    StoreError
        If it is not among those that are kept, or was made for other features or by an earlier version.
    """
    require_model(models, settings.model)
    model = load_model(models, settings.model)
    if model.info.net != net:
        raise StoreError(f"model {model.id} was made for another backbone ({model.info.net})")
    model = replace(model, snapshot=now)
    save_model(models, model)
    return model


def _model_in_force(models: Path, net: str, settings: RunSettings, result: RunResult) -> HybridModel | None:
    """Load the newest model; None if it is of other features or an earlier version, or damaged and not wanted."""
    newest = kept_models(models)[:1]
    if not newest:
        return None
    result.outdated = is_outdated(models, newest[0])
    if result.outdated:
        return None
    try:
        model = load_model(models, newest[0])
    except StoreError:
        if not settings.retrain:
            raise
        return None
    return model if model.info.net == net else None


def _fingerprint(model: HybridModel, tracks: Tracks, listeners: Sequence[Listener], described: set[str]) -> str:
    """Fingerprint of everything that the tracks' embeddings are made of; `described` has the keys with descriptors."""
    columns = (tracks.ids, tracks.keys, tracks.artists, tracks.albums, tracks.genres)
    return fingerprint(model.id, *columns, listeners, sorted(described))
