"""Worker processes for decoders, which may crash or never end: either costs the one file, and no other.

Decoders are C code that reads whatever a collection holds. So no file is analysed in the user's own process, but one
after the other in a few processes that live on. Each answers for every file by itself, so that it is known which file
was at work when a process was lost; only then is a new one started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from multiprocessing import connection, get_context, resource_tracker
from types import ModuleType

from cfaudio_core.errors import CfAudioError
from cfaudio_core.features.jobs import ExtractorConfig, FeatureResult, FileJob, file_state
from cfaudio_core.features.worker import MakeReady, make_ready, serve

MAX_SILENCE_S = 120.0
"""Time without a sign of life, after which a process counts as hung. Windows of a track, and each minute of a track
that is analysed whole, take about a second."""

_MAX_START_S = 120.0  # for a process to start and load the net
_POLL_S = 1.0  # between two looks at whether any process hangs
_MAX_FAILED_STARTS = 3  # in a row, after which no process will start: one may be killed by chance
_BY_SYSTEM = {getattr(signal, name, None) for name in ("SIGKILL", "SIGTERM", "SIGBUS")}
_QUEUE_FILES = 2  # that a process has been sent: one at work, and one so that it need not wait for the next


class _LostError(Exception):
    """A process has died, or was ended because it hung; the message is the problem of the file that it was at."""

    def __init__(self, what: str, *, started: bool, hung: bool = False, status: int | None = None) -> None:
        super().__init__(f"its decoder {what}" if started else f"a worker process {what} before it began to analyse")
        self.started, self.hung = started, hung
        # By a slow disk or a system short of memory, and not by the file: what hangs has no status.
        self.may_pass = status is None or -status in _BY_SYSTEM


class _Worker:
    """A process, and the files that it was sent and has not answered for; the first is the one that it is at."""

    def __init__(self, config: ExtractorConfig, ready: MakeReady) -> None:
        context = get_context("spawn")  # `fork` would copy locks that another thread holds
        self.files: deque[FileJob] = deque()
        self.pipe, far_end = context.Pipe()
        # A daemon, so that Python ends it and does not wait for it, should ctrl-C leave nobody else to do so.
        self._process = context.Process(target=serve, args=(far_end, config, ready), daemon=True)
        with _nameless_main(), _ctrl_c_held_back():
            self._process.start()
        far_end.close()  # else the end of the process were not the end of the pipe
        self._started = False
        self._silence_s = 0.0

    def send(self, file: FileJob) -> None:
        """Send it one more file to analyse."""
        with contextlib.suppress(OSError):  # it has died, as reading from it will tell
            self.pipe.send(file)
        self.files.append(file)

    def answer(self, waited: float, patience: float, *, ready: bool) -> FeatureResult | None:
        """Read its answer if there is one: the result of a file, None for a sign of life; else count the silence."""
        if not ready:
            self._silence_s += waited
            limit = patience if self._started else _MAX_START_S
            if self._silence_s > limit:
                what = f"hung (nothing came of it for {limit:.0f} s)"
                raise _LostError(what, started=self._started, hung=True)
            return None
        try:
            answer: FeatureResult | Exception | None = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join(5)
            what = f"crashed ({_status_in_words(self._process.exitcode)})"
            raise _LostError(what, started=self._started, status=self._process.exitcode) from None
        self._started, self._silence_s = True, 0.0
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
            self._process.join(5)  # not forever: a process that waits for a broken disk cannot be killed
        self.pipe.close()


def extract_in_processes(
    files: Sequence[FileJob],
    config: ExtractorConfig,
    jobs: int,
    *,
    ready: MakeReady = make_ready,
    patience: float = MAX_SILENCE_S,
) -> Generator[FeatureResult, None, None]:
    """Analyse files in worker processes, `jobs` of them.

    Parameters
    ----------
    ready
        Called once in every process; see `worker.make_ready`.
    patience
        Seconds without a sign of life, after which a process counts as hung.

    Yields
    ------
    FeatureResult
        One a file, in the order in which they are done. A file at which a process hung, or two died, has that as its
        problem. Two, since where memory is short the system kills processes that may not have taken it. Only a crash by
        the decoder's own doing has a state, to be remembered.

    Raises
    ------
    CfAudioError
        If a worker process cannot begin.
    Exception
        An error of a worker that is no problem of a file.
    """
    left, suspects = deque(files), set[bytes]()
    failed_starts = 0
    workers: list[_Worker] = []
    try:
        while left or workers:
            while left and len(workers) < jobs:
                workers.append(_Worker(config, ready))
                workers[-1].send(left.popleft())
            began = time.monotonic()
            answering = connection.wait([worker.pipe for worker in workers], _POLL_S)
            # Only the time waited here: while a machine sleeps, or the user's process is stopped, nothing hangs.
            waited = min(time.monotonic() - began, _POLL_S)
            for worker in list(workers):
                try:
                    result = worker.answer(waited, patience, ready=worker.pipe in answering)
                except _LostError as lost:
                    worker.end()
                    workers.remove(worker)
                    failed_starts = 0 if lost.started else failed_starts + 1
                    if failed_starts == _MAX_FAILED_STARTS:
                        raise CfAudioError(str(lost)) from None
                    result, again = _blame(worker.files, lost, suspects) if lost.started else (None, [])
                    left.extendleft(reversed(worker.files))
                    left.extend(again)
                else:
                    failed_starts = 0 if worker.pipe in answering else failed_starts
                if result is not None:
                    yield result
                while left and worker in workers and len(worker.files) < _QUEUE_FILES:
                    worker.send(left.popleft())
                if not worker.files and worker in workers:
                    worker.end()
                    workers.remove(worker)
    finally:
        for worker in workers:
            worker.end()


@contextlib.contextmanager
def _nameless_main() -> Iterator[None]:
    """Hide the main module from a process that is started: it would run whatever script the user's process runs."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Hold ctrl-C back while a process starts, and from that for good: it is for the user's process to answer."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # which would let it through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _blame(files: deque[FileJob], lost: _LostError, suspects: set[bytes]) -> tuple[FeatureResult | None, list[FileJob]]:
    """Take the file that a lost process was at: it is its problem, or is tried once more."""
    file = files.popleft()
    if not lost.hung and file.path not in suspects:
        suspects.add(file.path)
        return None, [file]
    return FeatureResult(file.path, None if lost.may_pass else file_state(file.path), problem=str(lost)), []


def _status_in_words(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"exit status {status}"
