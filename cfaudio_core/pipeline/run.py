"""The library-scale run: hear what is new, learn when there is something to gain, and place every track."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cfaudio_core.backbones.registry import backbone_id
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.errors import StoreError
from cfaudio_core.features.extractor import hear, plan
from cfaudio_core.features.feature_matrix import FeatureMatrix, ReadSummaries
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.worker import ExtractorConfig
from cfaudio_core.models.model_files import (
    FORMAT,
    Model,
    kept_models,
    latest_model,
    load_model,
    require_model,
    save_model,
)
from cfaudio_core.pipeline.prediction_cache import PredictionCache
from cfaudio_core.pipeline.scoring import TrackEmbeddings, embed_tracks
from cfaudio_core.pipeline.track_windows import TrackWindows
from cfaudio_core.training.drift import Drift, TrainingSnapshot, change
from cfaudio_core.training.fit import TrainingSettings, fit_model
from cfaudio_core.util.arrays import BoolArray, IntArray
from cfaudio_core.util.progress import clear_line, progress
from cfaudio_core.util.threads import threads_for

_AT_ONCE = 2000  # tracks whose facts are put into words at a time


@dataclass(frozen=True)
class RunSettings:
    """What to hear with, how to learn, with how many worker processes, and the id of a model to go back to, or "".

    `scheduler` is the address of a Dask scheduler, whose workers hear in place of those processes, or "".
    """

    ear: ExtractorConfig = field(default_factory=ExtractorConfig)
    training_set: TrainingSettings = field(default_factory=TrainingSettings)
    jobs: int = 1
    force: bool = False
    retrain: bool = False
    model: str = ""
    scheduler: str = ""


@dataclass
class RunResult:
    """What a run came to.

    Attributes
    ----------
    keys
        n content keys; "" for a track that could not be heard or was not to be.
    decoded
        Files heard in this run.
    problems
        File name to what is wrong with it, for the files that could not be heard in this run.
    old_problems
        The same for those that an earlier run could not hear, and that have not changed since.
    heard
        int64 (h,): positions of the tracks that have features.
    model
        The model in force.
    learnt
        Whether it was made in this run.
    changed
        What has changed since the model was made that was in force before, if anything has.
    places
        Of the h heard tracks; None if every track stands where the last run has put it.
    """

    keys: list[str]
    decoded: int = 0
    problems: dict[bytes, str] = field(default_factory=dict)
    old_problems: dict[bytes, str] = field(default_factory=dict)
    heard: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    model: Model | None = None
    learnt: bool = False
    changed: Drift | None = None
    places: TrackEmbeddings | None = None
    digest: str = ""


def extract_library(
    tracks: Tracks,
    within: BoolArray,
    store: FeatureStore,
    settings: RunSettings,
    on_problem: Callable[[bytes, str], None],
) -> RunResult:
    """Hear what was never heard.

    Parameters
    ----------
    tracks
        n tracks.
    within
        bool (n,): the tracks to hear; the others are taken as far as they are known.
    store
        Keeps the features.
    settings
        What to hear with.
    on_problem
        Told of every file that cannot be heard, as it turns up.
    """
    net = backbone_id(settings.ear.backbone)
    known = plan(tracks, store, net, settings.ear.windows, within=within, force=settings.force)
    outcome = RunResult(keys=known.keys, old_problems=known.problems)
    left = known.left
    if left:
        keys: dict[bytes, str] = {}
        with progress("Hearing", len(left)) as advance:
            jobs = min(settings.jobs, len(left))
            for heard in hear(
                left, settings.ear, store, net, jobs=jobs, scheduler=settings.scheduler, on_progress=advance
            ):
                outcome.old_problems.pop(heard.path, None)
                if heard.key:
                    keys[heard.path] = heard.key
                else:
                    outcome.problems[heard.path] = heard.problem
                    clear_line()
                    on_problem(heard.path, heard.problem)
        outcome.decoded = len(keys)
        outcome.keys = [keys.get(path, key) for path, key in zip(tracks.paths, known.keys, strict=True)]
    outcome.heard = np.flatnonzero([bool(key) for key in outcome.keys])
    return outcome


def fit_and_embed(
    tracks: Tracks,
    people: Sequence[Listener],
    outcome: RunResult,
    store: FeatureStore,
    models: Path,
    settings: RunSettings,
    *,
    may_learn: bool = True,
) -> None:
    """Learn if that is worth it, and place the tracks if anything has changed; into `outcome`.

    Parameters
    ----------
    tracks, people
        As in `extract_library`, with its listeners.
    outcome
        Of `extract_library`.
    store, models
        Where features and models are kept.
    settings
        How to learn.
    may_learn
        False: use the model in force as it is, if there is one.
    """
    net = backbone_id(settings.ear.backbone)
    heard = replace(tracks, keys=outcome.keys).subset(outcome.heard)
    listeners = [person.subset(outcome.heard) for person in people]
    now = TrainingSnapshot.of(heard, listeners, net, settings.training_set)
    model = _go_back(models, net, now, settings) if settings.model else _usable(models, net, settings)
    changed = change(TrainingSnapshot.from_json(model.about["evidence"]), now) if model else None
    must_learn = model is None or settings.retrain or (settings.force and not settings.model)
    must_learn = may_learn and (must_learn or (changed is not None and changed.due))
    outcome.model = model
    if not len(heard) or (model is None and not may_learn):
        return
    if model and not must_learn:
        outcome.digest = _digest(heard, listeners, model.id)
        if store.noted("placed") == outcome.digest and set(heard.models) == {model.id}:
            return
    outcome.changed = changed

    def hear_of(keys: Sequence[str], *, telling: bool = False) -> ReadSummaries:
        return lambda rows: store.sound(net, [keys[i] for i in rows], telling=telling)

    feature_matrix: FeatureMatrix | None = None
    windows = TrackWindows(store, net, settings.ear, dict(zip(heard.keys, heard.paths, strict=True)), settings.jobs)
    if model is None or must_learn:
        with threads_for(len(heard)):
            examine = hear_of(heard.keys, telling=True)
            feature_matrix = FeatureMatrix.explore(len(heard), hear_of(heard.keys), examine, settings.training_set.seed)
            model, predictions = fit_model(heard, listeners, feature_matrix, net, settings.training_set, windows)
        model.about["evidence"] = now.as_json()
        save_model(models, model)
        windows.forget_all_but(kept_models(models))
        outcome.model, outcome.learnt, outcome.digest = model, True, _digest(heard, listeners, model.id)
        _kept(models, model, settings).keep(heard.keys, predictions)
    else:
        kept = _kept(models, model, settings)
        if settings.force:
            kept.forget()
        predictions = kept.current(model, heard.keys, hear_of)
    by_net = windows.said_by_nets(model, heard.keys, hear_of(heard.keys), feature_matrix)
    outcome.places = embed_tracks(model, heard, listeners, predictions, by_net)


def _kept(models: Path, model: Model, settings: RunSettings) -> PredictionCache:
    """What the model in force makes of the sound, which depends on how much is heard of a track too."""
    made_for = f"{model.id} {model.about['net']} {settings.ear.windows}"
    return PredictionCache(models / "impressions.safetensors", made_for)


def _go_back(models: Path, net: str, now: TrainingSnapshot, settings: RunSettings) -> Model:
    """Put an earlier model in force, as if it had been made of what is known now.

    Raises
    ------
    StoreError
        If it is not among those that are kept, or was made for other features or by an earlier version.
    """
    require_model(models, settings.model)
    model = load_model(models, settings.model)
    if model.about["net"] != net:
        raise StoreError(f"model {model.id} was made for another backbone ({model.about['net']})")
    if model.about["format"] < FORMAT:
        raise StoreError(f"model {model.id} was made by an earlier version of cfaudio; cfembed makes a new one")
    model.about["evidence"] = now.as_json()
    save_model(models, model)
    return model


def _usable(models: Path, net: str, settings: RunSettings) -> Model | None:
    """The model in force; none if it is of other features or an earlier version, or damaged, and a new one is due."""
    try:
        model = latest_model(models)
    except StoreError:
        if not settings.retrain:
            raise
        return None
    usable = model and model.about["net"] == net and model.about["format"] == FORMAT
    return model if usable else None


def _digest(tracks: Tracks, people: Sequence[Listener], model: str) -> str:
    """Changes with anything that a track's place depends on."""
    digest = hashlib.blake2b(model.encode(), digest_size=16)
    for start in range(0, len(tracks), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        facts = [tracks.ids[part].tolist(), tracks.keys[part], tracks.artists[part], tracks.albums[part]]
        digest.update(json.dumps([*facts, tracks.genres[part]]).encode())
    for person in people:
        digest.update(f"{person.name} {person.sessions.digest(tracks.keys)}".encode())
        digest.update(person.plays.tobytes() + person.skips.tobytes())
    return digest.hexdigest()
