"""`beet cfevaluate`: evaluate the recommender on the owner's held-out plays, beside baselines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand, print_

from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.errors import file_errors, user_errors
from beetsplug.cfaudio.text import counted

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.evaluation.evaluate import Table
    from cfaudio_core.evaluation.tasks import EvalData, Split

MAX_TRACKS, MAX_TRACKS_QUICK = 4000, 1500
"""Tracks to evaluate on; of a larger library they are a sample."""

_FORMAT = 1
_COST = 4.5  # of all systems together for one split, in trainings of cfaudio alone


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfevaluate", help="say how good it is on your own held-out plays, beside simple recommenders")
    cmd.parser.set_usage("%prog [options]")
    option = cmd.parser.add_option
    option("--seeds", type="int", metavar="N", help="hide N times over (default: 3)")
    option("--quick", action="store_true", default=False, help="one seed, and a sample of 1500 tracks")
    option("--json", action="store_true", default=False, help="print JSON")
    option("-u", "--user", metavar="NAME", help="for this listener (default: the first one)")
    option("--protocol", action="append", metavar="NAME", help="this protocol only; may be given several times")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Evaluate, print, and store the results."""
    from beetsplug.cfaudio.library.listeners import find_listener
    from beetsplug.cfaudio.pipeline import load
    from cfaudio_core.evaluation.protocols import PROTOCOLS
    from cfaudio_core.evaluation.tables import LEGEND, as_json, in_words, lines
    from cfaudio_core.util.files import write_whole
    from cfaudio_core.util.threads import threads_for

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
    tracks, listeners = load(lib, settings, match=False)
    listener = find_listener(listeners, opts.user, settings)
    others = [one for one in listeners if one is not listener]
    data, analysed = _eval_data(tracks, [listener, *others], settings, quick=opts.quick)
    say: Callable[[str], None] = (lambda _: None) if opts.json else print_
    with threads_for(len(data.tracks)):
        tables = _evaluate(data, analysed, protocols, seeds, say)
    sentence = in_words(tables, None if listener is listeners[0] else listener.name)
    made = datetime.now(UTC)
    report = {
        "format": _FORMAT,
        "made": made.isoformat(timespec="seconds"),
        "listener": listener.name,
        "seeds": seeds,
        "quick": opts.quick,
        "tracks": len(tracks),
        "heard": analysed,
        "judged": len(data.tracks),
        "known": int(data.listener.known.sum()),
        "net": data.net,
        "sentence": sentence,
        "tables": [as_json(table) for table in tables],
    }
    content = json.dumps(report, ensure_ascii=False, indent=1)
    # Beside the earlier ones; their names sort by time.
    file = settings.folder / "evaluations" / f"{made:%Y%m%dT%H%M%S}Z-{listener.name}.json"
    with file_errors(file):
        write_whole(file, content.encode(), private=True)
    if opts.json:
        print_(content)
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
    if sentence:
        print_(sentence)
    print_(f"Kept in {file}.")


def _eval_data(tracks: Tracks, listeners: list[Listener], settings: Settings, *, quick: bool) -> tuple[EvalData, int]:
    """Read the data of the analysed tracks, or of a sample of them, and count all that are analysed."""
    import numpy as np

    from beetsplug.cfaudio.pipeline import open_store, run_settings
    from cfaudio_core.backbones.registry import backbone_id
    from cfaudio_core.evaluation.splits import sample
    from cfaudio_core.evaluation.tasks import EvalData

    net, training = backbone_id(settings.backbone), run_settings(settings, jobs=1).training
    with user_errors(), open_store(settings) as store:
        existing = store.keys(net, settings.windows)
        analysed = np.flatnonzero([key in existing for key in tracks.keys])
        if not len(analysed):
            raise UserError("no track is analysed yet; run `beet cfembed` first")
        tracks, listeners = tracks.subset(analysed), [one.subset(analysed) for one in listeners]
        chosen = sample(tracks, listeners[:1], MAX_TRACKS_QUICK if quick else MAX_TRACKS, training.seed)
        tracks, listeners = tracks.subset(chosen), [one.subset(chosen) for one in listeners]
        features = store.summaries(net, tracks.keys)
    return EvalData(tracks, listeners, features, net, training), len(analysed)


def _evaluate(
    data: EvalData, analysed: int, protocols: Sequence[str], seeds: int, say: Callable[[str], None]
) -> list[Table]:
    from cfaudio_core.evaluation.evaluate import evaluate_splits, plan, units_of
    from cfaudio_core.evaluation.systems import SYSTEMS
    from cfaudio_core.util.progress import progress

    splits, empty = plan(data, protocols, range(seeds))
    number = sum(map(len, splits.values()))
    known = int(data.listener.known.sum())
    sample = f" (a sample of {analysed})" if analysed > len(data.tracks) else ""
    of_tracks = f"of {counted(len(data.tracks), 'analysed track')}{sample}"
    summary = f"{data.listener.name}: {known} {of_tracks} played or skipped"
    say(f"{summary}; {counted(number, 'case')}{_cost(data, splits)}." if number else f"{summary}.")
    tables = list(empty)
    with progress("Evaluating", number * len(SYSTEMS), "fits") as advance:
        for name, some in splits.items():
            tables += evaluate_splits(data, some, units_of(data, name), advance)
    order = {name: k for k, name in enumerate(protocols)}
    return sorted(tables, key=lambda table: order[table.name.split(",")[0].replace(" ", "-")])


def _cost(data: EvalData, splits: dict[str, list[Split]]) -> str:
    """Estimate the time it will take, by timing one training."""
    from cfaudio_core.evaluation.systems import CFAUDIO, SYSTEMS

    for some in splits.values():
        start = time.monotonic()
        SYSTEMS[CFAUDIO](data, some[0])
        seconds = _COST * (time.monotonic() - start) * sum(map(len, splits.values()))
        return f": about {counted(round(seconds / 60), 'minute')}" if seconds >= 90 else ": about a minute"
    return ""
