"""`beet cfevaluate`: how good it is on the owner's own plays, beside honest baselines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from beets.exceptions import UserError
from beets.ui import print_

from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.pipeline import listener, load, open_store, run_settings, user_errors
from beetsplug.cfaudio.text import counted
from cfaudio_core.errors import StoreError
from cfaudio_core.util.files import write_whole
from cfaudio_core.util.threads import threads_for

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.commands.parsers import EvaluateOptions
    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.evaluation.evaluate import Table
    from cfaudio_core.evaluation.tasks import EvalData, Split

MOST, MOST_QUICK = 4000, 1500
"""So many tracks are judged by; of a larger library they are a sample."""

_FORMAT = 1
_LESSONS = 4.5  # of cfembed, in time, is what all systems together take for one case


def run(plugin: BeetsPlugin, lib: Library, opts: EvaluateOptions, args: list[str]) -> None:
    """Judge, print, and keep what came of it."""
    from cfaudio_core.evaluation.protocols import PROTOCOLS
    from cfaudio_core.evaluation.tables import LEGEND, as_json, in_words, lines

    settings = read_settings(plugin.config)
    if args:
        raise UserError(f"cfevaluate takes no query: {' '.join(args)}")
    seeds = (1 if opts.quick else 3) if opts.seeds is None else opts.seeds
    if not 1 <= seeds <= 100:
        raise UserError("--seeds must be a whole number from 1 to 100")
    protocols = list(dict.fromkeys(opts.protocol or PROTOCOLS))
    for name in protocols:
        if name not in PROTOCOLS:
            raise UserError(f"there is no protocol {name} (there are: {', '.join(PROTOCOLS)})")
    tracks, people = load(lib, settings, match=False)
    if not len(tracks):
        raise UserError("the library is empty")
    person = listener(people, opts.user)
    world, heard = _world(tracks, [person, *(p for p in people if p is not person)], settings, quick=opts.quick)
    say: Callable[[str], None] = (lambda _: None) if opts.json else print_
    with threads_for(len(world.tracks)):
        tables = _judge(world, heard, protocols, seeds, say)
    told = in_words(tables, None if person is people[0] else person.name)
    report = {
        "format": _FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "listener": person.name,
        "seeds": seeds,
        "quick": opts.quick,
        "tracks": len(tracks),
        "heard": heard,
        "judged": len(world.tracks),
        "known": int(world.listener.known.sum()),
        "net": world.net,
        "sentence": told,
        "tables": [as_json(table) for table in tables],
    }
    file = _keep(settings.folder / "evaluations", report)
    if opts.json:
        print_(json.dumps(report, ensure_ascii=False, indent=1))
        return
    for table in tables:
        print_("")
        for line in lines(table):
            print_(line)
    print_("")
    if any(not table.empty for table in tables):
        for line in LEGEND:
            print_(line)
        print_("")
    if told:
        print_(told)
    print_(f"Kept in {file}.")


def _world(tracks: Tracks, people: list[Listener], settings: Settings, *, quick: bool) -> tuple[EvalData, int]:
    """What has been heard of the library, or a sample of it, and how much has been heard in all."""
    from cfaudio_core.backbones.registry import backbone_id
    from cfaudio_core.evaluation.splits import sample
    from cfaudio_core.evaluation.tasks import EvalData

    net, training_set = backbone_id(settings.backbone), run_settings(settings, jobs=1).training
    with user_errors(), open_store(settings) as store:
        there = store.keys(net, settings.windows)
        heard = np.flatnonzero([key in there for key in tracks.keys])
        if not len(heard):
            raise UserError("no track has been heard yet; run `beet cfembed` first")
        tracks, people = tracks.subset(heard), [person.subset(heard) for person in people]
        chosen = sample(tracks, people[:1], MOST_QUICK if quick else MOST, training_set.seed)
        tracks, people = tracks.subset(chosen), [person.subset(chosen) for person in people]
        sound = store.sound(net, tracks.keys)
    return EvalData(tracks, people, sound, net, training_set), len(heard)


def _judge(
    world: EvalData, heard: int, protocols: Sequence[str], seeds: int, say: Callable[[str], None]
) -> list[Table]:
    from cfaudio_core.evaluation.evaluate import evaluate_splits, plan, units_of
    from cfaudio_core.evaluation.systems import SYSTEMS
    from cfaudio_core.util.progress import progress

    cases, empty = plan(world, protocols, range(seeds))
    number = sum(map(len, cases.values()))
    known = int(world.listener.known.sum())
    sample = f" (a sample of {heard})" if heard > len(world.tracks) else ""
    said = f"{world.listener.name}: {known} of {counted(len(world.tracks), 'heard track')}{sample} played or skipped"
    say(f"{said}; {counted(number, 'case')}{_cost(world, cases)}." if number else f"{said}.")
    tables = list(empty)
    with progress("Judging", number * len(SYSTEMS), "fits") as advance:
        for name, some in cases.items():
            tables += evaluate_splits(world, some, units_of(world, name), advance)
    order = {name: k for k, name in enumerate(protocols)}
    return sorted(tables, key=lambda table: order[table.name.split(",")[0].replace(" ", "-")])


def _cost(world: EvalData, cases: dict[str, list[Split]]) -> str:
    """How long it will take, by one lesson that is timed."""
    from cfaudio_core.evaluation.systems import CFAUDIO, SYSTEMS

    for some in cases.values():
        start = time.monotonic()
        SYSTEMS[CFAUDIO](world, some[0])
        seconds = _LESSONS * (time.monotonic() - start) * sum(map(len, cases.values()))
        return f": about {counted(round(seconds / 60), 'minute')}" if seconds >= 90 else ": about a minute"
    return ""


def _keep(folder: Path, report: dict[str, Any]) -> Path:
    """Write a report beside the earlier ones; their names sort by time."""
    stamp = report["made"][:19].replace("-", "").replace(":", "")
    file = folder / f"{stamp}Z-{report['listener']}.json"
    with user_errors():
        try:
            write_whole(file, json.dumps(report, ensure_ascii=False, indent=1).encode(), private=True)
        except OSError as error:
            raise StoreError(f"{file}: {error.strerror}") from error
    return file
