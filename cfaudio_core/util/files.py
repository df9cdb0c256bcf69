"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

_PREFIX = ".cfaudio-"
NOT_REGULAR = "is there already, and no regular file"
_ABANDONED_S = 3600  # after which nobody writes to such a file any more


def write_whole(file: Path, content: bytes | Iterable[bytes | memoryview], *, private: bool = False) -> None:
    """Replace `file` by `content` atomically, creating its folder where needed.

    Parameters
    ----------
    file, content
        Target, and its content whole or in parts.
    private
        Readable by its owner alone, as are the folders that are created for it.

    Raises
    ------
    OSError
        If that fails, or a folder or a device such as ``/dev/null`` has that name; it is then as it was.
    """
    if file.exists() and not file.is_file():
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
