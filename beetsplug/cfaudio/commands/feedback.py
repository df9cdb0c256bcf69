"""`beet cflike`, `beet cfdislike` and `beet cfban`: state what you think of tracks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand

from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.text import counted, say

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin

_KINDS = {"cflike": "like", "cfdislike": "dislike", "cfban": "ban"}
_DONE = {"like": "Liked", "dislike": "Disliked", "ban": "Banned"}
_HELP = {
    "like": "say that you like tracks",
    "dislike": "say that you do not like tracks",
    "ban": "say that tracks are never to be recommended",
}
_THEN = {
    "like": "Lists follow at once, scores with the next `beet cfembed`.",
    "dislike": "No list has {them} from now on; scores follow with the next `beet cfembed`.",
    "ban": "No list has {them} from now on.",
}


def commands(plugin: BeetsPlugin) -> list[Subcommand]:
    """Make the commands with their options."""
    made = []
    for name, kind in _KINDS.items():
        cmd = Subcommand(name, help=_HELP[kind])
        cmd.parser.set_usage("%prog [options] QUERY")
        option = cmd.parser.add_option
        option("--clear", action="store_true", default=False, help=f"take a {kind} back")
        option("-u", "--user", metavar="NAME", help="of this listener (default: the first one)")
        option("-p", "--pretend", action="store_true", default=False, help="list the tracks, and change nothing")
        cmd.func = partial(_run, plugin, kind)
        made.append(cmd)
    return made


def _run(plugin: BeetsPlugin, kind: str, lib: Library, opts: Values, args: list[str]) -> None:
    """Store or delete feedback on the tracks of a query, and say on how many."""
    from beetsplug.cfaudio.library.feedback import clear_feedback, state_feedback
    from beetsplug.cfaudio.library.listener_names import check_listener, known_listeners
    from beetsplug.cfaudio.library.tracks import ids_of
    from cfaudio_core.data.feedback import BAN, DISLIKE, LIKE
    from cfaudio_core.data.listeners import find_name

    settings = read_settings(plugin.config)
    if not args:
        raise UserError(f"cf{kind} needs a query: beet cf{kind} artist:Somebody")
    ids = ids_of(lib, args)
    if not ids:
        raise UserError(f"no track matches {' '.join(args)}")
    value = {"like": LIKE, "dislike": DISLIKE, "ban": BAN}[kind]
    with user_errors():
        listener = settings.main_listener
        if opts.user is not None:
            check_listener(settings, opts.user)
            listener = find_name(opts.user, known_listeners(settings)) or listener
        change = clear_feedback if opts.clear else state_feedback
        outcome = change(lib, settings, listener, ids, value, pretend=opts.pretend)
    if opts.pretend:
        for item in map(lib.get_item, outcome.changed):
            say(f"    {item}")
    tracks = counted(len(outcome.changed), "track")
    if opts.clear:
        verb = f"Would take back the {kind} of" if opts.pretend else f"Took back the {kind} of"
        say(f"{verb} {tracks} for {listener}{_others(len(outcome.same), f'had no {kind}')}.")
        if outcome.remaining:
            say(f"Ratings and marks from elsewhere stay, on {counted(len(outcome.remaining), 'track')}.")
        return
    verb = f"Would {kind}" if opts.pretend else _DONE[kind]
    already = f"{'was' if len(outcome.same) == 1 else 'were'} {_DONE[kind].lower()} before"
    then = _THEN[kind].format(them="it" if len(outcome.changed) == 1 else "them")
    then = "" if opts.pretend or not outcome.changed else f" {then}"
    say(f"{verb} {tracks} for {listener}{_others(len(outcome.same), already)}.{then}")


def _others(number: int, what: str) -> str:
    return f"; {counted(number, 'track')} {what}" if number else ""
