"""The beet subcommands and their options.

Every `beet` command loads this module, so it imports what a command needs when that command runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beets.ui import Subcommand

if TYPE_CHECKING:
    from beets.library import Library
    from beets.plugins import BeetsPlugin


class EmbedOptions(Protocol):
    """Options of `beet cfembed`."""

    force: bool
    retrain: bool
    model: str | None
    pretend: bool
    jobs: int | None
    user: str | None
    forget: bool
    yes: bool


class RecommendOptions(Protocol):
    """Options of `beet cfrecommend`."""

    number: int
    user: str | None
    unplayed: float | None
    like: str | None
    seed: int | None
    explain: bool
    playlist: str | None
    json: bool


class PlaylistsOptions(Protocol):
    """Options of `beet cfplaylists`."""

    pretend: bool
    seed: int | None


class ImportOptions(Protocol):
    """Options of `beet cfimport`."""

    user: str | None
    account: str | None
    pretend: bool
    columns: str | None
    token: str | None
    password: str | None


class EvaluateOptions(Protocol):
    """Options of `beet cfevaluate`."""

    seeds: int | None
    quick: bool
    json: bool
    user: str | None
    protocol: list[str] | None


class ReportOptions(Protocol):
    """Options of `beet cfreport`."""

    output: str | None
    serve: bool
    port: int
    user: str | None


def embed_command(plugin: BeetsPlugin) -> Subcommand:
    """`beet cfembed`."""
    cmd = Subcommand("cfembed", help="learn from plays and sound, and give every track its embedding and score")
    cmd.parser.set_usage("%prog [options] [QUERY]")
    option = cmd.parser.add_option
    option(
        "-f",
        "--force",
        action="store_true",
        default=False,
        help="hear again what was heard, or could not be heard, before",
    )
    option("--retrain", action="store_true", default=False, help="learn again though little or nothing has changed")
    option("--model", metavar="ID", help="go back to one of the last three models")
    option("-p", "--pretend", action="store_true", default=False, help="say what would be done, and do nothing")
    option("-j", "--jobs", type="int", metavar="N", help="worker processes (default: one for each processor core)")
    option("-u", "--user", metavar="NAME", help="write the scores of this listener only")
    option("--forget", action="store_true", default=False, help="take away all that cfaudio has stored anywhere")
    option("-y", "--yes", action="store_true", default=False, help="skip the question of --forget")
    cmd.func = lambda lib, opts, args: _embed(plugin, lib, opts, args)
    return cmd


def recommend_command(plugin: BeetsPlugin) -> Subcommand:
    """`beet cfrecommend`."""
    cmd = Subcommand("cfrecommend", help="recommend tracks from your own library")
    cmd.parser.set_usage("%prog [options] [QUERY]")
    option = cmd.parser.add_option
    option("-n", "--number", type="int", default=50, metavar="N", help="number of tracks (default: 50)")
    option("-u", "--user", metavar="NAME", help="for this listener (default: the first one)")
    option(
        "--unplayed",
        type="float",
        metavar="SHARE",
        help="share of never played tracks, 0 to 1 (default: 0.5)",
    )
    option("--like", metavar="QUERY", help="tracks that go with those of a query, instead of with your plays")
    option(
        "--seed",
        type="int",
        metavar="N",
        help="another draw of good tracks; the same number gives the same one",
    )
    option("-m", "--playlist", metavar="FILE", help="write an M3U playlist too")
    option("--explain", action="store_true", default=False, help="say of each track why it is there")
    option("--json", action="store_true", default=False, help="print JSON")
    cmd.parser.add_path_option()
    cmd.parser.add_format_option(target="item")
    cmd.func = lambda lib, opts, args: _recommend(plugin, lib, opts, args)
    return cmd


def playlists_command(plugin: BeetsPlugin) -> Subcommand:
    """`beet cfplaylists`."""
    cmd = Subcommand("cfplaylists", help="write the playlists of the configuration")
    cmd.parser.usage = "%prog [options] [NAME...]"
    option = cmd.parser.add_option
    option("-p", "--pretend", action="store_true", default=False, help="print the lists, and write nothing")
    option("--seed", type="int", metavar="N", help="choose anew by this draw, though a list is not due yet")
    cmd.func = lambda lib, opts, args: _playlists(plugin, lib, opts, args)
    return cmd


def import_command(plugin: BeetsPlugin) -> Subcommand:
    """`beet cfimport`."""
    cmd = Subcommand("cfimport", help="import a listening history (without arguments: list formats and what is there)")
    cmd.parser.usage = "%prog [options] [FORMAT SOURCE...]"
    option = cmd.parser.add_option
    option("-u", "--user", metavar="NAME", help="who listens (default: the first listener of the configuration)")
    option("--account", metavar="NAME", help="the account to read, where it is called otherwise than the listener")
    option("-p", "--pretend", action="store_true", default=False, help="read and match, and store nothing")
    option("--columns", metavar="FIELD=HEADING,...", help="what is what in a csv table: artist=Band,time=Date,...")
    option("--token", metavar="TOKEN", help="token or API key of a service (or CFAUDIO_TOKEN in the environment)")
    option("--password", metavar="WORD", help="password of a service (or CFAUDIO_PASSWORD in the environment)")
    cmd.func = lambda lib, opts, args: _import(plugin, lib, opts, args)
    return cmd


def evaluate_command(plugin: BeetsPlugin) -> Subcommand:
    """`beet cfevaluate`."""
    cmd = Subcommand("cfevaluate", help="say how good it is on your own held-out plays, beside simple recommenders")
    cmd.parser.set_usage("%prog [options]")
    option = cmd.parser.add_option
    option("--seeds", type="int", metavar="N", help="hide N times over (default: 3)")
    option("--quick", action="store_true", default=False, help="one seed, and a sample of 1500 tracks")
    option("--json", action="store_true", default=False, help="print JSON")
    option("-u", "--user", metavar="NAME", help="for this listener (default: the first one)")
    option("--protocol", action="append", metavar="NAME", help="this protocol only; may be given several times")
    cmd.func = lambda lib, opts, args: _evaluate(plugin, lib, opts, args)
    return cmd


def report_command(plugin: BeetsPlugin) -> Subcommand:
    """`beet cfreport`."""
    cmd = Subcommand("cfreport", help="make a page that shows the library as cfaudio knows it")
    cmd.parser.set_usage("%prog [options]")
    option = cmd.parser.add_option
    option(
        "-o", "--output", metavar="DIR", help="folder of the page (default: cfaudio/report beside the configuration)"
    )
    option("--serve", action="store_true", default=False, help="let the page play, on this machine alone")
    option("--port", type="int", default=8338, metavar="N", help="port to serve at; 0: any (default: 8338)")
    option("-u", "--user", metavar="NAME", help="whose plays and scores (default: the first listener's)")
    cmd.func = lambda lib, opts, args: _report(plugin, lib, opts, args)
    return cmd


def _embed(plugin: BeetsPlugin, lib: Library, opts: EmbedOptions, args: list[str]) -> None:
    from beetsplug.cfaudio.commands.cfembed import run

    run(plugin, lib, opts, args)


def _recommend(plugin: BeetsPlugin, lib: Library, opts: RecommendOptions, args: list[str]) -> None:
    from beetsplug.cfaudio.commands.cfrecommend import run

    run(plugin, lib, opts, args)


def _playlists(plugin: BeetsPlugin, lib: Library, opts: PlaylistsOptions, args: list[str]) -> None:
    from beetsplug.cfaudio.commands.cfplaylists import run

    run(plugin, lib, opts, args)


def _import(plugin: BeetsPlugin, lib: Library, opts: ImportOptions, args: list[str]) -> None:
    from beetsplug.cfaudio.commands.cfimport import run

    run(plugin, lib, opts, args)


def _evaluate(plugin: BeetsPlugin, lib: Library, opts: EvaluateOptions, args: list[str]) -> None:
    from beetsplug.cfaudio.commands.cfevaluate import run

    run(plugin, lib, opts, args)


def _report(plugin: BeetsPlugin, lib: Library, opts: ReportOptions, args: list[str]) -> None:
    from beetsplug.cfaudio.commands.cfreport import run

    run(plugin, lib, opts, args)
