"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

_PATIENCE = 2.0  # seconds without a word; what is done by then needs no bar
_LINE_EVERY = 30.0  # seconds between plain lines
_REDRAWN_EVERY = 0.2  # seconds between two states of a counter on a terminal

SWITCH = "CFAUDIO_PROGRESS"
"""The environment variable that turns progress off where it is `off`: for logs, and where output is compared."""


@contextmanager
def progress(label: str, total: int | None, unit: str = "tracks") -> Iterator[Callable[[int], None]]:
    """Show how far some work has come, once it has taken two seconds and unless the environment turns that off.

    Parameters
    ----------
    label
        What is being done.
    total
        How many units there are to do; None: nobody knows, so that only what is done is counted.
    unit
        What is counted.

    Yields
    ------
    callable
        Takes the number of units done since the last call.
    """
    if os.environ.get(SWITCH) == "off":
        yield lambda _: None
        return
    shown = _shown(label, total, unit, sys.stderr.isatty())
    try:
        yield shown.advance
    finally:
        shown.close()


def make_way() -> None:
    """Take a bar off the terminal's line before something else is written there; the bar's next step draws it anew."""
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)


def _shown(label: str, total: int | None, unit: str, terminal: bool) -> _Bar | _Counter | _Lines:
    if total is None:
        return _Counter(label, unit, terminal)
    return _Bar(label, total, unit) if terminal else _Lines(label, total, unit)


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
        elif time.monotonic() - self._start >= _PATIENCE:
            self._bar.__enter__()
            self._bar.update(self._done, 0)
            self._drawn = True

    def close(self) -> None:
        if self._drawn:
            self._bar.__exit__(None, None, None)


class _Counter:
    """One line, written over on a terminal."""

    def __init__(self, label: str, unit: str, terminal: bool) -> None:
        self._label, self._unit, self._terminal = label, unit, terminal
        self._start = time.monotonic()
        self._next = self._start + _PATIENCE
        self._done = 0
        self._drawn = False

    def advance(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now < self._next:
            return
        line = f"{self._label}: {self._done} {self._unit}, {self._done / (now - self._start):.0f}/s"
        click.echo(f"\r{line}" if self._terminal else line, nl=not self._terminal, err=True)
        self._next = now + (_REDRAWN_EVERY if self._terminal else _LINE_EVERY)
        self._drawn = self._terminal

    def close(self) -> None:
        if self._drawn:
            click.echo(err=True)


class _Lines:
    def __init__(self, label: str, total: int, unit: str) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._start = time.monotonic()
        self._next = self._start + _PATIENCE
        self._done = 0

    def advance(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now < self._next:
            return
        rate = self._done / (now - self._start)
        left = (self._total - self._done) / rate if rate else 0.0
        click.echo(
            f"{self._label}: {self._done} of {self._total} {self._unit}, {rate:.1f}/s, {_clock(left)} left",
            err=True,
        )
        self._next = now + _LINE_EVERY

    def close(self) -> None:
        """Nothing to clean up."""


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
