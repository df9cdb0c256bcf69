"""The interface of the places that playlists are published to."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import NamedTuple, Protocol

from cfaudio_core.util.values import in_one_line


class Entry(NamedTuple):
    """One track of a playlist; "" and 0 where unknown.

    The path is absolute, the label is the text to show. Servers that know no file names are asked for the tags.
    """

    path: bytes
    seconds: float
    label: str
    artist: str = ""
    title: str = ""
    album: str = ""
    albumartist: str = ""


class Written(NamedTuple):
    """The result of writing a playlist: its file, number or name there, to be given when it is written again.

    The tracks that are not there are left out.
    """

    made: str
    left_out: list[Entry]


class Target(Protocol):
    """A place for playlists: a folder, or an account of a server."""

    name: str
    """Its name in messages, and its key in the next run."""

    def name_of(self, name: str) -> str:
        """Make the name that a playlist gets there: two names may become one."""

    def write(
        self, name: str, entries: list[Entry], made: str = "", ours: Collection[str] = (), title: str = ""
    ) -> Written:
        """Write a playlist, whole or not at all.

        Parameters
        ----------
        name
            Its name, any text.
        entries
            In order.
        made
            The `Written.made` of an earlier run. Where that is a number, the playlist is replaced, and renamed if need
            be; where it is a name, and the name is another one now, it stays, for `remove` to take away.
        ours
            All that earlier runs made there, which may be replaced.
        title
            Its name with what changes from run to run, where there is a place for it beside the name.

        Raises
        ------
        CfAudioError
            In one line without secrets, if that cannot be done, or there is a playlist of that name that is not ours.
        """

    def remove(self, made: str) -> None:
        """Remove what an earlier run made; nothing happens where it is gone. Raises as `write` does."""


def one_line(name: str) -> str:
    """Replace line breaks and other signs of a name that do not print, and that no player shows; compose accents."""
    return in_one_line(unicodedata.normalize("NFC", name))
