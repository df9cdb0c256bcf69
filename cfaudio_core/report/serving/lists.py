"""Playlists, as a page shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from cfaudio_core.errors import CfAudioError


class ListPreview(NamedTuple):
    """A list of a playlist, as the page shows it.

    Attributes
    ----------
    name, tracks
        Its name, and ids of its tracks.
    why
        Why it is empty, where it is.
    texts
        Title and artist of those of its tracks that the page may not have.
    reasons, plays
        Why each track is on it, in a few words, and how often it was played.
    covers
        Ids of up to four tracks whose albums have a cover.
    """

    name: str
    tracks: list[int]
    why: str = ""
    texts: Mapping[int, tuple[str, str]] = MappingProxyType({})
    reasons: Mapping[int, str] = MappingProxyType({})
    plays: Mapping[int, int] = MappingProxyType({})
    covers: tuple[int, ...] = ()


class Playlists(Protocol):
    """Playlists that can be previewed and written; errors are `CfAudioError`."""

    def names(self) -> list[str]:
        """Their names."""
        ...

    def preview(self, name: str) -> list[ListPreview]:
        """Lists of a playlist as they are now."""
        ...

    def about(self, name: str) -> str:
        """Say what a playlist is, in a sentence."""
        ...

    def draw(self, name: str, seed: int) -> list[ListPreview]:
        """Draw a playlist again, without writing it."""
        ...

    def write(self, name: str, seed: int | None) -> list[ListPreview]:
        """Write a playlist to its targets: as a seed draws it, or, for None, the one of its period."""
        ...

    def cover(self, number: int) -> bytes | None:
        """File of the cover of a track's album, of the tracks that the page can play."""
        ...


def lists_as_json(playlists: Playlists) -> list[dict[str, object]]:
    """Preview all playlists, in plain values."""
    return [as_json(playlists, name, playlists.preview) for name in playlists.names()]


def as_json(playlists: Playlists, name: str, lists_of: Callable[[str], list[ListPreview]]) -> dict[str, object]:
    """Convert the lists of a playlist, or why there are none, to plain values."""
    about = {"name": name, "about": playlists.about(name)}
    try:
        lists = [
            {key: dict(part) if isinstance(part, Mapping) else part for key, part in one._asdict().items()}
            for one in lists_of(name)
        ]
        return {**about, "lists": lists}
    except CfAudioError as error:
        return {**about, "lists": [], "error": str(error)}
