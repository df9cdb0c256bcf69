"""The library-scale run: hear what is new, learn when plays have changed, and place every track."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cfaudio_core.embedding.feature_store import FeatureStore
from cfaudio_core.embedding.heard_windows import HeardWindows
from cfaudio_core.embedding.hearing import hear, plan
from cfaudio_core.embedding.placing import Places, place
from cfaudio_core.embedding.worker import Ear
from cfaudio_core.errors import StoreError
from cfaudio_core.learning.learner import LessonSettings, learn, lesson_id
from cfaudio_core.learning.model_files import Model, latest_model, save_model
from cfaudio_core.learning.space import gather_sound
from cfaudio_core.listening.counts import Listener
from cfaudio_core.nets.backbone import backbone_id
from cfaudio_core.progress import make_way, progress
from cfaudio_core.tracks import BoolArray, IntArray, Tracks


@dataclass(frozen=True)
class RunSettings:
    """What to hear with, how to learn, and with how many worker processes."""

    ear: Ear = field(default_factory=Ear)
    lesson: LessonSettings = field(default_factory=LessonSettings)
    jobs: int = 1
    force: bool = False
    retrain: bool = False


@dataclass
class Outcome:
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
    places: Places | None = None
    digest: str = ""


def hear_library(
    tracks: Tracks,
    within: BoolArray,
    store: FeatureStore,
    settings: RunSettings,
    on_problem: Callable[[bytes, str], None],
) -> Outcome:
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
    known = plan(tracks, store, net, settings.ear.windows)
    outcome = Outcome(keys=known.keys, old_problems=known.problems)
    wanted = np.flatnonzero(within)
    left = plan(tracks.subset(wanted), store, net, settings.ear.windows, force=settings.force).left
    if left:
        keys: dict[bytes, str] = {}
        with progress("Hearing", len(left)) as advance:
            for heard in hear(left, settings.ear, store, net, jobs=min(settings.jobs, len(left)), on_progress=advance):
                outcome.old_problems.pop(heard.path, None)
                if heard.key:
                    keys[heard.path] = heard.key
                else:
                    outcome.problems[heard.path] = heard.problem
                    make_way()
                    on_problem(heard.path, heard.problem)
        outcome.decoded = len(keys)
        outcome.keys = [keys.get(path, key) for path, key in zip(tracks.paths, known.keys, strict=True)]
    outcome.heard = np.flatnonzero([bool(key) for key in outcome.keys])
    return outcome


def learn_and_place(
    tracks: Tracks,
    people: Sequence[Listener],
    outcome: Outcome,
    store: FeatureStore,
    models: Path,
    settings: RunSettings,
    *,
    may_learn: bool = True,
) -> None:
    """Learn if anything that is learnt from has changed, and place the tracks if anything has; into `outcome`.

    Parameters
    ----------
    tracks, people
        As in `hear_library`, with its listeners.
    outcome
        Of `hear_library`.
    store, models
        Where features and models are kept.
    settings
        How to learn.
    may_learn
        False: use the newest model as it is, if there is one.
    """
    net = backbone_id(settings.ear.backbone)
    heard = replace(tracks, keys=outcome.keys).subset(outcome.heard)
    listeners = [person.subset(outcome.heard) for person in people]
    wanted = lesson_id(heard, listeners, net, settings.lesson)
    model = _usable(models, net, settings)
    must_learn = may_learn and (model is None or model.id != wanted or settings.retrain or settings.force)
    outcome.model = model
    if not len(heard) or (model is None and not may_learn):
        return
    outcome.digest = _digest(heard, listeners, wanted if must_learn or model is None else model.id)
    if not must_learn and store.noted("placed") == outcome.digest and model and set(heard.models) == {model.id}:
        return
    sound = gather_sound(store.read(net, sorted(set(heard.keys))), heard.keys)
    windows = HeardWindows(store, net, settings.ear, dict(zip(heard.keys, heard.paths, strict=True)), settings.jobs)
    if must_learn or model is None:
        model = learn(heard, listeners, sound, net, settings.lesson, windows)
        save_model(models, model)
        outcome.model, outcome.learnt = model, True
    outcome.places = place(model, heard, listeners, sound, windows.said_by_nets(model, heard.keys, sound))


def _usable(models: Path, net: str, settings: RunSettings) -> Model | None:
    """The newest model, unless it was made for other features or is damaged, and then a new one is due."""
    try:
        model = latest_model(models)
    except StoreError:
        if not settings.retrain:
            raise
        return None
    return model if model and model.about["net"] == net else None


def _digest(tracks: Tracks, people: Sequence[Listener], model: str) -> str:
    """Changes with anything that a track's place depends on."""
    facts = [tracks.ids.tolist(), tracks.keys, tracks.artists, tracks.albums, tracks.genres, model]
    counts = [(p.name, p.plays.tolist(), p.skips.tolist(), p.sessions.digest(tracks.keys)) for p in people]
    return hashlib.blake2b(json.dumps([facts, counts]).encode(), digest_size=16).hexdigest()
