"""Features of a library's files, extracted in worker processes and stored as they come, each file once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np

from cfaudio_core import __version__
from cfaudio_core.audio.descriptors import DESCRIPTORS, N_DESCRIPTORS
from cfaudio_core.backbones.registry import prepare_extractor
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult, FileJob, file_state
from cfaudio_core.util.arrays import BoolArray
from cfaudio_core.util.fingerprint import fingerprint
from cfaudio_core.util.optional import has_package

REFUSED_BY = "refused by"
"""Name of the store's note of the decoders by which files could not be analysed."""

_BATCH_TRACKS = 8  # a transaction: little is lost when the power fails
_DECODERS = ("av", "soundfile")


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

    A file is known by its name, size and time, so that an interrupted run resumes, and where it has another name by the
    content key that the library keeps for it, so that it may move. Of one that has another size or time, as after it
    was retagged, the audio is compared to that key. A track that has features but no descriptors, as an earlier version
    or a machine without librosa left it, is read again for these alone where there is librosa. While its file is away
    a track stays as it is.

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
    files, retry = store.files(), store.noted(REFUSED_BY) != decoder_versions()
    wherever = {(state.size, state.mtime_ns, known.key) for state, known in files.items()}
    queued: set[bytes] = set()
    for i in np.flatnonzero(requested | np.array([not key for key in plan.keys], bool)).tolist():
        path, key = tracks.paths[i], tracks.keys[i]
        state = file_state(path)
        known = files.get(state) if state else None
        key = known.key if known and known.key else key
        refused = not retry and known is not None and not known.key
        plan.keys[i] = key if key in stored and not refused else ""
        if known and refused:
            plan.problems[path] = known.problem
        if not requested[i] or path in queued or (state is None and plan.keys[i] and not force):
            continue
        verify = bool(key and state and (*state[1:], key) not in wherever)
        of_net, descriptors = force or not plan.keys[i], force or key not in described
        if force or ((of_net or descriptors or verify) and not refused):
            plan.left.append(FileJob(path, key, of_net, descriptors, verify))
            queued.add(path)
    return plan


def decoder_versions() -> str:
    """Versions of all that decodes: another one may read what this one refuses."""
    versions = {name: version(name) if find_spec(name) else "" for name in _DECODERS}
    return fingerprint(__version__, versions, size=8)


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
        be read any more, is no problem: the track stays as it is, and is not tried again. Nor is one that is only to be
        compared to its key, unless it is refused.
    """
    from cfaudio_core.features.dask_cluster import extract_on_cluster  # decoders take half a second to load
    from cfaudio_core.features.worker_pool import extract_in_processes

    # Here, once: not by every worker at the same time. The audio tags need it, wherever features are extracted.
    prepare_extractor(config.backbone, wheel=config.wheel)
    results = extract_on_cluster(files, config, scheduler) if scheduler else extract_in_processes(files, config, jobs)
    known = {file.path: file for file in files if not file.net}
    batch: list[FeatureResult] = []

    def flush() -> list[FeatureResult]:
        flushed = batch[:]
        batch.clear()
        if flushed:
            store.add(net, config.windows, flushed)
        return flushed

    try:
        for result in results:
            batch.append(_as_it_was(result, known[result.path]) if result.problem and result.path in known else result)
            on_progress(1)
            if len(batch) == _BATCH_TRACKS:
                yield from flush()
        yield from flush()
    finally:
        results.close()  # now: whoever handles an error may hold on to this frame for long
        flush()


def _as_it_was(result: FeatureResult, job: FileJob) -> FeatureResult:
    """Make the result of a track that is known, and whose file has a problem.

    Without windows, descriptors are not looked for again; but a file that was away may come back.
    """
    if job.verify and result.state:
        return result
    nothing = None if result.state is None else np.zeros((0, N_DESCRIPTORS), np.float16)
    return result._replace(state=None, key=job.key, descriptors=nothing)
