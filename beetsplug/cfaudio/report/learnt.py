"""What the stored features say of a library: its audio tags, the directions the model learnt, and odd ones out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.pipeline import open_store
from beetsplug.cfaudio.report.net import Stored, with_net
from cfaudio_core.features.summaries import NET_PART
from cfaudio_core.report.sections.activations import fit_directions, net_outputs
from cfaudio_core.report.sections.disagreement import Disagreement, disagreements
from cfaudio_core.report.sections.labels import Labels, distinctive_tags
from cfaudio_core.report.sections.learnt import (
    MIN_TRACKS,
    Card,
    Direction,
    Moment,
    describe,
    distinct,
    named_once,
    rotate,
)
from cfaudio_core.util.arrays import float32
from cfaudio_core.util.progress import progress

if TYPE_CHECKING:
    from beetsplug.cfaudio.config.settings import Settings
    from cfaudio_core.models.hybrid_model import HybridModel
    from cfaudio_core.report.page import Report
    from cfaudio_core.util.arrays import FloatArray

_OF_SOUND, _OF_VECTORS = 16, 40  # directions, at most
_SHOWN = 12  # of either kind
_MIN_EXPLAINED = 0.1  # of a direction, by audio: below that no moment is shown for it


def labels_of(report: Report) -> Labels:
    """Collect the labels of the page's tracks."""
    artists: list[tuple[str, ...]] = [(artist,) if artist else () for artist in report.tracks.artists]
    return Labels({"audio": report.tags, "genre": list(report.tracks.genres), "artist": artists})


def with_features(
    report: Report,
    settings: Settings,
    vectors: FloatArray,
    model: HybridModel | None,
    on_problem: Callable[[str], None],
) -> Report:
    """Add audio tags, directions and disagreements, where features are stored."""
    from cfaudio_core.backbones.registry import BACKBONES, backbone_id, load_pruned

    keys = report.tracks.keys
    factors = model.factors.directions.shape[1] if model else 0
    report = replace(report, factors=factors, why_no_disagreements=_why_no_disagreements(factors, model))
    if settings.backbone not in BACKBONES:
        return _without_features(report, "This is shown of one pretrained net at a time.")
    net, different = backbone_id(settings.backbone), sorted(set(keys))
    with user_errors(), open_store(settings) as store:
        if not store.keys(net, settings.windows).issuperset(different):
            problem = "the features of some tracks are not stored any more; `beet cfembed` analyses them again"
            on_problem(problem)
            return _without_features(report, problem.capitalize() + ".")
        from cfaudio_core.backbones.tagger import load_tagger
        from cfaudio_core.report.sections.filters import first_layer

        tagger = load_tagger(settings.backbone, wheel=settings.weights)
        with progress("Computing activations", len(different)) as advance:
            outputs = net_outputs(store.read(net, different), keys, tagger.top, advance)
        tags = distinctive_tags(outputs.tags, tagger.names)
        report = replace(report, tags=tags, disagreements=_disagreements(report, outputs.features, model))
        if len(keys) < MIN_TRACKS:
            return replace(report, why_no_learnt=f"It takes {MIN_TRACKS} tracks to say what they differ in.")
        stored = Stored(lambda some: store.read(net, some), outputs, whole=settings.windows == 0)
        report = replace(report, learnt=_cards(report, vectors, stored, model))
        kernels = first_layer(load_pruned(settings.backbone, wheel=settings.weights))
        return with_net(report, labels_of(report), stored, kernels, model, tagger.width)


def _cards(report: Report, vectors: FloatArray, stored: Stored, model: HybridModel | None) -> list[Card]:
    """Make the cards of the directions, those first that are audible and have a name."""
    features, labels = stored.outputs.features, labels_of(report)
    space = model.feature_space if model and features.shape[1] >= model.feature_space.parts[NET_PART] else None
    sound = rotate(space.represent(features) if space else features[:, :0], _OF_SOUND)
    of_vectors = rotate(vectors, _OF_VECTORS)
    weights, mean, predicted = fit_directions(features, of_vectors.columns)
    columns = np.hstack([sound.columns, of_vectors.columns])
    explained = np.concatenate([np.ones(len(sound.share), np.float32), predicted])
    share = np.concatenate([sound.share, of_vectors.share])
    order = [*range(len(sound.share)), *(len(sound.share) + np.argsort(-predicted, kind="stable")).tolist()]
    directions = [describe(k, columns[:, k], share[k], explained[k], labels) for k in distinct(columns, order)]
    directions.sort(key=lambda one: (one.explained < _MIN_EXPLAINED, not one.named))
    directions = named_once(directions)

    def project(roots: FloatArray) -> FloatArray:
        own = space.represent(roots) @ sound.axes if space else np.zeros((len(roots), 0), np.float32)
        return float32(np.hstack([own, (roots - mean) @ weights]))

    k = len(sound.share)
    shown = [one for one in directions if one.column < k][:_SHOWN] + [one for one in directions if one.column >= k][
        :_SHOWN
    ]
    at = stored.moments(report.tracks, [i for one in shown for end in one.ends for i in end.tracks], project)

    def moments(one: Direction, end: int) -> list[Moment]:
        audible = one.explained >= _MIN_EXPLAINED
        return [
            at(track, one.column, 1 - 2 * end) if audible else Moment(track, 0.0, []) for track in one.ends[end].tracks
        ]

    return [Card(one, one.column < k, (moments(one, 0), moments(one, 1))) for one in shown]


def _without_features(report: Report, why: str) -> Report:
    """Say why neither directions are shown nor, if there are factors, what they are compared with."""
    disagreements = why if report.factors else report.why_no_disagreements
    return replace(report, why_no_learnt=why, why_no_disagreements=disagreements)


def _disagreements(report: Report, features: FloatArray, model: HybridModel | None) -> list[Disagreement]:
    """Compare latent factors and audio, of known tracks with factors, the most played first."""
    if model is None or not model.factors.directions.shape[1]:
        return []
    known, rows = model.factors.directions, model.factors.known_rows(report.tracks.keys)
    at = np.flatnonzero((rows >= 0) & np.any(known, axis=1)[rows])
    at = at[np.argsort(-report.plays[at], kind="stable")]
    audio = (features[at] - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-3)
    return disagreements(known[rows[at]], float32(audio), at)


def _why_no_disagreements(factors: int, model: HybridModel | None) -> str:
    if model is None:
        return "The model that made the vectors does not exist any more: the next `beet cfembed` makes one."
    if factors:
        return "Plays and audio agree about every track, or too few tracks were played together to say."
    return "Nothing is known yet of what is played together: a listening history (`beet cfimport`) would show it."
