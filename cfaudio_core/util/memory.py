"""Memory: one error where it does not suffice, and Python's search for reference cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from cfaudio_core.errors import TooLittleMemoryError


@contextmanager
def within_memory(what: str) -> Iterator[None]:
    """Raise a TooLittleMemoryError that begins with `what` where the memory does not suffice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):  # torch on the CPU has no error of its own
            raise
        raise TooLittleMemoryError(f"{what}: there is too little memory to train the net") from error


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Make millions of objects, such as the rows of a table, without Python's search for cycles among them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
