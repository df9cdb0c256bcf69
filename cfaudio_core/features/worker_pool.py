"""Worker processes for what may kill its process or never end: either costs the one file, and no other.

Decoders are C code that is fed with whatever a collection holds. So no file is heard in the user's own process, but one
after the other in a few processes that live on. Each answers for every file by itself, so that it is known which file
was at work when a process was lost; only then is a new one started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Generator, Sequence
from multiprocessing import connection, get_context
from typing import Any

# Its processes, unlike those of `spawn`, do not run the user's main module over again.
import joblib.externals.loky  # noqa: F401

from cfaudio_core.errors import CfAudioError
from cfaudio_core.features.results import FeatureResult, file_state
from cfaudio_core.features.worker import ExtractorConfig, FileJob, MakeReady, make_ready, serve

PATIENCE = 120.0
"""Seconds without a sign of life, after which a process is taken to hang. Windows of a track, and each minute of a
track that is heard whole, take about one."""

_BEGINNING = 120.0  # seconds for a process to start and load the net
_LOOK = 1.0  # seconds between two looks at whether any process hangs
_STILLBORN = 3  # processes in a row that end before they hear, after which none will: one may be killed by chance
_AHEAD = 2  # files that a process has been sent: one at work, and one so that it need not wait for the next


class _LostError(Exception):
    """A process has died, or was ended because it hung; the message says so of the file that it was at."""

    def __init__(self, what: str, *, begun: bool, may_be_innocent: bool) -> None:
        super().__init__(f"its decoder {what}" if begun else f"a worker process {what} before it began to hear")
        self.begun, self.may_be_innocent = begun, may_be_innocent


class _Worker:
    """A process, and the files that it was sent and has not answered for; the first is the one that it is at."""

    def __init__(self, ear: ExtractorConfig, ready: MakeReady) -> None:
        context: Any = get_context("loky")
        self.files: deque[FileJob] = deque()
        self.pipe, far_end = context.Pipe()
        # A daemon, so that Python ends it and does not wait for it, should ctrl-C leave nobody else to do so.
        self._process = context.Process(target=serve, args=(far_end, ear, ready), daemon=True)
        self._process.start()
        far_end.close()  # else the end of the process were not the end of the pipe
        self._begun = False
        self._silent = 0.0

    def send(self, file: FileJob) -> None:
        """Give it one more file to hear."""
        with contextlib.suppress(OSError):  # it has died, as reading from it will tell
            self.pipe.send(file)
        self.files.append(file)

    def answer(self, waited: float, patience: float, *, told: bool) -> FeatureResult | None:
        """What it has told of a file; None if only that it lives, or nothing for so many seconds more."""
        if not told:
            self._silent += waited
            limit = patience if self._begun else _BEGINNING
            if self._silent > limit:
                what = f"hung (nothing came of it for {limit:.0f} s)"
                raise _LostError(what, begun=self._begun, may_be_innocent=False)
            return None
        try:
            answer: FeatureResult | Exception | None = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            what = f"crashed ({_status_in_words(self._process.exitcode)})"
            raise _LostError(what, begun=self._begun, may_be_innocent=True) from None
        self._begun, self._silent = True, 0.0
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            self.files.popleft()
        return answer

    def end(self) -> None:
        """End the process, whatever it is at."""
        if self._process.exitcode is None and self._process.pid is not None:
            with contextlib.suppress(OSError):
                os.kill(self._process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            self._process.join(5)  # not for ever: what waits for a broken disk cannot even be killed
        self.pipe.close()


def extract_in_processes(
    files: Sequence[FileJob],
    ear: ExtractorConfig,
    jobs: int,
    *,
    ready: MakeReady = make_ready,
    patience: float = PATIENCE,
) -> Generator[FeatureResult, None, None]:
    """Hear files in worker processes.

    Parameters
    ----------
    files
        What to decode.
    ear
        What to listen with.
    jobs
        The number of processes.
    ready
        Called once in every process; see `worker.make_ready`.
    patience
        Seconds without a sign of life, after which a process is taken to hang.

    Yields
    ------
    FeatureResult
        One a file, in the order in which they are done. A file at which a process hung, or two died, has that as its
        problem. Two, since where memory is short the system kills processes that may not have taken it.

    Raises
    ------
    CfAudioError
        If a worker process cannot begin.
    Exception
        What hearing raised, that was no problem of a file.
    """
    left, suspects = deque(files), set[bytes]()
    stillborn = 0
    crew: list[_Worker] = []
    try:
        while left or crew:
            while left and len(crew) < jobs:
                crew.append(_Worker(ear, ready))
                crew[-1].send(left.popleft())
            began = time.monotonic()
            talking = connection.wait([worker.pipe for worker in crew], _LOOK)
            # Only what was waited here: while a machine sleeps, or the user's process is stopped, nobody hangs.
            waited = min(time.monotonic() - began, _LOOK)
            for worker in list(crew):
                try:
                    heard = worker.answer(waited, patience, told=worker.pipe in talking)
                except _LostError as lost:
                    worker.end()
                    crew.remove(worker)
                    stillborn = 0 if lost.begun else stillborn + 1
                    if stillborn == _STILLBORN:
                        raise CfAudioError(str(lost)) from None
                    heard, again = _blame(worker.files, lost, suspects) if lost.begun else (None, [])
                    left.extendleft(reversed(worker.files))
                    left.extend(again)
                else:
                    stillborn = 0 if worker.pipe in talking else stillborn
                if heard is not None:
                    yield heard
                while left and worker in crew and len(worker.files) < _AHEAD:
                    worker.send(left.popleft())
                if not worker.files and worker in crew:
                    worker.end()
                    crew.remove(worker)
    finally:
        for worker in crew:
            worker.end()


def _blame(files: deque[FileJob], lost: _LostError, suspects: set[bytes]) -> tuple[FeatureResult | None, list[FileJob]]:
    """Take the file that a lost process was at: an outcome of it, or it once more."""
    file = files.popleft()
    if lost.may_be_innocent and file.path not in suspects:
        suspects.add(file.path)
        return None, [file]
    return FeatureResult(file.path, file_state(file.path), problem=str(lost)), []


def _status_in_words(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"exit status {status}"
