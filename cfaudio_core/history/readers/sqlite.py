"""Databases of other programs, read without a change, even while their owner writes to them."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cfaudio_core.errors import SourceError
from cfaudio_core.history.readers.files import errors_named, local_path

_MAX_VALUE_BYTES = 16 << 20
# Steps of SQLite's machine, of which ten or a hundred make a row. Pages that name each other make endless tables.
_STEPS_AT_A_TIME = 100_000
_MAX_STEPS, _MAX_STEPS_A_BYTE = 100_000_000, 1000
_LOCK_WAIT_S = 3.0  # for a writer, before a copy is made
_PARTS = ("", "-wal", "-journal")  # the database, and what SQLite keeps beside it while it is written to


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite database for reading, as it is at this moment.

    Where its owner holds it locked, or SQLite would have to write beside it to read it (a write-ahead log that came
    without its index), a temporary copy is read instead.

    What it holds is read, and nothing that it computes, in views and generated columns: a few bytes of these may be
    gigabytes of text, or rows without end.

    Raises
    ------
    SourceError
        If `path` is no SQLite database, damaged, or cannot be read, then or while reading from it.
    """
    name = str(path)
    path = path.resolve()  # the log lies beside the file itself, not beside a link to it
    with contextlib.ExitStack() as stack:
        stack.enter_context(errors_named(name))
        try:
            try:
                connection = stack.enter_context(contextlib.closing(_connect(path, _open_mode(path))))
            except sqlite3.OperationalError:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cfaudio-"))
                connection = stack.enter_context(contextlib.closing(_connect_to_copy(path, Path(folder))))
            yield connection
        except sqlite3.Error as error:
            endless = error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
            raise SourceError(f"{name}: {'damaged: its tables do not end' if endless else error}") from error
        except UnicodeDecodeError as error:  # SQLite's message quotes a damaged schema
            raise SourceError(f"{name}: damaged: its schema is not text") from error


def _open_mode(path: Path) -> str:
    """Choose a mode of opening `path` that leaves its folder as it is; raise OperationalError where none does."""
    with path.open("rb") as file:
        has_log = file.read(20)[18:] == b"\x02\x02"  # in the mode of write-ahead logging
    if has_log and not _beside(path, "-wal").exists():
        return "?mode=ro&immutable=1"  # not in use: its owner would have made the log
    if has_log and not _beside(path, "-shm").exists():
        raise sqlite3.OperationalError("the log has no index, which SQLite would make beside it")
    return "?mode=ro"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _connect(path: Path, mode: str = "") -> sqlite3.Connection:
    connection = sqlite3.connect(path.as_uri() + mode, uri=True, timeout=_LOCK_WAIT_S, isolation_level=None)
    try:
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")  # all reads see one moment
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        _check_length(connection, path)
        _set_bounds(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_bounds(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what is computed, and limit the length of a value and the work of all that is read."""
    views = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    of_tables = "FROM sqlite_master t, pragma_table_xinfo(t.name) c WHERE t.type = 'table'"
    generated = set(connection.execute(f"SELECT t.name, c.name {of_tables} AND c.hidden > 1"))

    def allow(action: int, table: str | None, column: str | None, _: str | None, view: str | None) -> int:
        is_computed = view is not None or table in views or (table, column) in generated
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_READ and is_computed else sqlite3.SQLITE_OK

    left = itertools.count(max(_MAX_STEPS, _MAX_STEPS_A_BYTE * path.stat().st_size) // _STEPS_AT_A_TIME, -1)
    connection.set_authorizer(allow)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    connection.set_progress_handler(lambda: next(left) < 0, _STEPS_AT_A_TIME)


def _check_length(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that ends inside its last page: SQLite silently takes the missing bytes for zeros."""
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
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
    """Find the database at `source`, a file or a folder that holds it under one of `names`."""
    path = local_path(source)
    if path.is_file():
        return path
    for name in names:
        if (path / name).is_file():
            return path / name
    raise SourceError(f"{source}: holds no {' or '.join(names)}")


def columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Read the names of a table's columns in lower case; empty where there is no such table."""
    return {str(row[0]).lower() for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def select_list(connection: sqlite3.Connection, table: str, expressions: Mapping[str, str]) -> str:
    """Write a SELECT's columns for a table whose columns differ from version to version.

    `expressions` maps a column to its expression where the table has it; elsewhere NULL stands for it.
    """
    existing = columns(connection, table)
    return ", ".join(expression if column.lower() in existing else "NULL" for column, expression in expressions.items())
