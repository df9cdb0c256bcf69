"""From the beets library through the stages and back into item fields: what `cfembed` and the import stage share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError
from beets.util import displayable_path

from beetsplug.cfaudio.config.settings import Settings, read_settings, score_field
from beetsplug.cfaudio.library.history import take_snapshot
from beetsplug.cfaudio.library.listeners import playlists_by_hand, read_people
from beetsplug.cfaudio.library.tracks import Value, items_without, read_tracks
from beetsplug.cfaudio.library.write import Column, write_fields
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.errors import CfAudioError, SettingError
from cfaudio_core.util.arrays import FloatArray, IntArray
from cfaudio_core.util.fingerprint import fingerprint
from cfaudio_core.util.garbage import without_cycle_search
from cfaudio_core.util.locking import hold_lock

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from cfaudio_core.features.feature_store import FeatureStore
    from cfaudio_core.pipeline.extract import RunResult, RunSettings


@contextmanager
def user_errors() -> Iterator[None]:
    """Show what cfaudio says no to as beets shows such things: one line."""
    try:
        yield
    except SettingError as error:
        raise UserError(f"cfaudio.{error}") from error
    except CfAudioError as error:
        raise UserError(str(error)) from error


@without_cycle_search()
def load(
    lib: Library, settings: Settings, *, match: bool = True, snapshot: Callable[[str], None] | None = None
) -> tuple[Tracks, list[Listener]]:
    """The library's tracks, and its listeners over them, by their counts and by the history.

    Parameters
    ----------
    lib, settings
        The library and its settings.
    match
        Match the history to the library again; False: take it as it was matched last.
    snapshot
        Keep how the counts grew, before the history is read; told in one line why that cannot be done.
    """
    tracks = read_tracks(lib, settings.count_fields)
    if snapshot is not None:
        take_snapshot(lib, settings, tracks, snapshot)
    tracks = replace(tracks, playlists=playlists_by_hand(lib, tracks, settings))
    with user_errors():
        return tracks, read_people(lib, tracks, settings, match=match)


def listener(people: list[Listener], name: str | None) -> Listener:
    """The listener of a name; None: the main one."""
    if name is None:
        return people[0]
    for person in people:
        if person.name == name:
            return person
    raise UserError(f"there is no listener {name} (there are: {', '.join(p.name for p in people)})")


def open_store(settings: Settings) -> FeatureStore:
    """The features heard so far."""
    from cfaudio_core.features.feature_store import FeatureStore

    return FeatureStore(settings.folder / "features.db")


def models_folder(settings: Settings) -> Path:
    """Where the models are kept."""
    return settings.folder / "models"


def run_settings(
    settings: Settings, *, jobs: int, force: bool = False, retrain: bool = False, model: str | None = None
) -> RunSettings:
    """The part of the settings that a run needs."""
    from cfaudio_core.factorization.factorizer import FactorizerSettings
    from cfaudio_core.features.worker import ExtractorConfig
    from cfaudio_core.finetuning.settings import NetSettings
    from cfaudio_core.models.training_snapshot import TrainingSettings
    from cfaudio_core.pipeline.extract import RunSettings

    ear = ExtractorConfig(settings.backbone, settings.windows, settings.weights)
    net = NetSettings.of(settings.fine_tune, settings.loss, settings.cache_size, settings.layers)
    training_set = TrainingSettings(settings.factorizer, FactorizerSettings(settings.factors), net)
    scheduler = "" if settings.executor == "loky" else settings.executor
    return RunSettings(ear, training_set, jobs, force, retrain, model or "", scheduler)


def embed(
    lib: Library,
    tracks: Tracks,
    people: list[Listener],
    within: Iterable[int] | None,
    settings: Settings,
    run: RunSettings,
    on_problem: Callable[[str], None],
    *,
    may_learn: bool = True,
    only: str | None = None,
) -> tuple[RunResult, int]:
    """Hear, learn, place, and write what came of it into the library.

    Parameters
    ----------
    lib, tracks, people, settings
        As `load` gives them.
    within
        Ids of the tracks to hear; None: all of them.
    run
        How to run.
    on_problem
        Told in one line of every file that cannot be heard.
    may_learn
        False: place by the model there is.
    only
        Write the scores of this listener alone.

    Returns
    -------
    tuple
        What the run came to, and the number of items that were changed.
    """
    from cfaudio_core.pipeline.extract import extract_library
    from cfaudio_core.pipeline.run import EMBEDDED, fit_and_embed

    wanted = np.ones(len(tracks), bool) if within is None else np.isin(tracks.ids, list(within))
    with user_errors(), open_store(settings) as store:
        outcome = extract_library(
            tracks,
            wanted,
            store,
            run,
            lambda path, problem: on_problem(f"skipping {displayable_path(path)}: {problem}"),
        )
        fit_and_embed(tracks, people, outcome, store, models_folder(settings), run, may_fit=may_learn)
        written = fields(tracks, people, outcome, only) | {"cf_tags": tags(lib, tracks, outcome, store, run)}
        changed = write_fields(lib, written)
        if outcome.fingerprint and not only:
            store.note(EMBEDDED, outcome.fingerprint)
    return outcome, changed


def fields(
    tracks: Tracks, people: list[Listener], outcome: RunResult, only: str | None
) -> dict[str, Mapping[int, Value] | Column]:
    """What goes into the items' fields: field to item id to value."""
    from cfaudio_core.util.vector_codec import encode

    rows = zip(tracks.ids.tolist(), outcome.keys, tracks.keys, strict=True)
    keys: Mapping[int, Value] = {i: key for i, key, old in rows if key and key != old}
    written: dict[str, Mapping[int, Value] | Column] = {"cf_key": keys}
    places, model = outcome.embeddings, outcome.model
    if places is None or model is None:
        return written
    row = np.full(len(tracks), -1)
    row[outcome.analysed] = np.arange(len(outcome.analysed))

    def column(make: Callable[[IntArray], Iterable[Value]]) -> Column:
        """Values of the heard tracks; a place of an older model means nothing beside those of this one."""

        def of(at: IntArray) -> list[Value]:
            heard = row[at] >= 0
            values = iter(make(row[at[heard]]))
            return [next(values) if there else None for there in heard.tolist()]

        return Column(tracks.ids, of)

    def scored(scores: FloatArray | None) -> Column:
        if scores is None:
            return column(lambda at: [None] * len(at))
        # Plain floats: beets stores a numpy scalar as bytes that no query can read.
        return column(lambda at: [round(score, 3) for score in scores[at].tolist()])

    written["cf_embedding"] = column(lambda at: map(encode, places.vectors[at]))
    written["cf_model"] = column(lambda at: [model.id] * len(at))
    for k, person in enumerate(people):
        if only is None or person.name == only:
            written[score_field(person.name, main=k == 0)] = scored(places.scores.get(person.name))
    return written


