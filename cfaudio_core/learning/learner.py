"""One lesson: from the library's features, factors and listeners to a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from cfaudio_core.factors.contexts import gather
from cfaudio_core.factors.wmf import WmfSettings, factorize
from cfaudio_core.learning.dataset import Scaling, Targets, unit
from cfaudio_core.learning.effects import Held, fit_effects
from cfaudio_core.learning.model_files import FORMAT, Model
from cfaudio_core.learning.settings import HeadSettings
from cfaudio_core.listening.counts import Listener
from cfaudio_core.tracks import FloatArray, Tracks

ENOUGH = 30
"""Tracks a listener must have played or skipped before anything is learnt from them."""


@dataclass(frozen=True)
class LessonSettings:
    """How to factorise and how to train; `seed` starts both."""

    wmf: WmfSettings = field(default_factory=WmfSettings)
    head: HeadSettings = field(default_factory=HeadSettings)
    seed: int = 0


def lesson_id(tracks: Tracks, people: Sequence[Listener], net: str, settings: LessonSettings) -> str:
    """Id of the model that this lesson gives: it changes with anything that is learnt from.

    Parameters
    ----------
    tracks
        n heard tracks.
    people
        Their listeners.
    net
        Id of the net whose features are learnt from.
    settings
        How it is learnt.
    """
    known = np.flatnonzero(np.any([p.known for p in people], axis=0))
    order = sorted(known, key=lambda i: (tracks.keys[i], tracks.artists[i], tracks.albums[i], i))
    facts = [
        FORMAT,
        net,
        asdict(settings),
        [p.name for p in people],
        [
            (
                tracks.keys[i],
                tracks.artists[i],
                tracks.albums[i],
                tracks.genres[i],
                [(float(p.plays[i]), float(p.skips[i])) for p in people],
            )
            for i in order
        ],
    ]
    return "cf-" + hashlib.blake2b(json.dumps(facts).encode(), digest_size=5).hexdigest()


def learn(
    tracks: Tracks,
    people: Sequence[Listener],
    summaries: FloatArray,
    net: str,
    settings: LessonSettings,
    on_progress: Callable[[int], None] = lambda n: None,
) -> Model:
    """Learn a model.

    With fewer than 30 known tracks for every listener nothing is trained: the model knows the library's sound alone.

    Parameters
    ----------
    tracks
        n heard tracks.
    people
        Listeners over the same n tracks.
    summaries
        float32 (n, dim), see `dataset.summarise`.
    net
        Id of the net whose features they are.
    settings
        How to learn.
    on_progress
        Called with 1 for each of the `settings.head.folds` heads trained.
    """
    scaling = Scaling.of(summaries)
    features = scaling.apply(summaries)
    arrays: dict[str, FloatArray] = {
        "scaling.mean": scaling.mean,
        "scaling.scale": scaling.scale,
        "sound.basis": _principal_axes(features, settings.wmf.factors, settings.seed),
    }
    about: dict[str, object] = {
        "net": net,
        "settings": asdict(settings),
        "tracks": len(tracks),
        "listeners": {p.name: int(p.known.sum()) for p in people},
        "taught": [p.name for p in people if p.known.sum() >= ENOUGH],
    }
    taught = [p for p in people if p.known.sum() >= ENOUGH]
    if taught:
        _teach(tracks, taught, features, settings, arrays, about, on_progress)
    return Model(lesson_id(tracks, people, net, settings), arrays, about)


def _teach(
    tracks: Tracks,
    taught: Sequence[Listener],
    features: FloatArray,
    settings: LessonSettings,
    arrays: dict[str, FloatArray],
    about: dict[str, object],
    on_progress: Callable[[int], None],
) -> None:
    """Train heads and fit effects for the listeners who have enough plays, into `arrays` and `about`."""
    from cfaudio_core.learning.training import train

    contexts = gather(tracks, taught)
    known = np.flatnonzero(np.any([p.known for p in taught], axis=0))
    own = np.zeros((len(known), 0), np.float32)
    if contexts.shared:
        own = unit(factorize(contexts.matrix, settings.wmf, np.random.default_rng(settings.seed)).tracks[known])
    targets = _targets(taught, known, own)
    ensemble = train(features[known], targets, settings.head, settings.seed, on_progress)
    held = Held(ensemble.held_out, targets.values, targets.weights, ensemble.fold)
    people = len(taught)
    groups = np.minimum(np.arange(targets.values.shape[1]), people)  # each listener, and all factors together
    effects, foretold = fit_effects(tracks, known, held, groups)
    for k, state in enumerate(ensemble.states):
        arrays |= {f"head.{k}.{name}": array for name, array in state.items()}
    arrays |= {
        "effects.values": effects.values,
        "effects.coverage": effects.coverage,
        "effects.trust": effects.trust,
        "own.direction": own,
        "held_out.sound": ensemble.held_out[:, :people],
        "held_out.sound_and_tags": foretold[:, :people],
        "held_out.truth": np.where(targets.known, targets.preference, np.nan).astype(np.float32),
    }
    about |= {
        "contexts": contexts.shared,
        "labels": effects.labels,
        "known": [tracks.keys[i] for i in known],
    }


def _targets(taught: Sequence[Listener], known: np.ndarray, own: FloatArray) -> Targets:
    mask = np.stack([p.known[known] for p in taught], axis=1)
    preference = np.stack([standard_preference(p)[known] for p in taught], axis=1)
    return Targets(preference, mask, own)


def standard_preference(person: Listener) -> FloatArray:
    """float32 (n,): a listener's preference with mean 0 and variance 1 over the tracks that are known of them."""
    known = person.preference[person.known]
    spread = known.std() if len(known) and known.std() > 0 else 1.0
    return ((person.preference - (known.mean() if len(known) else 0)) / spread).astype(np.float32)


def _principal_axes(features: FloatArray, n: int, seed: int, sample: int = 10_000) -> FloatArray:
    """float32 (dim, n): the axes along which the library's sound varies most; zeros where it has fewer."""
    if len(features) > sample:
        features = features[np.sort(np.random.default_rng(seed).choice(len(features), sample, replace=False))]
    wide = features.astype(np.float64)
    if len(wide) < wide.shape[1]:  # the same axes, in a moment instead of seconds
        _, spread, rows = np.linalg.svd(wide, full_matrices=False)
        values, axes = spread**2 / max(len(wide), 1), rows.T
    else:
        ascending, axes = np.linalg.eigh(wide.T @ wide / len(wide))
        values, axes = ascending[::-1], axes[:, ::-1]
    axes = axes[:, :n] * (values[:n] > 1e-9)
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)  # one sign on any machine
    return np.pad(axes, ((0, 0), (0, n - axes.shape[1]))).astype(np.float32)
