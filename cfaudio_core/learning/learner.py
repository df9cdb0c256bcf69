"""One lesson: from the library's features, factors and listeners to a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cfaudio_core.factors.contexts import Contexts, gather, session_rows
from cfaudio_core.factors.factorizer import FactorizerSettings, make_factorizer
from cfaudio_core.factors.modes import mode_plays
from cfaudio_core.factors.tuning import tune
from cfaudio_core.factors.wmf import Factors
from cfaudio_core.learning.dataset import Scaling, Targets, principal_axes, unit
from cfaudio_core.learning.effects import Held, fit_effects
from cfaudio_core.learning.model_files import FORMAT, Model
from cfaudio_core.learning.settings import HeadSettings
from cfaudio_core.learning.taste import ModeTargets, Taste
from cfaudio_core.listening.counts import Listener
from cfaudio_core.tracks import FloatArray, Tracks, float32

if TYPE_CHECKING:
    from cfaudio_core.learning.training import Ensemble

ENOUGH = 30
"""Tracks a listener must have played or skipped before anything is learnt from them."""


@dataclass(frozen=True)
class LessonSettings:
    """How to factorise, by which of `factorizer.NAMES`, and how to train; `seed` starts both."""

    factorizer: str = "wmf"
    factors: FactorizerSettings = field(default_factory=FactorizerSettings)
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
    listed = np.array([bool(names) for names in tracks.playlists], bool)
    known = np.flatnonzero(np.any([listed, *(p.known for p in people)], axis=0))
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
                tracks.playlists[i],
                [(float(p.plays[i]), float(p.skips[i])) for p in people],
            )
            for i in order
        ],
        [p.sessions.digest(tracks.keys) for p in people],
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
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "scaling.mean": scaling.mean,
        "scaling.scale": scaling.scale,
        "sound.basis": principal_axes(features, settings.factors.factors, settings.seed),
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
    arrays: dict[str, np.ndarray[Any, Any]],
    about: dict[str, object],
    on_progress: Callable[[int], None],
) -> None:
    """Train heads and fit effects for the listeners who have enough plays, into `arrays` and `about`."""
    contexts = gather(tracks, taught)
    known = np.flatnonzero(np.any([p.known for p in taught], axis=0))
    own = np.zeros((len(known), 0), np.float32)
    plays: list[list[FloatArray]] = []
    if contexts.shared:
        factors, about["factorized"] = _factorize(contexts, settings)
        own = unit(factors.tracks[known])
        plays = _mode_plays(taught, tracks, factors.contexts, settings)
    modes = ModeTargets.of([[division[:, known] for division in own_plays] for own_plays in plays], len(known))
    whole = _targets(taught, known, own)
    ensemble, held = _train(features[known], whole, modes, settings, on_progress)
    people = len(taught)
    # One trust for each listener, one for each one's modes, and one for all factors together.
    groups = np.concatenate([np.arange(people), people + modes.owner, np.full(own.shape[1], 2 * people)])
    effects, foretold = fit_effects(tracks, known, held, groups)
    truth = np.where(whole.known, whole.preference, np.nan).astype(np.float32)
    covered = effects.covered(tracks.subset(known))
    taste = Taste.fit(modes, float32([_moments(person) for person in taught]), foretold, covered, truth)
    for k, state in enumerate(ensemble.states):
        arrays |= {f"head.{k}.{name}": array for name, array in state.items()}
    arrays |= {
        "effects.values": effects.values,
        "effects.coverage": effects.coverage,
        "effects.trust": effects.trust,
        "own.direction": own,
        "modes.owner": taste.owner,
        "modes.division": taste.division,
        "modes.mean": taste.mean,
        "modes.scale": taste.scale,
        "modes.whole": taste.whole,
        "held_out.sound": taste.preferences(ensemble.held_out, np.zeros_like(covered)),
        "held_out.sound_and_tags": taste.preferences(foretold, covered),
        "held_out.truth": truth,
    }
    about |= {
        "contexts": contexts.count("album", "artist", "genre"),
        "playlists": contexts.count("playlist"),
        "sessions": contexts.count("session"),
        "listens": sum(len(p.sessions.track) for p in taught),
        "labels": effects.labels,
        "known": [tracks.keys[i] for i in known],
    }


def _factorize(contexts: Contexts, settings: LessonSettings) -> tuple[Factors, dict[str, object]]:
    """Factors of contexts and tracks, and what was chosen for them on a validation cut of the sessions.

    Without sessions nothing is chosen: what is hidden from an album could only tell how to complete albums.
    """
    sessions = np.flatnonzero([kind == "session" for kind in contexts.kinds])
    # Weights stay as they were gathered: an album's against a session's is what other confidences would wipe out.
    tuned = tune(settings.factorizer, contexts.matrix, settings.factors, ("raw",), sessions, settings.seed)
    factorizer = make_factorizer(settings.factorizer, tuned.settings)
    return factorizer.fit(contexts.matrix, np.random.default_rng(settings.seed)), asdict(tuned)


def _train(
    features: FloatArray,
    whole: Targets,
    modes: ModeTargets,
    settings: LessonSettings,
    on_progress: Callable[[int], None],
) -> tuple[Ensemble, Held]:
    """Train heads for preferences, modes and factors, in this order of outputs.

    With modes each of the three learns apart from the others: what is best for all of them together is best for none.
    """
    from cfaudio_core.learning.training import join, train

    if not len(modes.owner):
        ensemble = train(features, whole, settings.head, settings.seed, on_progress)
        return ensemble, Held(ensemble.held_out, whole.values, whole.weights, ensemble.fold)
    nothing = np.zeros((len(whole), 0), np.float32)
    purposes = [
        Targets(whole.preference, whole.known, nothing),
        Targets(modes.values, whole.known[:, modes.owner], nothing),
        Targets(nothing, nothing.astype(bool), whole.direction),
    ]
    done = (lambda n: None, lambda n: None, on_progress)
    parts = [
        train(features, targets, settings.head, settings.seed, progress)
        for targets, progress in zip(purposes, done, strict=True)
    ]
    ensemble = join(parts)
    values, weights = (np.hstack([getattr(targets, name) for targets in purposes]) for name in ("values", "weights"))
    return ensemble, Held(ensemble.held_out, values, weights, ensemble.fold)


def _mode_plays(
    taught: Sequence[Listener], tracks: Tracks, contexts: FloatArray, settings: LessonSettings
) -> list[list[FloatArray]]:
    """Each listener's plays by taste mode; `contexts` are factors of the rows that `gather` made, sessions first."""
    plays, start = [], 0
    for person in taught:
        rows = session_rows(person.sessions, len(tracks))
        plays.append(mode_plays(rows, contexts[start : start + rows.shape[0]], settings.seed))
        start += rows.shape[0]
    return plays


def _targets(taught: Sequence[Listener], known: np.ndarray, own: FloatArray) -> Targets:
    mask = np.stack([p.known[known] for p in taught], axis=1)
    preference = np.stack([standard_preference(p)[known] for p in taught], axis=1)
    return Targets(preference, mask, own)


def _moments(person: Listener) -> tuple[float, float]:
    """Mean and spread of a listener's preference over the tracks that are known of them."""
    known = person.preference[person.known]
    return (float(known.mean()), float(known.std() or 1)) if len(known) else (0.0, 1.0)


def standard_preference(person: Listener) -> FloatArray:
    """float32 (n,): a listener's preference with mean 0 and variance 1 over the tracks that are known of them."""
    mean, spread = _moments(person)
    return ((person.preference - mean) / spread).astype(np.float32)
