"""Playlists as files: extended M3U, as MPD and everything else takes it.

MPD ignores an entry that begins with a byte order mark, climbs with `../` or is URL-encoded, without an error. Other
players take what is absolute or relative to the list; so absolute entries alone are taken by all of them, but only
relative ones survive a move of the whole music folder to a card, a container or another machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from cfaudio_core.data.playlists import MADE_BY, is_marked
from cfaudio_core.errors import CfAudioError, StoreError
from cfaudio_core.targets.base import Entry, Written, one_line
from cfaudio_core.util.files import write_whole

_NOT_IN_NAMES = '/\\:*?"<>|'  # exFAT and SMB refuse them, wherever the folder is mounted from
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9])(?=\.|$)", re.IGNORECASE)  # Windows opens these instead
_MAX_NAME_BYTES = 200  # file systems take 255, with the ending and what a temporary file adds


class M3uFolder:
    """A folder of playlists, made where missing, as a `Target`: files of cfaudio are recognised by a comment.

    `style` is as for `entry_base`, `music` the absolute music folder.
    """

    def __init__(self, folder: Path, style: str, music: bytes) -> None:
        self.name = "m3u"
        self._folder = folder
        self._style, self._music = style, music

    def name_of(self, name: str) -> str:
        """Make the name of the file, without its ending."""
        return file_name(name)

    def write(
        self, name: str, entries: list[Entry], made: str = "", ours: Collection[str] = (), title: str = ""
    ) -> Written:
        """Write the file; see `Target.write`."""
        file = self._folder / f"{file_name(name)}.m3u"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CfAudioError(f"playlist_dir {self._folder}: cannot be made ({error.strerror})") from error
        if not os.access(self._folder, os.W_OK):
            raise CfAudioError(f"playlist_dir {self._folder}: cannot be written to")
        if not made_by_cfaudio(file):
            raise StoreError(f"{file}: is there already, and cfaudio did not make it; left alone")
        write_m3u(file, entries, self._style, self._music, title or name)
        return Written(str(file), [entry for entry in entries if _unwritable(entry)])

    def remove(self, made: str) -> None:
        """Remove a file, unless somebody has put another one in its place."""
        file = Path(os.path.realpath(made))  # a link was made by somebody else
        try:
            if file.is_file() and made_by_cfaudio(file):
                file.unlink()
        except OSError as error:
            raise StoreError(f"{file}: {error.strerror}") from error


def file_name(name: str) -> str:
    """Make a file name without its ending: no folder, nothing that a file system refuses, not too long."""
    letters = "".join("-" if c in _NOT_IN_NAMES else c for c in one_line(name))
    short = letters.removesuffix(".m3u").encode("utf-8", "replace")[:_MAX_NAME_BYTES].decode("utf-8", "ignore")
    name = short.strip(" .") or "playlist"
    return f"_{name}" if _DEVICES.match(name) else name


def entry_base(style: str, folder: Path, music: bytes) -> tuple[bytes, bool]:
    """Find the folder that entries of a list in a folder are relative to, and whether they may climb out of it by `..`.

    The root stands for absolute entries. The styles are playlist, library, absolute and auto. In the last one, entries
    of a list inside the music folder are relative to the list, so that both can move together; elsewhere they are
    absolute, as MPD takes no `..`.
    """
    # The player's system follows links before it climbs.
    real = os.fsencode(os.path.realpath(folder))
    if style == "library":
        return music, False
    if style == "playlist" or (style == "auto" and _is_inside(real, os.path.realpath(music))):
        return real, True
    return b"/", False


def m3u(entries: Sequence[Entry], base: bytes, *, climb: bool = False, title: str = "") -> bytes:
    """Format a playlist with entries relative to `base`, see `entry_base`; names with a line break are left out."""
    lines = [b"#EXTM3U", MADE_BY]
    if title := one_line(title):
        lines.append(f"#PLAYLIST:{title}".encode("utf-8", "replace"))
    for entry in entries:
        if _unwritable(entry):
            continue
        label = " ".join(entry.label.split())
        lines.append(f"#EXTINF:{round(entry.seconds)},{label}".encode("utf-8", "replace"))
        lines.append(_relative(entry.path, base, climb))
    return b"\n".join(lines) + b"\n"


def write_m3u(file: Path, entries: Sequence[Entry], style: str, music: bytes, title: str = "") -> int:
    """Write a playlist, whole or not at all, as for `M3uFolder`; return how many entries `m3u` left out.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    base, climb = entry_base(style, file.parent, music)
    if climb:  # out of a folder whose links are followed, into one whose links are
        real, below = os.path.realpath(music), len(music.rstrip(b"/"))
        entries = [e._replace(path=real + e.path[below:]) if _is_inside(e.path, music) else e for e in entries]
    text = m3u(entries, base, climb=climb, title=title)
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


def _is_inside(path: bytes, folder: bytes) -> bool:
    return (path + b"/").startswith(folder.rstrip(b"/") + b"/")


def _relative(path: bytes, base: bytes, climb: bool) -> bytes:
    if base == b"/" or not (climb or _is_inside(path, base)):
        return path
    below = os.path.relpath(path, base) if climb else path[len(base.rstrip(b"/")) + 1 :]
    # Players take a line that begins with # for a comment, and strip blanks from its ends.
    return path if below.startswith(b"#") or below != below.strip() else below
