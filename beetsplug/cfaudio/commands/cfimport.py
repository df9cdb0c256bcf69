"""`beet cfimport`: import listening histories into the store, and list what it holds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from beets.exceptions import UserError
from beets.ui import Subcommand

from beetsplug.cfaudio.config.listeners import score_field
from beetsplug.cfaudio.config.settings import Settings, read_settings
from beetsplug.cfaudio.errors import interruptible, user_errors
from beetsplug.cfaudio.text import counted, say

if TYPE_CHECKING:
    from optparse import Values

    from beets.library import Library
    from beets.plugins import BeetsPlugin

    from cfaudio_core.history.formats import Format
    from cfaudio_core.history.merge import ImportResult
    from cfaudio_core.history.records import Record
    from cfaudio_core.history.store import ListenStore


def command(plugin: BeetsPlugin) -> Subcommand:
    """Make the command with its options."""
    cmd = Subcommand("cfimport", help="import a listening history (without arguments: list formats and what is there)")
    cmd.parser.usage = "%prog [options] [FORMAT SOURCE...]"
    option = cmd.parser.add_option
    option("-u", "--user", metavar="NAME", help="who listens (default: the first listener of the configuration)")
    option("--account", metavar="NAME", help="the account to read, where it is called otherwise than the listener")
    option("-p", "--pretend", action="store_true", default=False, help="read and match, and store nothing")
    option("--columns", metavar="FIELD=HEADING,...", help="what is what in a csv table: artist=Band,time=Date,...")
    option("--token", metavar="TOKEN", help="token or API key of a service (or CFAUDIO_TOKEN in the environment)")
    option("--password", metavar="WORD", help="password of a service (or CFAUDIO_PASSWORD in the environment)")
    cmd.func = lambda lib, opts, args: run(plugin, lib, opts, args)
    return cmd


def run(plugin: BeetsPlugin, lib: Library, opts: Values, args: list[str]) -> None:
    """Import, or list the formats and the contents of the store."""
    from beetsplug.cfaudio.library.holdings import describe_holdings
    from beetsplug.cfaudio.library.listener_names import known_listeners, name_listener, note_listeners
    from cfaudio_core.history.formats import FORMATS

    settings = read_settings(plugin.config)
    if not args:
        for line in chain(_formats(FORMATS.values()), describe_holdings(settings)):
            say(line)
        return
    source = FORMATS.get(args[0])
    if source is None:
        raise UserError(f"there is no format {args[0]} (there are: {', '.join(FORMATS)})")
    if len(args) < 2:
        raise UserError(f"what to read is missing, as in: beet cfimport {source.name} {source.example}")
    with user_errors():
        listener = name_listener(settings, opts.user, opts.account)
    skipped: Counter[str] = Counter()
    with interruptible("Nothing of it was stored."), user_errors(), _store(settings, pretend=opts.pretend) as store:
        added = _read(source, args[1:], opts, listener, store, skipped)
        if not len(added.plays) and not added.opinions:
            reasons = "".join(f"; {line}" for line in _left_out(skipped))
            raise UserError(f"{', '.join(args[1:])}: no plays in it{reasons}")
        for line in chain(_summarize(added, opts), _left_out(skipped)):
            say(line)
        odd = _match(lib, settings, listener, added, store, pretend=opts.pretend)
    if listener != settings.main_listener:
        say(
            f"These are plays of {listener}, not of {settings.main_listener}: `beet cfrecommend -u {listener}` uses "
            f"them, and `beet cfembed` writes {score_field(listener, main=False)}."
        )
    for line in odd:
        say(line)
    if not opts.pretend:
        with user_errors():
            note_listeners(settings, known_listeners(settings))


@contextmanager
def _store(settings: Settings, *, pretend: bool) -> Iterator[ListenStore]:
    """Open the history; to pretend where there is none, a temporary one."""
    from beetsplug.cfaudio.library.history import has_history, open_history

    if has_history(settings) or not pretend:
        with open_history(settings) as store:
            yield store
        return
    with (
        TemporaryDirectory(prefix="cfaudio-") as folder,
        open_history(replace(settings, history=None, folder=Path(folder))) as store,
    ):
        yield store


def _read(
    source: Format,
    places: list[str],
    opts: Values,
    listener: str,
    store: ListenStore,
    skipped: Counter[str],
) -> ImportResult:
    from cfaudio_core.errors import SettingError
    from cfaudio_core.history.formats import ReadOptions
    from cfaudio_core.util.progress import progress

    options = ReadOptions(
        user=opts.account or opts.user,
        columns=_columns(opts.columns),
        token=opts.token or os.environ.get("CFAUDIO_TOKEN"),
        password=opts.password or os.environ.get("CFAUDIO_PASSWORD"),
        on_skip=lambda reason: skipped.update((reason,)),
    )
    accounts: set[str] = set()

    def watched(records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            accounts.add(record.user)
            yield record

    def listener_of(account: str) -> str:
        if len(accounts) > 1:
            names = ", ".join(sorted(name or "(no name)" for name in accounts))
            raise SettingError(f"{source.name}: there are several accounts in it, import one at a time: {names}")
        return listener

    with progress(f"Reading {source.name}", None, "plays") as advance:
        return store.add(
            watched(chain.from_iterable(source.read(place, options) for place in places)),
            source=source.name,
            listener_of=listener_of,
            on_progress=advance,
            pretend=opts.pretend,
            whole=source.states_all,
        )


def _columns(text: str | None) -> dict[str, str]:
    """Split FIELD=HEADING pairs; a heading may hold blanks and "=", but no comma."""
    columns = {}
    for pair in (text or "").split(",") if text else ():
        name, sign, heading = pair.partition("=")
        if not sign or not name.strip() or not heading.strip():
            raise UserError(f"--columns: must be FIELD=HEADING, not {pair!r}")
        columns[name.strip()] = heading.strip()
    return columns


def _summarize(added: ImportResult, opts: Values) -> Iterator[str]:
    """Say what was added, or would be."""
    if added.listens_new or added.listens_known:
        known = f"; {added.listens_known} known already" if added.listens_known else ""
        yield f"{'Would add' if opts.pretend else 'Added'} {counted(added.listens_new, 'play')}{known}."
    if added.undated:
        plays = f"{counted(added.undated, 'play')} {'has' if added.undated == 1 else 'have'}"
        yield f"{plays} no time, or an impossible one: it counts, but not as part of a session."
    if added.tallies:
        verb = "Would add or replace" if opts.pretend else "Added or replaced"
        tracks = counted(added.tallies, "track")
        yield f"{verb} the play counts of {tracks}: the source does not say when they were played."
    if added.opinions:
        verb = "Would add or change" if opts.pretend else "Added or changed"
        yield f"{verb} {counted(added.opinions, 'rating or loved mark', 'ratings and loved marks')}."


def _left_out(skipped: Counter[str]) -> Iterator[str]:
    for reason, rows in skipped.most_common():
        yield f"{counted(rows, 'row')} left out: {reason}"


def _match(
    lib: Library, settings: Settings, listener: str, added: ImportResult, store: ListenStore, *, pretend: bool
) -> list[str]:
    """Match an import to the library, print the shares, and store the matches.

    Returns the lines on what is odd about the listener's history then.
    """
    from beetsplug.cfaudio.library.holdings import describe_shares
    from beetsplug.cfaudio.library.matches import describe_oddities, read_matched, update_matches
    from beetsplug.cfaudio.library.tracks import read_tracks
    from cfaudio_core.data.listeners import make_listeners
    from cfaudio_core.data.tracks import marks_of
    from cfaudio_core.history.listeners import with_history
    from cfaudio_core.history.matching import LibraryIndex

    tracks = read_tracks(lib, settings.count_fields)
    index = LibraryIndex(tracks, lib.directory)
    for line in describe_shares(added, index.match(added.texts)):
        say(line)
    if pretend:
        return []
    update_matches(lib, store, tracks, index)
    history = read_matched(lib, store, marks_of(tracks), tracks.lengths, settings.session_gap)
    everyone = with_history(make_listeners({}, settings.users, len(tracks)), history)
    return describe_oddities(store, [one for one in everyone if one.name == listener], tracks.lengths)


def _formats(sources: Iterable[Format]) -> Iterator[str]:
    yield "Formats, with an example of SOURCE:"
    for source in sources:
        yield f"  {source.name:13} {source.summary}"
        yield f"  {'':13} beet cfimport {source.name} {source.example}"
