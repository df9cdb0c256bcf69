"""Waiting for other processes, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

Found = TypeVar("Found")

LONG_SECONDS = 600.0
"""More than anything takes in a test: reached only where something hangs."""


def wait_until(ask: Callable[[], Found], problem: Callable[[], str]) -> Found:
    """Ask again and again until the answer is true, and return it.

    Raises
    ------
    AssertionError
        Nothing came of it in `LONG_SECONDS`; the message is what `problem` returns.
    """
    end = time.monotonic() + LONG_SECONDS
    while not (found := ask()):
        assert time.monotonic() < end, problem()
        time.sleep(0.02)
    return found


def until(page: Any, condition: str) -> None:
    """Wait until an expression is true in a page; its policy keeps playwright's own way, which compiles text, out."""
    wait_until(lambda: page.evaluate(condition), lambda: condition)
