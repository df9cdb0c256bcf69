"""Errors as beets shows them: one line for the user.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beets.exceptions import UserError
from beets.util import displayable_path

if TYPE_CHECKING:
    from beets.library import Library


@contextmanager
def user_errors() -> Iterator[None]:
    """Raise errors of cfaudio as beets' UserError."""
    from cfaudio_core.errors import CfAudioError, SettingError

    try:
        yield
    except SettingError as error:
        raise UserError(f"cfaudio.{error}") from error
    except CfAudioError as error:
        raise UserError(str(error)) from error


@contextmanager
def printable_errors() -> Iterator[None]:
    """Raise a printable UserError, also where the library is locked, or a disk full or read-only.

    Another program may hold the library for hours, and beets waits for it five seconds (its setting `timeout`).
    """
    from cfaudio_core.util.values import in_one_line, printable

    try:
        with user_errors():
            yield
    except UserError as error:  # there may be names of files in it, and texts out of these
        raise UserError(printable(str(error))) from error
    except sqlite3.DatabaseError as error:  # cfaudio's own databases are StoreErrors
        in_use = "locked" in str(error) or "busy" in str(error)
        why = "in use by another program; try again when that is done" if in_use else in_one_line(str(error))
        raise UserError(f"beets' library: {why}") from error
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # `beet cfplays | head`: beets ends quietly
            raise
        named = f"{displayable_path(error.filename)}: " if error.filename else ""
        raise UserError(in_one_line(f"{named}{error.strerror or error}")) from error


@contextmanager
def any_text(lib: Library) -> Iterator[None]:
    """Read texts of the library that are no UTF-8 as far as they go, in this thread: one would end every query."""
    connection = lib._connection()
    before = connection.text_factory
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        yield
    finally:
        connection.text_factory = before


@contextmanager
def request_errors(lib: Library) -> Iterator[None]:
    """Raise what goes wrong in a request of the served page as a CfAudioError, in one line."""
    from cfaudio_core.errors import CfAudioError

    try:
        with printable_errors(), any_text(lib), lib.music_dir_context():
            yield
    except UserError as error:
        raise CfAudioError(str(error)) from error


def guarded(run: Callable[..., None]) -> Callable[..., None]:
    """Make a command read any text of the library, and raise errors in one line."""

    @wraps(run)
    def command(lib: Library, *args: Any) -> None:
        # Some libraries of linear algebra warn by chance of products of numbers that are all finite.
        warnings.filterwarnings("ignore", ".* encountered in matmul", RuntimeWarning)
        with printable_errors(), any_text(lib):
            run(lib, *args)

    return command


def print_safely(record: logging.LogRecord) -> bool:
    """Filter what is logged: names of files, and answers of servers, may hold commands to the terminal."""
    from cfaudio_core.util.values import printable

    record.msg, record.args = printable(record.getMessage()), ()
    return True


@contextmanager
def interruptible(kept: str) -> Iterator[None]:
    """End on ctrl-C with a line on what is kept, and with the exit status of an interrupted command."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"Stopped. {kept}", file=sys.stderr)
        raise SystemExit(130) from None


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Raise a UserError that names a file or folder where it cannot be written."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
