"""`beet cfrecommend`: choose tracks from the library, print them, and write them as a playlist."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand, print_
from beets.util import displayable_path

from beetsplug.cfaudio.config.checks import split_query
from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.text import counted

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Item, Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.library.snapshot import RankingData
    from beetsplug.cfaudio.playlists.explain import Explanation
    from beetsplug.cfaudio.playlists.request import Chosen, Reason, Request
    from cfaudio_core.util.arrays import FloatArray


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfrecommend", help="recommend tracks from your own library")
    cmd.parser.set_usage("%prog [options] [QUERY]")
    option = cmd.parser.add_option
    option("-n", "--number", type="int", metavar="N", help="number of tracks (default: 50), or of albums (default: 5)")
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
    option("-m", "--playlist", metavar="FILE", help="write an M3U playlist too")
    option("--force", action="store_true", default=False, help="let -m replace any file")
    option("--explain", action="store_true", default=False, help="say of each track why it is there")
    option("--json", action="store_true", default=False, help="print JSON")
    cmd.parser.add_path_option()
    cmd.parser.add_format_option(target="item")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Choose, print, and write a playlist where one is wanted."""
    from beetsplug.cfaudio.library.listeners import find_listener, why_nobody
    from beetsplug.cfaudio.library.snapshot import read_library
    from beetsplug.cfaudio.playlists.request import request_of

    settings = read_settings(plugin.config)
    _check_options(opts)
    if opts.seed is not None and opts.seed < 0:
        raise UserError("--seed must be 0 or more")
    unplayed = settings.unplayed if opts.unplayed is None else opts.unplayed
    if not 0 <= unplayed <= 1:
        raise UserError(f"--unplayed must be a share from 0 to 1, not {unplayed:g}")
    file = _playlist_file(settings, Path(opts.playlist), force=opts.force) if opts.playlist else None
    data = read_library(lib, settings)
    request = request_of(
        settings,
        opts.number or (5 if opts.albums else 50),
        unplayed=unplayed,
        query=tuple(args),
        like=_query("--like", opts.like),
        unlike=_query("--unlike", opts.unlike),
        sound=opts.sound,
        minutes=opts.minutes,
        user=opts.user,
        seed=opts.seed,
    )
    listener, next_track = find_listener(data.listeners, opts.user, settings), None
    if opts.user is None and (hint := why_nobody(data.listeners)):
        plugin._log.warning("{}", hint)
    if opts.now:
        from beetsplug.cfaudio.playlists.now import last_tracks
        from beetsplug.cfaudio.playlists.now import next_track as score_next

        given, where = last_tracks(lib, settings, data, listener, request.like)
        plugin._log.debug("goes on from {} {}", counted(len(given), "track"), where)
        request, next_track = replace(request, given=given, like=()), score_next(data, listener, given)
    elif not len(listener.sessions):
        plugin._log.debug("no play has a time: familiar tracks are ranked by their counts")
    chosen = _choose(lib, settings, data, request, opts, next_track)
    if not chosen.reasons:
        raise UserError(chosen.why)
    if chosen.why:
        plugin._log.info("{}: {}", counted(len(chosen), "track"), chosen.why)
    explanations: dict[int, Explanation] = {}
    if opts.explain:
        from beetsplug.cfaudio.playlists.explain import explain

        explanations = explain(lib, settings, data, request, chosen)
    items = {i: item for i in chosen.ids if (item := lib.get_item(i)) is not None}
    if opts.json:
        _print_json(items, chosen, explanations)
    else:
        for ident, item in items.items():
            print_(format(item))
            if ident in explanations:
                print_(f"    {explanations[ident]}")
    if file:
        _write_playlist(plugin, lib, settings, file, list(items.values()))


