"""`beet cfstatus`: what is analysed, what is known of plays, the model, the playlists, and what to do next."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand, print_

from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.text import say

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfstatus", help="show what is analysed, plays, the model, lists, and what to do next")
    cmd.parser.set_usage("%prog [options]")
    cmd.parser.add_option("--json", action="store_true", default=False, help="print JSON")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Read what is there, and print it; nothing is written anywhere."""
    from beetsplug.cfaudio.status.collect import read_status
    from beetsplug.cfaudio.status.lines import as_json, describe

    if args:
        raise UserError(f"cfstatus takes no query: {' '.join(args)}")
    today = dt.date.today()
    status = read_status(lib, read_settings(plugin.config), today)
    if opts.json:
        print_(json.dumps(as_json(status), ensure_ascii=False, indent=1))
        return
    for line in describe(status, today):
        say(line)
