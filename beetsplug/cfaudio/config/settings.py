"""The `cfaudio:` section of beets' configuration: defaults, and what they are checked against.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import beets
from beets.exceptions import UserError

from beetsplug.cfaudio.config import nets

if TYPE_CHECKING:
    import confuse

    from beetsplug.cfaudio.config.playlists import Playlist, Servers

DEFAULTS: dict[str, Any] = {
    "auto": False,
    "users": {},
    "history": None,
    "session_gap": 30,
    "factorizer": "wmf",
    "factors": 40,
    "backbone": "musicnn",
    "fine_tune": "none",
    "loss": "mse",
    "layers": None,
    "cache_size": 512,
    "windows": 10,
    "jobs": 0,
    "executor": "loky",
    "weights": None,
    "playlist_dir": None,
    "relative_to": None,
    "taste": "modes",
    "unplayed": 0.5,
    "per_artist": 2,
    "diversity": 0.2,
    "fresh_days": 2,
    "exclude": ["length:20:00.."],
    "similar": 50,
    "playlists": [],
    "subsonic": {},
    "mpd": {},
}

FACTORIZERS = ("wmf", "vector_exp", "both")
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
    relative_to: Path | None
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

    @property
    def main_listener(self) -> str:
        """Whose plays they are where no one is named."""
        from cfaudio_core.data.listeners import MAIN_LISTENER

        return next(iter(self.users), MAIN_LISTENER)

    @property
    def count_fields(self) -> list[str]:
        """The fields to read counts from: the known ones, and any that `users` names."""
        from cfaudio_core.data.listeners import COUNT_FIELDS

        named = [field for fields in self.users.values() for field in fields]
        return list(dict.fromkeys([*COUNT_FIELDS, *named]))


def read_settings(config: confuse.ConfigView) -> Settings:
    """Check the section and give it types.

    Raises
    ------
    UserError
        Naming the key whose value makes no sense.
    """
    from beetsplug.cfaudio.config.playlists import read_playlists, read_servers

    if not isinstance(section := config.get(), dict):
        raise UserError(f"cfaudio: must have settings below it or be left out, not be {section!r}")
    for key in section:
        if key not in DEFAULTS:
            raise UserError(f"cfaudio.{key}: there is no such setting (there are {', '.join(DEFAULTS)})")
    return Settings(
        auto=config["auto"].get(bool),
        users=_users(config["users"].get()),
        history=_history(config["history"].get()),
        session_gap=60.0 * _whole(config, "session_gap", 1, 100_000),
        factorizer=config["factorizer"].as_choice(FACTORIZERS),
        factors=_whole(config, "factors", 4, 512),
        backbone=nets.read_backbone(config),
        fine_tune=nets.read_fine_tune(config),
        loss=nets.read_loss(config),
        layers=None if config["layers"].get() is None else _whole(config, "layers", 1, 10),
        cache_size=_whole(config, "cache_size", 1, 1_000_000),
        windows=_windows(config),
        jobs=_whole(config, "jobs", 0, 1024) or os.cpu_count() or 1,
        executor=_executor(config["executor"].get()),
        weights=_path(config, "weights"),
        playlist_dir=_path(config, "playlist_dir"),
        relative_to=_path(config, "relative_to"),
        taste=config["taste"].as_choice(TASTES),
        unplayed=_share(config, "unplayed"),
        per_artist=_whole(config, "per_artist", 1, 10_000),
        diversity=_share(config, "diversity"),
        fresh_days=_whole(config, "fresh_days", 0, 36_500),
        exclude=_queries(config["exclude"].get()),
        similar=_whole(config, "similar", 1, 100_000),
        playlists=read_playlists(config["playlists"].get()),
        servers=read_servers(config["subsonic"].get(), config["mpd"].get()),
        folder=Path(beets.config.config_dir()) / "cfaudio",
    )


def score_field(name: object, *, main: bool) -> str:
    """The field of a listener's scores; in small letters, as beets looks up any field."""
    return "cf_score" if main else f"cf_score_{str(name).lower()}"


def _whole(config: confuse.ConfigView, key: str, low: int, high: int) -> int:
    value = config[key].get()
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"cfaudio.{key}: must be a whole number from {low} to {high}, not {value!r}")
    return value


def _windows(config: confuse.ConfigView) -> int:
    """Windows a track; 0, as in `worker.WHOLE`, for the whole of it."""
    value = config["windows"].get()
    if value == "all":
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise UserError(f"cfaudio.windows: must be a whole number from 1 to 1000, or all, not {value!r}")
    return value


def _executor(value: object) -> str:
    """`loky`, or the address of a Dask scheduler."""
    if value != "loky" and (not isinstance(value, str) or not re.fullmatch(r"(tcp|tls)://[^\s/]+:\d{1,5}", value)):
        raise UserError(
            f"cfaudio.executor: must be loky, or a Dask scheduler's address such as tcp://nas:8786, not {value!r}"
        )
    return str(value)


def _share(config: confuse.ConfigView, key: str) -> float:
    value = config[key].get()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise UserError(f"cfaudio.{key}: must be a number from 0 to 1, not {value!r}")
    return float(value)


def _queries(value: object) -> tuple[str, ...]:
    """Queries of beets; a single one may stand without a list."""
    listed = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(listed, list) or not all(isinstance(query, str) for query in listed):
        raise UserError(f"cfaudio.exclude: must be a list of beets queries, not {value!r}")
    return tuple(query for query in listed if query.strip())


def _path(config: confuse.ConfigView, key: str) -> Path | None:
    value = config[key].get()
    if value is not None and not isinstance(value, str):
        raise UserError(f"cfaudio.{key}: must be a path, not {value!r}")
    return Path(config[key].as_filename()) if value else None


def _history(value: object) -> str | None:
    """The address of the history as it stands; it is taken apart where the store is opened, by SQLAlchemy."""
    if value is not None and (not isinstance(value, str) or not re.match(r"(sqlite|postgresql)(\+\w+)?://", value)):
        raise UserError(
            "cfaudio.history: must be an address such as sqlite:////home/me/history.db or "
            "postgresql+psycopg://me@localhost/music"  # and is not repeated: there may be a password in it
        )
    return value


def _users(value: object) -> dict[str, list[str]]:
    """Listener to count fields; a single field may stand without a list."""
    if not isinstance(value, dict):
        raise UserError(f"cfaudio.users: must map each listener to count fields, not {value!r}")
    users: dict[str, list[str]] = {}
    for name, fields in value.items():
        listed = [fields] if isinstance(fields, str) else fields
        if not isinstance(listed, list) or not all(isinstance(f, str) for f in listed):
            raise UserError(f"cfaudio.users.{name}: must be a list of count fields, not {fields!r}")
        if not str(name).isidentifier():
            raise UserError(
                f"cfaudio.users.{name}: a listener's name is letters, digits and _, as it ends a field's name"
            )
        if str(name).lower() in map(str.lower, users):
            raise UserError(f"cfaudio.users.{name}: there is such a listener already, but for capitals")
        users[str(name)] = listed
    return users
