"""One command at a time: who comes second waits, and a process that dies gives its turn back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cfaudio_core.errors import StoreError
from cfaudio_core.util.files import make_private


@contextmanager
def hold_lock(folder: Path, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the only turn that there is, by a lock on a file of that name.

    Parameters
    ----------
    folder
        Where the file is; made when it is not there.
    name
        Of what is done by one process at a time.
    on_wait
        Called before waiting for another process; None: do not wait.

    Raises
    ------
    StoreError
        If the file cannot be made, or another process has the turn and there is no `on_wait`.
    """
    from filelock import FileLock, Timeout

    file = folder / f"{name}.lock"
    lock = FileLock(file, mode=0o600)
    try:
        make_private(folder)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            if on_wait is None:
                raise StoreError(f"another {name} is at work") from error
            on_wait()
            lock.acquire()
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
