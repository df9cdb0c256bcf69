"""The options of `beet cfrecommend`, checked, and the request that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand

from beetsplug.cfaudio.config.checks import split_query

if TYPE_CHECKING:
    from optparse import Values

    from beetsplug.cfaudio.config.settings import Settings
    from beetsplug.cfaudio.playlists.request import Request

_TRACKS, _ALBUMS = 50, 5
_FOLLOW_AHEAD = 5  # few, as they go on from what is played then


def add_options(cmd: Subcommand) -> None:
    """Add the options to the command."""
    cmd.parser.set_usage("%prog [options] [QUERY]")
    option = cmd.parser.add_option
    default = f"tracks (default: {_TRACKS}, with --follow {_FOLLOW_AHEAD}), or of albums (default: {_ALBUMS})"
    option("-n", "--number", type="int", metavar="N", help=f"number of {default}")
    option("--minutes", type="float", metavar="M", help="as many tracks or albums as that long, instead of a number")
    option("--albums", action="store_true", default=False, help="whole albums")
    option("-u", "--user", metavar="NAME", help="for this listener (default: the first one)")
    option("--unplayed", type="float", metavar="SHARE", help="share of never played tracks, 0 to 1 (default: 0.5)")
    option("--like", metavar="QUERY", help="tracks that go with those of a query, instead of with your plays")
    option("--to", metavar="QUERY", help="a way from --like's track to a track of this query")
    option("--unlike", metavar="QUERY", help="nothing that is like the tracks of a query")
    option("--sound", action="store_true", default=False, help="go by what --like's tracks sound like alone")
    option("--now", action="store_true", default=False, help="go on from what was played last, or from --like's tracks")
    option("--seed", type="int", metavar="N", help="another draw of good tracks; the same number gives the same one")
    option("--play", action="store_true", default=False, help="play them in MPD, in place of what is in its queue")
    option("--queue", action="store_true", default=False, help="append them to MPD's queue")
    option("--follow", action="store_true", default=False, help="keep N tracks ahead in MPD's queue, until ctrl-C")
    option("-m", "--playlist", metavar="FILE", help="write an M3U playlist too")
    option("--force", action="store_true", default=False, help="let -m replace any file")
    option("--explain", action="store_true", default=False, help="say of each track why it is there")
    option("--json", action="store_true", default=False, help="print JSON")
    cmd.parser.add_path_option()
    cmd.parser.add_format_option(target="item")


def read_request(settings: Settings, opts: Values, args: list[str]) -> Request:
    """Make the request of the options.

    Raises
    ------
    UserError
        Where numbers, or options that do not go together, make no sense.
    """
    from beetsplug.cfaudio.playlists.request import request_of

    _check(opts)
    unplayed = settings.unplayed if opts.unplayed is None else opts.unplayed
    if not 0 <= unplayed <= 1:
        raise UserError(f"--unplayed must be a share from 0 to 1, not {unplayed:g}")
    return request_of(
        settings,
        opts.number or (_ALBUMS if opts.albums else _FOLLOW_AHEAD if opts.follow else _TRACKS),
        unplayed=unplayed,
        query=tuple(args),
        like=read_query("--like", opts.like),
        unlike=read_query("--unlike", opts.unlike),
        sound=opts.sound,
        minutes=opts.minutes,
        user=opts.user,
        seed=opts.seed,
    )


def read_query(option: str, text: str | None) -> tuple[str, ...]:
    """Split a query that is one argument into its parts; a UserError where it has none."""
    if text is None:
        return ()
    try:
        parts = split_query(text)
    except ValueError as error:
        raise UserError(f"{option} {text}: {error}") from error
    if not parts:
        raise UserError(f"{option} must be a query")
    return parts


def _check(opts: Values) -> None:
    if opts.number is not None and opts.number < 1:
        raise UserError("-n must be 1 or more")
    if opts.seed is not None and opts.seed < 0:
        raise UserError("--seed must be 0 or more")
    if opts.minutes is not None and not 1 <= opts.minutes <= 100_000:
        raise UserError(f"--minutes must be from 1 to 100000, not {opts.minutes:g}")
    if opts.follow and not (opts.now and (opts.play or opts.queue)):
        raise UserError("--follow needs --now, and --queue or --play")
    if opts.play and opts.queue:
        raise UserError("--play and --queue: choose one of them")
    for option, given, other in (
        ("--minutes", opts.minutes is not None and opts.number is not None, "-n"),
        ("--to", opts.to is not None and opts.minutes is not None, "--minutes"),
        ("--to", opts.to is not None and opts.now, "--now"),
        ("--albums", opts.albums and opts.to is not None, "--to"),
        ("--albums", opts.albums and opts.now, "--now"),
        ("--sound", opts.sound and opts.now, "--now"),
        ("--follow", opts.follow and opts.minutes is not None, "--minutes"),
    ):
        if given:
            raise UserError(f"{option} does not go with {other}")
    for option, given in (("--to", opts.to is not None), ("--sound", opts.sound)):
        if given and opts.like is None:
            raise UserError(f"{option} needs --like QUERY")
