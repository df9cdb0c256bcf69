"""What was heard, kept: features of every track under the content key of its audio, and which file had which key.

A cache in SQLite: deleting it loses nothing but computing time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from cfaudio_core.audio.stereo import N_WIDTHS
from cfaudio_core.errors import StoreError
from cfaudio_core.features.results import FeatureResult, FileState
from cfaudio_core.features.summaries import FeatureSummaries, summarize_tracks
from cfaudio_core.util.database import Database

SCHEMA = 2
"""The version of the tables that this code reads and writes."""

_metadata = sa.MetaData()
_about = sa.Table(
    "about",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
_features = sa.Table(
    "features",
    _metadata,
    sa.Column("cf_key", sa.Text, primary_key=True),
    sa.Column("net", sa.Text, primary_key=True),
    sa.Column("wanted", sa.Integer, nullable=False),
    sa.Column("windows", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
# Which features there are, without going through the features themselves.
_there = sa.Index("features_there", _features.c.net, _features.c.wanted, _features.c.cf_key)
_files = sa.Table(
    "files",
    _metadata,
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.BigInteger, nullable=False),
    sa.Column("cf_key", sa.Text),
    sa.Column("problem", sa.Text),
)

MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {1: _there.create}
"""From a version to the step that makes the next one of it; all of them run in one transaction."""


class Known(NamedTuple):
    """What an earlier run found out about a file: its content key, or the problem it had."""

    key: str
    problem: str


class FeatureStore:
    """Features by content key and net, and the files they came from.

    Parameters
    ----------
    path
        The database file; made, with its folder, when it is not there. Readable by its owner alone.

    Raises
    ------
    StoreError
        If it cannot be opened, is no such store, or was written by a newer version of cfaudio.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = Database(sa.URL.create("sqlite", database=str(path)), lock_wait_s=30)
        self._check_schema()

    def close(self) -> None:
        """Let go of the database file."""
        self._database.close()

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def add(self, net: str, wanted: int, heard: Sequence[FeatureResult]) -> None:
        """Keep what was heard, in one transaction.

        Parameters
        ----------
        net
            Id of the net whose features they are.
        wanted
            The number of windows that was asked for; a short track has fewer.
        heard
            Each with features of shape (windows, dim), or with a problem.
        """
        features = [
            {
                "cf_key": h.key,
                "net": net,
                "wanted": wanted,
                "windows": len(h.features),
                "data": np.ascontiguousarray(h.features, "<f2").tobytes(),
            }
            for h in heard
            if h.features is not None
        ]
        files = [{**h.state._asdict(), "cf_key": h.key or None, "problem": h.problem or None} for h in heard if h.state]
        with self._database.write() as connection:
            if features:
                connection.execute(_features.insert().prefix_with("OR REPLACE"), features)
            if files:
                connection.execute(_files.insert().prefix_with("OR REPLACE"), files)

    def keys(self, net: str, wanted: int) -> set[str]:
        """Content keys of which `net`'s features over `wanted` windows are there."""
        query = sa.select(_features.c.cf_key).where(_features.c.net == net, _features.c.wanted == wanted)
        with self._database.read() as connection:
            return set(connection.scalars(query))

    def nets(self) -> set[str]:
        """Ids of all nets of which there are features."""
        with self._database.read() as connection:
            return set(connection.scalars(sa.select(_features.c.net).distinct()))

    def forget(self, nets: Iterable[str]) -> None:
        """Let go of the features of some nets."""
        with self._database.write() as connection:
            connection.execute(_features.delete().where(_features.c.net.in_(list(nets))))

    def files(self) -> dict[FileState, Known]:
        """Every file heard before, with what came of it."""
        with self._database.read() as connection:
            return {
                FileState(row.path, row.size, row.mtime_ns): Known(row.cf_key or "", row.problem or "")
                for row in connection.execute(sa.select(_files))
            }

    def noted(self, name: str) -> str:
        """A note of an earlier run, or ""."""
        return self._read_about(f"note:{name}")

    def note(self, name: str, value: str) -> None:
        """Leave a note for the next run."""
        with self._database.write() as connection:
            connection.execute(_about.insert().prefix_with("OR REPLACE"), {"name": f"note:{name}", "value": value})

    def read(self, net: str, keys: Iterable[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        """Stored features, float16 (windows, dim) each; keys that are not there are left out.

        Yields
        ------
        (key, features)
            In no particular order.
        """
        wanted = list(dict.fromkeys(keys))
        columns = (_features.c.cf_key, _features.c.windows, _features.c.data)
        with self._database.read() as connection:
            for start in range(0, len(wanted), 500):  # SQLite takes a bounded number of parameters
                some = _features.c.cf_key.in_(wanted[start : start + 500])
                for key, windows, data in connection.execute(sa.select(*columns).where(_features.c.net == net, some)):
                    yield key, np.frombuffer(data, "<f2").reshape(windows, -1)

    def sound(self, net: str, keys: Sequence[str], *, telling: bool = True) -> FeatureSummaries:
        """What was heard of n tracks, in the order of their content keys, all of which must be there.

        `telling`: with what tells a space of sound, see `summarize_tracks`.
        """
        features = self.read(net, sorted(set(keys)) if telling else keys)
        return summarize_tracks(features, keys, N_WIDTHS, covariance=telling)

    def _check_schema(self) -> None:
        with self._database.read() as connection:
            there = sa.inspect(connection).has_table(_about.name)
        if not there or not self._read_about("schema"):
            with self._database.write() as connection:
                _metadata.create_all(connection)
                connection.execute(_about.insert().prefix_with("OR IGNORE"), {"name": "schema", "value": str(SCHEMA)})
        schema = self._read_about("schema")
        if schema.isdigit() and int(schema) < SCHEMA:
            self._migrate()
            schema = self._read_about("schema")
        if not schema.isdigit() or int(schema) > SCHEMA:
            raise StoreError(f"{self.path} was written by a newer version of cfaudio (schema {schema})")

    def _migrate(self) -> None:
        """Bring the tables of an older version to this one, unless another process has just done it."""
        version = _about.c.name == "schema"
        with self._database.write() as connection:
            there = int(connection.scalar(sa.select(_about.c.value).where(version)) or SCHEMA)
            for step in range(there, SCHEMA):
                MIGRATIONS[step](connection)
            connection.execute(_about.update().where(version).values(value=str(max(there, SCHEMA))))

    def _read_about(self, name: str) -> str:
        with self._database.read() as connection:
            return connection.scalar(sa.select(_about.c.value).where(_about.c.name == name)) or ""
