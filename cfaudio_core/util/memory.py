"""One error for all the ways in which NumPy and torch say that the memory does not suffice."""

from __future__ import annotations

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
