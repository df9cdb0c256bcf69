"""`beet cfplaylists`: choose the playlists of the configuration, and put each into its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand

from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.errors import interruptible

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfplaylists", help="write the playlists of the configuration")
    cmd.parser.usage = "%prog [options] [NAME...]"
    option = cmd.parser.add_option
    option("-p", "--pretend", action="store_true", default=False, help="print the lists, and write nothing")
    option("--seed", type="int", metavar="N", help="choose again by this draw, though a list is not due yet")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Choose, and write or say what would be written."""
    from beetsplug.cfaudio.playlists.update import update_playlists

    if opts.seed is not None and opts.seed < 0:
        raise UserError("--seed must be 0 or more")
    settings = read_settings(plugin.config)
    with interruptible("Lists written so far stay, and the others are as they were."):
        written = update_playlists(lib, settings, args, plugin._log, seed=opts.seed, pretend=opts.pretend)
    if not written:
        raise SystemExit(1)
