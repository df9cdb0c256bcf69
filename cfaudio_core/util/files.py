"""Files: written whole or not at all, known to be unchanged, and locked between processes."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cfaudio_core.errors import StoreError

_PREFIX = ".cfaudio-"
NOT_REGULAR = "is there already, and no regular file"
_ABANDONED_S = 3600  # after which nobody writes to such a file any more
_TICK_S = 0.1  # longer than a tick of a file system's clock, within which two writes look like one
_COARSE_TICK_S = 2.0  # the same where times are whole seconds


def write_whole(file: Path, content: bytes | Iterable[bytes | memoryview], *, private: bool = False) -> None:
    """Replace `file`, or the file that a link of that name leads to, by `content` atomically.

    Parameters
    ----------
    file, content
        Target, whose folder is created where missing, and its content whole or in parts.
    private
        Readable by its owner alone, as are the folders that are created for it.

    Raises
    ------
    OSError
        If that fails, or a folder or a device such as ``/dev/null`` has that name; it is then as it was.
    """
    file = Path(os.path.realpath(file))
    if file.is_symlink() or (file.exists() and not file.is_file()):  # links may lead in a circle
        raise FileExistsError(errno.EEXIST, NOT_REGULAR, str(file))
    if private:
        make_private(file.parent)
    file.parent.mkdir(parents=True, exist_ok=True)
    _sweep(file.parent)
    handle, temporary = tempfile.mkstemp(prefix=_PREFIX, dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            for part in [content] if isinstance(content, bytes) else content:
                out.write(part)
            out.flush()
            os.fsync(handle)  # else a power failure may leave an empty file
        if not private:
            Path(temporary).chmod(0o666 & ~_umask())  # mkstemp's 0600 would hide a playlist from the player
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def make_private(folder: Path) -> None:
    """Create a folder, and its missing parents, that only the owner can read."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes."""
    for file in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if abs(time.time() - file.stat().st_mtime) > _ABANDONED_S:
                file.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def settled_state(file: Path, *, wait: bool = False) -> str | None:
    """Describe which file it is and when it was written to last, with the log beside it as far as that has content.

    Nothing is opened: closing a file takes away SQLite's locks on it.

    Parameters
    ----------
    file
        An SQLite database.
    wait
        Wait for a moment where it was written to just now.

    Returns
    -------
    str or None
        Another text after any later write. None where that is not certain: the file was written to just now, or cannot
        be looked at.
    """
    log = file.with_name(f"{file.name}-wal")
    try:
        stats = [file.stat(), *([log.stat()] if log.exists() else [])]
    except OSError:
        return None
    now = time.time()
    if all(now - one.st_mtime > (_TICK_S if one.st_mtime_ns % 1_000_000_000 else _COARSE_TICK_S) for one in stats):
        stats = [one for one in stats if one.st_size]
        return " ".join(f"{s.st_dev} {s.st_ino} {s.st_size} {s.st_mtime_ns} {s.st_ctime_ns}" for s in stats)
    if wait:
        time.sleep(1.5 * _TICK_S)
        return settled_state(file)
    return None


@contextmanager
def hold_lock(folder: Path, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock on a file; a process that dies releases it.

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
