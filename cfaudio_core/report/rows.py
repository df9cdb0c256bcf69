"""Rows of tracks that the page lists, as plain values: its script writes them all in the same way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from cfaudio_core.report.page import Report


class Row(TypedDict):
    """A row: position of its track; from which second it plays, heights over its length, plays, and why it is there."""

    i: int
    at: NotRequired[float]
    bars: NotRequired[list[int]]
    plays: NotRequired[int]
    why: NotRequired[str]


def rows_of(report: Report) -> dict[str, list[Row]]:
    """Make the rows of each list, by the name that the templates call it: `data-rows` of its element."""
    rows = {"now": [Row(i=one.track, plays=int(report.plays[one.track]), why=one.why) for one in report.picks]}
    for k, mode in enumerate(report.modes):
        rows[f"taste/{k}"] = _plain(mode.tracks)
    for k, card in enumerate(report.learnt):
        for side, moments in enumerate(card.moments):
            made = [Row(i=one.track, at=round(one.seconds, 1), bars=one.bars) for one in moments]
            rows[f"learnt/{k}/{side}"] = made
    for k, odd in enumerate(report.disagreements):
        rows[f"odd/{k}"], rows[f"odd/{k}/plays"] = _plain([odd.track]), _plain(odd.by_plays)
        rows[f"odd/{k}/audio"] = _plain(odd.by_audio)
    for k, moved in enumerate(report.fine_tuned.moved if report.fine_tuned else ()):
        rows[f"moved/{k}"] = [Row(i=moved.track, plays=int(report.plays[moved.track]))]
        rows[f"moved/{k}/before"], rows[f"moved/{k}/after"] = _plain(moved.before), _plain(moved.after)
    for k, one in enumerate(report.filters):
        rows[f"filter/{k}"] = [Row(i=moment.track, at=round(moment.seconds, 1)) for moment in one.moments]
    return rows


def _plain(tracks: Iterable[int]) -> list[Row]:
    return [Row(i=i) for i in tracks]
