"""Hearing on every machine of a Dask cluster that has the music: files go out as names, and features come back.

Workers write nothing, and decode no file in their own process: each has one of `crew.py` for that, so that a crash or a
hang costs the file alone here too. They may see the music in another place than the caller does: ``CFAUDIO_PATHS`` in
a worker's environment says where, as in ``/music=/mnt/music``, several of them with `os.pathsep` between.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from multiprocessing import current_process
from typing import Any, NamedTuple

from cfaudio_core import __version__
from cfaudio_core.backbones.registry import prepare_extractor
from cfaudio_core.errors import CfAudioError, SettingError
from cfaudio_core.features.results import FeatureResult, FileState, file_state
from cfaudio_core.features.worker import ExtractorConfig, FileJob
from cfaudio_core.features.worker_pool import extract_in_processes

PATHS = "CFAUDIO_PATHS"
"""Environment variable of a worker: where it sees the folders that the caller knows by another name."""

_BATCH = 32  # tracks a task: its process starts in the time of four, and little is lost with a worker
_AHEAD = 1000  # tasks that the scheduler has at a time
_FOR_AN_ANSWER = 15  # seconds, for the scheduler to give one
_ONE = threading.Lock()


class Ready(NamedTuple):
    """What a worker says of itself: its version of cfaudio, and what keeps it from hearing, or ""."""

    version: str
    problem: str


def extract_on_cluster(
    files: Sequence[FileJob], ear: ExtractorConfig, scheduler: str, *, batch: int = _BATCH
) -> Generator[FeatureResult, None, None]:
    """Hear files on all workers of a Dask cluster.

    A task whose worker is lost goes to another one. Where several were lost at one task, its files have that as their
    problem, which is not remembered.

    Parameters
    ----------
    files
        What to decode. The caller has these files too: their sizes and times are its own.
    ear
        What to listen with.
    scheduler
        Its address, as in ``tcp://host:8786``.
    batch
        Files a task.

    Yields
    ------
    FeatureResult
        One a file, in the order in which they are done.

    Raises
    ------
    CfAudioError
        If there is no such scheduler, it has no workers, or one of them is not fit to hear.
    """
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError as error:
        raise CfAudioError(f"executor {scheduler} needs {error.name}: pip install 'beets-cfaudio[dask]'") from error
    try:
        client = distributed.Client(scheduler, timeout=_FOR_AN_ANSWER, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CfAudioError(f"the Dask scheduler {scheduler} cannot be reached") from error
    with client:
        _check(client, scheduler, files, ear)
        left = iter([list(files[start : start + batch]) for start in range(0, len(files), batch)])
        sent: dict[str, tuple[list[FileJob], dict[bytes, FileState | None]]] = {}

        def send(some: list[FileJob]) -> Any:  # a Future of distributed
            future = client.submit(extract_remotely, some, ear, pure=False, key=f"cfaudio-{os.urandom(8).hex()}")
            sent[future.key] = some, {file.path: file_state(file.path) for file in some}
            return future

        done = distributed.as_completed([send(some) for some in islice(left, _AHEAD)], loop=client.loop)
        for future in done:
            some, states = sent.pop(future.key)
            failure = future.exception() if future.status == "error" else None
            if isinstance(failure, distributed.KilledWorker):
                for file in some:
                    yield FeatureResult(file.path, None, problem="several workers were lost when they were to hear it")
            elif failure is not None:
                raise failure
            else:
                for heard in future.result():
                    yield _seen_from_here(heard, states[heard.path])
            following = next(left, None)
            if following is not None:
                done.add(send(following))


def extract_remotely(files: Sequence[FileJob], ear: ExtractorConfig) -> list[FeatureResult]:
    """What a worker does: hear files where it sees them, in one process of its own, under the caller's names."""
    mapping = path_mapping(os.environ.get(PATHS, ""))
    there = [FileJob(seen_there(file.path, mapping), file.key) for file in files]
    with _ONE:
        # Dask's workers are daemons, which may have no processes. Those of a crew end by themselves when it is gone.
        current_process().daemon = False
        heard = {one.path: one for one in extract_in_processes(there, ear, 1)}
    return [heard[seen.path]._replace(path=file.path) for seen, file in zip(there, files, strict=True)]


def path_mapping(text: str) -> dict[bytes, bytes]:
    """The folders that `CFAUDIO_PATHS` names: the caller's to the worker's.

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


def seen_there(path: bytes, mapping: Mapping[bytes, bytes]) -> bytes:
    """Where a worker sees a file of the caller's; of several folders that it is in, the innermost is the one."""
    for here in sorted(mapping, key=len, reverse=True):
        if path == here or path.startswith(here + b"/"):
            return mapping[here] + path[len(here) :]
    return path


def get_ready(path: bytes, ear: ExtractorConfig) -> Ready:
    """What a worker does first: bring the net, and look whether a file of the caller's is there."""
    problem = ""
    try:
        there = seen_there(path, path_mapping(os.environ.get(PATHS, "")))
        prepare_extractor(ear.backbone, wheel=ear.wheel)
        if file_state(there) is None:
            problem = f"has no {os.fsdecode(there)} (does it mount the music? {PATHS} says where)"
    except CfAudioError as error:
        problem = str(error)
    return Ready(__version__, problem)


def _check(client: Any, scheduler: str, files: Sequence[FileJob], ear: ExtractorConfig) -> None:
    """Ask every worker whether it can hear, by a file that is there."""
    if not client.scheduler_info(n_workers=-1)["workers"]:
        raise CfAudioError(f"the Dask scheduler {scheduler} has no workers")
    path = next((file.path for file in files if file_state(file.path)), None)
    if path is None:
        return
    told = client.run(get_ready, path, ear, on_error="return")
    for worker, ready in told.items():
        if isinstance(ready, Exception):
            raise CfAudioError(f"the Dask worker {worker} has no fit cfaudio: {' '.join(str(ready).split())}")
        if ready.problem:
            raise CfAudioError(f"the Dask worker {worker}: {ready.problem}")
        if ready.version != __version__:
            raise CfAudioError(f"the Dask worker {worker} has cfaudio {ready.version}, and this is {__version__}")


def _seen_from_here(heard: FeatureResult, state: FileState | None) -> FeatureResult:
    """An outcome with the file's state as the caller sees it. What a worker does not see is nothing to remember."""
    if heard.state is None and state is not None:
        return FeatureResult(heard.path, None, problem="a worker does not see it")
    if heard.state is not None and state is not None and heard.state.size != state.size:
        return FeatureResult(heard.path, None, problem="a worker sees another file there")
    return heard._replace(state=state)
