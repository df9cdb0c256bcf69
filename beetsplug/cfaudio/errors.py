"""Errors as beets shows them: one line for the user.

Every `beet` command loads this module, so it imports nothing that takes time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beets.exceptions import UserError


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
