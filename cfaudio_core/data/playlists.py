"""Playlists made by hand, whose tracks belong together."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from cfaudio_core.util.values import url_to_path

MADE_BY = b"#CFAUDIO"
"""Comment line that marks playlists written by cfaudio."""

_ENDINGS = {".m3u", ".m3u8"}
_CODECS = "cp1252", "cp1251", "cp1250", "mac-roman", "cp850", "shift-jis", "gbk", "euc-kr"
"""Encodings of M3U files that are not in UTF-8, by the systems of those who made them."""

_STREAM = re.compile(rb"(?:https?|rtsp|rtmp|mms|icy[a-z]*)://", re.IGNORECASE)
_REMOTE_FILE = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # smb, nfs and the like


def read_playlists(
    folder: Path,
    paths: Sequence[bytes],
    bases: Sequence[bytes],
    not_by_hand: Collection[str] = (),
    find: Callable[[list[str]], Iterable[int]] | None = None,
    on_missing: Callable[[dict[str, int]], None] = lambda _: None,
) -> list[tuple[str, ...]]:
    """Read the playlists that each track is in.

    Parameters
    ----------
    folder
        Folder of the M3U files; nothing below it is read. It need not exist.
    paths
        n absolute file names.
    bases
        Absolute folders that relative entries may refer to, beside the playlist's own.
    not_by_hand
        Names of files to skip. Those written by cfaudio are skipped anyway: it must not be trained on its own output.
    find
        Finds the positions of the tracks that some paths mean which are none of `paths`, negative where there is none.
        Other programs write accents decomposed, backslashes, Latin-1, URLs, or the music folder of another machine.
    on_missing
        Called once with the number of entries of each file that are no track, if there are any.

    Returns
    -------
    list of tuple
        n tuples of file names, each in alphabetical order.
    """
    by_path = {path: at for at, path in enumerate(paths)}
    tracks: dict[str, set[int]] = {}
    unknown: dict[tuple[str, bytes], list[str]] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.suffix.lower() not in _ENDINGS or file.name in not_by_hand or not file.is_file():
            continue
        try:
            content = file.read_bytes()
        except OSError:  # a link to nowhere, say: no reason to fail
            continue
        if is_marked(content):
            continue
        folders = (os.fsencode(file.parent), *bases)
        tracks[file.name] = set()
        for entry in _entries(content):
            exact = {by_path[path] for path in _joined(folders, entry) if path in by_path}
            tracks[file.name] |= exact
            if not exact and not _STREAM.match(entry):
                spellings = (os.fsencode(spelling) for spelling in _spellings(entry))
                meant = [os.fsdecode(path) for spelling in spellings for path in _joined(folders, spelling)]
                unknown[file.name, entry] = list(dict.fromkeys(meant))
    missing: dict[str, int] = {}
    found = iter(find([path for meant in unknown.values() for path in meant]) if find and unknown else ())
    for (name, _), meant in unknown.items():
        at = next((at for at in [next(found, -1) for _ in meant] if at >= 0), -1)
        if at >= 0:
            tracks[name].add(int(at))
        else:
            missing[name] = missing.get(name, 0) + 1
    if missing:
        on_missing(missing)
    playlists: list[list[str]] = [[] for _ in paths]
    for name, positions in tracks.items():
        for at in positions:
            playlists[at].append(name)
    return [tuple(names) for names in playlists]


def is_marked(content: bytes) -> bool:
    """Say whether a playlist that begins so has the mark of cfaudio's, a line at its beginning."""
    return MADE_BY in map(bytes.strip, content[:200].splitlines())


def _entries(content: bytes) -> list[bytes]:
    head = content[:64]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:  # without a mark, ASCII tells the order of bytes
        wide = "utf-16-be" if head[:1] == b"\0" else "utf-16-le" if b"\0" in head[:2] else "utf-16"
        content = content.decode(wide, "replace").encode("utf-8", "replace")
    lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n").split(b"\n")
    return [line.strip() for line in lines if line.strip() and not line.startswith(b"#")]


def _joined(folders: Sequence[bytes], entry: bytes) -> list[bytes]:
    """List the file names that an entry may refer to."""
    return [os.path.normpath(os.path.join(folder, entry)) for folder in folders]  # noqa: PTH118 (bytes)


def _spellings(entry: bytes) -> Iterator[str]:
    """Yield the paths that an entry may spell, with forward slashes."""
    try:
        texts = [entry.decode()]
    except UnicodeDecodeError:
        texts = [entry.decode(codec, "replace") for codec in _CODECS]
    for text in texts:
        yield from _paths(text)


def _paths(text: str) -> Iterator[str]:
    """Yield the paths that a text may spell."""
    if len(text) > 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    text = _REMOTE_FILE.sub("file://", text, count=1) if _REMOTE_FILE.match(text) else text
    if text[:5].lower() == "file:":
        yield url_to_path(text)
        return
    yield text.replace("\\", "/")
    if "%" in text:
        yield unquote(text).replace("\\", "/")
