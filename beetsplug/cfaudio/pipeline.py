"""The run from the library through the stages and back into item fields, of `cfembed` and the import stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from beets.exceptions import UserError
from beets.library import Library
from beets.plugins import BeetsPlugin
from beets.util import displayable_path

from beetsplug.cfaudio.config.listeners import score_field
from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.audio_fields import item_character, item_tags
from beetsplug.cfaudio.library.blocks import fields_digest
from beetsplug.cfaudio.library.fields import Value
from beetsplug.cfaudio.library.history import record_growth
from beetsplug.cfaudio.library.listeners import read_handmade_playlists, read_listeners
from beetsplug.cfaudio.library.snapshot import write_snapshot
from beetsplug.cfaudio.library.tracks import library_file, read_tracks
from beetsplug.cfaudio.library.write import Column, write_fields
from beetsplug.cfaudio.text import counted
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.errors import StoreError
from cfaudio_core.factorization.factorizer import FactorizerSettings
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult, file_state
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.pipeline.extract import RunResult, RunSettings, extract_library
from cfaudio_core.pipeline.run import EMBEDDED, fit_and_embed
from cfaudio_core.util.arrays import FloatArray, IntArray
from cfaudio_core.util.files import hold_lock, settled_state
from cfaudio_core.util.vector_codec import encode_all

_WRITTEN, _LEFT = "written", "left"  # names of the store's notes of what is in the library, and of its file then


def load(
    lib: Library, settings: Settings, *, match: bool = True, on_problem: Callable[[str], None] | None = None
) -> tuple[Tracks, list[Listener]]:
    """Read the library's tracks, and its listeners over them, by their counts and by the history.

    Parameters
    ----------
    match
        Match the history to the library again; False: use the last matches.
    on_problem
        If given, store the growth of the counts first; called with one line if that cannot be done, and with one on
        entries of playlists that are no tracks.

    Raises
    ------
    UserError
        If the library is empty.
    """
    tracks = read_tracks(lib, settings.count_fields)
    if not len(tracks):
        raise UserError("the library is empty")
    if on_problem is not None:
        record_growth(lib, settings, tracks, on_problem)
    tracks = replace(tracks, playlists=read_handmade_playlists(lib, tracks, settings, on_problem or _ignore))
    with user_errors():
        return tracks, read_listeners(lib, tracks, settings, match=match)


def _ignore(_: str) -> None:
    pass


def open_store(settings: Settings) -> FeatureStore:
    """Open the store of features."""
    return FeatureStore(settings.folder / "features.db")


def run_settings(
    settings: Settings, *, jobs: int, force: bool = False, retrain: bool = False, model: str | None = None
) -> RunSettings:
    """Select the settings of a run."""
    config = ExtractorConfig(settings.backbone, settings.windows, settings.weights)
    net = NetSettings.of(settings.fine_tune, settings.loss, settings.cache_size, settings.layers)
    training = TrainingSettings(settings.factorizer, FactorizerSettings(settings.factors), net)
    scheduler = "" if settings.executor == "processes" else settings.executor
    return RunSettings(config, training, jobs, force, retrain, model or "", scheduler)


def embed(
    lib: Library,
    tracks: Tracks,
    listeners: list[Listener],
    requested: Sequence[int] | None,
    settings: Settings,
    run: RunSettings,
    on_problem: Callable[[str], None],
    *,
    may_train: bool = True,
    only: str | None = None,
) -> tuple[RunResult, int]:
    """Analyse, train, embed, and write the results into the library.

    Parameters
    ----------
    requested
        Ids of the tracks to analyse; None: all of them.
    on_problem
        Called with one line for every file that cannot be analysed.
    may_train
        False: use the model in force.
    only
        Write the scores of this listener alone.

    Returns
    -------
    tuple
        The result of the run, and the number of items that were changed.
    """

    def skipped(path: bytes, problem: str) -> None:
        on_problem(f"skipping {displayable_path(path)}: {problem}")

    within = np.ones(len(tracks), bool) if requested is None else np.isin(tracks.ids, requested)
    with user_errors(), open_store(settings) as store:

        def compute() -> tuple[RunResult, dict[str, Mapping[int, Value] | Column]]:
            result = extract_library(tracks, within, store, run, skipped)
            fit_and_embed(tracks, listeners, result, store, settings.models, run, may_fit=may_train)
            fields = item_fields(tracks, listeners, result, only)
            fields |= item_tags(lib, tracks, result, store, run) | item_character(lib, tracks, result, store, run)
            return result, fields

        untouched = store.noted(_LEFT) == (settled_state(library_file(lib)) or "written to just now")
        as_left = untouched or store.noted(_WRITTEN) == fields_digest(lib)
        if not as_left:  # a backup was put back, or another program has written: no score is known to hold
            store.note(EMBEDDED, "")
        try:
            result, fields = compute()
        except StoreError:
            if not (damaged := store.drop_damaged()):
                raise
            on_problem(f"{store.path}: {counted(damaged, 'damaged row')} of features to compute again")
            result, fields = compute()
        if store.left_out:
            of_files = counted(store.left_out, "damaged row of a file is", "damaged rows of files are")
            on_problem(f"{store.path}: {of_files} left out")
        changed = write_fields(lib, fields)
        if result.fingerprint and not only:
            store.note(EMBEDDED, result.fingerprint)
    return result, changed


def finish_run(lib: Library, settings: Settings) -> None:
    """Write the snapshot, and note what the fields are left as, and the library's file: a run looks whether they are.

    While the file is the same, the fields need not be looked at.
    """
    written = write_snapshot(lib, settings)
    with user_errors(), open_store(settings) as store:
        store.note(_WRITTEN, written)
        store.note(_LEFT, settled_state(library_file(lib)) or "")


def item_fields(
    tracks: Tracks, listeners: list[Listener], result: RunResult, only: str | None
) -> dict[str, Mapping[int, Value] | Column]:
    """Make the values of the items' fields: field to item id to value."""
    rows = zip(tracks.ids.tolist(), result.keys, tracks.keys, strict=True)
    keys: Mapping[int, Value] = {i: key for i, key, old in rows if key and key != old}
    fields: dict[str, Mapping[int, Value] | Column] = {"cf_key": keys}
    embeddings, model = result.embeddings, result.model
    if embeddings is None or model is None:
        return fields
    row = np.full(len(tracks), -1)
    row[result.analysed] = np.arange(len(result.analysed))

    def column(make: Callable[[IntArray], Iterable[Value]]) -> Column:
        """Values of the analysed tracks; others lose theirs, which an older model made."""

        def of(at: IntArray) -> list[Value]:
            analysed = row[at] >= 0
            values = iter(make(row[at[analysed]]))
            return [next(values) if has_row else None for has_row in analysed.tolist()]

        return Column(tracks.ids, of)

    def scored(scores: FloatArray | None) -> Column:
        if scores is None:
            return column(lambda at: [None] * len(at))
        # Plain floats: beets stores a numpy scalar as bytes that no query can read.
        return column(lambda at: [round(score, 3) for score in scores[at].tolist()])

    fields["cf_embedding"] = column(lambda at: encode_all(embeddings.vectors[at]))
    made_by = zip(tracks.ids.tolist(), (row >= 0).tolist(), tracks.models, strict=True)
    fields["cf_model"] = {i: model.id if has_row else None for i, has_row, old in made_by if old != model.id * has_row}
    for k, listener in enumerate(listeners):
        if only in (None, listener.name):
            fields[score_field(listener.name, main=k == 0)] = scored(embeddings.scores.get(listener.name))
    return fields


