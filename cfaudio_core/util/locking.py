"""Locks between processes: one command runs at a time, and a process that dies releases its lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cfaudio_core.errors import StoreError
from cfaudio_core.util.files import make_private


@contextmanager
def hold_lock(folder: Path, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock on a file.

    Parameters
    ----------
    folder
        Folder of the file; created where missing.
    name
        Name of the file and of the work that one process does at a time.
    on_wait
        Called before waiting for another process; None: do not wait.

    Raises
    ------
    StoreError
        If the file cannot be created, or another process holds the lock and there is no `on_wait`.
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
