"""Fields of the items that are made of their audio alone: sound tags, tempo, key and energy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from beets.library import Library

from beetsplug.cfaudio.library.fields import Value, items_without
from cfaudio_core.audio.descriptors import DESCRIPTORS
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.features.audio_tags import tag_tracks
from cfaudio_core.features.character import read_character
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.pipeline.extract import RunResult, RunSettings
from cfaudio_core.util.fingerprint import fingerprint

_TAGGED, _DESCRIBED = "tagged", "described"  # names of the store's notes of what they were made by


def item_tags(
    lib: Library, tracks: Tracks, result: RunResult, store: FeatureStore, run: RunSettings
) -> dict[str, Mapping[int, Value]]:
    """Make the sound tags of the items that they are due for."""
    made_by = fingerprint(run.extractor.backbone, run.extractor.windows, size=8)
    with _due(lib, tracks, result, store, "cf_tags", (_TAGGED, made_by)) as (due, gone):
        found = tag_tracks(store, run.extractor, due.values())
    return {"cf_tags": gone | {i: found.get(key) for i, key in due.items()}}


def item_character(
    lib: Library, tracks: Tracks, result: RunResult, store: FeatureStore, run: RunSettings
) -> dict[str, Mapping[int, Value]]:
    """Make tempo, key and energy of the items that they are due for."""
    made_by = fingerprint(DESCRIPTORS, run.extractor.windows, size=8)
    with _due(lib, tracks, result, store, "cf_energy", (_DESCRIBED, made_by)) as (due, gone):
        found = read_character(store, due.values())
    of = {i: found.get(key) for i, key in due.items()}
    return {
        "cf_tempo": gone | {i: one and one.tempo and round(one.tempo, 1) for i, one in of.items()},
        "cf_key_name": gone | {i: one and one.key for i, one in of.items()},
        "cf_energy": gone | {i: one and round(one.energy, 2) for i, one in of.items()},
    }


@contextmanager
def _due(
    lib: Library, tracks: Tracks, result: RunResult, store: FeatureStore, field: str, made_by: tuple[str, str]
) -> Iterator[tuple[dict[int, str], dict[int, Value]]]:
    """Find the items whose audio fields are to be made, and note afterwards what they were made by.

    Parameters
    ----------
    field
        One of the fields.
    made_by
        Name and text of the note.

    Yields
    ------
    tuple
        Item id to content key, of the items without the field or with changed audio, or all if the note is another;
        and item id to None, of those that are not analysed.
    """
    without = items_without(lib, field)
    again = store.noted(made_by[0]) != made_by[1]
    rows = list(zip(tracks.ids.tolist(), result.keys, tracks.keys, strict=True))
    due = {i: key for i, key, old in rows if key and (again or key != old or i in without)}
    yield due, {i: None for i, key, _ in rows if not key and i not in without}
    if again:
        store.note(*made_by)
