"""Hearing on every machine of a Dask cluster that has the music: files go out as names, and features come back.

Workers write nothing. They may see the music in another place than the caller does: ``CFAUDIO_PATHS`` in a worker's
environment says where, as in ``/music=/mnt/music``, several of them with `os.pathsep` between.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from cfaudio_core import __version__
from cfaudio_core.embedding.heard import FileState, Heard, file_state
from cfaudio_core.embedding.worker import Ear, ToHear, hear_file
from cfaudio_core.errors import CfAudioError, SettingError
from cfaudio_core.nets.backbone import prepare_hearer

PATHS = "CFAUDIO_PATHS"
"""Environment variable of a worker: where it sees the folders that the caller knows by another name."""

_BATCH = 8  # tracks a task: a task's overhead is small against a second of work, and little is lost with a worker
_AHEAD = 1000  # tasks that the scheduler has at a time
_PATIENCE = 15  # seconds, for the scheduler to answer
_ONE = threading.Lock()


class Ready(NamedTuple):
    """What a worker says of itself: its version of cfaudio, and what keeps it from hearing, or ""."""

    version: str
    problem: str


def hear_on_machines(files: Sequence[ToHear], ear: Ear, scheduler: str, *, batch: int = _BATCH) -> Iterator[Heard]:
    """Hear files on all workers of a Dask cluster.

    A task whose worker is lost goes to another one. Where a task has cost several workers, its files are heard once
    more in the end, one by one, and the one that costs several again has that as its problem.

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
    Heard
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
        client = distributed.Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CfAudioError(f"the Dask scheduler {scheduler} cannot be reached") from error
    with client:
        _check(client, scheduler, files, ear)
        left = iter([list(files[start : start + batch]) for start in range(0, len(files), batch)])
        sent: dict[str, tuple[list[ToHear], dict[bytes, FileState | None]]] = {}

        def send(some: list[ToHear]) -> Any:  # a Future of distributed
            future = client.submit(hear_there, some, ear, pure=False, key=f"cfaudio-{os.urandom(8).hex()}")
            sent[future.key] = some, {file.path: file_state(file.path) for file in some}
            return future

        done = distributed.as_completed([send(some) for some in islice(left, _AHEAD)], loop=client.loop)
        suspects: list[ToHear] = []
        for future in done:
            some, states = sent.pop(future.key)
            failure = future.exception() if future.status == "error" else None
            if isinstance(failure, distributed.KilledWorker):
                suspects += some
            elif failure is not None:
                raise failure
            else:
                for heard in future.result():
                    yield _seen_from_here(heard, states[heard.path])
            following = next(left, None)
            if following is not None:
                done.add(send(following))
        # Dask suspects all that a lost worker had before it; of files heard one by one it is known.
        for file in suspects:
            future = send([file])
            state = sent.pop(future.key)[1][file.path]
            try:
                yield _seen_from_here(future.result()[0], state)
            except distributed.KilledWorker:
                yield Heard(file.path, state, problem="several workers were lost when they heard it")


def hear_there(files: Sequence[ToHear], ear: Ear) -> list[Heard]:
    """What a worker does: hear files where it sees them, one at a time on one thread, under the caller's names."""
    mapping = path_mapping(os.environ.get(PATHS, ""))
    with _ONE, threadpool_limits(1):
        heard = [hear_file(ToHear(seen_there(file.path, mapping), file.key), ear) for file in files]
    return [one._replace(path=file.path) for one, file in zip(heard, files, strict=True)]


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


def get_ready(path: bytes, ear: Ear) -> Ready:
    """What a worker does first: bring the net, and look whether a file of the caller's is there."""
    problem = ""
    try:
        there = seen_there(path, path_mapping(os.environ.get(PATHS, "")))
        prepare_hearer(ear.backbone, wheel=ear.wheel)
        if file_state(there) is None:
            problem = f"has no {os.fsdecode(there)} (does it mount the music? {PATHS} says where)"
    except CfAudioError as error:
        problem = str(error)
    return Ready(__version__, problem)


def _check(client: Any, scheduler: str, files: Sequence[ToHear], ear: Ear) -> None:
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


def _seen_from_here(heard: Heard, state: FileState | None) -> Heard:
    """An outcome with the file's state as the caller sees it. What a worker does not see is nothing to remember."""
    if heard.state is None and state is not None:
        return Heard(heard.path, None, problem="a worker does not see it")
    if heard.state is not None and state is not None and heard.state.size != state.size:
        return Heard(heard.path, None, problem="a worker sees another file there")
    return heard._replace(state=state)