def embed_imported(plugin: BeetsPlugin, lib: Library, ids: list[int]) -> dict[int, str]:
    """Analyse and embed newly imported tracks; the model stays as it is until the next `cfembed`.

    Returns
    -------
    dict
        Id to content key, of the tracks that were analysed.
    """
    if not ids:
        return {}
    settings = read_settings(plugin.config)
    run = replace(run_settings(settings, jobs=1), scheduler="")  # few tracks: not worth asking other machines
    # Nor is it worth waiting for a cfembed, which may take hours.
    with user_errors(), hold_lock(settings.folder, "cfembed"):
        tracks, listeners = load(lib, settings, match=False)
        result, _ = embed(lib, tracks, listeners, ids, settings, run, plugin._log.warning, may_train=False)
    finish_run(lib, settings)
    keys = dict(zip(tracks.ids.tolist(), result.keys, strict=True))
    return {item: keys[item] for item in ids if keys.get(item)}


def note_files(plugin: BeetsPlugin, keys: Mapping[bytes, str]) -> None:
    """Note the files, with their content keys, that were written to or moved since they were analysed."""
    files = [FeatureResult(path, file_state(path), key) for path, key in keys.items()]
    with user_errors(), open_store(read_settings(plugin.config)) as store:
        store.add("", 0, files)
