"""One way to two kinds of database: SQLite files and PostgreSQL servers, and their errors in one line each."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from shutil import disk_usage

import sqlalchemy as sa

from cfaudio_core.errors import SettingError, StoreError
from cfaudio_core.util.files import make_private

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
_ROOM = 1 << 16  # bytes: twice what SQLite needs beside a database
_EXAMPLE = "sqlite:////home/me/history.db or postgresql+psycopg://me@localhost/music"


class Database:
    """Connections to one database.

    Parameters
    ----------
    url
        As `parse_url` gives it. An SQLite file is made, with its folder, where it is not there.
    patience
        Seconds to wait while another program writes to an SQLite file.

    Attributes
    ----------
    name
        What to call it in an error.

    Raises
    ------
    StoreError
        If the file cannot be made, or the driver is not installed.
    """

    def __init__(self, url: sa.URL, patience: float) -> None:
        self.name = _name(url)
        sqlite = url.get_backend_name() == "sqlite"
        self._file = Path(url.database or "") if sqlite else None
        # No pool: a connection that is closed takes its temporary tables along, and none outlives its server.
        try:
            self._engine = sa.create_engine(
                url, poolclass=sa.NullPool, connect_args={"timeout": patience} if sqlite else {"connect_timeout": 10}
            )
        except ModuleNotFoundError as error:
            raise StoreError(f"{self.name} needs {error.name}: pip install 'beets-cfaudio[postgres]'") from error
        if self._file is not None:
            sa.event.listen(self._engine, "connect", _set_up_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
            _make_file(self._file)

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    def remove_file(self) -> None:
        """Take away an SQLite file and what SQLite keeps beside it; nothing where it is no such database."""
        if self._file is not None:
            for end in ("", "-wal", "-shm"):
                try:
                    Path(f"{self._file}{end}").unlink(missing_ok=True)
                except OSError as error:
                    raise StoreError(f"{self._file}{end}: {error.strerror}") from error

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """A connection whose database errors are a StoreError that names the database, in one line."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            why = "no space left on the disk" if self._is_full() else " ".join(str(error.orig).split())
            raise StoreError(f"{self.name}: {why}") from error

    def _is_full(self) -> bool:
        """Whether there is no room for what SQLite keeps beside its file; it calls that an I/O error, or nothing."""
        try:
            return self._file is not None and disk_usage(self._file.parent).free < _ROOM
        except OSError:  # what it is in is gone
            return False

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that may write."""
        with self.connection() as connection, writing(connection):
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees the database as it was when it began, whoever writes meanwhile."""
        with self.connection() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection


def writing(connection: sa.Connection) -> AbstractContextManager[sa.RootTransaction]:
    """A transaction that may write, on a connection that is in none."""
    return connection.execution_options(cf_writes=True).begin()


def parse_url(text: str, folder: Path | None = None) -> sa.URL:
    """An address of a history as SQLAlchemy takes it.

    Parameters
    ----------
    text
        `sqlite:///FILE` or `postgresql://...`; psycopg is the driver, said or not.
    folder
        What a relative FILE is in.

    Raises
    ------
    SettingError
        If it is no such address; the message does not repeat it, since there may be a password in it.
    """
    try:
        url = sa.make_url(text)
        driver = _DRIVERS[url.get_backend_name()]
    except (sa.exc.ArgumentError, ValueError, KeyError):
        raise SettingError(f"must be an address such as {_EXAMPLE}") from None
    if url.drivername not in (driver, url.get_backend_name(), "sqlite+pysqlite"):
        raise SettingError(f"must begin with {driver}://, not {url.drivername}://")
    if driver == "sqlite":
        if url.database in (None, "", ":memory:") or str(url.database).startswith("file:"):
            raise SettingError("must name a file, as in sqlite:////home/me/history.db")
        url = url.set(database=str((folder or Path()) / Path(str(url.database)).expanduser()))
    return url.set(drivername=driver)


def _name(url: sa.URL) -> str:
    """What to call a store in an error: its file, or its address without the password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(query={}).render_as_string(hide_password=True)


def _make_file(path: Path) -> None:
    """SQLite would make it readable by all."""
    try:
        make_private(path.parent)
        if not path.exists():  # to look at a file is not to change it
            path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def _set_up_sqlite(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    """WAL lets a reader and a writer work at once. Python's own BEGIN is turned off for the one below."""
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _write_ahead(cursor: sa.engine.interfaces.DBAPICursor) -> None:
    """Turn WAL on; it stays with the file.

    Only the first openers of a file change its mode, and there SQLite lets none wait for another. Who is still in the
    way after a second keeps the file for longer: the mode is then left to the next opener.
    """
    for _ in range(100):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes its turn at once: one that has read first could no longer wait for another to finish."""
    writes = connection.get_execution_options().get("cf_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
