"""What every place that playlists are put can do."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """One track of a playlist; "" and 0 where unknown.

    Attributes
    ----------
    path
        Absolute file name.
    seconds
        Length.
    label
        The text to show.
    artist, title, album, albumartist
        As tagged; servers that know no file names are asked for these.
    """

    path: bytes
    seconds: float
    label: str
    artist: str = ""
    title: str = ""
    album: str = ""
    albumartist: str = ""


class Written(NamedTuple):
    """What came of writing a playlist.

    Attributes
    ----------
    made
        By what the playlist is known there: a file, a number or a name. It is to be given when it is written again.
    left_out
        The tracks that are not there.
    """

    made: str
    left_out: list[Entry]


class Target(Protocol):
    """A place for playlists: a folder, or an account of a server."""

    name: str
    """What to call it in messages, and to know it by in the next run."""

    def write(self, name: str, entries: list[Entry], made: str = "", ours: Collection[str] = ()) -> Written:
        """Write a playlist, whole or not at all.

        Parameters
        ----------
        name
            Its name, any text.
        entries
            In order.
        made
            What an earlier run made in its place. Where that has a number, it is replaced, and renamed if need be;
            where its name is all it has, and the name is another one now, it stays, for `remove` to take away.
        ours
            All that earlier runs made there, and that may be replaced.

        Raises
        ------
        CfAudioError
            In one line without secrets, if that cannot be done, or there is a playlist of that name that is not ours.
        """

    def remove(self, made: str) -> None:
        """Take away what an earlier run made; nothing happens where it is gone. Raises as `write` does."""


def one_line(name: str) -> str:
    """A name without what no player shows: line breaks and other signs that do not print."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())
