"""A list of tracks as a table for a terminal: who, what, how often it was played, its score, and why it is there."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from cfaudio_core.util.values import in_one_line

Paint = Callable[[str, str], str]
"""Takes "new", "score" or "faint" and a text, and returns the text in that colour."""

_HEADINGS = ("", "artist", "title", "plays", "score", "why")
_FITTED = {1: 0, 2: 0, 5: 16}  # columns that give way where the terminal is narrow, and how much later than others
_RIGHT = (0, 3, 4)  # columns that end at the same place
_LEAST = 6  # columns of the terminal, for each of them
_GAP = "  "
_BY_SOUND = 0.5  # of a score comes from the audio


class Row(NamedTuple):
    """A track of a list.

    Attributes
    ----------
    artist, title
        Texts of the library, as they are.
    plays
        How often it was played.
    score
        0 to 100; None where there is none.
    why
        Why it is on the list, in a few words; "" where that is not known.
    seconds
        Its length; 0 where unknown.
    """

    artist: str
    title: str
    plays: int
    score: float | None
    why: str
    seconds: float


def why(artist: str, near: Sequence[tuple[str, str]], by_sound: float) -> str:
    """Say why a track is on a list: by the loved track that it is nearest to.

    Parameters
    ----------
    artist
        Of the track.
    near
        Artist and title of loved tracks, the nearest first.
    by_sound
        Share of the track's score that comes from its audio, 0 to 1.
    """
    if not near:
        return ""
    by, title = near[0]
    if artist and by == artist:
        return f'same artist as "{title}"'
    return f'{"sounds like" if by_sound >= _BY_SOUND else "goes with"} "{title}"{f" by {by}" if by else ""}'


def table(rows: Sequence[Row], width: int, paint: Paint = lambda _, text: text) -> Iterator[str]:
    """Lay out a list of tracks, fitted to the width of a terminal, with a heading and the total time below."""
    cells = [_HEADINGS, *(_cells(rank, row) for rank, row in enumerate(rows, 1))]
    widths = [max(columns(line[k]) for line in cells) for k in range(len(_HEADINGS))]
    if not any(row.why for row in rows):
        widths[-1] = 0
    left = width - sum(widths[k] for k in range(len(widths)) if k not in _FITTED) - len(_GAP) * (len(widths) - 1)
    while sum(widths[k] for k in _FITTED) > left and (wide := [k for k in _FITTED if widths[k] > _LEAST]):
        widths[max(wide, key=lambda k: widths[k] - _FITTED[k])] -= 1
    yield paint("faint", _line(_HEADINGS, widths))
    for row, line in zip(rows, cells[1:], strict=True):
        colours = ("faint", "", "", "" if row.plays else "new", "score", "faint")
        yield _line(line, widths, partial(_painted, paint, colours))
    yield paint("faint", _total(rows))


def _line(cells: Sequence[str], widths: Sequence[int], paint: Callable[[int, str], str] = lambda _, text: text) -> str:
    """Put cells side by side; padding has no colour, and nothing stands at the end of a line."""
    padded = []
    for k, (cell, size) in enumerate(zip(cells, widths, strict=True)):
        text = short(cell, size)
        gap = " " * (size - columns(text))
        padded.append(gap + paint(k, text) if k in _RIGHT else paint(k, text) + gap)
    return _GAP.join(padded).rstrip()


def _painted(paint: Paint, colours: Sequence[str], at: int, text: str) -> str:
    return paint(colours[at], text) if colours[at] and text else text


def _cells(rank: int, row: Row) -> tuple[str, ...]:
    plays = str(row.plays) if row.plays else "new"
    score = "" if row.score is None else f"{row.score:.0f}"
    return (str(rank), row.artist or "?", row.title or "?", plays, score, row.why)


def _total(rows: Sequence[Row]) -> str:
    new = sum(not row.plays for row in rows)
    tracks = f"{len(rows)} track{'' if len(rows) == 1 else 's'}"
    return f"{tracks}, {new} of them new, {duration(sum(row.seconds for row in rows))}"


def duration(seconds: float) -> str:
    """Format a length of time: "3 h 12 min"."""
    hours, minutes = divmod(max(round(seconds / 60), 1), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def columns(text: str) -> int:
    """Count the columns of a terminal that a text takes: a wide character two, a combining one none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def short(text: str, most: int) -> str:
    """Cut a text to some columns of a terminal, and to one line; signs that do not print become blanks."""
    text = in_one_line(text)
    if columns(text) <= most:
        return text
    while text and columns(text) > most - 3:
        text = text[:-1]
    return (text.rstrip() + "...")[: max(most, 0)]
