"""Playlists made by hand, whose tracks belong together."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

MADE_BY = b"#CFAUDIO"
"""Comment line that marks playlists written by cfaudio."""

_ENDINGS = {".m3u", ".m3u8"}


def read_playlists(
    folder: Path, paths: Sequence[bytes], bases: Sequence[bytes], not_by_hand: Collection[str] = ()
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

    Returns
    -------
    list of tuple
        n tuples of file names, each in alphabetical order.
    """
    by_path = {path: at for at, path in enumerate(paths)}
    playlists: list[list[str]] = [[] for _ in paths]
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.suffix.lower() not in _ENDINGS or file.name in not_by_hand or not file.is_file():
            continue
        try:
            text = file.read_bytes()
        except OSError:  # a link to nowhere, say: no reason to fail
            continue
        if MADE_BY in text[:200]:
            continue
        candidates = {path for entry in _entries(text) for path in _possible_paths(entry, file, bases)}
        for at in {by_path[path] for path in candidates if path in by_path}:
            playlists[at].append(file.name)
    return [tuple(names) for names in playlists]


def _entries(text: bytes) -> list[bytes]:
    lines = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n").split(b"\n")
    return [line.strip() for line in lines if line.strip() and not line.startswith(b"#")]


def _possible_paths(entry: bytes, file: Path, bases: Sequence[bytes]) -> list[bytes]:
    """List the file names that an entry may refer to."""
    folders = (os.fsencode(file.parent), *bases)
    return [os.path.normpath(os.path.join(folder, entry)) for folder in folders]  # noqa: PTH118 (bytes)
