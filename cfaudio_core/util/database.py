"""Connections to SQLite files and PostgreSQL servers, and their errors in one line each."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from shutil import disk_usage
from urllib.parse import quote

import sqlalchemy as sa

from cfaudio_core.errors import SettingError, StoreError
from cfaudio_core.util.files import make_private

READER_WAIT_S = 2.0
"""Seconds for which one who only wants to look waits for a program that writes."""

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
_MIN_FREE_BYTES = 1 << 16  # twice as much as SQLite needs beside a database
_FULL = "no space left on the disk"
_EXAMPLE = "sqlite:////home/me/history.db or postgresql+psycopg://me@localhost/music"


class Database:
    """Connections to one database.

    Parameters
    ----------
    url
        As `parse_url` gives it. An SQLite file is created, with its folder, where missing.
    lock_wait_s
        Seconds to wait while another program writes to an SQLite file.
    read_only
        Open an SQLite file, which is there, so that neither it nor any file beside it is written. So is one that cannot
        be written, as on a disk that is full or read-only: who only reads needs no more.
    if_damaged
        Advice for the error of an SQLite file that is damaged.

    Attributes
    ----------
    name
        Its name in errors.
    read_only
        Whether it cannot be written.

    Raises
    ------
    StoreError
        If the file cannot be created, or the driver is not installed.
    """

    def __init__(self, url: sa.URL, lock_wait_s: float, *, read_only: bool = False, if_damaged: str = "") -> None:
        self.name = _name(url)
        self._if_damaged = if_damaged
        sqlite = url.get_backend_name() == "sqlite"
        self._file = Path(url.database or "") if sqlite else None
        self.read_only = read_only or not self._takes_writes()
        # No pool: a connection that is closed takes its temporary tables along, and none outlives its server.
        try:
            self._engine = sa.create_engine(
                _read_only(url) if sqlite and self.read_only else url,
                poolclass=sa.NullPool,
                connect_args={"timeout": lock_wait_s} if sqlite else {"connect_timeout": 10},
            )
        except ModuleNotFoundError as error:
            raise StoreError(f"{self.name} needs {error.name}: pip install 'beets-cfaudio[postgres]'") from error
        if sqlite:
            sa.event.listen(self._engine, "connect", _read_any_text)
        if self._file is not None and not self.read_only:
            sa.event.listen(self._engine, "connect", _set_up_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
            _make_file(self._file)

    def close(self) -> None:
        """Release it."""
        self._engine.dispose()

    def remove_file(self) -> None:
        """Remove an SQLite file and the files that SQLite keeps beside it; nothing for a server."""
        if self._file is not None:
            for end in ("", "-wal", "-shm"):
                try:
                    Path(f"{self._file}{end}").unlink(missing_ok=True)
                except OSError as error:
                    raise StoreError(f"{self._file}{end}: {error.strerror}") from error

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """Open a connection whose database errors are a StoreError that names the database, in one line."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except (sa.exc.DBAPIError, sqlite3.Error) as error:  # the latter of a cursor that is read past SQLAlchemy
            of_driver = error.orig if isinstance(error, sa.exc.DBAPIError) else error
            raise self._error(_FULL if self._is_full() else " ".join(str(of_driver).split())) from error
        except UnicodeDecodeError as error:  # SQLite's message quotes a damaged schema
            raise self._error("its schema is malformed") from error
        except (OverflowError, UnicodeEncodeError) as error:  # of the driver, which SQLAlchemy lets through
            raise StoreError(f"{self.name}: cannot store a value ({error})") from error

    def _error(self, why: str) -> StoreError:
        """Name the database, and what to do where it is damaged."""
        advice = f" ({self._if_damaged})" if self._if_damaged and re.search("malformed|not a database", why) else ""
        return StoreError(f"{self.name}: {why}{advice}")

    def require_writable(self) -> None:
        """Raise a StoreError if it cannot be written."""
        if self.read_only:
            why = _FULL if self._is_full() else "it, its folder or its disk is read-only"
            raise StoreError(f"{self.name}: {why}")

    def _takes_writes(self) -> bool:
        """Tell whether a file that is there, and others beside it, can be written."""
        if self._file is None or not self._file.is_file():
            return True
        return os.access(self._file, os.W_OK) and os.access(self._file.parent, os.W_OK) and not self._is_full()

    def _is_full(self) -> bool:
        """Tell whether the disk is too full for SQLite, whose own message is an I/O error, or none."""
        try:
            return self._file is not None and disk_usage(self._file.parent).free < _MIN_FREE_BYTES
        except OSError:  # its folder is gone
            return False

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a transaction that may write."""
        self.require_writable()
        with self.connection() as connection, writing(connection):
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that sees the database as it was when it began, whoever writes meanwhile."""
        with self.connection() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection


def writing(connection: sa.Connection) -> AbstractContextManager[sa.RootTransaction]:
    """Begin a transaction that may write, on a connection that is in none."""
    return connection.execution_options(cf_writes=True).begin()


def parse_url(text: str, folder: Path | None = None) -> sa.URL:
    """Parse an address of a history for SQLAlchemy.

    Parameters
    ----------
    text
        `sqlite:///FILE` or `postgresql://...`; psycopg is the driver, named or not.
    folder
        Folder of a relative FILE.

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
    """Name of a store in errors: its file, or its address without the password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(query={}).render_as_string(hide_password=True)


def _read_only(url: sa.URL) -> sa.URL:
    """Make the address by which SQLite writes nothing; it would make two files beside one in WAL mode, to read it.

    Where nobody has such a file open, all of it is in the one file, which can be read as one that never changes.
    """
    file = Path(url.database or "")
    try:
        with file.open("rb") as content:
            settled = content.read(20)[18:20] == b"\2\2" and not Path(f"{file}-wal").exists()
    except OSError:
        settled = False
    query = {"mode": "ro", "uri": "true", **({"immutable": "1"} if settled else {})}
    return url.set(database=f"file:{quote(str(file))}", query=query)


def _make_file(path: Path) -> None:
    """Create a private file; SQLite would make it readable by all."""
    try:
        make_private(path.parent)
        if not path.exists():  # opening to read leaves the file as it is
            path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def _read_any_text(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    """Read texts that are no UTF-8, of a damaged file, as far as they go: one would end the whole query."""
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")


def _set_up_sqlite(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    """Turn on WAL, so that a reader does not block a writer, and turn off Python's own BEGIN for the one below.

    WAL stays with the file. Only its first openers change the mode, and there SQLite lets none wait for another: after
    a second of conflicts the mode is left to the next opener.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    for _ in range(100):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.01)
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """Lock at once for writing: a transaction that has read first could no longer wait for another writer."""
    writes = connection.get_execution_options().get("cf_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
