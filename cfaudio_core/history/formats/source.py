"""What every format offers: a name, a line of help, and a function that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from cfaudio_core.errors import SourceError
from cfaudio_core.history.records import Listen, Tally

__all__ = ["Reader", "Source", "SourceError", "SourceOptions"]


def _forget(reason: str) -> None:
    """Take no notice."""


@dataclass(frozen=True)
class SourceOptions:
    """What the user may have to say beside where the history is.

    Attributes
    ----------
    user
        The account, in sources that hold several or ask who one is.
    columns
        Field to column heading, for tables of unknown make.
    token, password
        Secrets of services; they appear in no message.
    on_skip
        Told the reason, once for each row that was left out.
    """

    user: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    on_skip: Callable[[str], None] = _forget


Reader = Callable[[str, SourceOptions], Iterator[Listen | Tally]]


@dataclass(frozen=True)
class Source:
    """One format or service.

    Attributes
    ----------
    name
        What the user calls it by.
    summary
        One line: which files or services it reads.
    example
        A value for SOURCE that shows its form.
    read
        ``read(source, options)`` gives the records one by one, in the source's order and with flat memory. It raises
        SourceError when the source turns out to be of another kind, damaged or cut short, after the records before
        that place have been given.
    """

    name: str
    summary: str
    example: str
    read: Reader
