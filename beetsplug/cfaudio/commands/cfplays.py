"""`beet cfplays`: what was played, as cfaudio counts it: plays, skips, the last time and feedback on each track."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from beets.exceptions import UserError
from beets.ui import Subcommand, print_

from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.text import capitalized, counted, no_plays, say, to_datetime

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.library.plays import PlayCounts
    from cfaudio_core.util.arrays import IntArray


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfplays", help="show what was played, as cfaudio counts it")
    cmd.parser.set_usage("%prog [options] [QUERY]")
    option = cmd.parser.add_option
    option("-u", "--user", metavar="NAME", help="by this listener (default: the first one)")
    option("--json", action="store_true", default=False, help="print JSON, with the tracks that were never played")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Read the counts as `cfembed` does, and print them; nothing is written anywhere."""
    import numpy as np

    from beetsplug.cfaudio.library.plays import read_plays
    from beetsplug.cfaudio.library.tracks import ids_of

    settings = read_settings(plugin.config)
    requested = ids_of(lib, args) if args else None
    if requested == []:
        raise UserError(f"no track matches {' '.join(args)}")
    with user_errors():
        counts = read_plays(lib, settings, opts.user)
    at = np.arange(len(counts.tracks)) if requested is None else np.flatnonzero(np.isin(counts.tracks.ids, requested))
    if opts.json:
        print_(json.dumps(_as_json(counts, at), ensure_ascii=False, indent=1))
        return
    for line in _table(counts, at, settings):
        say(line)


def _as_json(counts: PlayCounts, at: IntArray) -> dict[str, Any]:
    from cfaudio_core.data.feedback import describe

    listener, tracks = counts.listener, counts.tracks
    return {
        "listener": listener.name,
        "sessions": len(listener.sessions),
        "tracks": [
            {
                "id": int(tracks.ids[i]),
                "title": tracks.titles[i],
                "artist": tracks.artists[i],
                "plays": int(listener.plays[i]),
                "skips": int(listener.skips[i]),
                "last": _time(int(counts.last_played[i])),
                "feedback": describe(float(listener.feedback[i])) or None,
                "feedback_time": _time(int(counts.feedback_time[i])),
            }
            for i in at.tolist()
        ],
        "sources": [source._asdict() for source in counts.sources],
        "feedback": [
            {
                "ids": items,
                "artist": artist,
                "title": title,
                "feedback": describe(one.value) or None,
                "value": one.value,
                "time": _time(one.time),
                "source": one.source,
            }
            for one, items, (artist, title) in counts.statements
        ],
    }


def _table(counts: PlayCounts, at: IntArray, settings: Settings) -> Iterator[str]:
    from cfaudio_core.data.feedback import describe

    listener, tracks = counts.listener, counts.tracks
    feedback = [describe(value) for value in listener.feedback.tolist()]
    known = sorted(at[listener.known[at]].tolist(), key=lambda i: (-listener.plays[i], -listener.skips[i], i))
    if known:
        stated = any(feedback[i] for i in known)
        yield f"{'plays':>7} {'skips':>7}  {'last':16}  {'feedback  ' if stated else ''}track"
    for i in known:
        last = _local(int(counts.last_played[i]))
        mark = f"{feedback[i]:8}  " if stated else ""
        counted_here = f"{listener.plays[i]:7.0f} {listener.skips[i]:7.0f}  {last:16}"
        yield f"{counted_here}  {mark}{tracks.artists[i]} - {tracks.titles[i]}"
    plays, skips = (int(column[at].sum()) for column in (listener.plays, listener.skips))
    yield (
        f"{listener.name}: {counted(plays, 'play')} and {counted(skips, 'skip')} of {len(known)} of "
        f"{counted(len(at), 'track')}; {counted(len(listener.sessions), 'session')} in all."
    )
    numbers = [counted(n, kind) for kind in ("like", "dislike", "ban") if (n := sum(feedback[i] == kind for i in at))]
    gone = sum(not items for _, items, _ in counts.statements)
    if numbers or gone:
        numbers += [f"{gone} of tracks that are not in the library"] if gone else []
        yield f"Feedback: {', '.join(numbers)}."
    yield from _sources(counts)
    if len(counts.listeners) > 1 or listener.name != settings.main_listener:
        yield f"Listeners: {', '.join(counts.listeners)}."


def _sources(counts: PlayCounts) -> Iterator[str]:
    """Describe where the counts come from, over the whole library."""
    if not counts.sources:
        if not counts.listener.known.any():
            named = "" if counts.listener.name == counts.listeners[0] else counts.listener.name
            yield capitalized(f"{no_plays(named)}.")
        return
    headings = ("listens", "doubles", "not in library", "without a time")
    width = max(len(source.source) for source in counts.sources)
    yield "  " + " " * width + "".join(f"  {heading}" for heading in headings)
    for source in counts.sources:
        numbers: Sequence[int] = (source.listens, source.doubles, source.unmatched, source.undated)
        columns = (f"  {number:{len(heading)}}" for number, heading in zip(numbers, headings, strict=True))
        yield f"  {source.source:{width}}" + "".join(columns)
    if counts.shared:
        yield f"{counted(counts.shared, 'listen')} of a play that another source has too: each play counts once."


def _time(seconds: int) -> str | None:
    """Format UTC seconds in ISO 8601; None where unknown or never."""
    moment = to_datetime(seconds) if seconds else None
    return moment.isoformat() if moment else None


def _local(seconds: int) -> str:
    moment = to_datetime(seconds, None) if seconds else None
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""
