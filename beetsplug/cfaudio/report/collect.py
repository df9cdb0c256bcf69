"""From the beets library to the contents of the page."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import file_errors
from beetsplug.cfaudio.library.fields import few
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.report.first_screen import ten_to_play, unplayed_above_usual
from beetsplug.cfaudio.report.learnt import labels_of, with_features
from cfaudio_core.models.model_files import find_model
from cfaudio_core.ranking.taste import Taste, decayed_counts, modes, taste_weights
from cfaudio_core.report.page import Pick, Report, TasteMode
from cfaudio_core.report.sections.changes import changes
from cfaudio_core.report.sections.labels import Labels
from cfaudio_core.report.sections.past_runs import evaluations, training_runs, verdicts
from cfaudio_core.report.sections.projection import MAX_TRACKS, project, tracks_shown
from cfaudio_core.report.sections.regions import find_regions
from cfaudio_core.report.sections.river import River, make_river
from cfaudio_core.util.files import write_whole
from cfaudio_core.util.fingerprint import fingerprint
from cfaudio_core.util.progress import progress
from cfaudio_core.util.values import to_number

if TYPE_CHECKING:
    from beets.library import Library

    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.data.sessions import Sessions
    from cfaudio_core.util.arrays import FloatArray, IntArray

_TYPICAL_TRACKS = 8  # of a mode of the taste
_OTHERS = 8  # listeners to compare with
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
    chosen, reasons = ten_to_play(lib, settings, data, listener)
    now = np.isin(data.ids[at], chosen)  # on the map, however many others are
    rest = tracks_shown(data.ids[at[~now]], plays[~now], MAX_TRACKS - int(now.sum()))
    at = np.union1d(at[now], at[~now][rest])
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
    report = with_features(report, settings, vectors, find_model(settings.models, report.model), on_problem)
    labels = labels_of(report)
    weights = taste_weights(listener, decayed_counts(listener, data.last_played[listener.name])[0])
    taste = modes(data.vectors, weights)
    taste_modes = _taste_modes(data.vectors, taste, at, labels)
    on_map = listener.subset(at)
    position = {item: i for i, item in enumerate(tracks.ids.tolist())}
    return replace(
        report,
        regions=find_regions(report.coordinates, labels),
        modes=taste_modes,
        others=_others(data.listeners, listener, at),
        river=_river(on_map.sessions, vectors, taste, taste_modes, labels),
        picks=[Pick(position[item], reasons.get(item, "")) for item in chosen if item in position],
        unplayed_above_usual=unplayed_above_usual(data, listener),
        changes=changes(on_map.sessions, {kind: labels.of[kind] for kind in ("genre", "audio", "artist")}),
        verdicts=verdicts(settings.folder / "evaluations", listener.name),
    )


def _dates(lib: Library, ids: IntArray) -> tuple[FloatArray, FloatArray]:
    """When each item was added, in years, and the year of its music; NaN where unknown."""
    rows: dict[int, sqlite3.Row] = {}
    for which, values in few(ids.tolist()):
        with lib.transaction() as tx:
            found = tx.query(f"SELECT id, added, year, original_year FROM items WHERE id {which}", values)
        rows |= {row["id"]: row for row in found}
    added = [_in_years(to_number(rows[item]["added"])) for item in ids.tolist()]
    years = [to_number(rows[item]["original_year"]) or to_number(rows[item]["year"]) or np.nan for item in ids.tolist()]
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


def _river(
    sessions: Sessions, vectors: FloatArray, taste: Taste, taste_modes: list[TasteMode], labels: Labels
) -> River:
    """Follow the modes of the taste over the years, or, where it has but one, the genres."""
    artists = labels.of["artist"]
    if len(taste_modes) > 1:
        names = [mode.name or " and ".join(mode.artists) or f"taste {k}" for k, mode in enumerate(taste_modes, 1)]
        return make_river(sessions, np.argmax(vectors @ taste.centres.T, axis=1), names, artists)
    number: dict[str, int] = {}
    genre = [number.setdefault(row[0], len(number)) if row and row[0] else -1 for row in labels.of["genre"]]
    return make_river(sessions, np.array(genre, np.int64), list(number), artists)


def _others(listeners: Sequence[Listener], listener: Listener, at: IntArray) -> dict[str, FloatArray]:
    """Plays of the other listeners of any track at `at`, those who play most of them."""
    plays = {one.name: one.plays[at] for one in listeners if one.name != listener.name and one.plays[at].any()}
    most = sorted(plays, key=lambda name: -np.count_nonzero(plays[name]))[:_OTHERS]
    return {name: plays[name] for name in most}


def _taste_modes(vectors: FloatArray, taste: Taste, at: IntArray, labels: Labels) -> list[TasteMode]:
    """Modes of the taste over the whole library; their typical tracks and names are of the tracks at `at`."""
    row = np.full(len(vectors), -1)
    row[at] = np.arange(len(at))
    taste_modes = []
    for number, share in enumerate(taste.shares):
        inside = np.flatnonzero((taste.mode == number) & (row[taste.members] >= 0))
        members = taste.members[inside]
        near = taste.weights[inside] * np.maximum(vectors[members] @ taste.centres[number], 0)
        typical = row[members[np.argsort(-near, kind="stable")]].tolist()
        found = [label.name for kind in ("genre", "audio") for label in labels.common(typical[:_LABELLED_TRACKS], kind)]
        words = list({word.casefold(): word for word in reversed(found)}.values())[::-1]
        artists = list(dict.fromkeys(name for i in typical for name in labels.of["artist"][i]))
        name, shown = ", ".join(words[:2]), typical[:_TYPICAL_TRACKS]
        taste_modes.append(TasteMode(name, float(share), shown, words[2:6], artists[:2]))
    return taste_modes
