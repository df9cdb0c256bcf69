"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

_PREFIX = ".cfaudio-"
_LEFT = 3600  # seconds after which nobody writes to such a file any more


def write_whole(file: Path, content: bytes | Iterable[bytes | memoryview], *, private: bool = False) -> None:
    """Put `content` in place of `file` at one stroke, making its folder where needed.

    Parameters
    ----------
    file, content
        What to put where, whole or in parts.
    private
        For its owner's eyes alone, as are the folders that are made for it.

    Raises
    ------
    OSError
        If that cannot be done; what was there before is there still.
    """
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
            os.fsync(handle)  # else, where the power fails, an empty file may stand in its place
        if not private:
            Path(temporary).chmod(0o666 & ~_umask())  # mkstemp's 0600 would hide a playlist from the player
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can look into, and so those that it lies in, as far as they are not there."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _sweep(folder: Path) -> None:
    """Take away what killed processes have left in a folder."""
    for file in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if abs(time.time() - file.stat().st_mtime) > _LEFT:
                file.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
