"""Looks at cfaudio's folder: its permissions and disk, databases and models. Nothing is changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from cfaudio_core.doctor.findings import FIX, NOTE, OK, Finding, shown_path
from cfaudio_core.errors import StoreError
from cfaudio_core.models.model_files import kept_models, load_model
from cfaudio_core.util.database import READER_WAIT_S, Database

_TRACK_BYTES = 30_000  # features and descriptors of a track
_SPARE_BYTES = 200 << 20  # three models, the snapshot, and what SQLite writes beside a database


def look_at_folder(folder: Path, left: int) -> Iterator[Finding]:
    """Yield whether a folder can be written, is private, and has room for so many tracks that are left to analyse."""
    there = _nearest(folder)
    if not _writable(there):
        yield _not_writable("folder", there)
        return
    if there != folder:
        yield Finding(OK, "folder", f"{shown_path(folder)} is made by the first `beet cfembed`")
    elif os.name == "posix" and folder.stat().st_mode & 0o077:
        yield Finding(NOTE, "folder", f"{shown_path(folder)} can be read by others", "chmod 700 hides what you play")
    else:
        yield Finding(OK, "folder", f"{shown_path(folder)}, yours alone")
    free, needed = shutil.disk_usage(there).free, left * _TRACK_BYTES + _SPARE_BYTES
    text = f"{free / 1e9:,.1f} GB free, {needed / 1e9:,.1f} needed"
    yield Finding(OK, "disk", text) if free >= needed else Finding(FIX, "disk", text, "make room")


def look_at_playlists(folder: Path) -> Iterator[Finding]:
    """Yield whether the folder of playlists can be written."""
    there = _nearest(folder)
    yield Finding(OK, "playlists", shown_path(folder)) if _writable(there) else _not_writable("playlists", there)


def look_at_database(about: str, file: Path, advice: str) -> Iterator[Finding]:
    """Yield whether an SQLite file is whole, by SQLite's own check; nothing where there is none."""
    if not file.exists():
        return
    try:
        with Database(sa.URL.create("sqlite", database=str(file)), READER_WAIT_S, read_only=True).read() as connection:
            found = str(connection.scalar(sa.text("PRAGMA quick_check(1)")))
    except StoreError as error:
        found = str(error).removeprefix(f"{file}: ")
    size = f"{shown_path(file)}, {file.stat().st_size / 1e6:,.0f} MB"
    yield Finding(OK, about, f"{size}, whole") if found == "ok" else Finding(FIX, about, f"{size}: {found}", advice)


def look_at_models(folder: Path) -> Iterator[Finding]:
    """Yield whether the model in force can be read, and whether those that one may go back to can."""
    names = kept_models(folder)
    if not names:
        yield Finding(OK, "models", "none yet: `beet cfembed` trains one")
    for at, name in enumerate(names):
        try:
            load_model(folder, name)
        except StoreError as error:
            advice = "`beet cfembed` trains a new one" if at == 0 else "it cannot be gone back to"
            yield Finding(NOTE if at else FIX, "models", str(error), advice)
        else:
            yield Finding(OK, "models", f"{name}, {'in use' if at == 0 else 'kept'}")


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _not_writable(about: str, folder: Path) -> Finding:
    return Finding(FIX, about, f"{shown_path(folder)} cannot be written", "let the user who runs beets write there")
