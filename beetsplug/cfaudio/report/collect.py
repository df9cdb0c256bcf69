"""From the beets library to what the page shows."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.loaded import Loaded
from beetsplug.cfaudio.library.tracks import few, read_tracks
from beetsplug.cfaudio.pipeline import open_store, user_errors
from cfaudio_core.errors import CfAudioError
from cfaudio_core.ranking.taste import familiarity, love, modes
from cfaudio_core.report.activations import excite_directions, listen, moment, read_directions
from cfaudio_core.report.disagreement import Disagreement, disagreements
from cfaudio_core.report.labels import Labels, telling_tags
from cfaudio_core.report.page import Report, TasteMode
from cfaudio_core.report.past_runs import evaluations, lessons
from cfaudio_core.report.projection import project
from cfaudio_core.report.sampling import MOST, shown
from cfaudio_core.report.units import describe, most_used
from cfaudio_core.util.files import write_whole
from cfaudio_core.util.progress import progress

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.models.hybrid_model import HybridModel
    from cfaudio_core.util.arrays import FloatArray, IntArray

_UNITS = 40
_HEARD = 0.1  # of a direction: if less of it can be heard, no moment in the sound is shown for it
_STANDING = 8  # tracks that stand for a taste


def make_report(
    lib: Library, settings: Settings, loaded: Loaded, person: Listener, on_problem: Callable[[str], None]
) -> Report:
    """Gather all that the page shows.

    Parameters
    ----------
    lib, settings, loaded
        The library, as `choosing.read_library` gives it.
    person
        Whose plays, scores and tastes.
    on_problem
        Told in one line of what cannot be shown.

    Raises
    ------
    UserError
        If no track has a place.
    """
    at = np.flatnonzero(loaded.vectors.any(axis=1))
    if not len(at):
        raise UserError("no track has a place yet; run `beet cfembed` first")
    plays, placed = person.plays[at], len(at)
    at = at[shown(loaded.ids[at], plays, MOST)]
    tracks = read_tracks(lib, [], loaded.ids[at].tolist())
    at = at[np.isin(loaded.ids[at], tracks.ids)]
    vectors, left_out = loaded.vectors[at], placed - len(at)
    added, years = _dates(lib, tracks.ids)
    report = Report(
        listener=person.name,
        model=tracks.models[0],
        tracks=tracks,
        places=_places(settings, vectors),
        plays=person.plays[at],
        left_out=left_out,
        left_out_played=int(np.count_nonzero(plays) - np.count_nonzero(person.plays[at])),
        scores=loaded.scores[person.name][at],
        added=added,
        years=years,
        there=np.array([os.path.isfile(path) for path in tracks.paths], bool),  # noqa: PTH113 (names are bytes)
        tags=[()] * len(tracks),
        lessons=lessons(settings.folder / "models"),
        evaluations=evaluations(settings.folder / "evaluations"),
    )
    report, labels = _learnt(report, settings, vectors, _model(settings, report.model), on_problem)
    known = familiarity(person, loaded.last_heard[person.name])
    return replace(report, modes=_tastes(loaded.vectors, love(person, known), at, labels))


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


def _places(settings: Settings, vectors: FloatArray) -> FloatArray:
    """The map; kept until vectors change, since it is what takes longest."""
    digest = hashlib.blake2b(vectors.astype("<f4").tobytes(), digest_size=16).digest()
    kept = settings.folder / "report" / "map.bin"
    try:
        content = kept.read_bytes()
    except OSError:
        content = b""
    if content[:16] == digest and len(content) == 16 + 8 * len(vectors):
        return np.frombuffer(content[16:], "<f4").reshape(-1, 2).astype(np.float32)
    with progress("Laying out the map", 100, "%") as advance:
        done = 0.0

        def tell(share: float) -> None:
            nonlocal done
            before, done = int(100 * done), done + share
            advance(int(100 * done) - before)

        places = project(vectors, jobs=settings.jobs, on_progress=tell)
    try:
        write_whole(kept, digest + places.astype("<f4").tobytes(), private=True)
    except OSError as error:
        raise UserError(f"{kept.parent}: {error.strerror}") from error
    return places


def _model(settings: Settings, model: str) -> HybridModel | None:
    """The model that made the vectors, if it is still there."""
    from cfaudio_core.models.model_files import load_model

    try:
        return load_model(settings.folder / "models", model)
    except CfAudioError:
        return None


def _learnt(
    report: Report,
    settings: Settings,
    vectors: FloatArray,
    model: HybridModel | None,
    on_problem: Callable[[str], None],
) -> tuple[Report, Labels]:
    """Add sound tags, units, directions and disagreements; and tell what tracks are called."""
    from cfaudio_core.backbones.registry import BACKBONES, backbone_id

    tracks = report.tracks
    labels = _labels(report)
    factors = model.factors.directions.shape[1] if model else 0
    report = replace(
        report,
        factors=factors,
        disagreements=_odd(report, vectors, factors, model),
        why_no_disagreements=_why_none_odd(factors, model),
    )
    if settings.backbone not in BACKBONES:
        return replace(report, why_no_units="The top layers are shown of one pretrained net at a time."), labels
    net, distinct = backbone_id(settings.backbone), sorted(set(tracks.keys))
    with user_errors(), open_store(settings) as store:
        if not store.keys(net, settings.windows).issuperset(distinct):
            problem = "what was heard of some tracks is not kept any more; `beet cfembed` hears them again"
            on_problem(problem)
            return replace(report, why_no_units=problem.capitalize() + "."), labels
        from cfaudio_core.backbones.tagger import load_tagger

        tagger = load_tagger(settings.backbone, wheel=settings.weights)
        with progress("Looking at what was heard", len(distinct)) as advance:
            heard = listen(store.read(net, distinct), tracks.keys, tagger.top, advance)
        reading = read_directions(heard.sound, vectors)
        with progress("Looking for moments", len(distinct)) as advance:
            directed = excite_directions(store.read(net, distinct), tracks.keys, vectors, reading, advance)
    report = replace(report, tags=telling_tags(heard.tags, tagger.names))
    labels = _labels(report)

    def when(track: int, window: int) -> float:
        return moment(window, int(heard.windows[track]), float(tracks.lengths[track]), whole=settings.windows == 0)

    numbers, weights = most_used(heard.units.mean, vectors, _UNITS)
    return (
        replace(
            report,
            units=[describe(int(u), w, heard.units, labels, when) for u, w in zip(numbers, weights, strict=True)],
            directions=[
                describe(j, share, directed, labels, when if share >= _HEARD else None, opposite=True)
                for j, share in enumerate(reading.told)
            ],
        ),
        labels,
    )


def _labels(report: Report) -> Labels:
    artists: list[tuple[str, ...]] = [(artist,) if artist else () for artist in report.tracks.artists]
    return Labels({"sound": report.tags, "genre": list(report.tracks.genres), "artist": artists})


def _odd(report: Report, vectors: FloatArray, factors: int, model: HybridModel | None) -> list[Disagreement]:
    """Tracks whose own factors and sound disagree; of tracks with factors of their own, the most played first."""
    if not factors or model is None:
        return []
    known, rows = model.factors.directions, model.factors.rows(report.tracks.keys)
    at = np.flatnonzero((rows >= 0) & np.any(known, axis=1)[rows])
    at = at[np.argsort(-report.plays[at], kind="stable")]
    return disagreements(known[rows[at]], vectors[at, factors:], at)


def _why_none_odd(factors: int, model: HybridModel | None) -> str:
    if model is None:
        return "The model that made the vectors is not there any more: the next `beet cfembed` makes one."
    if factors:
        return "Plays and sound agree about every track, or too few tracks were played together to tell."
    return "What is played together is not known yet: listening sessions (`beet cfimport`) would tell."


def _tastes(vectors: FloatArray, loved: FloatArray, at: IntArray, labels: Labels) -> list[TasteMode]:
    """Tastes over the whole library; the tracks that stand for them, and what they are called, are of those at `at`."""
    taste = modes(vectors, loved)
    place = np.full(len(vectors), -1)
    place[at] = np.arange(len(at))
    found = []
    for number, share in enumerate(taste.shares):
        inside = np.flatnonzero((taste.mode == number) & (place[taste.members] >= 0))
        members = taste.members[inside]
        near = taste.weights[inside] * np.maximum(vectors[members] @ taste.centres[number], 0)
        standing = place[members[np.argsort(-near, kind="stable")]].tolist()
        common = [label.name for kind in ("sound", "genre", "artist") for label in labels.common(standing[:40], kind)]
        artists = list(dict.fromkeys(name for i in standing for name in labels.of["artist"][i]))
        found.append(TasteMode(" and ".join(artists[:2]) or "Unnamed", float(share), standing[:_STANDING], common[:6]))
    return found
