"""A limit of the time that work may take, for what waits on a peer that is never done."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import NoReturn, TypeVar

R = TypeVar("R")


def run_within(seconds: float, work: Callable[[], R]) -> R:
    """Do some work in a thread of its own, and return what it returns, or raise what it raises.

    Raises
    ------
    TimeoutError
        If it takes longer. The thread is left alone, and keeps no program from ending.
    """
    outcome: queue.SimpleQueue[Callable[[], R]] = queue.SimpleQueue()

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # whatever it is, it belongs to the caller
            outcome.put(partial(_reraise, error))
        else:
            outcome.put(lambda: result)

    threading.Thread(target=run, daemon=True).start()
    try:
        ended = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"not done in {seconds:g} s") from None
    return ended()


def _reraise(error: Exception) -> NoReturn:
    raise error
