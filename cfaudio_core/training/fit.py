"""One lesson: from the library's features, factors and listeners to a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import Interactions, gather_interactions
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import Parabolas, Targets, TrainingSet, unit
from cfaudio_core.factorization.factorizer import FactorizerSettings, make_factorizer
from cfaudio_core.factorization.tuning import Tuned, tune
from cfaudio_core.factorization.wmf import Factors
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import principal_axes
from cfaudio_core.finetuning.prediction_error import prediction_error
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.kernel_machine import fit_kernel
from cfaudio_core.models.knn_graph import knn_graph
from cfaudio_core.models.model_files import FORMAT, Model
from cfaudio_core.models.neighbor_search import LARGE, TELLING, all_along, search_basis
from cfaudio_core.models.tag_effects import HeldOutPredictions, fit_tag_effects
from cfaudio_core.models.track_predictions import TrackPredictions
from cfaudio_core.training.selection import select
from cfaudio_core.util.arrays import FloatArray, float32

if TYPE_CHECKING:
    from cfaudio_core.finetuning.fine_tune import Windows

ENOUGH = 30
"""Tracks a listener must have played or skipped before anything is learnt from them."""


_AT_ONCE = 2000  # tracks


@dataclass(frozen=True)
class TrainingSettings:
    """How to learn.

    Attributes
    ----------
    factorizer
        One of `factorizer.NAMES`.
    factors
        Its settings.
    net
        What is trained of a net.
    folds
        The known tracks are held out in so many parts.
    seed
        Starts everything random.
    """

    factorizer: str = "wmf"
    factors: FactorizerSettings = field(default_factory=FactorizerSettings)
    net: NetSettings = field(default_factory=NetSettings)
    folds: int = 5
    seed: int = 0

    def kept(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        return {**asdict(self), "net": self.net.kept()}


def make_model_id(tracks: Tracks, people: Sequence[Listener], net: str, settings: TrainingSettings) -> str:
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
    order = sorted(known.tolist(), key=lambda i: (tracks.keys[i], tracks.artists[i], tracks.albums[i], i))
    before = [FORMAT, net, settings.kept(), [p.name for p in people]]
    after = [[p.sessions.digest(tracks.keys) for p in people]]
    digest = hashlib.blake2b(json.dumps(before)[:-1].encode(), digest_size=5)
    # All of it as one JSON text, a part at a time: of a large household it takes more memory than all else.
    digest.update(b", [")
    for start in range(0, len(order), _AT_ONCE):
        part = order[start : start + _AT_ONCE]
        counts = [list(zip(p.plays[part].tolist(), p.skips[part].tolist(), strict=True)) for p in people]
        facts = [
            (
                tracks.keys[i],
                tracks.artists[i],
                tracks.albums[i],
                tracks.genres[i],
                tracks.playlists[i],
                [of_person[k] for of_person in counts],
            )
            for k, i in enumerate(part)
        ]
        digest.update(f"{', ' if start else ''}{json.dumps(facts)[1:-1]}".encode())
    digest.update(f"], {json.dumps(after)[1:]}".encode())
    return f"cf-{digest.hexdigest()}"


def fit_model(
    tracks: Tracks,
    people: Sequence[Listener],
    feature_matrix: FeatureMatrix,
    net: str,
    settings: TrainingSettings,
    windows: Windows | None = None,
) -> tuple[Model, TrackPredictions]:
    """Learn a model, and say what it makes of the sound of the library.

    With fewer than 30 known tracks for every listener nothing is trained: the model knows the library's sound alone.

    Parameters
    ----------
    tracks
        n heard tracks.
    people
        Listeners over the same n tracks.
    landscape
        Where the n tracks lie in the space of sound.
    net
        Id of the net whose features they were told by.
    settings
        How to learn.
    windows
        Where the windows of tracks are read from; needed where a net is to be trained.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {
        **{f"space.{name}": array for name, array in feature_matrix.space._asdict().items()},
        "sound.basis": principal_axes(feature_matrix.sample(TELLING, settings.seed), settings.factors.factors),
        "sound.search": search_basis(feature_matrix),
    }
    about: dict[str, Any] = {
        "net": net,
        "settings": settings.kept(),
        "tracks": len(tracks),
        "listeners": {p.name: int(p.known.sum()) for p in people},
        "taught": [p.name for p in people if p.known.sum() >= ENOUGH],
    }
    model = Model(make_model_id(tracks, people, net, settings), arrays, about)
    taught = [p for p in people if p.known.sum() >= ENOUGH]
    if not taught:
        return model, TrackPredictions.of(model, feature_matrix)
    graph = knn_graph(all_along(feature_matrix, arrays["sound.search"]))
    _teach(tracks, taught, feature_matrix, graph, settings, model, windows)
    return model, TrackPredictions.of(model, feature_matrix, graph)


