"""Extraction on every machine of a Dask cluster that has the music: files go out as names, and features come back.

Workers write nothing, and decode no file in their own process: each has one of `worker_pool` for that, so that a crash
or a hang costs the file alone here too. They may see the music in another place than the caller does: ``CFAUDIO_PATHS``
in a worker's environment tells where, as in ``/music=/mnt/music``, several of them with `os.pathsep` between.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from importlib import import_module
from itertools import islice
from multiprocessing import current_process
from typing import Any

from cfaudio_core import __version__
from cfaudio_core.backbones.registry import prepare_extractor
from cfaudio_core.errors import CfAudioError, SettingError
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult, FileJob, FileState, file_state
from cfaudio_core.features.worker_pool import extract_in_processes
from cfaudio_core.util.deadline import run_within

PATHS = "CFAUDIO_PATHS"
"""Environment variable of a worker: where it sees the folders that the caller knows by another name."""

_BATCH_FILES = 32  # a task: its process starts in the time of four, and little is lost with a worker
_QUEUE_TASKS = 1000  # that the scheduler has at a time
_CONNECT_S = 15  # for the scheduler to answer
_MAX_CHECK_S = 1800.0  # for all workers to fetch the net
_MAX_FILE_S = 600.0  # ten hours of music that are analysed whole
_ONE_AT_A_TIME = threading.Lock()


def extract_on_cluster(
    files: Sequence[FileJob],
    config: ExtractorConfig,
    scheduler: str,
    *,
    batch: int = _BATCH_FILES,
    patience: float = _MAX_FILE_S,
) -> Generator[FeatureResult, None, None]:
    """Analyse files on all workers of a Dask cluster.

    A task whose worker is lost goes to another one. Where several were lost at one task, its files have that as their
    problem, which is not stored.

    Parameters
    ----------
    files
        The files to analyse. The caller has them too: sizes and times of the results are those it sees.
    scheduler
        Its address, as in ``tcp://host:8786``.
    batch
        Files a task.
    patience
        Seconds a file that a task may take; where no task at all is done for so long, the cluster counts as hung.

    Yields
    ------
    FeatureResult
        One a file, in the order in which they are done.

    Raises
    ------
    CfAudioError
        If there is no such scheduler, it has no workers, or one of them cannot analyse or hangs.
    """
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError as error:
        raise CfAudioError(f"executor {scheduler} needs {error.name}: pip install 'beets-cfaudio[dask]'") from error
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CfAudioError(f"the Dask scheduler {scheduler} cannot be reached") from error
    with client:
        _check(client, scheduler, files, config)
        left = iter([list(files[start : start + batch]) for start in range(0, len(files), batch)])
        sent: dict[str, tuple[list[FileJob], dict[bytes, FileState | None]]] = {}

        def send(some: list[FileJob]) -> Any:  # a Future of distributed
            future = client.submit(extract_remotely, some, config, pure=False, key=f"cfaudio-{os.urandom(8).hex()}")
            sent[future.key] = some, {file.path: file_state(file.path) for file in some}
            return future

        done = distributed.as_completed([send(some) for some in islice(left, _QUEUE_TASKS)], loop=client.loop)
        while sent:
            try:
                future = run_within(patience * batch, partial(next, done))
            except TimeoutError:
                busy = [worker for worker, keys in client.processing().items() if sent.keys() & set(keys)]
                waited = f"nothing came of them for {patience * batch:.0f} s"
                raise CfAudioError(f"Dask workers hang ({waited}): {', '.join(sorted(busy))}") from None
            some, states = sent.pop(future.key)
            failure = future.exception() if future.status == "error" else None
            if isinstance(failure, distributed.KilledWorker):
                problem = "several workers were lost when they were to analyse it"
                yield from (FeatureResult(file.path, None, problem=problem) for file in some)
            elif failure is not None:
                raise failure
            else:
                for result in future.result():
                    yield _as_seen_here(result, states[result.path])
            following = next(left, None)
            if following is not None:
                done.add(send(following))


def extract_remotely(files: Sequence[FileJob], config: ExtractorConfig) -> list[FeatureResult]:
    """Analyse files on a worker, where it sees them, in one process of its own; results have the caller's names."""
    mapping = path_mapping(os.environ.get(PATHS, ""))
    there = [file._replace(path=mapped_path(file.path, mapping)) for file in files]
    with _ONE_AT_A_TIME:
        # Dask's workers are daemons, which may have no processes. Those of a pool end by themselves when it is gone.
        current_process().daemon = False
        results = {result.path: result for result in extract_in_processes(there, config, 1)}
    return [results[seen.path]._replace(path=file.path) for seen, file in zip(there, files, strict=True)]