def _check_options(opts: Values) -> None:
    """Raise a UserError where numbers or options that do not go together make no sense."""
    if opts.number is not None and opts.number < 1:
        raise UserError("-n must be 1 or more")
    if opts.minutes is not None and not 1 <= opts.minutes <= 100_000:
        raise UserError(f"--minutes must be from 1 to 100000, not {opts.minutes:g}")
    for option, given, other in (
        ("--minutes", opts.minutes is not None and opts.number is not None, "-n"),
        ("--to", opts.to is not None and opts.minutes is not None, "--minutes"),
        ("--to", opts.to is not None and opts.now, "--now"),
        ("--albums", opts.albums and opts.to is not None, "--to"),
        ("--albums", opts.albums and opts.now, "--now"),
        ("--sound", opts.sound and opts.now, "--now"),
    ):
        if given:
            raise UserError(f"{option} does not go with {other}")
    for option, given in (("--to", opts.to is not None), ("--sound", opts.sound)):
        if given and opts.like is None:
            raise UserError(f"{option} needs --like QUERY")


def _choose(
    lib: Library,
    settings: Settings,
    data: RankingData,
    request: Request,
    opts: Values,
    next_track: FloatArray | None,
) -> Chosen:
    """Choose by the way that the options ask for."""
    if opts.sound or opts.to:
        from beetsplug.cfaudio.playlists.ways import between, by_sound

        data = by_sound(settings, data) if opts.sound else data
        if opts.to is not None:
            return between(lib, data, request, _query("--to", opts.to))
    if opts.albums:
        from beetsplug.cfaudio.playlists.albums import choose_albums

        return choose_albums(lib, data, request)
    from beetsplug.cfaudio.playlists.recommend import choose_items

    return choose_items(lib, data, request, familiar=next_track)


def _query(option: str, text: str | None) -> tuple[str, ...]:
    """Split a query that is one argument into its parts."""
    if text is None:
        return ()
    try:
        parts = split_query(text)
    except ValueError as error:
        raise UserError(f"{option} {text}: {error}") from error
    if not parts:
        raise UserError(f"{option} must be a query")
    return parts


def _print_json(items: dict[int, Item], chosen: Chosen, explanations: dict[int, Explanation]) -> None:
    rows = [
        {**_as_json(items[reason.id], reason), **({"reasons": asdict(explanations[reason.id])} if explanations else {})}
        for reason in chosen.reasons
        if reason.id in items
    ]
    print_(json.dumps(rows, ensure_ascii=False, indent=1))


def _as_json(item: Item, reason: Reason) -> dict[str, object]:
    return {
        "id": item.id,
        "path": displayable_path(item.path),
        "artist": item.artist,
        "title": item.title,
        "album": item.album,
        "score": round(reason.score, 1) if reason.score == reason.score else None,
        "plays": reason.plays,
        "unplayed": reason.unplayed,
    }


def _playlist_file(settings: Settings, file: Path, *, force: bool) -> Path:
    """Find the file that `-m` means; a UserError where that is not for it to replace."""
    from beetsplug.cfaudio.playlists.state import read_state
    from cfaudio_core.targets.m3u import made_by_cfaudio
    from cfaudio_core.util.files import NOT_REGULAR

    file = file.expanduser()
    if settings.playlist_dir and not file.is_absolute():
        file = settings.playlist_dir / file
    if file.exists() and not file.is_file():
        raise UserError(f"{file}: {NOT_REGULAR}")
    if file.is_symlink():  # which is not cfaudio's
        file = file.resolve()
    if force or not file.is_file():
        return file
    with user_errors():
        if not made_by_cfaudio(file):
            raise UserError(f"{file}: is there already, and not by cfaudio (--force replaces it)")
    for name, state in read_state(settings.folder / "playlists.json").items():
        if any(Path(mark).exists() and file.samefile(mark) for mark in state.made.get("m3u", [])):
            raise UserError(f"{file}: is the playlist {name} of the configuration (--force replaces it)")
    return file


def _write_playlist(plugin: BeetsPlugin, lib: Library, settings: Settings, file: Path, items: list[Item]) -> None:
    from beetsplug.cfaudio.playlists.publish import entry_of
    from cfaudio_core.targets.m3u import write_m3u

    folder = bytes(settings.relative_to) if settings.relative_to else lib.directory
    with user_errors():
        left_out = write_m3u(file, [entry_of(item) for item in items], folder)
    if left_out:
        plugin._log.warning("{}: tracks left out because of a line break in their names: {}", file, left_out)
