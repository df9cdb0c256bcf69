"""The `cfaudio:` section of beets' configuration: its defaults and checks.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import beets

from beetsplug.cfaudio.config.checks import Section, shown
from beetsplug.cfaudio.config.listeners import read_users
from beetsplug.cfaudio.config.nets import LOSSES, read_backbone, read_fine_tune

if TYPE_CHECKING:
    import confuse

    from beetsplug.cfaudio.config.playlists import Playlist
    from beetsplug.cfaudio.config.servers import Servers

DEFAULTS: dict[str, Any] = {
    "playlists": [],
    "playlist_dir": None,
    "relative_to": "auto",
    "subsonic": {},
    "jellyfin": {},
    "plex": {},
    "mpd": {},
    "exclude": ["length:20:00.."],
    "unplayed": 0.5,
    "per_artist": 2,
    "fresh_days": 2,
    "diversity": 0.2,
    "taste": "modes",
    "similar": 50,
    "users": {},
    "auto": False,
    "jobs": 0,
    "session_gap": 30,
    "history": None,
    "weights": None,
    "executor": "processes",
    "windows": 10,
    "backbone": "musicnn",
    "factorizer": "vector_exp",
    "factors": 40,
    "fine_tune": "auto",
    "loss": "mse",
    "layers": None,
    "cache_size": 512,
}

FACTORIZERS = ("wmf", "vector_exp", "both", "none")
TASTES = ("modes", "mean")


@dataclass(frozen=True)
class Settings:
    """The checked settings; see docs/configuration.md for what each means.

    `session_gap` is in seconds here, `windows` 0 for `all`.
    """

    auto: bool
    users: dict[str, list[str]]
    history: str | None
    session_gap: float
    factorizer: str
    factors: int
    backbone: str | tuple[str, ...]
    fine_tune: str
    loss: str
    layers: int | None
    cache_size: int
    windows: int
    jobs: int
    executor: str
    weights: Path | None
    playlist_dir: Path | None
    relative_to: str | Path
    taste: str
    unplayed: float
    per_artist: int
    diversity: float
    fresh_days: int
    exclude: tuple[str, ...]
    similar: int
    playlists: tuple[Playlist, ...]
    servers: Servers
    folder: Path

    def music_folder(self, directory: bytes) -> bytes:
        """Folder that servers have the music below: the one of `relative_to`, if any, or else `directory`."""
        return bytes(self.relative_to) if isinstance(self.relative_to, Path) else directory

    @property
    def path_style(self) -> str:
        """Style of the entries of M3U files, one of `PATH_STYLES`."""
        return self.relative_to if isinstance(self.relative_to, str) else "library"

    @property
    def models(self) -> Path:
        """Folder of the models."""
        return self.folder / "models"

    @property
    def listener_names(self) -> list[str]:
        """Names of the configured listeners, first the one who is meant where none is named."""
        from cfaudio_core.data.listeners import MAIN_LISTENER

        return list(self.users or [MAIN_LISTENER])

    @property
    def main_listener(self) -> str:
        """Name of the listener who is meant where none is named."""
        return self.listener_names[0]

    @property
    def count_fields(self) -> list[str]:
        """Fields to read counts from: the known ones, and any that `users` names."""
        from cfaudio_core.data.listeners import COUNT_FIELDS

        named = [field for fields in self.users.values() for field in fields]
        return list(dict.fromkeys([*COUNT_FIELDS, *named]))


def read_settings(config: confuse.ConfigView) -> Settings:
    """Check the section and give it types.

    Raises
    ------
    UserError
        Naming the key with a wrong value.
    """
    from beetsplug.cfaudio.config.playlists import read_playlists, read_relative_to
    from beetsplug.cfaudio.config.servers import read_servers

    Section(config.get(), "cfaudio", DEFAULTS)
    section = Section({key: config[key].get() for key in DEFAULTS}, "cfaudio", DEFAULTS)
    backbone = read_backbone(section, config)

    excluded = [] if section["exclude"] is None else section.texts("exclude", "beets queries")

    def path(name: str) -> Path | None:
        if section[name] is not None and not isinstance(section[name], str):
            raise section.error(name, f"must be a path, not {shown(section[name])}")
        return Path(config[name].as_filename()) if section[name] else None

    return Settings(
        auto=section.switch("auto"),
        users=read_users(section),
        history=_history(section),
        session_gap=60.0 * section.whole("session_gap", 1, 100_000),
        factorizer=section.choice("factorizer", FACTORIZERS),
        factors=section.whole("factors", 4, 512),
        backbone=backbone,
        fine_tune=read_fine_tune(section, backbone),
        loss=section.choice("loss", LOSSES),
        layers=None if section["layers"] is None else section.whole("layers", 1, 10),
        cache_size=section.whole("cache_size", 1, 1_000_000),
        windows=_windows(section),
        jobs=section.whole("jobs", 0, 1024) or os.cpu_count() or 1,
        executor=_executor(section),
        weights=path("weights"),
        playlist_dir=path("playlist_dir"),
        relative_to=read_relative_to(section["relative_to"], path),
        taste=section.choice("taste", TASTES),
        unplayed=section.share("unplayed"),
        per_artist=section.whole("per_artist", 1, 10_000),
        diversity=section.share("diversity"),
        fresh_days=section.whole("fresh_days", 0, 36_500),
        exclude=tuple(query for query in excluded if query.strip()),
        similar=section.whole("similar", 1, 100_000),
        playlists=read_playlists(section["playlists"]),
        servers=read_servers(section, beets.config["mpd"].flatten() if beets.config["mpd"].exists() else {}),
        folder=Path(beets.config.config_dir()) / "cfaudio",
    )


def _windows(section: Section) -> int:
    """Check the windows a track; 0 for the whole of it, as `features.worker.WHOLE`."""
    value = section["windows"]
    if value == "all":
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise section.error("windows", f"must be a whole number from 1 to 1000, or all, not {shown(value)}")
    return value


def _executor(section: Section) -> str:
    """Check `processes`, or the address of a Dask scheduler; `loky` is what 0.1.0 called the former."""
    value = section["executor"]
    if value in ("processes", "loky"):
        return "processes"
    if not isinstance(value, str) or not re.fullmatch(r"(tcp|tls)://[^\s/]+:\d{1,5}", value):
        raise section.error(
            "executor", f"must be processes, or a Dask scheduler's address such as tcp://nas:8786, not {shown(value)}"
        )
    return value


def _history(section: Section) -> str | None:
    """Check the address of the history as far as can be done without SQLAlchemy; the store takes it apart."""
    value = section["history"]
    if value is not None and (not isinstance(value, str) or not re.match(r"(sqlite|postgresql)(\+\w+)?://", value)):
        raise section.error(
            "history",
            "must be an address such as sqlite:////home/me/history.db or "
            "postgresql+psycopg://me@localhost/music",  # and is not repeated: there may be a password in it
        )
    return value
