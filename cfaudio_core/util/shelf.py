"""Arrays that took long to make, kept until what they were made of changes.

Everything is kept under a name and a key. The key says what it was made of; where that cannot be said for certain there
is none, and nothing is kept. What is damaged, cut short, foreign or of another version is made anew. Nothing is
ever unpickled::

    index.json          the key of each name, and the checksum of its file
    NAME.safetensors    the arrays of a name
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from crc32c import crc32c
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cfaudio_core import __version__
from cfaudio_core.util.files import write_whole

FORMAT = f"2 {__version__}"
"""What one version of cfaudio has kept is nothing that another one has to know; raise the number between releases."""

SETTLED = 2.0
"""Seconds: the coarsest clock of any file system. Two writes within one tick of it look like one."""

FINE = 0.5
"""Seconds, the same where times have fractions of a second; room enough for a server's clock to be a little off."""

Arrays = Mapping[str, np.ndarray[Any, Any]]


class Shelf:
    """Named arrays in a folder.

    Parameters
    ----------
    folder
        Where they are kept; None: nothing is.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._index = _read_index(folder / "index.json") if folder is not None else {}
        self._wanted: dict[str, dict[str, Any]] = {}
        self._new: dict[str, bytes] = {}

    def get(self, name: str, key: str | None, make: Callable[[], Arrays]) -> Arrays:
        """Arrays as they were kept under a key, or as they are made now, to be kept by `keep`.

        Parameters
        ----------
        name
            What they are: letters, digits and "-".
        key
            What they are made of; None: that is not certain.
        make
            Makes them.
        """
        kept = self.peek(name, key)
        if kept is not None:
            self._wanted[name] = self._index[name]
            return kept
        arrays = make()
        if self._folder is not None and key is not None:
            content = save({part: np.ascontiguousarray(array) for part, array in arrays.items()})
            self._new[name] = content
            self._wanted[name] = {"key": key, "crc": crc32c(content)}
        return arrays

    def peek(self, name: str, key: str | None) -> Arrays | None:
        """Arrays as they were kept under a key; None where they were not."""
        about = self._index.get(name)
        if self._folder is None or key is None or not isinstance(about, dict) or about.get("key") != key:
            return None
        try:
            content = (self._folder / f"{name}.safetensors").read_bytes()
            return load(content) if crc32c(content) == about.get("crc") else None
        except (OSError, ValueError, SafetensorError):
            return None

    def keep(self) -> None:
        """Keep what was made since, and drop what nobody has asked for.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        if self._folder is None or not (self._new or self._index.keys() - self._wanted.keys()):
            return
        for name, content in self._new.items():
            write_whole(self._folder / f"{name}.safetensors", content, private=True)
        about = json.dumps({"format": FORMAT, "names": self._wanted}, indent=1).encode()
        write_whole(self._folder / "index.json", about, private=True)
        for file in self._folder.glob("*.safetensors"):
            if file.stem not in self._wanted:
                file.unlink(missing_ok=True)
        self._index, self._new = dict(self._wanted), {}


def file_state(file: Path) -> str | None:
    """What changes whenever something is written to an SQLite database; None where nothing is certain.

    That is which file it is and when it was written to last, by the clock of its file system, and the same of the
    log beside it, as far as there is anything in it. Nothing is opened: closing a file takes away SQLite's locks on it.
    """
    parts = []
    for end in ("", "-wal"):
        try:
            there = Path(f"{file}{end}").stat()
        except FileNotFoundError:
            parts.append("none")
            continue
        except OSError:
            return None
        times = there.st_mtime_ns, there.st_ctime_ns
        parts.append(f"{there.st_dev} {there.st_ino} {there.st_size} {times}" if there.st_size else "none")
    return " ".join(parts)


def is_settled(file: Path) -> bool:
    """Whether anything that is written to an SQLite database from now on changes its state."""
    for end in ("", "-wal"):
        with suppress(FileNotFoundError):
            written = Path(f"{file}{end}").stat().st_mtime_ns
            wait = min(SETTLED, FINE) if written % 1_000_000_000 else SETTLED
            if written / 1e9 > time.time() - wait:
                return False
    return True


def _read_index(file: Path) -> dict[str, Any]:
    try:
        about = json.loads(file.read_bytes())
        names = about["names"] if about["format"] == FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return names if isinstance(names, dict) else {}
