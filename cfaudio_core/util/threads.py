"""How many threads linear algebra gets.

Threads that wait for one another take processor time, and on a busy machine several times the work.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

_SMALL = 2000  # tracks

P = ParamSpec("P")
R = TypeVar("R")


def threads_for(tracks: int) -> AbstractContextManager[object]:
    """One for a small library, where threads wait for longer than they compute; else as many as there are."""
    limits: AbstractContextManager[object] = threadpool_limits(1 if tracks < _SMALL else None)
    return limits


def one_thread(work: Callable[P, R]) -> Callable[P, R]:
    """Decorates work that is done in so many small parts that a second thread would not end it any sooner."""
    alone: Callable[P, R] = threadpool_limits.wrap(limits=1)(work)
    return alone
