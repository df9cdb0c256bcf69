"""Extraction of a library's features: the first half of a run, and what both halves share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cfaudio_core.backbones.registry import backbone_id
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.features.extractor import REFUSED_BY, decoder_versions, extract, plan_extraction
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import ExtractorConfig
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.pipeline.scoring import TrackEmbeddings
from cfaudio_core.training.drift import Drift
from cfaudio_core.util.arrays import BoolArray, IntArray
from cfaudio_core.util.progress import clear_line, progress

_SECONDS_A_TRACK = "seconds a track"  # name of the store's note: of one process
_USUAL_SECONDS = 0.1  # a track, of one process
_MEASURED_FILES = 24  # of fewer the start is most of the time
_FILES_PER_PROCESS = 8  # at least: a process takes as long to start as it does for ten files


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run.

    Attributes
    ----------
    extractor, training
        The net and the number of windows; settings of a fit.
    jobs
        Worker processes.
    force, retrain
        Analyse and fit again; only fit again.
    model
        Id of a model to go back to, or "".
    scheduler
        Address of a Dask scheduler, whose workers extract in place of those processes, or "".
    """

    extractor: ExtractorConfig = field(default_factory=ExtractorConfig)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    jobs: int = 1
    force: bool = False
    retrain: bool = False
    model: str = ""
    scheduler: str = ""


@dataclass
class RunResult:
    """Outcome of a run.

    Attributes
    ----------
    keys
        n content keys; "" for a track that could not be analysed or was not to be.
    decoded, described
        Number of files analysed in this run, and of those that were analysed before and have descriptors now.
    verified, replaced
        Number of files that were read again since they have changed, and of those with other audio than before.
    problems
        File name to its problem, for the files that could not be analysed in this run.
    old_problems
        The same for those that an earlier run could not analyse, and that have not changed since.
    analysed
        int64 (a,): positions of the tracks that have features.
    model
        The model in force.
    fitted
        Whether it was fitted in this run.
    outdated
        Whether the model that was in force before was made by an earlier version, and is as if it were not there.
    drift
        Change since the model was fitted that was in force before, if there is any.
    embeddings
        Of the a analysed tracks; None if those of the last run still hold.
    fingerprint
        Of all that the embeddings were made of, to be kept as the note `EMBEDDED` once they are written.
    """

    keys: list[str]
    decoded: int = 0
    described: int = 0
    verified: int = 0
    replaced: int = 0
    problems: dict[bytes, str] = field(default_factory=dict)
    old_problems: dict[bytes, str] = field(default_factory=dict)
    analysed: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    model: HybridModel | None = None
    fitted: bool = False
    outdated: bool = False
    drift: Drift | None = None
    embeddings: TrackEmbeddings | None = None
    fingerprint: str = ""


def extract_library(
    tracks: Tracks,
    requested: BoolArray,
    store: FeatureStore,
    settings: RunSettings,
    on_problem: Callable[[bytes, str], None],
) -> RunResult:
    """Extract the features of tracks that were never analysed, and the descriptors of those that have none.

    Parameters
    ----------
    tracks, requested
        n tracks, and bool (n,): those to analyse; the others are taken as far as they are known.
    store, settings
        Keeps the features; the net and the number of windows.
    on_problem
        Called with the name and the problem of every file that cannot be analysed, as it turns up.
    """
    config = settings.extractor
    net = backbone_id(config.backbone)
    if store.noted(REFUSED_BY) != (decoders := decoder_versions()):
        store.forget_problems()
        store.note(REFUSED_BY, decoders)
    known = plan_extraction(tracks, store, net, config.windows, within=requested, force=settings.force)
    result = RunResult(keys=known.keys, old_problems=known.problems)
    left = known.left
    if left:
        keys: dict[bytes, str] = {}
        expected = {file.path: file.key for file in left if file.verify}
        with progress("Analysing", len(left)) as advance:
            jobs, begin = _processes(settings, len(left)), time.monotonic()
            for one in extract(left, config, store, net, jobs=jobs, scheduler=settings.scheduler, on_progress=advance):
                result.old_problems.pop(one.path, None)
                if one.key:
                    keys[one.path] = one.key
                    result.decoded += one.features is not None
                    result.described += one.features is None and one.descriptors is not None and not one.problem
                    result.verified += one.path in expected and not one.problem
                    result.replaced += one.key != expected.get(one.path, one.key)
                else:
                    keys |= {one.path: ""} if one.state else {}  # else it may be as it was
                    result.problems[one.path] = one.problem
                    clear_line()
                    on_problem(one.path, one.problem)
        if len(left) >= _MEASURED_FILES and not settings.scheduler:
            store.note(_SECONDS_A_TRACK, f"{(time.monotonic() - begin) * jobs / len(left):.3f}")
        result.keys = [keys.get(path, key) for path, key in zip(tracks.paths, known.keys, strict=True)]
    result.analysed = np.flatnonzero([bool(key) for key in result.keys])
    return result


def estimate_seconds(store: FeatureStore, settings: RunSettings, n_files: int) -> float:
    """Estimate how long the extraction of some files takes, by the last one in this store."""
    return n_files * float(store.noted(_SECONDS_A_TRACK) or _USUAL_SECONDS) / max(_processes(settings, n_files), 1)


def _processes(settings: RunSettings, n_files: int) -> int:
    return min(settings.jobs, -(-n_files // _FILES_PER_PROCESS))
