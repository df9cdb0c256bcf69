"""State of an SQLite file, by which one knows that nothing was written to it since."""

from __future__ import annotations

import time
from pathlib import Path

_TICK_S = 0.1  # longer than a tick of a file system's clock, within which two writes look like one
_COARSE_TICK_S = 2.0  # the same where times are whole seconds


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
