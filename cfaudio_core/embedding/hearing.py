"""Files to features, in worker processes, kept as they come: what is heard once is never decoded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import joblib

from cfaudio_core.embedding.feature_store import FeatureStore, Known
from cfaudio_core.embedding.heard import Heard, file_state
from cfaudio_core.embedding.worker import Ear, ToHear, hear_files_here, hear_files_quietly
from cfaudio_core.nets.backbone import prepare_hearer
from cfaudio_core.tracks import Tracks

_BATCH = 8  # tracks a task: a task's overhead is small against a second of work, and little is lost on ctrl-C


@dataclass
class Hearing:
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
    left: list[ToHear] = field(default_factory=list)
    problems: dict[bytes, str] = field(default_factory=dict)


def plan(tracks: Tracks, store: FeatureStore, net: str, windows: int, *, force: bool = False) -> Hearing:
    """Find out which tracks need hearing, without opening a file.

    A track is known by the content key that the library keeps for it, so that it may move and be retagged; else by its
    file's name, size and time, so that an interrupted run resumes.
    """
    there = store.keys(net, windows)
    files = store.files()
    hearing = Hearing(keys=[""] * len(tracks))
    queued: set[bytes] = set()
    for i, (path, key) in enumerate(zip(tracks.paths, tracks.keys, strict=True)):
        if key and key in there and not force:
            hearing.keys[i] = key
            continue
        state = file_state(path)
        known = files.get(state, Known("", "")) if state else Known("", "")
        if not force and known.key in there:
            hearing.keys[i] = known.key
        elif not force and known.problem:
            hearing.problems[path] = known.problem
        elif path not in queued:
            hearing.left.append(ToHear(path, key or known.key))
            queued.add(path)
    return hearing


def hear(
    files: Sequence[ToHear],
    ear: Ear,
    store: FeatureStore,
    net: str,
    *,
    jobs: int,
    on_progress: Callable[[int], None] = lambda n: None,
) -> Iterator[Heard]:
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
        Worker processes; 1 hears in this process.
    on_progress
        Called with the number of files done since the last call.

    Yields
    ------
    Heard
        One a file, in the order in which they are done.
    """
    prepare_hearer(ear.backbone, wheel=ear.wheel)  # here, once: not by every worker at the same time
    work = joblib.delayed(hear_files_here if jobs == 1 else hear_files_quietly)
    tasks = (work(files[i : i + _BATCH], ear) for i in range(0, len(files), _BATCH))
    # A worker computes with one thread: the processes are the parallelism.
    with joblib.parallel_config("loky", inner_max_num_threads=1) if jobs > 1 else joblib.parallel_config("sequential"):
        done: Iterable[list[Heard]] = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)
        for batch in done:
            store.add(net, ear.windows, batch)
            on_progress(len(batch))
            yield from batch
