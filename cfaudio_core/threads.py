"""How many threads linear algebra gets."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits

_SMALL = 2000  # tracks


def threads_for(tracks: int) -> AbstractContextManager[object]:
    """One for a small library, where threads wait for one another longer than they compute; else as many as there are.

    On a busy machine, waiting takes the processor time of several times the work.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1 if tracks < _SMALL else None)
    return limits
