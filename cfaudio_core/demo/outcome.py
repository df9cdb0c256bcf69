"""The recommendations in words: why each track fits, and how often chance would have done as well."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from math import comb

import numpy as np

from cfaudio_core.demo.library import Song
from cfaudio_core.demo.listener import Month

_MIN_COSINE = 0.4  # below which nobody would call two embeddings alike


def favourites_of(songs: Sequence[Song]) -> list[Song]:
    """Choose the favourites by the counts: the more played half, if played more than skipped."""
    played = [song.plays for song in songs if song.plays]
    enough = np.median(played) if played else 0
    return [song for song in songs if song.plays and song.plays >= enough and song.plays > song.skips]


def reason(song: Song, favourites: Sequence[Song]) -> str:
    """Say why a song fits: which of the favourites, among which it may be, is nearest."""
    closest, closeness = None, -1.0
    for other in favourites:
        if other.id != song.id and song.embedding is not None and other.embedding is not None:
            cosine = float(song.embedding @ other.embedding)
            if cosine > closeness:
                closest, closeness = other, cosine
    if closest is None or closeness < _MIN_COSINE:
        return "a favourite" if song in favourites else "unlike the favourites"
    named = f'"{_short(closest.title, 40)}" (played {_times(closest.plays)})'
    if song.artist and closest.artist == song.artist:
        return f"same artist as {named}"
    # A played track may have its vector from its plays, so the likeness need not be one of audio.
    return f"{'goes with' if song.plays else 'sounds like'} {named}"


def table(picks: Sequence[tuple[Song, float]], songs: Sequence[Song], month: Month) -> str:
    """Lay out the recommended songs, with scores, under a header, each with the reason for it on a line of its own."""
    favourites = favourites_of(songs)
    rows = [("", "track", month.kind, "plays", "score")]
    for rank, (song, score) in enumerate(picks, 1):
        rows.append(
            (
                str(rank),
                _short(" \N{EN DASH} ".join(filter(None, (song.artist, song.title))), 40),
                _short(month.group(song) or "?", 18) + (" *" if month.loves(song) else ""),
                f"played {_times(song.plays)}" if song.plays else "never played",
                f"{score:.1f}",
            )
        )
    widths = [max(_width(row[column]) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = zip(row, gaps, (True, False, False, False, True), strict=True)
        lines.append("  ".join(gap + cell if right else cell + gap for cell, gap, right in cells))
    indent = " " * (widths[0] + 4)
    reasons = [indent + reason(song, favourites) for song, _ in picks]
    return "\n".join([lines[0], *(line for pair in zip(lines[1:], reasons, strict=True) for line in pair)])


def summary(picks: Sequence[Song], songs: Sequence[Song], month: Month) -> str:
    """Count the never played picks that the listener would love, and how many chance would give."""
    fresh = [song for song in picks if not song.plays]
    if not fresh:
        return "Nothing was recommended that was never played, so there is nothing to compare with chance."
    unplayed = [song for song in songs if not song.plays]
    right = [song for song in fresh if month.loves(song)]
    lovable = sum(map(month.loves, unplayed))
    expected = len(fresh) * lovable / len(unplayed)
    luck = chance_of(len(right), len(fresh), lovable, len(unplayed))
    text = (
        f"Of {len(fresh)} recommended tracks that were never played, {len(right)} {_be(len(right))} of "
        f"{_a(month.kind)} the listener loves. {len(fresh)} drawn at random from the {len(unplayed)} "
        f"never played would have {expected:.1f}, and do as well or better {_odds(luck)}."
    )
    known = {song.artist for song in songs if song.plays}
    by_sound = sum(song.artist != "" and song.artist not in known for song in right)
    if by_sound:
        text += f" {by_sound} of the {len(right)} {_be(by_sound)} by artists never played at all."
    return text


def chance_of(right: int, drawn: int, lovable: int, total: int) -> float:
    """Probability that of `drawn` out of `total` at least `right` are among the `lovable`."""
    hits = range(right, min(drawn, lovable) + 1)
    return sum(comb(lovable, k) * comb(total - lovable, drawn - k) for k in hits) / comb(total, drawn)


def _odds(probability: float) -> str:
    if probability > 0.999:
        return "always"
    if probability < 0.015:
        return f"1 time in {1 / probability:,.0f}"
    return f"{100 * probability:.0f} times in 100"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _be(n: int) -> str:
    return "is" if n == 1 else "are"


def _a(kind: str) -> str:
    return {"genre": "a genre", "artist": "an artist", "album": "an album"}[kind]


def _width(text: str) -> int:
    """Count the columns of a terminal that a text takes: a wide character two, a combining one none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _short(text: str, columns: int) -> str:
    """Cut a text to some columns of a terminal, and to one line."""
    text = " ".join(text.split())
    if _width(text) <= columns:
        return text
    while _width(text) > columns - 3:
        text = text[:-1]
    return text.rstrip() + "..."
