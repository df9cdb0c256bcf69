"""Features of a library's files, extracted in worker processes and stored as they come, each file once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cfaudio_core.audio.descriptors import DESCRIPTORS, N_DESCRIPTORS
from cfaudio_core.backbones.registry import prepare_extractor
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult, FileJob, file_state
from cfaudio_core.util.arrays import BoolArray
from cfaudio_core.util.optional import has_package

_BATCH_TRACKS = 8  # a transaction: little is lost when the power fails


@dataclass
class ExtractionPlan:
    """Tracks of a library that have features, and those left to analyse.

    Attributes
    ----------
    keys
        n content keys, "" where a track is not analysed (yet).
    left
        The files to analyse, and those to compute descriptors of alone.
    problems
        File name to its problem, for the files that an earlier run could not analyse.
    """

    keys: list[str]
    left: list[FileJob] = field(default_factory=list)
    problems: dict[bytes, str] = field(default_factory=dict)


def plan_extraction(
    tracks: Tracks,
    store: FeatureStore,
    net: str,
    windows: int,
    *,
    within: BoolArray | None = None,
    force: bool = False,
) -> ExtractionPlan:
    """Find out which tracks are left to analyse, without opening a file.

    A track is known by the content key that the library keeps for it, so that it may move and be retagged; else by its
    file's name, size and time, so that an interrupted run resumes. One that has features but no descriptors, as an
    earlier version or a machine without librosa left it, is read again for these alone where there is librosa; while
    its file is away it stays as it is.

    Parameters
    ----------
    net
        Id of the net whose features these are.
    within
        bool (n tracks,): those to analyse, the others are taken as far as they are known; None: all.
    force
        Analyse again, also what could not be analysed.
    """
    stored, described = store.keys(net, windows), store.keys(DESCRIPTORS, windows)
    if not has_package("librosa"):
        described |= stored
    requested = np.ones(len(tracks), bool) if within is None else within
    plan = ExtractionPlan(keys=[key if key in stored else "" for key in tracks.keys])
    unsure = [i for i, key in enumerate(plan.keys) if not key or (requested[i] and (force or key not in described))]
    files = store.files() if unsure else {}
    queued: set[bytes] = set()
    for i in unsure:
        path, key = tracks.paths[i], tracks.keys[i]
        state = file_state(path)
        known = files.get(state) if state else None
        if not plan.keys[i] and known and known.key in stored:
            plan.keys[i] = known.key
        elif not plan.keys[i] and known and known.problem:
            plan.problems[path] = known.problem
        if not requested[i] or path in queued:
            continue
        if force or not (plan.keys[i] or path in plan.problems):
            key = key or (known.key if known else "")
            plan.left.append(FileJob(path, key, descriptors=force or key not in described))
        elif plan.keys[i] and plan.keys[i] not in described and state:
            plan.left.append(FileJob(path, plan.keys[i], net=False))
        else:
            continue
        queued.add(path)
    return plan


def extract(
    files: Sequence[FileJob],
    config: ExtractorConfig,
    store: FeatureStore,
    net: str,
    *,
    jobs: int,
    scheduler: str = "",
    on_progress: Callable[[int], None] = lambda n: None,
) -> Iterator[FeatureResult]:
    """Analyse files, store their features as they come, a batch a transaction, and yield the results.

    Parameters
    ----------
    net
        Id of the net, for the store.
    jobs
        Worker processes.
    scheduler
        Address of a Dask scheduler whose workers extract instead, or "".
    on_progress
        Called with the number of files done since the last call.

    Yields
    ------
    FeatureResult
        One a file, in the order in which they are done. A file of which only descriptors are missing, and that cannot
        be read any more, is no problem: the track stays as it is, and is not tried again.
    """
    from cfaudio_core.features.dask_cluster import extract_on_cluster  # decoders take half a second to load
    from cfaudio_core.features.worker_pool import extract_in_processes

    # Here, once: not by every worker at the same time. The audio tags need it, wherever features are extracted.
    prepare_extractor(config.backbone, wheel=config.wheel)
    results = extract_on_cluster(files, config, scheduler) if scheduler else extract_in_processes(files, config, jobs)
    known = {file.path: file.key for file in files if not file.net}
    batch: list[FeatureResult] = []

    def flush() -> list[FeatureResult]:
        flushed = batch[:]
        batch.clear()
        if flushed:
            store.add(net, config.windows, flushed)
        return flushed

    try:
        for result in results:
            batch.append(_without_descriptors(result, known) if result.problem and result.path in known else result)
            on_progress(1)
            if len(batch) == _BATCH_TRACKS:
                yield from flush()
        yield from flush()
    finally:
        results.close()  # now: whoever handles an error may hold on to this frame for long
        flush()


def _without_descriptors(result: FeatureResult, known: Mapping[bytes, str]) -> FeatureResult:
    """Make the result of a track that is known, by file name to content key, and whose descriptors cannot be computed.

    Without windows, they are not looked for again; but a file that was away may come back.
    """
    nothing = None if result.state is None else np.zeros((0, N_DESCRIPTORS), np.float16)
    return result._replace(state=None, key=known[result.path], descriptors=nothing)
