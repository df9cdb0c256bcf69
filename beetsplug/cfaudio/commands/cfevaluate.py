"""`beet cfevaluate`: evaluate the recommender on the owner's held-out plays, beside baselines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand, print_

from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.errors import interruptible, user_errors
from beetsplug.cfaudio.text import counted, no_plays, say, shown

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.data.tracks import Tracks
    from cfaudio_core.evaluation.evaluate import Table
    from cfaudio_core.evaluation.tasks import EvalData
    from cfaudio_core.features.feature_store import FeatureStore

MAX_TRACKS, MAX_TRACKS_QUICK = 4000, 1500
"""Tracks to evaluate on; of a larger library they are a sample."""

_FORMAT = 1


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfevaluate", help="say how good it is on your own held-out plays, beside simple recommenders")
    cmd.parser.set_usage("%prog [options]")
    option = cmd.parser.add_option
    option("--seeds", type="int", metavar="N", help="hide N times over (default: 1)")
    option("--quick", action="store_true", default=False, help="a sample of 1500 tracks")
    option("--json", action="store_true", default=False, help="print JSON")
    option("-u", "--user", metavar="NAME", help="for this listener (default: the first one)")
    option("--protocol", action="append", metavar="NAME", help="this protocol only; may be given several times")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Evaluate, print, and store the results."""
    from beetsplug.cfaudio.library.listeners import find_listener
    from beetsplug.cfaudio.pipeline import load, open_store
    from cfaudio_core.evaluation.protocols import DEFAULT_PROTOCOLS, PROTOCOLS
    from cfaudio_core.evaluation.tables import LEGEND, as_json, in_words, lines
    from cfaudio_core.util.files import write_whole
    from cfaudio_core.util.threads import threads_for

    settings = read_settings(plugin.config)
    if args:
        raise UserError(f"cfevaluate takes no query: {' '.join(args)}")
    seeds = 1 if opts.seeds is None else opts.seeds
    if not 1 <= seeds <= 100:
        raise UserError("--seeds must be a whole number from 1 to 100")
    protocols = list(dict.fromkeys(opts.protocol or DEFAULT_PROTOCOLS))
    for name in protocols:
        if name not in PROTOCOLS:
            raise UserError(f"there is no protocol {name} (there are: {', '.join(PROTOCOLS)})")
    tracks, listeners = load(lib, settings, match=False)
    listener = find_listener(listeners, opts.user, settings)
    others = [one for one in listeners if one is not listener]
    if not listener.known.any():
        raise UserError(no_plays("" if listener is listeners[0] else listener.name))
    tell: Callable[[str], None] = (lambda _: None) if opts.json else say
    with (
        interruptible("This evaluation is not kept; nothing else has changed."),
        user_errors(),
        open_store(settings) as store,
    ):
        data, analysed = _eval_data(tracks, [listener, *others], settings, store, quick=opts.quick)
        with threads_for(len(data.tracks)):
            tables = _evaluate(data, analysed, protocols, seeds, tell)
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
    kept = True
    try:
        write_whole(file, content.encode(), private=True)
    except OSError as error:  # a disk that is full or read-only: what took so long is printed all the same
        plugin._log.warning("not kept: {}: {}", file, error.strerror)
        kept = False
    if opts.json:
        print_(content)
        return
    for table in tables:
        say("")
        for line in lines(table):
            say(line)
    say("")
    if any(not table.empty for table in tables):
        for line in LEGEND:
            say(line)
        say("")
    if sentence:
        say(sentence)
    if kept:
        say(f"Kept in {shown(file)}.")


def _eval_data(
    tracks: Tracks, listeners: list[Listener], settings: Settings, store: FeatureStore, *, quick: bool
) -> tuple[EvalData, int]:
    """Read the data of the analysed tracks, or of a sample of them, and count all that are analysed."""
    import numpy as np

    from beetsplug.cfaudio.pipeline import run_settings
    from cfaudio_core.backbones.registry import backbone_id
    from cfaudio_core.evaluation.splits import sample
    from cfaudio_core.evaluation.tasks import EvalData
    from cfaudio_core.finetuning.track_windows import TrackWindows
    from cfaudio_core.util.optional import has_package

    net, run = backbone_id(settings.backbone), run_settings(settings, jobs=1)
    existing = store.keys(net, settings.windows)
    analysed = np.flatnonzero([key in existing for key in tracks.keys])
    if not len(analysed):
        raise UserError("no track is analysed yet; run `beet cfembed` first")
    tracks, listeners = tracks.subset(analysed), [one.subset(analysed) for one in listeners]
    chosen = sample(tracks, listeners[:1], MAX_TRACKS_QUICK if quick else MAX_TRACKS, run.training.seed)
    tracks, listeners = tracks.subset(chosen), [one.subset(chosen) for one in listeners]
    tunes = settings.fine_tune == "auto" and has_package("torch")
    windows = TrackWindows(store, net, run.extractor, {}, 1) if tunes else None  # without files: none is read again
    features = store.summaries(net, tracks.keys)
    return EvalData(tracks, listeners, features, net, run.training, windows), len(analysed)


def _evaluate(
    data: EvalData, analysed: int, protocols: Sequence[str], seeds: int, tell: Callable[[str], None]
) -> list[Table]:
    from cfaudio_core.evaluation.evaluate import evaluate_splits, plan, units_of
    from cfaudio_core.evaluation.protocols import COLD, DEFAULT_PROTOCOLS
    from cfaudio_core.evaluation.systems import systems_for
    from cfaudio_core.util.progress import hide_progress, progress

    splits, empty = plan(data, protocols, range(seeds))
    if tuple(protocols) == DEFAULT_PROTOCOLS and protocols[0] in splits:
        splits.pop("cold-tracks", None)  # the time is better spent on the harder question
    # The hardest of the protocols that hide tracks, and sessions, tell what each part of cfaudio is worth.
    telling = [*[name for name in COLD if name in splits][:1], "session"]
    systems = {name: systems_for(data, ablations=name in telling) for name in splits}
    known = int(data.listener.known.sum())
    of_sample = f" (a sample of {analysed})" if analysed > len(data.tracks) else ""
    of_tracks = f"of {counted(len(data.tracks), 'analysed track')}{of_sample}"
    tell(f"{data.listener.name}: {known} {of_tracks} played or skipped.")
    tuned, n_cases = data.training.net.fine_tune, sum(map(len, splits.values()))
    if data.windows is not None and splits:
        tell(
            f"Each of {counted(n_cases, 'case')} is trained from scratch, fine-tuning too, which takes time: so tracks "
            f"are hidden by quarters, {'once' if seeds == 1 else f'{seeds} times'} (--seeds N: N times)."
        )
    elif splits and tuned not in {"auto", "none"}:
        tell(f"The net of `fine_tune: {tuned}` is left out: training it for each of {n_cases} cases would take hours.")
    tables = list(empty)
    total = sum(len(some) * len(systems[name]) for name, some in splits.items())
    with progress("Evaluating", total, "fits") as advance, hide_progress():
        for name, some in splits.items():
            tables += evaluate_splits(data, some, units_of(data, name), advance, systems[name])
    order = {name: k for k, name in enumerate(protocols)}
    return sorted(tables, key=lambda table: order[table.name.split(",")[0].replace(" ", "-")])
