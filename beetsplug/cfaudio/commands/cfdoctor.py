"""`beet cfdoctor`: versions, decoders, weights, stores, permissions and disk, a line each with what to do."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand

from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.text import say

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.config.settings import Settings
    from cfaudio_core.doctor.findings import Finding


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfdoctor", help="check the installation, weights, stores, permissions and disk")
    cmd.parser.set_usage("%prog [options]")
    cmd.parser.add_option("--fetch", action="store_true", default=False, help="fetch the net's weights now")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Print what is found, as it is found; exit with 1 if something must be done."""
    from cfaudio_core.doctor.findings import FIX, Finding, must_be_fixed
    from cfaudio_core.doctor.machine import look_at_machine, look_at_weights

    if args:
        raise UserError(f"cfdoctor takes no query: {' '.join(args)}")

    def all_of_it() -> Iterator[Finding]:
        yield from look_at_machine()
        try:
            settings = read_settings(plugin.config)
        except UserError as error:
            yield Finding(FIX, "config", str(error))
            return
        yield from look_at_weights(settings.backbone, settings.weights, fetch=opts.fetch)
        yield from _library(lib, settings)

    found = []
    for finding in all_of_it():
        say(finding.line())
        found.append(finding)
    if must_be_fixed(found):
        raise SystemExit(1)


def _library(lib: Library, settings: Settings) -> Iterator[Finding]:
    """Yield what is found of beets' library, of cfaudio's stores beside it, and of where playlists go."""
    from beetsplug.cfaudio.status.collect import read_status
    from beetsplug.cfaudio.text import counted
    from cfaudio_core.doctor.findings import FIX, OK, Finding
    from cfaudio_core.doctor.stores import look_at_database, look_at_folder, look_at_models, look_at_playlists

    status = read_status(lib, settings, dt.date.today())
    analysed = f"{counted(status.tracks, 'track')}, {status.analysed} analysed, {status.failed} that cannot be"
    yield Finding(OK, "tracks", analysed)
    yield from look_at_folder(settings.folder, status.left)
    yield from look_at_database("library", Path(os.fsdecode(lib.path)), "restore a copy of it")
    again = "move it away: the next `beet cfembed` analyses again"
    yield from look_at_database("features", settings.folder / "features.db", again)
    yield from look_at_database("history", settings.folder / "history.db", "restore a copy, or import again")
    yield from look_at_models(settings.models)
    for problem in status.problems:
        yield Finding(FIX, "stores", problem, "see the lines above")
    if settings.playlists and settings.playlist_dir is not None:
        yield from look_at_playlists(settings.playlist_dir)
