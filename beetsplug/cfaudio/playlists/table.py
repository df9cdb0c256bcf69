"""The table that `cfrecommend` prints on a terminal, in beets' colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from beets.ui import term_width
from beets.util.color import colorize

from cfaudio_core.report.listing import Row, table, why
from cfaudio_core.util.values import printable

if TYPE_CHECKING:
    from beets.library import Item
    from beets.util.color import ColorName

    from beetsplug.cfaudio.playlists.explain import Explanation
    from beetsplug.cfaudio.playlists.request import Reason

_COLOURS: dict[str, ColorName] = {"new": "text_success", "score": "text_highlight_minor", "faint": "text_faint"}


def describe(
    items: Mapping[int, Item], reasons: Sequence[Reason], explanations: Mapping[int, Explanation], *, full: bool
) -> Iterator[str]:
    """Lay out chosen items; with `full`, each has its whole explanation in a line below it."""
    listed = [reason for reason in reasons if reason.id in items]
    rows = [_row(items[reason.id], reason, explanations.get(reason.id)) for reason in listed]
    heading, *lines, total = table(rows, term_width(), lambda name, text: colorize(_COLOURS[name], text))
    yield heading
    for reason, line in zip(listed, lines, strict=True):
        yield line
        if full and reason.id in explanations:
            yield printable(f"    {explanations[reason.id].text(items[reason.id].artist)}")
    yield total


def _row(item: Item, reason: Reason, explanation: Explanation | None) -> Row:
    near = [(one.artist, one.title) for one in explanation.near] if explanation else []
    return Row(
        artist=item.artist,
        title=item.title,
        plays=reason.plays,
        score=explanation.score if explanation else None,
        why=why(item.artist, near, explanation.by_sound) if explanation else "",
        seconds=item.length or 0,
    )
