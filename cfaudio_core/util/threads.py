"""Limits of the number of threads in linear algebra.

Threads that wait for one another take processor time, and on a busy machine several times the work.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

_SMALL_TRACKS = 2000

P = ParamSpec("P")
R = TypeVar("R")


def threads_for(tracks: int) -> AbstractContextManager[object]:
    """Limit to one thread for a small library, where threads wait for longer than they compute."""
    limits: AbstractContextManager[object] = threadpool_limits(1 if tracks < _SMALL_TRACKS else None)
    return limits


def one_thread(work: Callable[P, R]) -> Callable[P, R]:
    """Decorate work of so many small parts that a second thread would not end it any sooner."""
    alone: Callable[P, R] = threadpool_limits.wrap(limits=1)(work)
    return alone
