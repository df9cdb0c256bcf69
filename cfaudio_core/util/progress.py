"""Progress of long work on a terminal: a bar with rate and time left, or a counter; nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

_FIRST_AFTER_S = 2.0  # shorter work needs no bar
_REDRAW_EVERY_S = 0.2  # of a counter

_hidden = False


@contextmanager
def progress(label: str, total: int | None, unit: str = "tracks") -> Iterator[Callable[[int], None]]:
    """Show the progress of some work on a terminal, once it has taken two seconds.

    A timer's mail or journal gets nothing of it.

    Parameters
    ----------
    label
        Name of the work.
    total
        Number of units; None where unknown: only those done are counted.
    unit
        Name of the units.

    Yields
    ------
    callable
        Takes the number of units done since the last call.
    """
    if _hidden or not sys.stderr.isatty():
        yield lambda _: None
        return
    shown = _Counter(label, unit) if total is None else _Bar(label, total, unit)
    try:
        yield shown.advance
    finally:
        shown.close()


@contextmanager
def hide_progress() -> Iterator[None]:
    """Show no progress of what is begun inside: it is part of work that shows its own."""
    global _hidden
    before, _hidden = _hidden, True
    try:
        yield
    finally:
        _hidden = before


def clear_line() -> None:
    """Clear a bar off the terminal's line before something else is written there; its next step draws it again."""
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)


class _Bar:
    def __init__(self, label: str, total: int, unit: str) -> None:
        self._start = time.monotonic()
        self._done = 0
        self._unit = unit
        self._bar: Any = click.progressbar(
            length=total,
            label=label,
            show_eta=True,
            show_pos=True,
            width=30,
            file=sys.stderr,
            item_show_func=lambda _: self._rate(),
        )
        self._drawn = False

    def _rate(self) -> str:
        return f"{self._done / max(time.monotonic() - self._start, 1e-9):.1f} {self._unit}/s"

    def advance(self, done: int) -> None:
        self._done += done
        if self._drawn:
            self._bar.update(done, 0)
        elif time.monotonic() - self._start >= _FIRST_AFTER_S:
            self._bar.__enter__()
            self._bar.update(self._done, 0)
            self._drawn = True

    def close(self) -> None:
        if self._drawn:
            self._bar.__exit__(None, None, None)


class _Counter:
    """A line that is drawn over."""

    def __init__(self, label: str, unit: str) -> None:
        self._label, self._unit = label, unit
        self._start = time.monotonic()
        self._next = self._start + _FIRST_AFTER_S
        self._done = 0
        self._drawn = False

    def advance(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now < self._next:
            return
        rate = self._done / (now - self._start)
        click.echo(f"\r{self._label}: {self._done} {self._unit}, {rate:.0f}/s", nl=False, err=True)
        self._next = now + _REDRAW_EVERY_S
        self._drawn = True

    def close(self) -> None:
        if self._drawn:
            click.echo(err=True)
