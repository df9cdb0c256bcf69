"""`beet cfrecommend`: choose tracks from the library, print them, and write them as a playlist."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand, print_
from beets.util import displayable_path

from beetsplug.cfaudio.commands.recommend_options import add_options, read_query, read_request
from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.errors import user_errors
from beetsplug.cfaudio.text import counted, say, shown

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Item, Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.playing.queue import PlayerQueue
    from beetsplug.cfaudio.playlists.explain import Explanation
    from beetsplug.cfaudio.playlists.request import Chosen, Reason, Request
    from cfaudio_core.targets.base import Entry


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfrecommend", help="recommend tracks from your own library")
    add_options(cmd)
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Choose, print, and write a playlist where one is wanted."""
    from beetsplug.cfaudio.library.listeners import find_listener, why_nobody
    from beetsplug.cfaudio.library.snapshot import read_library
    from beetsplug.cfaudio.playlists.ways import choose

    settings = read_settings(plugin.config)
    request = read_request(settings, opts, args)
    file = _playlist_file(settings, Path(opts.playlist), force=opts.force) if opts.playlist else None
    data = read_library(lib, settings)
    listener, next_track = find_listener(data.listeners, opts.user, settings), None
    if opts.user is None and (hint := why_nobody(data.listeners)):
        plugin._log.warning("{}", hint)
    queue: PlayerQueue | None = None
    if opts.play or opts.queue:
        from beetsplug.cfaudio.playing.queue import PlayerQueue

        queue = PlayerQueue(lib, settings)
    if queue and opts.follow:
        print_line = say if getattr(opts, "format", None) is None else print_
        _follow(plugin, lib, settings, request, queue, print_line, play=opts.play)
        return
    if opts.now:
        from beetsplug.cfaudio.playing.now import last_tracks
        from beetsplug.cfaudio.playing.now import next_track as score_next

        given, where = last_tracks(lib, settings, data, listener, request.like, queue)
        plugin._log.debug("goes on from {} {}", counted(len(given), "track"), where)
        request, next_track = replace(request, given=given, like=()), score_next(data, listener, given)
    elif not len(listener.sessions):
        plugin._log.debug("no play has a time: familiar tracks are ranked by their counts")
    avoid = frozenset(i for part in queue.read() for i in part) if queue and opts.queue else frozenset[int]()
    to = read_query("--to", opts.to)
    chosen = choose(lib, settings, data, request, to=to, albums=opts.albums, avoid=avoid, familiar=next_track)
    if not chosen.reasons:
        raise UserError(chosen.why)
    if chosen.why:
        plugin._log.info("{}: {}", counted(len(chosen), "track"), chosen.why)
    explanations: dict[int, Explanation] = {}
    as_table = sys.stdout.isatty() and not opts.json and getattr(opts, "format", None) is None
    if opts.explain or as_table:
        from beetsplug.cfaudio.playlists.explain import explain

        explanations = explain(lib, settings, data, request, chosen)
    items = {i: item for i in chosen.ids if (item := lib.get_item(i)) is not None}
    if opts.json:
        _print_json(items, chosen, explanations)
    elif as_table:
        from beetsplug.cfaudio.playlists.table import describe

        for line in describe(items, chosen.reasons, explanations, full=opts.explain):
            print_(line)
    else:
        for ident, item in items.items():
            print_(format(item))
            if ident in explanations:
                say(f"    {explanations[ident].text(item.artist)}")
    if file:
        _write_playlist(plugin, lib, settings, file, list(items.values()))
    if queue:
        _say_missing(plugin, queue, queue.add(list(items.values()), play=opts.play))


def _follow(
    plugin: BeetsPlugin,
    lib: Library,
    settings: Settings,
    request: Request,
    queue: PlayerQueue,
    print_line: Callable[[str], None],
    *,
    play: bool,
) -> None:
    """Keep MPD's queue filled, and print what is added, until ctrl-C."""
    from beetsplug.cfaudio.playing.follow import follow

    def show(items: list[Item], missing: list[Entry]) -> None:
        for item in items:
            print_line(format(item))
        sys.stdout.flush()
        _say_missing(plugin, queue, missing)

    try:
        follow(lib, settings, request, queue, show, play=play)
    except KeyboardInterrupt:
        say("Stopped. The queue stays as it is.")


def _say_missing(plugin: BeetsPlugin, queue: PlayerQueue, missing: list[Entry]) -> None:
    from beetsplug.cfaudio.playlists.players import left_out

    if missing:
        plugin._log.warning("{}: {}", queue.name, left_out("the list", missing))


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
            raise UserError(f"{file}: is there already, and cfaudio did not make it (--force replaces it)")
    for name, state in read_state(settings.folder / "playlists.json").items():
        if any(Path(mark).exists() and file.samefile(mark) for mark in state.made.get("m3u", [])):
            raise UserError(f"{file}: is the playlist {name} of the configuration (--force replaces it)")
    return file


def _write_playlist(plugin: BeetsPlugin, lib: Library, settings: Settings, file: Path, items: list[Item]) -> None:
    from beetsplug.cfaudio.playlists.players import entry_of
    from cfaudio_core.targets.m3u import write_m3u

    entries, music = [entry_of(item) for item in items], settings.music_folder(lib.directory)
    with user_errors():
        left_out = write_m3u(file, entries, settings.path_style, music, file.stem)
    # Else a timer would mail it each night.
    say = plugin._log.info if sys.stderr.isatty() else plugin._log.debug
    say("wrote {} to {}", counted(len(items) - left_out, "track"), shown(file))
    if left_out:
        plugin._log.warning("{}: tracks left out because of a line break in their names: {}", file, left_out)
