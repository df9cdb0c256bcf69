"""Playlists as files: extended M3U, as MPD and everything else takes it.

MPD reads an entry that begins with a byte order mark, climbs with `../` or is URL-encoded as nothing, and says so to
nobody; entries here are plain paths below a folder, and absolute ones where a track lies elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cfaudio_core.errors import StoreError
from cfaudio_core.files import write_whole
from cfaudio_core.listening.playlists import MADE_BY


class Entry(NamedTuple):
    """One track: its absolute file name in bytes, its length in seconds, and the text to show."""

    path: bytes
    seconds: float
    label: str


def m3u(entries: Sequence[Entry], relative_to: bytes) -> bytes:
    """The playlist's text.

    Parameters
    ----------
    entries
        In order. An entry with a line break in its file name cannot be written and is left out.
    relative_to
        The absolute folder that entries are relative to: the player's music folder.
    """
    lines = [b"#EXTM3U", MADE_BY]
    for entry in entries:
        if b"\n" in entry.path or b"\r" in entry.path:
            continue
        label = " ".join(entry.label.split())
        lines.append(f"#EXTINF:{round(entry.seconds)},{label}".encode("utf-8", "replace"))
        lines.append(_relative(entry.path, relative_to))
    return b"\n".join(lines) + b"\n"


def write_m3u(file: Path, entries: Sequence[Entry], relative_to: bytes) -> int:
    """Write a playlist, whole or not at all.

    Returns
    -------
    int
        The number of entries left out because no playlist can hold their file names.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    text = m3u(entries, relative_to)
    try:
        write_whole(file, text)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}") from error
    return len(entries) - text.count(b"\n#EXTINF:")


def _relative(path: bytes, folder: bytes) -> bytes:
    prefix = folder.rstrip(b"/") + b"/"
    below = path[len(prefix) :] if path.startswith(prefix) else path
    # Players take a line that begins with # for a comment, and strip blanks from its ends.
    return path if below.startswith(b"#") or below != below.strip() else below
