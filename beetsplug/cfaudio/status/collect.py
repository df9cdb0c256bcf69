"""Collects for `cfstatus` what is there and what comes next: reads only, and neither the music nor any net."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from beets.exceptions import UserError

from beetsplug.cfaudio.config.playlists import period
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.fields import read_fields
from beetsplug.cfaudio.library.history import has_history, open_history
from beetsplug.cfaudio.library.tracks import read_paths
from beetsplug.cfaudio.playlists.lines import called, next_change, where
from beetsplug.cfaudio.playlists.state import PlaylistState, read_state
from cfaudio_core.backbones.registry import backbone_id
from cfaudio_core.data.listeners import MAIN_LISTENER, coerce_count
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.history.count_growth import DATES
from cfaudio_core.models.model_files import kept_models
from cfaudio_core.report.sections.past_runs import TrainingRun, training_run

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.config.settings import Settings


@dataclass(frozen=True)
class Source:
    """Plays of one listener from one source.

    Attributes
    ----------
    listener, source
        Name of the listener, and a count field of the library or a source of the history.
    plays, tracks
        Numbers; the tracks are those of the library for a field, 0 for dated plays, which may be of any track.
    skips
        Whether these are skips.
    first, last
        UTC, seconds; 0 where unknown.
    """

    listener: str
    source: str
    plays: int
    tracks: int = 0
    skips: bool = False
    first: int = 0
    last: int = 0


@dataclass(frozen=True)
class ListStatus:
    """An entry of `playlists`.

    Attributes
    ----------
    name, refresh
        What its lists are called, and how often they are chosen again.
    lists
        Name, number of tracks and of never played ones, and places of each; none before the first `cfplaylists`.
    due
        Whether the next `cfplaylists` chooses it again.
    change
        The day on which it is chosen again otherwise; None for never.
    """

    name: str
    refresh: str
    lists: list[tuple[str, int, int, list[str]]]
    due: bool
    change: dt.date | None


@dataclass
class Status:
    """What is there.

    Attributes
    ----------
    tracks, analysed, failed
        Numbers of tracks of the library, of those that are analysed, and of those that cannot be.
    sources
        Where plays are known from.
    model
        The model in force; None before the first.
    lists
        The entries of `playlists`.
    problems
        One line for each store that cannot be read.
    """

    tracks: int = 0
    analysed: int = 0
    failed: int = 0
    sources: list[Source] = field(default_factory=list)
    model: TrainingRun | None = None
    lists: list[ListStatus] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Number of tracks left to analyse."""
        return self.tracks - self.analysed - self.failed


def read_status(lib: Library, settings: Settings, today: dt.date) -> Status:
    """Read all of it; a store that cannot be read is a line among the problems."""
    status = Status()
    for read in (_read_tracks, _read_fields, _read_history, _read_model):
        _try(status, partial(read, status, lib, settings))
    _try(status, partial(_read_lists, status, settings, today))
    return status


def _try(status: Status, read: Callable[[], None]) -> None:
    try:
        with user_errors():
            read()
    except UserError as error:
        status.problems.append(str(error))


def _read_tracks(status: Status, lib: Library, settings: Settings) -> None:
    """Count tracks: analysed is what has features by the key that the library keeps, or by its file's name."""
    paths = read_paths(lib)
    status.tracks = len(paths)
    file = settings.folder / "features.db"
    if not file.is_file():
        return
    keys = read_fields(lib, ["cf_key"])["cf_key"]
    with FeatureStore(file, read_only=True) as store:
        stored = store.keys(backbone_id(settings.backbone), settings.windows)
        files = {result.path: result for result in store.files().values()}
    for item, path in paths.items():
        known = files.get(path)
        if keys.get(item) in stored or (known and known.key in stored):
            status.analysed += 1
        elif known and known.problem:
            status.failed += 1


def _read_fields(status: Status, lib: Library, settings: Settings) -> None:
    users = settings.users or {MAIN_LISTENER: settings.count_fields}
    names = [name for fields in users.values() for name in fields]
    stored = read_fields(lib, list(dict.fromkeys([*names, *(DATES[name] for name in names if name in DATES)])))
    for listener, fields in users.items():
        for name in fields:
            counts = [count for value in stored[name].values() if (count := coerce_count(value) or 0) > 0]
            if counts:
                times = stored[DATES[name]].values() if name in DATES else ()
                last = max((coerce_count(time) or 0 for time in times), default=0)
                skips = "skip" in name
                plays = int(sum(counts))
                status.sources.append(Source(listener, name, plays, len(counts), skips, last=0 if skips else int(last)))


def _read_history(status: Status, _: Library, settings: Settings) -> None:
    if not has_history(settings):
        return
    with open_history(settings, read_only=True) as store:
        for one in store.overview():
            plays = one.listens or one.plays
            status.sources.append(Source(one.listener, one.source, plays, 0, first=one.first, last=one.last))


def _read_model(status: Status, _: Library, settings: Settings) -> None:
    for newest in kept_models(settings.models)[:1]:
        status.model = training_run(settings.models, newest)


def _read_lists(status: Status, settings: Settings, today: dt.date) -> None:
    state = read_state(settings.folder / "playlists.json")
    for playlist in settings.playlists:
        old = state.get(playlist.key, PlaylistState())
        lists = [(one.name, len(one.ids), len(one.unplayed), where(old.made, at)) for at, one in enumerate(old.lists)]
        due = not lists or old.period != period(playlist.refresh, today)
        name = called(playlist.name, old, playlist.kind)
        change = None if due else next_change(playlist.refresh, today)
        status.lists.append(ListStatus(name, playlist.refresh, lists, due, change))


def played_by(sources: Sequence[Source]) -> list[str]:
    """Name the listeners of whom there are plays."""
    return list(dict.fromkeys(one.listener for one in sources if not one.skips))
