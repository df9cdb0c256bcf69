"""Formats what `cfstatus` collects, in words and as JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from beetsplug.cfaudio.playlists.lines import spoken
from beetsplug.cfaudio.status.collect import ListStatus, Source, Status
from beetsplug.cfaudio.status.models import figure
from beetsplug.cfaudio.text import capitalized, counted, no_plays, to_datetime


def describe(status: Status, today: dt.date) -> Iterator[str]:
    """Yield the lines: a heading of each part before its first one."""
    parts = {
        "Library": [_library(status)],
        "Plays": [_source(one) for one in status.sources] or ["none known"],
        "Model": list(_model(status)),
        "Lists": [line for one in status.lists for line in _lists(one, today)] or ["none in the configuration"],
        "Problems": status.problems,
        "Next": list(_next(status)),
    }
    for name, lines in parts.items():
        for at, line in enumerate(lines):
            yield f"{name if at == 0 else '':9} {line}"


def _library(status: Status) -> str:
    if not status.tracks:
        return "empty"
    failed = f", {status.failed} cannot be analysed" if status.failed else ""
    return f"{counted(status.tracks, 'track')}: {status.analysed} analysed, {status.left} left{failed}"


def _source(one: Source) -> str:
    number = counted(one.plays, "skip" if one.skips else "play")
    tracks = f" of {counted(one.tracks, 'track')}" if one.tracks else ""
    first, last = (_day(time) for time in (one.first, one.last))
    when = f", {first} to {last}" if first and last else f", the last on {last}" if last else ""
    return f"{one.listener}: {number}{tracks} by {one.source}{when}"


def _model(status: Status) -> Iterator[str]:
    run = status.model
    if run is None:
        yield "none in use yet"
        return
    yield f"{run.model}, trained {run.when} on {counted(run.tracks, 'track')}"
    for one in run.held_out:
        yield figure(one, several=len(run.held_out) > 1, labels=run.labels)


def _lists(one: ListStatus, today: dt.date) -> Iterator[str]:
    if not one.lists:
        yield f"{one.name}: not written yet"
        return
    when = "due now" if one.due else f"changes {spoken(one.change, today)}" if one.change else "stays as it is"
    for name, tracks, new, places in one.lists:
        there = f" -> {', '.join(places)}" if places else ""
        yield f"{name}: {counted(tracks, 'track')}, {new} new; {when}{there}"


def _next(status: Status) -> Iterator[str]:
    """Name the commands that are worth running now."""
    if not status.tracks:
        yield "beet import"
        return
    if status.left:
        yield "beet cfembed, which analyses what is left (-p says how long that takes)"
    elif status.model is None:
        yield "beet cfembed"
    if not any(not one.skips for one in status.sources):
        yield capitalized(no_plays())
    elif not status.left and any(one.due for one in status.lists):
        yield "beet cfplaylists"


def as_json(status: Status) -> dict[str, Any]:
    """Make what `--json` prints."""
    run = status.model
    return {
        "library": {
            "tracks": status.tracks,
            "analysed": status.analysed,
            "left": status.left,
            "failed": status.failed,
        },
        "plays": [{**vars(one), "first": _time(one.first), "last": _time(one.last)} for one in status.sources],
        "model": run
        and {
            "id": run.model,
            "trained": _time(run.seconds),
            "tracks": run.tracks,
            "listens": run.listens,
            "sessions": run.sessions,
            "listeners": [
                {
                    "listener": one.listener,
                    "tracks": one.tracks,
                    "right": one.by_audio_and_tags if run.labels else one.by_audio,
                    "right_by_sound": one.by_audio,
                }
                for one in run.held_out
            ],
        },
        "playlists": [
            {
                "name": one.name,
                "refresh": one.refresh,
                "due": one.due,
                "next": one.change and one.change.isoformat(),
                "lists": [
                    {"name": name, "tracks": tracks, "new": new, "places": places}
                    for name, tracks, new, places in one.lists
                ],
            }
            for one in status.lists
        ],
        "problems": status.problems,
    }


def _day(seconds: int) -> str:
    moment = to_datetime(seconds, None) if seconds else None
    return f"{moment:%Y-%m-%d}" if moment else ""


def _time(seconds: int) -> str | None:
    moment = to_datetime(seconds) if seconds else None
    return moment.isoformat() if moment else None
