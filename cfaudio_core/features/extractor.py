"""Files to features, in worker processes, kept as they come: what is heard once is never decoded again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cfaudio_core.backbones.registry import prepare_extractor
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.features.dask_cluster import extract_on_cluster
from cfaudio_core.features.feature_store import FeatureStore, Known
from cfaudio_core.features.results import FeatureResult, file_state
from cfaudio_core.features.worker import ExtractorConfig, FileJob
from cfaudio_core.features.worker_pool import extract_in_processes
from cfaudio_core.util.arrays import BoolArray

_BATCH = 8  # tracks a transaction: little is lost when the power fails


@dataclass
class ExtractionPlan:
    """What is known, and what is left to hear, of a library.

    Attributes
    ----------
    keys
        n content keys, "" where a track is not heard (yet).
    left
        The files to decode.
    problems
        File name to what is wrong with it, for the files that an earlier run could not hear.
    """

    keys: list[str]
    left: list[FileJob] = field(default_factory=list)
    problems: dict[bytes, str] = field(default_factory=dict)


def plan(
    tracks: Tracks,
    store: FeatureStore,
    net: str,
    windows: int,
    *,
    within: BoolArray | None = None,
    force: bool = False,
) -> ExtractionPlan:
    """Find out which tracks need hearing, without opening a file.

    A track is known by the content key that the library keeps for it, so that it may move and be retagged; else by its
    file's name, size and time, so that an interrupted run resumes.

    Parameters
    ----------
    tracks
        n tracks.
    store, net, windows
        Where features are, of which net, and of how many windows.
    within
        bool (n,): the tracks to hear, the others are taken as far as they are known; None: all.
    force
        Hear again what is known, and what could not be heard.
    """
    there = store.keys(net, windows)
    wanted = np.ones(len(tracks), bool) if within is None else within
    hearing = ExtractionPlan(keys=[key if key in there else "" for key in tracks.keys])
    unsure = [i for i, key in enumerate(hearing.keys) if not key or (force and wanted[i])]
    files = store.files() if unsure else {}
    queued: set[bytes] = set()
    for i in unsure:
        path, key = tracks.paths[i], tracks.keys[i]
        state = file_state(path)
        known = files.get(state, Known("", "")) if state else Known("", "")
        if not hearing.keys[i] and known.key in there:
            hearing.keys[i] = known.key
        elif not hearing.keys[i] and known.problem:
            hearing.problems[path] = known.problem
        told = hearing.keys[i] or path in hearing.problems
        if wanted[i] and (force or not told) and path not in queued:
            hearing.left.append(FileJob(path, key or known.key))
            queued.add(path)
    return hearing


def hear(
    files: Sequence[FileJob],
    ear: ExtractorConfig,
    store: FeatureStore,
    net: str,
    *,
    jobs: int,
    scheduler: str = "",
    on_progress: Callable[[int], None] = lambda n: None,
) -> Iterator[FeatureResult]:
    """Hear files, store their features as they come, and yield the outcomes.

    Parameters
    ----------
    files
        What to decode; see `plan`.
    ear
        The net and the number of windows.
    store
        Where features go, a batch a transaction.
    net
        Id of the net, for the store.
    jobs
        Worker processes.
    scheduler
        Address of a Dask scheduler whose workers are to hear instead, or "".
    on_progress
        Called with the number of files done since the last call.

    Yields
    ------
    FeatureResult
        One a file, in the order in which they are done.
    """
    # Here, once: not by every worker at the same time. The tags need it, whoever hears.
    prepare_extractor(ear.backbone, wheel=ear.wheel)
    heard_by = extract_on_cluster(files, ear, scheduler) if scheduler else extract_in_processes(files, ear, jobs)
    batch: list[FeatureResult] = []

    def keep() -> list[FeatureResult]:
        kept = batch[:]
        batch.clear()
        if kept:
            store.add(net, ear.windows, kept)
        return kept

    try:
        for heard in heard_by:
            batch.append(heard)
            on_progress(1)
            if len(batch) == _BATCH:
                yield from keep()
        yield from keep()
    finally:
        heard_by.close()  # now: whoever handles an error may hold on to this frame for long
        keep()