def _teach(
    tracks: Tracks,
    taught: Sequence[Listener],
    feature_matrix: FeatureMatrix,
    graph: sparse.csr_array,
    settings: TrainingSettings,
    model: Model,
    windows: Windows | None,
) -> None:
    """Fit what sound and labels foretell of the listeners who have enough plays, into the model."""
    contexts = gather_interactions(tracks, taught)
    known = np.flatnonzero(np.any([p.known for p in taught], axis=0))
    own, length = np.zeros((len(known), 0), np.float32), np.zeros(len(known), np.float32)
    plays = None
    if contexts.n_shared:
        factors, tuned = _factorize(contexts, settings)
        model.about["factorized"] = asdict(tuned)
        own, length = unit(factors.tracks[known]), float32(np.linalg.norm(factors.tracks[known], axis=1))
        if settings.net.loss == "wpe":
            plays = prediction_error(contexts.matrix, factors, tuned.settings.wmf, known)
    targets = _targets(taught, known, own, plays)
    # What is decided on held-out tracks, is decided for each listener, and once for all factors together.
    groups = np.minimum(np.arange(targets.values.shape[1]), len(taught))
    fold = np.random.default_rng(settings.seed).permutation(len(known)) % settings.folds
    training_set = TrainingSet(feature_matrix.at(known), graph, known, targets, groups, fold)
    machine, held_out = fit_kernel(training_set, settings.seed)
    held_out, selected = select(tracks, training_set, held_out, feature_matrix, windows, settings.net, settings.seed)
    held = HeldOutPredictions(held_out, targets.values, targets.weights, fold)
    effects, foretold = fit_tag_effects(tracks, known, held, groups)
    model.arrays.update({f"kernel.{name}": array for name, array in machine._asdict().items()})
    model.arrays.update(selected)
    model.arrays.update(
        {
            "effects.values": effects.values,
            "effects.coverage": effects.coverage,
            "effects.trust": effects.trust,
            "own.direction": own,
            "own.length": length,
            "held_out.sound": held_out[:, : len(taught)],
            "held_out.sound_and_tags": foretold[:, : len(taught)],
            "held_out.truth": np.where(targets.known, targets.preference, np.nan).astype(np.float32),
        }
    )
    model.about.update(
        {
            "contexts": contexts.count("album", "artist", "genre"),
            "playlists": contexts.count("playlist"),
            "sessions": contexts.count("session"),
            "listens": sum(len(p.sessions.track) for p in taught),
            "labels": effects.labels,
            "known": [tracks.keys[i] for i in known],
        }
    )


def _factorize(contexts: Interactions, settings: TrainingSettings) -> tuple[Factors, Tuned]:
    """Factors of contexts and tracks, and what was chosen for them on a validation cut of the sessions."""
    met, n = np.unique(contexts.matrix.indices), contexts.matrix.shape[1]
    if large := n > LARGE:  # most tracks are in no context, and none of the sums is to go over them
        contexts = replace(contexts, matrix=sparse.csr_array(contexts.matrix[:, met]))
    half = replace(settings.factors, factors=settings.factors.factors // 2)  # the rest of a vector is its sound
    tuned = tuned_factorizer(contexts, settings, half)
    factorizer = make_factorizer(settings.factorizer, tuned.settings)
    factors = factorizer.fit(contexts.matrix, np.random.default_rng(settings.seed))
    if large:
        everywhere = np.zeros((n, factors.tracks.shape[1]), np.float32)
        everywhere[met] = factors.tracks
        factors = factors._replace(tracks=everywhere)
    return factors, tuned


def tuned_factorizer(contexts: Interactions, settings: TrainingSettings, factors: FactorizerSettings) -> Tuned:
    """Settings for these contexts, beginning at `factors`.

    Without sessions nothing is chosen: what is hidden from an album could only tell how to complete albums.
    """
    sessions = np.flatnonzero([kind == "session" for kind in contexts.kinds])
    # Weights stay as they were gathered: an album's against a session's is what other confidences would wipe out.
    return tune(settings.factorizer, contexts.matrix, factors, ("raw",), sessions, settings.seed)


def _targets(taught: Sequence[Listener], known: np.ndarray, own: FloatArray, plays: Parabolas | None) -> Targets:
    mask = np.stack([p.known[known] for p in taught], axis=1)
    preference = np.stack([standard_preference(p)[known] for p in taught], axis=1)
    return Targets(preference, mask, own, plays)


def standard_preference(person: Listener) -> FloatArray:
    """float32 (n,): a listener's liking with mean 0 and variance 1 over the tracks that are known of them."""
    liking = person.preference
    known = liking[person.known]
    if not len(known):
        return np.zeros_like(liking)
    return float32((liking - known.mean()) / (known.std() if known.std() > 1e-6 else 1))
