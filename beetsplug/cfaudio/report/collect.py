"""From the beets library to the contents of the page."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import file_errors, user_errors
from beetsplug.cfaudio.library.fields import few
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.pipeline import open_store
from cfaudio_core.models.model_files import find_model
from cfaudio_core.ranking.taste import decayed_counts, modes, taste_weights
from cfaudio_core.report.activations import direction_activations, moment, unit_activations
from cfaudio_core.report.disagreement import Disagreement, disagreements
from cfaudio_core.report.labels import Labels, distinctive_tags
from cfaudio_core.report.page import Report, TasteMode
from cfaudio_core.report.past_runs import evaluations, training_runs
from cfaudio_core.report.projection import MAX_TRACKS, project, tracks_shown
from cfaudio_core.report.regions import find_regions
from cfaudio_core.report.units import describe, most_used
from cfaudio_core.util.arrays import float32
from cfaudio_core.util.files import write_whole
from cfaudio_core.util.fingerprint import fingerprint
from cfaudio_core.util.progress import progress

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.models.hybrid_model import HybridModel
    from cfaudio_core.util.arrays import FloatArray, IntArray

_UNITS = 40
_MIN_EXPLAINED = 0.1  # of a direction, by audio: below that no moment is shown for it
_TYPICAL_TRACKS = 8  # of a mode of the taste
_LABELLED_TRACKS = 40  # of a mode, that its labels are made of


def make_report(
    lib: Library, settings: Settings, data: RankingData, listener: Listener, on_problem: Callable[[str], None]
) -> Report:
    """Collect the contents of the page for a listener.

    Parameters
    ----------
    lib, settings, loaded
        The library, as `read_library` gives it.
    on_problem
        Called with one line on what cannot be shown.

    Raises
    ------
    UserError
        If no track has a vector.
    """
    at = np.flatnonzero(data.vectors.any(axis=1))
    if not len(at):
        raise UserError("no track is analysed yet; run `beet cfembed` first")
    plays, n_all = listener.plays[at], len(at)
    at = at[tracks_shown(data.ids[at], plays, MAX_TRACKS)]
    tracks = read_tracks(lib, [], data.ids[at].tolist())
    at = at[np.isin(data.ids[at], tracks.ids)]
    vectors = data.vectors[at]
    added, years = _dates(lib, tracks.ids)
    report = Report(
        listener=listener.name,
        model=tracks.models[0],
        tracks=tracks,
        coordinates=_coordinates(settings, vectors),
        plays=listener.plays[at],
        left_out=n_all - len(at),
        left_out_played=int(np.count_nonzero(plays) - np.count_nonzero(listener.plays[at])),
        scores=data.scores[listener.name][at],
        added=added,
        years=years,
        existing=np.array([os.path.isfile(path) for path in tracks.paths], bool),  # noqa: PTH113 (names are bytes)
        tags=[()] * len(tracks),
        training_runs=training_runs(settings.models),
        evaluations=evaluations(settings.folder / "evaluations"),
    )
    report, labels = _with_units(report, settings, vectors, find_model(settings.models, report.model), on_problem)
    report = replace(report, regions=find_regions(report.coordinates, labels))
    weights = taste_weights(listener, decayed_counts(listener, data.last_played[listener.name])[0])
    return replace(report, modes=_taste_modes(data.vectors, weights, at, labels))


def _dates(lib: Library, ids: IntArray) -> tuple[FloatArray, FloatArray]:
    """When each item was added, in years, and the year of its music; NaN where unknown."""
    rows: dict[int, sqlite3.Row] = {}
    for which, values in few(ids.tolist()):
        with lib.transaction() as tx:
            found = tx.query(f"SELECT id, added, year, original_year FROM items WHERE id {which}", values)
        rows |= {row["id"]: row for row in found}
    added = [_in_years(rows[item]["added"]) for item in ids.tolist()]
    years = [rows[item]["original_year"] or rows[item]["year"] or np.nan for item in ids.tolist()]
    return np.array(added, np.float32), np.array(years, np.float32)


def _in_years(seconds: float | None) -> float:
    if not seconds or not 0 < seconds < 32503680000:
        return float("nan")
    then = datetime.fromtimestamp(seconds, UTC)
    return then.year + (then.timetuple().tm_yday - 1) / 366


def _coordinates(settings: Settings, vectors: FloatArray) -> FloatArray:
    """Lay out the map, float32 (n, 2); it is kept until vectors change, since it takes longest."""
    key = bytes.fromhex(fingerprint(vectors))
    file = settings.folder / "report" / "map.bin"
    try:
        content = file.read_bytes()
    except OSError:
        content = b""
    kept = content.removeprefix(key)
    if content.startswith(key) and len(kept) == 8 * len(vectors):
        return np.frombuffer(kept, "<f4").reshape(-1, 2).astype(np.float32)
    with progress("Laying out the map", 100, "%") as advance:
        done = 0.0

        def add(share: float) -> None:
            nonlocal done
            before, done = int(100 * done), done + share
            advance(int(100 * done) - before)

        coordinates = project(vectors, jobs=settings.jobs, on_progress=add)
    with file_errors(file.parent):
        write_whole(file, key + coordinates.astype("<f4").tobytes(), private=True)
    return coordinates


def _with_units(
    report: Report,
    settings: Settings,
    vectors: FloatArray,
    model: HybridModel | None,
    on_problem: Callable[[str], None],
) -> tuple[Report, Labels]:
    """Add audio tags, units, directions and disagreements, where features are stored; and collect the labels."""
    from cfaudio_core.backbones.registry import BACKBONES, backbone_id

    tracks = report.tracks
    labels = _labels(report)
    factors = model.factors.directions.shape[1] if model else 0
    report = replace(report, factors=factors, why_no_disagreements=_why_no_disagreements(factors, model))
    if settings.backbone not in BACKBONES:
        return _without_features(report, "This is shown of one pretrained net at a time."), labels
    net, distinct = backbone_id(settings.backbone), sorted(set(tracks.keys))
    with user_errors(), open_store(settings) as store:
        if not store.keys(net, settings.windows).issuperset(distinct):
            problem = "the features of some tracks are not stored any more; `beet cfembed` analyses them again"
            on_problem(problem)
            return _without_features(report, problem.capitalize() + "."), labels
        from cfaudio_core.backbones.tagger import load_tagger

        tagger = load_tagger(settings.backbone, wheel=settings.weights)
        with progress("Computing activations", len(distinct)) as advance:
            outputs = unit_activations(store.read(net, distinct), tracks.keys, tagger.top, advance)
        report = replace(report, disagreements=_disagreements(report, outputs.features, model))
        with progress("Looking for moments", len(distinct)) as advance:
            stored = store.read(net, distinct)
            activations, explained = direction_activations(stored, tracks.keys, vectors, outputs.features, advance)
    report = replace(report, tags=distinctive_tags(outputs.tags, tagger.names))
    labels = _labels(report)

    def when(track: int, window: int) -> float:
        return moment(window, int(outputs.windows[track]), float(tracks.lengths[track]), whole=settings.windows == 0)

    numbers, weights = most_used(outputs.units.mean, vectors, _UNITS)
    units = [describe(int(u), w, outputs.units, labels, when) for u, w in zip(numbers, weights, strict=True)]
    directions = [
        describe(j, share, activations, labels, when if share >= _MIN_EXPLAINED else None, opposite=True)
        for j, share in enumerate(explained)
    ]
    return replace(report, units=units, directions=directions), labels


def _labels(report: Report) -> Labels:
    artists: list[tuple[str, ...]] = [(artist,) if artist else () for artist in report.tracks.artists]
    return Labels({"audio": report.tags, "genre": list(report.tracks.genres), "artist": artists})


def _without_features(report: Report, why: str) -> Report:
    """Say why neither units are shown nor, if there are factors, what they are compared with."""
    disagreements = why if report.factors else report.why_no_disagreements
    return replace(report, why_no_units=why, why_no_disagreements=disagreements)


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


def _taste_modes(vectors: FloatArray, weights: FloatArray, at: IntArray, labels: Labels) -> list[TasteMode]:
    """Modes of the taste over the whole library; their typical tracks and labels are of the tracks at `at`."""
    taste = modes(vectors, weights)
    row = np.full(len(vectors), -1)
    row[at] = np.arange(len(at))
    taste_modes = []
    for number, share in enumerate(taste.shares):
        inside = np.flatnonzero((taste.mode == number) & (row[taste.members] >= 0))
        members = taste.members[inside]
        near = taste.weights[inside] * np.maximum(vectors[members] @ taste.centres[number], 0)
        typical = row[members[np.argsort(-near, kind="stable")]].tolist()
        common = [
            label.name
            for kind in ("audio", "genre", "artist")
            for label in labels.common(typical[:_LABELLED_TRACKS], kind)
        ]
        artists = list(dict.fromkeys(name for i in typical for name in labels.of["artist"][i]))
        name = " and ".join(artists[:2]) or "Unnamed"
        taste_modes.append(TasteMode(name, float(share), typical[:_TYPICAL_TRACKS], common[:6]))
    return taste_modes
