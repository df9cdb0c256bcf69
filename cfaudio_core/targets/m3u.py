"""Playlists as files: extended M3U, as MPD and everything else takes it.

MPD ignores an entry that begins with a byte order mark, climbs with `../` or is URL-encoded, without an error; entries
here are plain paths below a folder, and absolute ones where a track lies elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from cfaudio_core.data.playlists import MADE_BY, is_marked
from cfaudio_core.errors import StoreError
from cfaudio_core.targets.base import Entry, Written, one_line
from cfaudio_core.util.files import write_whole

_NOT_IN_NAMES = "/\\" + (':*?"<>|' if os.name == "nt" else "")
_MAX_NAME_BYTES = 200  # file systems take 255, with the ending and what a temporary file adds


class M3uFolder:
    """A folder of playlists, made where missing, as a `Target`: files of cfaudio are recognised by a comment.

    Entries are relative to an absolute folder.
    """

    def __init__(self, folder: Path, relative_to: bytes) -> None:
        self.name = "m3u"
        self._folder = folder
        self._relative_to = relative_to

    def name_of(self, name: str) -> str:
        """Make the name of the file, without its ending."""
        return file_name(name)

    def write(self, name: str, entries: list[Entry], made: str = "", ours: Collection[str] = ()) -> Written:
        """Write the file; see `Target.write`."""
        file = self._folder / f"{file_name(name)}.m3u"
        if not made_by_cfaudio(file):
            raise StoreError(f"{file}: is there already, and not by cfaudio")
        write_m3u(file, entries, self._relative_to)
        return Written(str(file), [entry for entry in entries if _unwritable(entry)])

    def remove(self, made: str) -> None:
        """Remove a file, unless somebody has put another one in its place."""
        file = Path(made)
        try:
            if file.is_file() and made_by_cfaudio(file):
                file.unlink()
        except OSError as error:
            raise StoreError(f"{file}: {error.strerror}") from error


def file_name(name: str) -> str:
    """Make a file name without its ending: no folder, no sign that a file system refuses, not too long."""
    letters = "".join("-" if c in _NOT_IN_NAMES else c for c in one_line(name))
    short = letters.removesuffix(".m3u").encode("utf-8", "replace")[:_MAX_NAME_BYTES].decode("utf-8", "ignore")
    return short.strip(" .") or "playlist"


def m3u(entries: Sequence[Entry], relative_to: bytes) -> bytes:
    """Format a playlist, as for `M3uFolder`; an entry with a line break in its file name is left out."""
    lines = [b"#EXTM3U", MADE_BY]
    for entry in entries:
        if _unwritable(entry):
            continue
        label = " ".join(entry.label.split())
        lines.append(f"#EXTINF:{round(entry.seconds)},{label}".encode("utf-8", "replace"))
        lines.append(_relative(entry.path, relative_to))
    return b"\n".join(lines) + b"\n"


def write_m3u(file: Path, entries: Sequence[Entry], relative_to: bytes) -> int:
    """Write a playlist, whole or not at all; return how many entries `m3u` left out.

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


def _unwritable(entry: Entry) -> bool:
    return b"\n" in entry.path or b"\r" in entry.path


def made_by_cfaudio(file: Path) -> bool:
    """Say whether cfaudio has written a file, or whether there is none."""
    if file.exists() and not file.is_file():
        return False
    try:
        with file.open("rb") as existing:
            return is_marked(existing.read(200))
    except FileNotFoundError:
        return True
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}") from error


def _relative(path: bytes, folder: bytes) -> bytes:
    prefix = folder.rstrip(b"/") + b"/"
    below = path[len(prefix) :] if path.startswith(prefix) else path
    # Players take a line that begins with # for a comment, and strip blanks from its ends.
    return path if below.startswith(b"#") or below != below.strip() else below
