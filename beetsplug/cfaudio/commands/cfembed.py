"""`beet cfembed`: analyse files, train a model, and give every track its embedding and score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand
from beets.util import displayable_path

from beetsplug.cfaudio.commands.options import optional_value
from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.errors import interruptible, user_errors
from beetsplug.cfaudio.text import about, counted, is_verbose, no_plays, say, say_waiting

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin


_KEPT = "Tracks analysed so far are kept, and the next `beet cfembed` goes on from there."


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfembed", help="train on plays and sound, and give every track its embedding and score")
    cmd.parser.set_usage("%prog [options] [QUERY]")
    option = cmd.parser.add_option
    option(
        "-f",
        "--force",
        action="store_true",
        default=False,
        help="analyse again what was analysed, or could not be, before",
    )
    option("--retrain", action="store_true", default=False, help="train again though little or nothing has changed")
    cmd.parser.add_option(optional_value("--model", "ID", "go back to one of the last three models, or list them"))
    option("-p", "--pretend", action="store_true", default=False, help="say what would be done and how long it takes")
    option("-j", "--jobs", type="int", metavar="N", help="worker processes (default: one for each processor core)")
    option("-u", "--user", metavar="NAME", help="write the scores of this listener only")
    option("--forget", action="store_true", default=False, help="delete all that cfaudio has stored anywhere")
    option("-y", "--yes", action="store_true", default=False, help="skip the question of --forget")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Run from the files to the fields, or say what would be done."""
    from beetsplug.cfaudio.library.listener_names import check_listener
    from beetsplug.cfaudio.library.tracks import ids_of
    from beetsplug.cfaudio.pipeline import finish_run
    from cfaudio_core.models.model_files import require_model
    from cfaudio_core.util.files import hold_lock

    settings = read_settings(plugin.config)
    if opts.forget:
        if args:
            raise UserError(f"--forget takes no query: {' '.join(args)}")
        from beetsplug.cfaudio.commands.forget import forget

        forget(lib, settings, pretend=opts.pretend, yes=opts.yes)
        return
    if opts.jobs is not None and opts.jobs < 1:
        raise UserError("-j/--jobs must be 1 or more")
    if opts.model == "":
        from beetsplug.cfaudio.status.models import describe_models

        for line in describe_models(settings.models):
            say(line)
        return
    if opts.model is not None and opts.retrain:
        raise UserError("--model goes back to a model, --retrain makes a new one: only one of them can be had")
    requested = ids_of(lib, args) if args else None
    with user_errors():
        if opts.model is not None:
            require_model(settings.models, opts.model)
        if requested == []:
            raise UserError(f"no track matches {' '.join(args)}")
        if opts.user is not None:
            check_listener(settings, opts.user)
        if opts.pretend:
            _pretend(lib, settings, requested, opts)
            return
        # Only now, when nothing is wrong with the command, may anything be written.
        with (
            interruptible(_KEPT),
            hold_lock(settings.folder, "cfembed", lambda: say_waiting("cfembed")),
        ):
            _embed(plugin, lib, settings, opts, requested)
    finish_run(lib, settings)


def _embed(plugin: BeetsPlugin, lib: Library, settings: Settings, opts: Values, requested: list[int] | None) -> None:
    """Run, and print a summary."""
    import gc
    from dataclasses import replace

    from beetsplug.cfaudio.library.feedback import write_feedback
    from beetsplug.cfaudio.library.fields import without_cycle_search
    from beetsplug.cfaudio.library.history import has_history, open_history
    from beetsplug.cfaudio.library.listener_names import note_listeners
    from beetsplug.cfaudio.library.listeners import find_listener
    from beetsplug.cfaudio.library.matches import describe_oddities
    from beetsplug.cfaudio.pipeline import embed, load, run_settings
    from beetsplug.cfaudio.run_summary import details, summarize

    warn = plugin._log.warning
    with without_cycle_search():
        tracks, listeners = load(lib, settings, on_problem=warn)
        gc.freeze()  # so many objects without any cycle are not to be searched later either
    only = find_listener(listeners, opts.user, settings).name if opts.user is not None else None
    note_listeners(settings, [listener.name for listener in listeners])
    run = run_settings(
        settings, jobs=opts.jobs or settings.jobs, force=opts.force, retrain=opts.retrain, model=opts.model
    )
    result, changed = embed(lib, tracks, listeners, requested, settings, run, warn, only=only)
    # Feedback as it is now: it may be hours later.
    write_feedback(lib, settings, marks=replace(tracks, keys=result.keys))
    for path, problem in result.old_problems.items():
        plugin._log.debug("still skipping {}: {}", displayable_path(path), problem)
    if has_history(settings):
        with open_history(settings) as store:
            for line in describe_oddities(store, listeners, tracks.lengths):
                say(line)
    asked = opts.retrain or opts.force
    for line in summarize(tracks, listeners, result, changed, settings.count_fields, asked=asked):
        say(line)
    for line in details(result) if is_verbose() else ():
        say(line)
    if not len(result.analysed):
        raise UserError("no track could be analysed")


def _pretend(lib: Library, settings: Settings, requested: list[int] | None, opts: Values) -> None:
    """Summarize what a run would do, and how long the analysis would take; with `-v`, name the files."""
    import numpy as np

    from beetsplug.cfaudio.pipeline import load, open_store, run_settings
    from cfaudio_core.backbones.registry import backbone_id
    from cfaudio_core.features.extractor import plan_extraction
    from cfaudio_core.pipeline.extract import estimate_seconds

    tracks, listeners = load(lib, settings)
    within = np.ones(len(tracks), bool) if requested is None else np.isin(tracks.ids, requested)
    with open_store(settings) as store:
        planned = plan_extraction(
            tracks, store, backbone_id(settings.backbone), settings.windows, within=within, force=opts.force
        )
        seconds = estimate_seconds(store, run_settings(settings, jobs=opts.jobs or settings.jobs), len(planned.left))
    for file in planned.left if is_verbose() else ():
        verb = "analyse" if file.net else "measure" if file.descriptors else "read"
        say(f"would {verb} {displayable_path(file.path)}")
    new = sum(file.net for file in planned.left)
    measured = sum(file.descriptors for file in planned.left if not file.net)
    changed = len(planned.left) - new - measured
    also = f", measure tempo and timbre of {measured}" if measured else ""
    also += f", read {counted(changed, 'changed file')} again" if changed else ""
    took = f" ({about(seconds)})" if planned.left else ""
    say(f"Would analyse {new} of {counted(int(within.sum()), 'track')}{also}{took}.")
    played = {one.name: int(one.played.sum()) for one in listeners if one.played.any()}
    if not played:
        say(f"Would not train: {no_plays()}.")
        return
    several = len(listeners) > 1
    listed = " and ".join(
        f"{counted(n, 'played track')}{f' of {name}' if several else ''}" for name, n in played.items()
    )
    say(f"Would train, if that is due, on {listed}.")
