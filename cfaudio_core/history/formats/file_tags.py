"""Ratings in the tags of music files: POPM of MP3, and the fields in which players keep stars in other formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfaudio_core.data.feedback import of_stars
from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions
from cfaudio_core.history.readers.files import errors_named, local_path
from cfaudio_core.history.records import Opinion, Record, TrackText
from cfaudio_core.util.values import to_number, to_text

NOT_READABLE = "file whose tags cannot be read"

_SUFFIXES = frozenset((".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aiff", ".aif", ".wav", ".dsf"))
_POPM_STARS = (1, 32, 96, 160, 224)  # least byte of one to five stars, as Windows, MusicBee and others write them
_FIELDS = (
    "fmps_rating",
    "rating",
    "----:com.apple.itunes:rating",
    "rate",
    "----:com.apple.itunes:fmps_rating",
    "txxx:fmps_rating",
)


def parse(source: str, options: ReadOptions) -> Iterator[Record]:
    """Read the rating of each file of a folder, or of one file.

    No tag says when a rating was given. Of several POPM frames that of the `user`'s address is read, or else the best.
    """
    root = local_path(source)
    with errors_named(source):
        files = [root] if root.is_file() else sorted(file for file in root.rglob("*") if file.is_file())
    music = [file for file in files if file.suffix.lower() in _SUFFIXES]
    if not music:
        raise SourceError(f"{source}: holds no music files with tags")
    for file in music:
        tags = _tags(file)
        if tags is None:
            options.on_skip(NOT_READABLE)
            continue
        if value := of_stars(_popm_stars(tags, options.user) or _field_stars(tags)):
            yield Opinion(TrackText(path=str(file.absolute())), value)


def _tags(file: Path) -> Any:
    """Read the tags of a file; {} where it has none, None where it cannot be read."""
    import mutagen

    try:
        read = mutagen.File(file)
    except Exception:  # mutagen raises errors of many kinds for damaged files
        return None
    return None if read is None else read.tags or {}


def _popm_stars(tags: Any, user: str | None) -> int:
    frames = [frame for frame in getattr(tags, "getall", lambda _: [])("POPM") if frame.rating]
    ratings = [frame.rating for frame in frames if frame.email == user] or [frame.rating for frame in frames]
    return sum(max(ratings, default=0) >= least for least in _POPM_STARS)


def _field_stars(tags: Any) -> float:
    """Read stars, as whole numbers to 5, or to 100, or as a share with a point (FMPS)."""
    named = {str(name).lower(): name for name in tags.keys()} if hasattr(tags, "keys") else {}  # noqa: SIM118 (a list of pairs)
    for field in _FIELDS:
        if field not in named:
            continue
        values = getattr(tags[named[field]], "text", tags[named[field]])
        first = values[0] if isinstance(values, list) and values else values
        text = to_text(first.decode("utf-8", "replace") if isinstance(first, bytes) else first)
        number = to_number(text)
        if number is None or not 0 < number <= 100:
            continue
        if "fmps" in field or (number <= 1 and "." in text):
            return 5 * min(number, 1.0)
        return number if number <= 5 else number / 20
    return 0.0


FILE_TAGS = Format(
    "tags",
    "ratings in the tags of music files (POPM, RATING, FMPS_RATING)",
    "~/Music",
    parse,
    states_all=True,
)
