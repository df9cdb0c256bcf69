"""The listening history beside the library: its store, and the growth of counts."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Set
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError
from beets.logging import getLogger

from beetsplug.cfaudio.library.fields import read_fields
from beetsplug.cfaudio.library.matches import library_name
from cfaudio_core.data.feedback import is_rating_field
from cfaudio_core.data.listeners import MAIN_LISTENER
from cfaudio_core.data.tracks import TrackMarks, as_rows, marks_of
from cfaudio_core.errors import CfAudioError, SettingError
from cfaudio_core.util.files import settled_state
from cfaudio_core.util.values import latest_time

if TYPE_CHECKING:
    import sqlalchemy as sa
    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings
    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.history.records import TrackText
    from cfaudio_core.history.store import ListenStore


_log = getLogger("beets.cfaudio")
_told: set[tuple[str, str]] = set()  # stores and tables of which this process has said that rows are damaged


def open_history(settings: Settings, *, read_only: bool = False) -> ListenStore:
    """Open the store of listens that the settings name; a StoreError where it cannot be opened."""
    import sqlalchemy as sa

    from cfaudio_core.history.store import ListenStore
    from cfaudio_core.util.database import READER_WAIT_S

    default = sa.URL.create("sqlite", database=str(_default_file(settings)))
    url = default if settings.history is None else _url(settings, settings.history)
    wait_s = READER_WAIT_S if read_only else 60.0
    return ListenStore(url, wait_s, read_only=read_only, on_left_out=_tell_left_out)


def _tell_left_out(name: str, rows: Counter[str]) -> None:
    new = {table: number for table, number in rows.items() if (name, table) not in _told}
    _told.update((name, table) for table in new)
    if new:
        listed = ", ".join(f"{number} in {table}" for table, number in sorted(new.items()))
        _log.warning("{}: damaged rows are left out: {}", name, listed)


def has_history(settings: Settings) -> bool:
    """Whether there may be a history: reading alone does not make a file."""
    return settings.history is not None or _default_file(settings).is_file()


def history_state(settings: Settings, *, wait: bool = False) -> str | None:
    """Give the `settled_state` of the history's file; None where that is not certain, or the history has none."""
    if settings.history is None:
        return settled_state(_default_file(settings), wait=wait)
    url = _url(settings, settings.history)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return settled_state(Path(url.database), wait=wait)


def _default_file(settings: Settings) -> Path:
    return settings.folder / "history.db"


def _url(settings: Settings, text: str) -> sa.URL:
    from cfaudio_core.util.database import parse_url

    try:
        return parse_url(text, settings.folder.parent)
    except SettingError as error:
        raise UserError(f"cfaudio.history: {error}") from error


def record_growth(lib: Library, settings: Settings, tracks: Tracks, on_problem: Callable[[str], None]) -> None:
    """Store the plays and skips by which the library's counts have grown since the last time.

    `tracks` are all of the library. If the history cannot be reached, `on_problem` is called with one line.
    """
    try:
        with open_history(settings) as store:
            _record_growth(lib, settings, tracks, store)
    except CfAudioError as error:
        on_problem(f"plays since the last run are not in the history: {error}")


def _record_growth(lib: Library, settings: Settings, tracks: Tracks, store: ListenStore) -> None:
    from cfaudio_core.history.count_growth import DATES, SOURCE, first_counts, growth
    from cfaudio_core.history.library_state import of_these_tracks

    now, library = int(time.time()), library_name(lib)
    ids = [int(i) for i in tracks.ids]
    counts = {
        name: {i: int(n) for i, n in zip(ids, values.tolist(), strict=True) if n >= 0}  # NaN is not
        for name, values in tracks.counts.items()
        if not is_rating_field(name)
    }
    snapshot = store.last_counts(library)
    had = {item for items in snapshot.counts.values() for item in items} if snapshot else set()
    marks = _marks(tracks, had.union(*({i for i, n in items.items() if n} for items in counts.values())))
    if snapshot is None:
        store.keep_counts(now, first_counts(counts), as_rows(marks), library)
        return
    snapshot, outdated = of_these_tracks(snapshot, counts, marks)
    stored = read_fields(lib, list(dict.fromkeys(DATES[name] for name in counts if name in DATES)))
    dates = {name: {i: seconds(value) for i, value in values.items()} for name, values in stored.items()}
    at = {i: k for k, i in enumerate(ids)}
    records, changed = growth(
        snapshot,
        counts,
        dates,
        lengths=dict(zip(ids, tracks.lengths.tolist(), strict=True)),
        listeners=settings.users or {MAIN_LISTENER: list(counts)},
        text_of=lambda item: track_text(tracks, at[item], lib.directory),
        now=now,
    )
    # In this order: records that are added twice, where the counts were not kept, change nothing.
    if records:
        store.add(records, source=SOURCE, listener_of=lambda listener: listener)
    for name, items in outdated.items():
        changed[name] = items | changed.get(name, {})
    store.keep_counts(now, changed, as_rows(marks), library)


def _marks(tracks: Tracks, ids: Set[int]) -> TrackMarks:
    """Mark those of the tracks that have one of the ids."""
    return marks_of(tracks.subset(np.flatnonzero(np.isin(tracks.ids, np.fromiter(ids, np.int64, len(ids))))))


def track_text(tracks: Tracks, at: int, folder: bytes) -> TrackText:
    """Describe the track at a position as the history does; its path is relative where it lies in the music folder."""
    from cfaudio_core.history.records import TrackText

    path, below = tracks.paths[at], os.path.join(folder, b"")  # noqa: PTH118 (a file name is bytes here)
    return TrackText(
        artist=tracks.artists[at],
        title=tracks.titles[at],
        album=tracks.album_titles[at],
        album_artist=tracks.albumartists[at],
        recording_mbid=tracks.recording_mbids[at],
        track_mbid=tracks.track_mbids[at],
        path=path.removeprefix(below).decode("utf-8", "surrogateescape").replace(os.sep, "/"),
        duration=float(tracks.lengths[at]),
    )


def seconds(value: object) -> int:
    """Convert a stored date to UTC in seconds; 0 where it is none, or in the future."""
    try:
        since = float(value) if isinstance(value, (str, int, float)) else 0.0
    except (ValueError, OverflowError):
        return 0
    return int(since) if 0 < since <= latest_time() else 0
