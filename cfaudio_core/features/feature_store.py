"""Store of the features of every track under the content key of its audio, and of the files that have these keys.

A cache in SQLite: deleting it loses nothing but computing time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from cfaudio_core.audio.descriptors import DESCRIPTORS, PARTS
from cfaudio_core.audio.stereo import N_WIDTHS
from cfaudio_core.errors import StoreError
from cfaudio_core.features import feature_tables as tables
from cfaudio_core.features.feature_tables import decode_row, usual_width
from cfaudio_core.features.jobs import FeatureResult, FileState
from cfaudio_core.features.summaries import NET_PART, STEREO_PART, FeatureSummaries, Parts, summarize_tracks
from cfaudio_core.util.database import READER_WAIT_S, Database

_JOINED_TRACKS = 500  # whose descriptors are in memory at a time
_IF_DAMAGED = "it is a cache: without it, `beet cfembed` analyses the music again"

SCHEMA = 2
"""Version of the tables that this code reads and writes."""

MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {1: tables.features_there.create}
"""From a version to the step that makes the next one of it; all of them run in one transaction."""


class FeatureStore:
    """Features by content key and net, and the files they came from.

    Parameters
    ----------
    path
        The database file; made, with its folder, when it is not there. Readable by its owner alone.
    read_only
        Neither make nor change anything.

    Raises
    ------
    StoreError
        If it cannot be opened, is no such store, or was written by a newer version of cfaudio.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self.left_out = path, 0
        url, wait_s = sa.URL.create("sqlite", database=str(path)), READER_WAIT_S if read_only else 30
        self._database = Database(url, wait_s, read_only=read_only, if_damaged=_IF_DAMAGED)
        self._widths: dict[str, int] = {}
        self._check_schema(self._read_about("schema") if self._database.read_only else self._upgraded())

    def close(self) -> None:
        """Let go of the database file."""
        self._database.close()

    def __enter__(self) -> FeatureStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def add(self, net: str, requested: int, results: Sequence[FeatureResult]) -> None:
        """Store results, each with features and descriptors or with a problem, in one transaction.

        `net` is the id of the net whose features they are. A short track has fewer windows than were requested.
        """
        features = [
            {
                "cf_key": one.key,
                "net": name,
                "wanted": requested,
                "windows": len(rows),
                "data": np.ascontiguousarray(rows, "<f2").tobytes(),
            }
            for one in results
            for name, rows in ((net, one.features), (DESCRIPTORS, one.descriptors))
            if rows is not None
        ]
        files = [
            {**one.state._asdict(), "cf_key": one.key or None, "problem": one.problem or None}
            for one in results
            if one.state
        ]
        with self._database.write() as connection:
            if features:
                connection.execute(tables.features.insert().prefix_with("OR REPLACE"), features)
            if files:
                connection.execute(tables.files.insert().prefix_with("OR REPLACE"), files)

    def keys(self, net: str, requested: int) -> set[str]:
        """Read the content keys that have features of a net over so many requested windows."""
        query = sa.select(tables.features.c.cf_key).where(
            tables.features.c.net == net, tables.features.c.wanted == requested
        )
        with self._database.read() as connection, connection.execute(query) as result:
            return {key for (key,) in result.cursor.fetchall()}  # SQLAlchemy's rows take three times as long

    def nets(self) -> set[str]:
        """Read the ids of all nets that have features here."""
        with self._database.read() as connection:
            return set(connection.scalars(sa.select(tables.features.c.net).distinct()))

    def forget(self, nets: Iterable[str]) -> None:
        """Delete the features of some nets."""
        with self._database.write() as connection:
            connection.execute(tables.features.delete().where(tables.features.c.net.in_(list(nets))))

    def drop_damaged(self) -> int:
        """Delete the features that cannot be what was stored, going through all of them, and return their number."""
        key, net, windows, data = (tables.features.c[name] for name in ("cf_key", "net", "windows", "data"))
        damaged: list[dict[str, str]] = []
        with self._database.read() as connection:
            for name in connection.scalars(sa.select(net).distinct()).all():
                rows = connection.execute(sa.select(key, windows, data).where(net == name, windows != 0))
                width = self._width(connection, name)
                damaged += [{"of": one, "by": name} for one, n, raw in rows if decode_row(n, raw, width) is None]
        if damaged:
            with self._database.write() as connection:
                these = key == sa.bindparam("of"), net == sa.bindparam("by")
                connection.execute(tables.features.delete().where(*these), damaged)
        return len(damaged)

    def forget_problems(self) -> None:
        """Forget which files could not be analysed, so that they are tried again."""
        with self._database.write() as connection:
            connection.execute(tables.files.delete().where(tables.files.c.problem.is_not(None)))

    def files(self) -> dict[FileState, FeatureResult]:
        """Read the results of all files analysed before, without features; damaged rows count as `left_out`."""
        query = sa.select(*(tables.files.c[name] for name in ("path", "size", "mtime_ns", "cf_key", "problem")))
        with self._database.read() as connection, connection.execute(query) as result:
            rows = result.cursor.fetchall()
        files = {
            (state := FileState(path, size, time)): FeatureResult(path, state, key or "", None, problem or "")
            for path, size, time, key, problem in rows
            if type(path) is bytes and type(size) is int and type(time) is int and isinstance(key or problem, str)
        }
        self.left_out = len(rows) - len(files)
        return files

    def noted(self, name: str) -> str:
        """Read a note of an earlier run, or ""."""
        return self._read_about(f"note:{name}")

    def note(self, name: str, value: str) -> None:
        """Leave a note for the next run."""
        row = {"name": f"note:{name}", "value": value}
        with self._database.write() as connection:
            connection.execute(tables.about.insert().prefix_with("OR REPLACE"), row)

    def read(self, net: str, keys: Iterable[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        """Read features, float16 (windows, dim) each; keys that are not there, or have no windows, are left out.

        Yields
        ------
        (key, features)
            In no particular order.

        Raises
        ------
        StoreError
            If they are damaged; see `drop_damaged`.
        """
        distinct = list(dict.fromkeys(keys))
        columns = (tables.features.c.cf_key, tables.features.c.windows, tables.features.c.data)
        with self._database.read() as connection:
            for start in range(0, len(distinct), 500):  # SQLite takes a bounded number of parameters
                some = tables.features.c.cf_key.in_(distinct[start : start + 500])
                query = sa.select(*columns).where(tables.features.c.net == net, some, tables.features.c.windows != 0)
                for key, windows, data in connection.execute(query):
                    features = decode_row(windows, data, self._width(connection, net))
                    if features is None:
                        raise StoreError(
                            f"{self.path}: features are damaged; `beet cfembed --retrain` makes them again"
                        )
                    yield key, features

    def read_parts(self, net: str, keys: Iterable[str]) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
        """Read features of a net and the descriptors beside them, float16 (windows, dim) each.

        Descriptors are NaN for a track that has none; the columns are those of `summaries`.

        Yields
        ------
        (key, features)
            In no particular order.
        """
        distinct, width = list(dict.fromkeys(keys)), sum(n for _, n in PARTS)
        for start in range(0, len(distinct), _JOINED_TRACKS):
            some = distinct[start : start + _JOINED_TRACKS]
            described = dict(self.read(DESCRIPTORS, some))
            for key, windows in self.read(net, some):
                beside = np.full((len(windows), width), np.nan, np.float16)
                if key in described:
                    # As many windows as the net's, unless another version of a decoder has read one of the two.
                    beside[:] = described[key][np.arange(len(windows)) * len(described[key]) // len(windows), :width]
                yield key, np.hstack([windows, beside])

    def summaries(self, net: str, keys: Sequence[str], *, covariance: bool = True) -> FeatureSummaries:
        """Summarize n tracks, in the order of their keys, all of which must be there; see `summarize_tracks`."""
        features = self.read_parts(net, sorted(set(keys)) if covariance else keys)
        summaries = summarize_tracks(features, keys, covariance=covariance)
        n_net = summaries.means.shape[1] - N_WIDTHS - sum(n for _, n in PARTS)
        parts: Parts = ((NET_PART, n_net), (STEREO_PART, N_WIDTHS), *PARTS)
        return summaries._replace(parts=parts)

    def _width(self, connection: sa.Connection, net: str) -> int:
        self._widths[net] = self._widths.get(net) or usual_width(connection, net)
        return self._widths[net]

    def _check_schema(self, schema: str) -> None:
        if schema not in map(str, (*MIGRATIONS, SCHEMA)):
            raise StoreError(f"{self.path} was written by a newer version of cfaudio (schema {schema})")

    def _upgraded(self) -> str:
        """Make the tables, or bring them to this version, and return the version."""
        with self._database.read() as connection:
            there = sa.inspect(connection).has_table(tables.about.name)
        if not there or not self._read_about("schema"):
            with self._database.write() as connection:
                tables.metadata.create_all(connection)
                connection.execute(
                    tables.about.insert().prefix_with("OR IGNORE"), {"name": "schema", "value": str(SCHEMA)}
                )
        schema = self._read_about("schema")
        if schema in map(str, MIGRATIONS):
            self._migrate()
            schema = self._read_about("schema")
        return schema

    def _migrate(self) -> None:
        """Bring the tables of an older version to this one, unless another process has just done it."""
        version = tables.about.c.name == "schema"
        with self._database.write() as connection:
            there = int(connection.scalar(sa.select(tables.about.c.value).where(version)) or SCHEMA)
            for step in range(there, SCHEMA):
                MIGRATIONS[step](connection)
            connection.execute(tables.about.update().where(version).values(value=str(max(there, SCHEMA))))

    def _read_about(self, name: str) -> str:
        with self._database.read() as connection:
            value = connection.scalar(sa.select(tables.about.c.value).where(tables.about.c.name == name))
        return value if isinstance(value, str) else ""
