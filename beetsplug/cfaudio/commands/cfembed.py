"""`beet cfembed`: hear, learn, and give every track its embedding and score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError
from beets.ui import print_
from beets.util import displayable_path

from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.library.loaded import keep_catalogue
from beetsplug.cfaudio.library.tracks import matching
from beetsplug.cfaudio.pipeline import embed, listener, load, models_folder, open_store, run_settings, user_errors
from beetsplug.cfaudio.run_summary import account
from beetsplug.cfaudio.text import counted
from cfaudio_core.models.model_files import require_model
from cfaudio_core.util.locking import hold_lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.commands.parsers import EmbedOptions
    from cfaudio_core.data.listeners import Listener
    from cfaudio_core.data.tracks import Tracks


def run(plugin: BeetsPlugin, lib: Library, opts: EmbedOptions, args: list[str]) -> None:
    """Hear, learn and place, or say what would be done."""
    settings = read_settings(plugin.config)
    if opts.forget:
        if args:
            raise UserError(f"--forget takes no query: {' '.join(args)}")
        from beetsplug.cfaudio.commands.forget import forget

        forget(lib, settings, pretend=opts.pretend, yes=opts.yes)
        return
    if opts.jobs is not None and opts.jobs < 1:
        raise UserError("-j/--jobs must be 1 or more")
    if opts.model is not None:
        if opts.retrain:
            raise UserError("--model goes back to a model, --retrain makes a new one: only one of them can be had")
        with user_errors():
            require_model(models_folder(settings), opts.model)
    within = matching(lib, args) if args else None
    if opts.user is not None:
        listener(load(lib, settings, match=False)[1], opts.user)
    if opts.pretend:
        tracks, people = _loaded(lib, settings)
        _pretend(tracks, people, within, settings, force=opts.force)
        return
    # Only now, when nothing is wrong with the command, may anything be written.
    with user_errors(), hold_lock(settings.folder, "cfembed", lambda: print_("Waiting for another cfembed to end.")):
        _embed(plugin, lib, settings, opts, within)
    keep_catalogue(lib, settings)


def _embed(plugin: BeetsPlugin, lib: Library, settings: Settings, opts: EmbedOptions, within: list[int] | None) -> None:
    """Hear, learn, place, and say what came of it."""
    tracks, people = _loaded(lib, settings, plugin._log.warning)
    jobs = opts.jobs or settings.jobs
    how = run_settings(settings, jobs=jobs, force=opts.force, retrain=opts.retrain, model=opts.model)
    outcome, changed = embed(lib, tracks, people, within, settings, how, plugin._log.warning, only=opts.user)
    for path, problem in outcome.old_problems.items():
        plugin._log.debug("still skipping {}: {}", displayable_path(path), problem)
    for line in account(tracks, people, outcome, changed):
        print_(line)
    if not len(outcome.analysed):
        raise UserError("no track could be heard")


def _loaded(
    lib: Library, settings: Settings, snapshot: Callable[[str], None] | None = None
) -> tuple[Tracks, list[Listener]]:
    """As `load`, of a library that has any tracks."""
    tracks, people = load(lib, settings, snapshot=snapshot)
    if not len(tracks):
        raise UserError("the library is empty")
    return tracks, people


def _pretend(
    tracks: Tracks, people: list[Listener], within: list[int] | None, settings: Settings, *, force: bool
) -> None:
    """Say what a run would do."""
    from cfaudio_core.backbones.registry import backbone_id
    from cfaudio_core.features.extractor import plan

    wanted = np.ones(len(tracks), bool) if within is None else np.isin(tracks.ids, within)
    with user_errors(), open_store(settings) as store:
        known = plan(tracks, store, backbone_id(settings.backbone), settings.windows, within=wanted, force=force)
    for file in known.left:
        print_(f"would hear {displayable_path(file.path)}")
    plays = ", ".join(f"{p.name}: {counted(int(p.played.sum()), 'track')} played" for p in people)
    print_(f"Would hear {len(known.left)} of {wanted.sum()} tracks, and learn from {plays}.")