def path_mapping(text: str) -> dict[bytes, bytes]:
    """Parse the folders that `CFAUDIO_PATHS` names: the caller's to the worker's.

    Raises
    ------
    SettingError
        If it makes no sense.
    """
    mapping = {}
    for pair in filter(None, text.split(os.pathsep)):
        here, sign, there = pair.partition("=")
        if not sign or not here or not there:
            raise SettingError(f"{PATHS}: must be pairs such as /music=/mnt/music, not {pair!r}")
        mapping[os.fsencode(here.rstrip("/"))] = os.fsencode(there.rstrip("/"))
    return mapping


def mapped_path(path: bytes, mapping: Mapping[bytes, bytes]) -> bytes:
    """Map a file of the caller's to where a worker sees it; of several folders that it is in, the innermost counts."""
    for here in sorted(mapping, key=len, reverse=True):
        if path == here or path.startswith(here + b"/"):
            return mapping[here] + path[len(here) :]
    return path


def check_worker(path: bytes, config: ExtractorConfig) -> tuple[str, str]:
    """Fetch the net on a worker, and look for a file of the caller's: its version of cfaudio, and its problem or ""."""
    problem = ""
    try:
        there = mapped_path(path, path_mapping(os.environ.get(PATHS, "")))
        prepare_extractor(config.backbone, wheel=config.wheel)
        if file_state(there) is None:
            problem = f"has no {os.fsdecode(there)} (does it mount the music? {PATHS} says where)"
    except CfAudioError as error:
        problem = str(error)
    return __version__, problem


def _check(client: Any, scheduler: str, files: Sequence[FileJob], config: ExtractorConfig) -> None:
    """Raise a `CfAudioError` unless every worker can analyse, by a file that is there."""
    if not client.scheduler_info(n_workers=-1)["workers"]:
        raise CfAudioError(f"the Dask scheduler {scheduler} has no workers")
    path = next((file.path for file in files if file_state(file.path)), None)
    if path is None:
        return
    try:
        answers = run_within(_MAX_CHECK_S, partial(client.run, check_worker, path, config, on_error="return"))
    except TimeoutError:
        raise CfAudioError(f"the workers of the Dask scheduler {scheduler} do not answer") from None
    for worker, answer in answers.items():
        if isinstance(answer, Exception):
            raise CfAudioError(f"the Dask worker {worker} has no fit cfaudio: {' '.join(str(answer).split())}")
        version, problem = answer
        if problem:
            raise CfAudioError(f"the Dask worker {worker}: {problem}")
        if version != __version__:
            raise CfAudioError(f"the Dask worker {worker} has cfaudio {version}, and this is {__version__}")


def _as_seen_here(result: FeatureResult, state: FileState | None) -> FeatureResult:
    """Give a result the file's state as the caller sees it; none, so that it is not stored, if a worker cannot."""
    if result.state is None and state is not None:
        missing = os.strerror(errno.ENOENT) in result.problem
        return result._replace(problem="a worker does not see it") if missing else result
    if result.state is not None and state is not None and result.state.size != state.size:
        return FeatureResult(result.path, None, problem="a worker sees another file there")
    return result._replace(state=state)
