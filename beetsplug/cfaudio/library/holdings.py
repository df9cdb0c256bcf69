"""Lines on what the history holds, and on how much of an import is of the library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.library.history import has_history, open_history
from beetsplug.cfaudio.text import counted, to_datetime

if TYPE_CHECKING:
    from cfaudio_core.history.merge import ImportResult
    from cfaudio_core.history.records import TrackText
    from cfaudio_core.util.arrays import BoolArray, IntArray

_MAX_UNKNOWN = 10  # tracks that are named


def describe_shares(added: ImportResult, positions: IntArray) -> Iterator[str]:
    """Count matched, unknown and ambiguous tracks and their plays, and list the most played unknown tracks."""
    import numpy as np

    from cfaudio_core.history.matching import AMBIGUOUS, UNKNOWN

    plays = added.plays if added.plays.any() else np.ones(len(added.plays), np.int64)  # of skips alone: the tracks

    def share(mask: BoolArray) -> str:
        return f"{plays[mask].sum() / max(plays.sum(), 1):.1%}"

    matched, missing, unsure = positions >= 0, positions == UNKNOWN, positions == AMBIGUOUS
    line = f"Matched {matched.sum()} of {counted(len(added.texts), 'track')} ({share(matched)} of plays)"
    if missing.any():
        line += f"; {missing.sum()} {'is' if missing.sum() == 1 else 'are'} not in your library ({share(missing)})"
    if unsure.any():
        line += f"; {unsure.sum()} could be any of several tracks ({share(unsure)})"
    yield f"{line}."
    unknown = missing.nonzero()[0]
    if len(unknown):
        yield "Most played of what is not in the library:"
    for k in unknown[(-added.plays[unknown]).argsort(kind="stable")][:_MAX_UNKNOWN]:
        yield f"{added.plays[k]:7d}  {_called(added.texts[k])}"


def _called(track: TrackText) -> str:
    names = " - ".join(name for name in (track.artist, track.title) if name)
    path = track.path.encode("utf-8", "replace").decode()
    return f"{names} ({track.album})" if names and track.album else names or path or track.recording_mbid


def describe_holdings(settings: Settings) -> Iterator[str]:
    """List what has been imported, by listener and source."""
    if not has_history(settings):
        yield "Nothing has been imported yet."
        return
    with user_errors(), open_history(settings) as store:
        holdings = store.overview()
        if not holdings:
            yield f"Nothing has been imported yet into {store.name}."
            return
        yield f"In {store.name}:"
        yield f"  {'listener':13} {'source':13} {'listens':>9}  {'from':10}  {'to':10}  {'tracks counted':>14}"
        for held in holdings:
            first, last = (_day(time) if held.listens else "" for time in (held.first, held.last))
            yield f"  {held.listener:13} {held.source:13} {held.listens:9}  {first:10}  {last:10}  {held.tallies:14}"
        unused = sorted({held.listener for held in holdings if not held.listener.isidentifier()})
        if unused:
            yield f"Not counted: what is kept for {', '.join(unused)}; import it again with another --user."


def _day(time: int) -> str:
    moment = to_datetime(time)
    return f"{moment:%Y-%m-%d}" if moment else "?"
