"""Python's search for cycles of objects, put off while many rows are read."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Objects are still freed when nothing refers to them; only those that refer to each other wait.

    Rows of a table do not, and the search through hundreds of thousands of them, time and again while they are read,
    takes about as long as reading them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
