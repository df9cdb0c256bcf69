"""`beet cfreport`: make a page about the library, and serve it so that it can play."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand

from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.errors import file_errors, interruptible
from beetsplug.cfaudio.text import capitalized, no_plays, say, shown

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin
    from werkzeug.serving import BaseWSGIServer

_TITLE, _HEAD_BYTES = b"<title>What cfaudio knows of your music</title>", 4096
_PACKAGES = {"flask": "flask", "jinja2": "jinja2", "openTSNE": "opentsne"}


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfreport", help="make a page that shows the library as cfaudio knows it")
    cmd.parser.set_usage("%prog [options]")
    option = cmd.parser.add_option
    option(
        "-o", "--output", metavar="DIR", help="folder of the page (default: cfaudio/report beside the configuration)"
    )
    option("--serve", action="store_true", default=False, help="let the page play, on this machine alone")
    option("--port", type="int", default=8338, metavar="N", help="port to serve at; 0: any (default: 8338)")
    option("-u", "--user", metavar="NAME", help="whose plays and scores (default: the first listener's)")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Make the page, and serve it on request."""
    from beetsplug.cfaudio.library.listeners import find_listener
    from beetsplug.cfaudio.library.snapshot import read_library
    from cfaudio_core.util.files import write_whole

    settings = read_settings(plugin.config)
    if args:
        raise UserError(f"cfreport takes no query: {' '.join(args)}")
    folder = Path(opts.output).expanduser() if opts.output else settings.folder / "report"
    _check(opts, folder)
    data = read_library(lib, settings)
    listener = find_listener(data.listeners, opts.user, settings)
    from beetsplug.cfaudio.report.collect import make_report
    from beetsplug.cfaudio.report.playlists import ConfiguredPlaylists
    from cfaudio_core.report.page import render
    from cfaudio_core.report.serving.lists import lists_as_json

    with interruptible(f"No page was written; {shown(folder)} is as it was."):
        report = make_report(lib, settings, data, listener, plugin._log.warning)
        shown_ids = set(report.tracks.ids.tolist())
        rows = zip(report.tracks.ids.tolist(), report.tracks.paths, report.existing.tolist(), strict=True)
        files = {item: path for item, path, there in rows if there}
        playlists = ConfiguredPlaylists(plugin, lib, settings, files, shown_ids)
        report = replace(report, lists=_without_folders(lists_as_json(playlists), settings.folder))
    page = render(report)
    file = folder / "index.html"
    with file_errors(folder):
        write_whole(file, page, private=not opts.output)  # elsewhere it may be for others to see
    say(f"Wrote {shown(file)} ({len(page) / 1e6:.1f} MB): {len(report.tracks)} of {len(data)} tracks are on the map.")
    if report.left_out:
        say(
            f"Left out for the browser's sake: {report.left_out}. "
            "On the map are those that are played most, and an even draw of the rest."
        )
    if not listener.known.any():
        say(capitalized(f"{no_plays('' if listener is data.listeners[0] else listener.name)}."))
    if opts.serve:
        from beetsplug.cfaudio.report.feedback import PageFeedback
        from beetsplug.cfaudio.report.map_lists import ListsOfMap
        from cfaudio_core.report.serving.server import open_server

        feedback = PageFeedback(lib, settings, report.listener)
        lists = ListsOfMap(lib, settings, report.listener, files, shown_ids)
        with _port_errors(opts.port):
            server, address = open_server(page, files, opts.port, playlists, feedback, lists)
        _serve(server, address)


def _without_folders(lists: list[dict[str, object]], folder: Path) -> list[dict[str, object]]:
    """Shorten file names in errors: the page may be given away."""
    return [
        {**one, "error": str(one["error"]).replace(f"{folder}{os.sep}", "").replace(str(Path.home()), "~")}
        if "error" in one
        else one
        for one in lists
    ]


def _check(opts: Values, folder: Path) -> None:
    """Raise a UserError for what would fail after minutes of work."""
    from cfaudio_core.util.files import NOT_REGULAR, make_private

    missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise UserError(f"cfreport needs {', '.join(missing)}: pip install 'beets-cfaudio[report]'")
    if not 0 <= opts.port <= 65535:
        raise UserError(f"--port must be a number from 0 to 65535, not {opts.port}")
    if opts.serve:
        from cfaudio_core.report.serving.server import listen

        with _port_errors(opts.port):
            listen(opts.port).close()
    page = folder / "index.html"
    with file_errors(folder):
        make_private(folder)
        if page.exists() and not page.is_file():
            raise UserError(f"{page}: {NOT_REGULAR}")
        if page.is_file() and _TITLE not in page.read_bytes()[:_HEAD_BYTES]:
            raise UserError(f"{page}: is there already, and cfaudio did not make it")


@contextmanager
def _port_errors(port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"port {port}: {error.strerror}; --port takes another one, 0 any that is free") from error


def _serve(server: BaseWSGIServer, address: str) -> None:
    """Serve the page until ctrl-C."""
    say(f"Open {address} in a browser on this machine; ctrl-C ends.")
    sys.stdout.flush()  # it is read while this still runs, also where it goes into a file
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("")
    finally:
        server.server_close()
