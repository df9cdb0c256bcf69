"""`beet cfembed`: hear, learn, and give every track its embedding and score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError
from beets.ui import print_
from beets.util import displayable_path

from beetsplug.cfaudio.account import account
from beetsplug.cfaudio.embedding import embed, listener, load, open_store, run_settings, user_errors
from beetsplug.cfaudio.library import matching
from beetsplug.cfaudio.settings import Settings, read_settings
from beetsplug.cfaudio.words import counted

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.commands import EmbedOptions
    from cfaudio_core.listening.counts import Listener
    from cfaudio_core.tracks import Tracks


def run(plugin: BeetsPlugin, lib: Library, opts: EmbedOptions, args: list[str]) -> None:
    """Hear, learn and place, or say what would be done."""
    settings = read_settings(plugin.config)
    if opts.jobs is not None and opts.jobs < 1:
        raise UserError("-j/--jobs must be 1 or more")
    within = matching(lib, args) if args else None
    if opts.user is not None:
        listener(load(lib, settings, match=False)[1], opts.user)
    # Only now, when nothing is wrong with the command, may anything be written.
    tracks, people = load(lib, settings, snapshot=None if opts.pretend else plugin._log.warning)
    if not len(tracks):
        raise UserError("the library is empty")
    how = run_settings(settings, jobs=opts.jobs or settings.jobs, force=opts.force, retrain=opts.retrain)
    if opts.pretend:
        _pretend(tracks, people, within, settings, force=opts.force)
        return
    outcome, changed = embed(lib, tracks, people, within, settings, how, plugin._log.warning, only=opts.user)
    for path, problem in outcome.old_problems.items():
        plugin._log.debug("still skipping {}: {}", displayable_path(path), problem)
    for line in account(tracks, people, outcome, changed):
        print_(line)
    if not len(outcome.heard):
        raise UserError("no track could be heard")


def _pretend(
    tracks: Tracks, people: list[Listener], within: list[int] | None, settings: Settings, *, force: bool
) -> None:
    """Say what a run would do."""
    from cfaudio_core.embedding.hearing import plan
    from cfaudio_core.nets.backbone import backbone_id

    wanted = np.arange(len(tracks)) if within is None else np.flatnonzero(np.isin(tracks.ids, within))
    with user_errors(), open_store(settings) as store:
        known = plan(
            tracks.subset(wanted),
            store,
            backbone_id(settings.backbone),
            settings.windows,
            force=force,
        )
    for file in known.left:
        print_(f"would hear {displayable_path(file.path)}")
    plays = ", ".join(f"{p.name}: {counted(int(p.played.sum()), 'track')} played" for p in people)
    print_(f"Would hear {len(known.left)} of {len(wanted)} tracks, and learn from {plays}.")
