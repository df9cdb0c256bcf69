"""The file of a snapshot: rows of the library in blocks, their counts, and the listeners by the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from beetsplug.cfaudio.library.blocks import Block
from cfaudio_core import __version__
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import Sessions
from cfaudio_core.util.array_file import Arrays, read_arrays, write_arrays
from cfaudio_core.util.arrays import float32

FORMAT = f"5 {__version__}"
"""One version's file is nothing that another has to know; raise the number between releases."""

_COUNTS = ("plays", "skips", "feedback")
_SESSIONS = ("track", "session", "time", "rejected")


class StoredSnapshot(NamedTuple):
    """What the file holds, and what it was made of.

    Attributes
    ----------
    blocks
        Rows of the library by the first ids of their blocks, with their digests.
    numbers
        `artist_number`, `album_number` and `song_number`, int64 (n,) each.
    state
        `settled_state` of the library that all this is of; None: not certain.
    count_fields
        The fields that were looked for in it.
    counts
        Those of them that any item has, float32 (n,), NaN where one has none; and their dates, int64 (n,), UTC,
        seconds, 0 where one has none.
    history_key
        What the listeners were made of; None: not certain.
    listeners
        The listeners over the tracks, by the history alone.
    """

    blocks: dict[int, Block] = {}  # noqa: RUF012 (never changed)
    numbers: Arrays = {}  # noqa: RUF012
    state: str | None = None
    count_fields: Sequence[str] = ()
    counts: Arrays = {}  # noqa: RUF012
    history_key: str | None = None
    listeners: Sequence[Listener] = ()

    @property
    def stamps(self) -> object:
        """What tells two snapshots apart."""
        return self.digests, self.state, list(self.count_fields), self.history_key

    @property
    def digests(self) -> list[list[Any]]:
        """First id of each block, and its digests, as JSON has them."""
        return [[first, block.names_digest, block.fields_digest] for first, block in self.blocks.items()]


def read_snapshot_file(file: Path) -> StoredSnapshot:
    """Read the file; nothing where it is missing, damaged or of another version."""
    arrays, about = read_arrays(file) or ({}, {})
    if about.get("format") != FORMAT:
        return StoredSnapshot()
    folders: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    for full, array in arrays.items():
        folder, _, name = full.rpartition("/")
        folders.setdefault(folder, {})[name] = array
    blocks = {
        first: Block(of_names, folders[f"{first}/names"], of_fields, folders[f"{first}/fields"])
        for first, of_names, of_fields in about["digests"]
    }
    numbers = folders["numbers"]
    n_tracks = len(numbers["song_number"])
    return StoredSnapshot(
        blocks,
        numbers,
        about["state"],
        about["count_fields"],
        folders.get("counts", {}),
        about["history_key"],
        [_listener(name, folders[f"listener {k}"], n_tracks) for k, name in enumerate(about["listeners"])],
    )


def write_snapshot_file(file: Path, snapshot: StoredSnapshot) -> None:
    """Write the file; an OSError where that cannot be done."""
    folders: dict[str, Arrays] = {"numbers": snapshot.numbers, "counts": snapshot.counts}
    for first, block in snapshot.blocks.items():
        folders |= {f"{first}/names": block.names, f"{first}/fields": block.fields}
    for k, listener in enumerate(snapshot.listeners):
        folders[f"listener {k}"] = _arrays(listener)
    arrays = {f"{folder}/{name}": array for folder, named in folders.items() for name, array in named.items()}
    about = {
        "format": FORMAT,
        "digests": snapshot.digests,
        "state": snapshot.state,
        "count_fields": list(snapshot.count_fields),
        "history_key": snapshot.history_key,
        "listeners": [listener.name for listener in snapshot.listeners],
    }
    write_arrays(file, arrays, about)


def _arrays(listener: Listener) -> Mapping[str, np.ndarray[Any, Any]]:
    """Take a listener apart; of the tracks, most of which were never played, the known ones are enough."""
    known = np.flatnonzero(listener.known)
    sessions = {name: np.asarray(getattr(listener.sessions, name), np.int64) for name in _SESSIONS}
    counts = {name: getattr(listener, name)[known] for name in _COUNTS}
    return {"known": known, **counts, **sessions}


def _listener(name: str, arrays: Arrays, n_tracks: int) -> Listener:
    counts = {name: np.zeros(n_tracks, np.float32) for name in _COUNTS}
    for count, column in counts.items():
        column[arrays["known"]] = float32(arrays[count])
    track, session, time, rejected = (arrays[name] for name in _SESSIONS)
    sessions = Sessions(np.zeros(len(track), np.int64), track, session, time, rejected.astype(np.bool_))
    return Listener(name, counts["plays"], counts["skips"], sessions, feedback=counts["feedback"])