def tags(lib: Library, tracks: Tracks, outcome: RunResult, store: FeatureStore, run: RunSettings) -> dict[int, Value]:
    """Item id to sound tags, for the tracks that have none yet or sound otherwise now; None for those not heard."""
    from cfaudio_core.features.sound_tags import tag_tracks

    without = items_without(lib, "cf_tags")
    made_of = fingerprint(run.extractor.backbone, run.extractor.windows, size=8)
    anew = store.noted("tagged") != made_of
    rows = list(zip(map(int, tracks.ids), outcome.keys, tracks.keys, strict=True))
    due = {i: key for i, key, old in rows if key and (anew or key != old or i in without)}
    found = tag_tracks(store, run.extractor, due.values())
    if anew:
        store.note("tagged", made_of)
    gone: dict[int, Value] = {i: None for i, key, _ in rows if not key and i not in without}
    return gone | {i: found.get(key) for i, key in due.items()}


def embed_imported(plugin: BeetsPlugin, lib: Library, ids: list[int]) -> None:
    """Give newly imported tracks their place; the model stays as it is until the next `cfembed`."""
    settings = read_settings(plugin.config)
    run = replace(run_settings(settings, jobs=1), scheduler="")  # a few tracks: not worth asking other machines
    with (
        user_errors(),
        hold_lock(settings.folder, "cfembed"),
    ):  # nor is a cfembed, that may take hours, worth waiting for
        tracks, people = load(lib, settings, match=False)
        embed(lib, tracks, people, ids, settings, run, plugin._log.warning, may_learn=False)
