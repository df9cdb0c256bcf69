"""Databases of other programs: looked into, never touched, even while their owner writes to them."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cfaudio_core.history.formats.source import SourceError
from cfaudio_core.history.readers.files import faults_named, local_path

_PATIENCE = 3.0  # seconds to wait for a writer, before a copy is made
_PARTS = ("", "-wal", "-journal")  # the database, and what SQLite keeps beside it while it is written to


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite database for reading, as it is at this moment.

    Where its owner holds it locked, or SQLite would have to write beside it to read it (a write-ahead log that came
    without its index), a temporary copy is read instead.

    Raises
    ------
    SourceError
        If `path` is no SQLite database, damaged, or cannot be read, then or while reading from it.
    """
    name = str(path)
    path = path.resolve()  # the log lies beside the file itself, not beside a link to it
    with contextlib.ExitStack() as stack:
        stack.enter_context(faults_named(name))
        try:
            try:
                connection = stack.enter_context(contextlib.closing(_connect(path, _how_to_open(path))))
            except sqlite3.OperationalError:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cfaudio-"))
                connection = stack.enter_context(contextlib.closing(_connect_to_copy(path, Path(folder))))
            yield connection
        except sqlite3.Error as error:
            raise SourceError(f"{name}: {error}") from error
        except UnicodeDecodeError as error:  # what SQLite says of a damaged schema quotes it
            raise SourceError(f"{name}: damaged: its schema is not text") from error


def _how_to_open(path: Path) -> str:
    """Choose SQLite's way of opening `path` that leaves its folder as it is; raise OperationalError where none does."""
    with path.open("rb") as file:
        has_log = file.read(20)[18:] == b"\x02\x02"  # in the mode of write-ahead logging
    if has_log and not _beside(path, "-wal").exists():
        return "?mode=ro&immutable=1"  # in nobody's hands: its owner would have made the log
    if has_log and not _beside(path, "-shm").exists():
        raise sqlite3.OperationalError("the log has no index, which SQLite would make beside it")
    return "?mode=ro"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _connect(path: Path, how: str = "") -> sqlite3.Connection:
    connection = sqlite3.connect(path.as_uri() + how, uri=True, timeout=_PATIENCE, isolation_level=None)
    try:
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")  # all reading sees one moment
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        _check_length(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_length(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that ends inside its last page: SQLite takes what is missing for zeros and says nothing."""
    pages, size = (connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
    if not _beside(path, "-wal").exists() and path.stat().st_size < pages * size:
        raise SourceError(f"{path}: cut short: {path.stat().st_size} bytes instead of {pages * size}")


def _connect_to_copy(path: Path, folder: Path) -> sqlite3.Connection:
    for suffix in _PARTS:
        part = _beside(path, suffix)
        if part.is_file():
            shutil.copyfile(part, folder / part.name)
    connection = _connect(folder / path.name)
    # Its owner may have written while it was copied.
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        connection.close()
        raise SourceError(f"{path}: in use, and being written to: try again")
    return connection


def database_file(source: str, *names: str) -> Path:
    """Give the database that `source` names, itself or as the folder it lies in under one of `names`."""
    path = local_path(source)
    if path.is_file():
        return path
    for name in names:
        if (path / name).is_file():
            return path / name
    raise SourceError(f"{source}: holds no {' or '.join(names)}")


def columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Give the names of a table's columns in lower case; empty where there is no such table."""
    return {str(row[0]).lower() for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def select_list(connection: sqlite3.Connection, table: str, wanted: Mapping[str, str]) -> str:
    """Write a SELECT's columns for a table whose columns differ from version to version.

    Parameters
    ----------
    connection : sqlite3.Connection
        The database.
    table : str
        The table's name.
    wanted : mapping of str to str
        Column to the expression that stands for it where the table has it; NULL stands for it elsewhere.
    """
    there = columns(connection, table)
    return ", ".join(expression if column.lower() in there else "NULL" for column, expression in wanted.items())
