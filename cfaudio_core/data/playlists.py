"""Playlists that the owner made: what was put together by hand belongs together."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

MADE_BY = b"#CFAUDIO"
"""The comment line by which playlists that cfaudio wrote are known."""

_ENDINGS = {".m3u", ".m3u8"}


def read_playlists(
    folder: Path, paths: Sequence[bytes], bases: Sequence[bytes], not_by_hand: Collection[str] = ()
) -> list[tuple[str, ...]]:
    """The playlists that each track is in.

    Parameters
    ----------
    folder
        Where the M3U files are; nothing below it is read. A folder that is not there has none.
    paths
        n absolute file names.
    bases
        Absolute folders that relative entries may refer to, beside the playlist's own.
    not_by_hand
        Names of files to pass over. Those that cfaudio wrote are passed over anyway: it must not learn from itself.

    Returns
    -------
    list of tuple
        n tuples of file names, each in alphabetical order.
    """
    of_path = {path: at for at, path in enumerate(paths)}
    within: list[list[str]] = [[] for _ in paths]
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.suffix.lower() not in _ENDINGS or file.name in not_by_hand or not file.is_file():
            continue
        try:
            text = file.read_bytes()
        except OSError:  # a link to nowhere, or a folder of that name: not worth to fail for
            continue
        if MADE_BY in text[:200]:
            continue
        meant = {path for entry in _entries(text) for path in _readings(entry, file, bases)}
        for at in {of_path[path] for path in meant if path in of_path}:
            within[at].append(file.name)
    return [tuple(names) for names in within]


def _entries(text: bytes) -> list[bytes]:
    lines = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n").split(b"\n")
    return [line.strip() for line in lines if line.strip() and not line.startswith(b"#")]


def _readings(entry: bytes, file: Path, bases: Sequence[bytes]) -> list[bytes]:
    """The file names that an entry may mean."""
    folders = (os.fsencode(file.parent), *bases)
    return [os.path.normpath(os.path.join(folder, entry)) for folder in folders]  # noqa: PTH118 (bytes)
