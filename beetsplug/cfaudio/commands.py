"""The beet subcommands: options to core to print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from beets.exceptions import UserError
from beets.ui import Subcommand, print_
from beets.util import displayable_path

from beetsplug.cfaudio.account import account
from beetsplug.cfaudio.embedding import embed, load, open_store, run_settings, user_errors
from beetsplug.cfaudio.library import column, read_fields
from beetsplug.cfaudio.settings import Settings, read_settings
from cfaudio_core.recommending.ranking import Wish, choose
from cfaudio_core.recommending.targets.m3u import Entry, write_m3u

if TYPE_CHECKING:
    from beets.library import Item, Library
    from beets.plugins import BeetsPlugin

    from cfaudio_core.listening.counts import Listener
    from cfaudio_core.tracks import Tracks


class EmbedOptions(Protocol):
    """Options of `beet cfembed`."""

    force: bool
    retrain: bool
    pretend: bool
    jobs: int | None
    user: str | None


class RecommendOptions(Protocol):
    """Options of `beet cfrecommend`."""

    number: int
    user: str | None
    unplayed: float | None
    seed: int | None
    playlist: str | None
    json: bool


def embed_command(plugin: BeetsPlugin) -> Subcommand:
    """`beet cfembed`."""
    cmd = Subcommand("cfembed", help="learn from plays and sound, and give every track its embedding and score")
    option = cmd.parser.add_option
    option("-f", "--force", action="store_true", default=False, help="hear tracks again that were heard before")
    option("--retrain", action="store_true", default=False, help="learn again though no plays have changed")
    option("-p", "--pretend", action="store_true", default=False, help="say what would be done, and do nothing")
    option("-j", "--jobs", type="int", metavar="N", help="worker processes (default: one a processor core)")
    option("-u", "--user", metavar="NAME", help="write the scores of this listener only")
    cmd.func = lambda lib, opts, args: _embed(plugin, lib, opts, args)
    return cmd


def recommend_command(plugin: BeetsPlugin) -> Subcommand:
    """`beet cfrecommend`."""
    cmd = Subcommand("cfrecommend", help="recommend tracks from your own library")
    option = cmd.parser.add_option
    option("-n", "--number", type="int", default=50, metavar="N", help="number of tracks (default: 50)")
    option("-u", "--user", metavar="NAME", help="for this listener (default: the first of the configuration)")
    option(
        "--unplayed",
        type="float",
        metavar="SHARE",
        help="share of never played tracks, 0 to 1 (default: 0.5)",
    )
    option(
        "--seed",
        type="int",
        metavar="N",
        help="another draw of good tracks; the same number gives the same one",
    )
    option("-m", "--playlist", metavar="FILE", help="write an m3u playlist too")
    option("--json", action="store_true", default=False, help="print JSON")
    cmd.parser.add_path_option()
    cmd.parser.add_format_option(target="item")
    cmd.func = lambda lib, opts, args: _recommend(plugin, lib, opts, args)
    return cmd


def _embed(plugin: BeetsPlugin, lib: Library, opts: EmbedOptions, args: list[str]) -> None:
    settings = read_settings(plugin.config)
    if opts.jobs is not None and opts.jobs < 1:
        raise UserError("-j/--jobs must be 1 or more")
    tracks, people = load(lib, settings)
    if not len(tracks):
        raise UserError("the library is empty")
    if opts.user is not None:
        _listener(people, opts.user)
    within = _matching(lib, args) if args else None
    run = run_settings(settings, jobs=opts.jobs or settings.jobs, force=opts.force, retrain=opts.retrain)
    if opts.pretend:
        _pretend(tracks, people, within, settings, force=opts.force)
        return
    outcome, changed = embed(lib, tracks, people, within, settings, run, plugin._log.warning, only=opts.user)
    for path, problem in outcome.old_problems.items():
        plugin._log.debug("still skipping {}: {}", displayable_path(path), problem)
    for line in account(tracks, people, outcome, changed):
        print_(line)
    if not len(outcome.heard):
        raise UserError("no track could be heard")


def _pretend(
    tracks: Tracks, people: list[Listener], within: list[int] | None, settings: Settings, *, force: bool
) -> None:
    """Say what a run would do."""
    from cfaudio_core.embedding.hearing import plan
    from cfaudio_core.nets.backbone import backbone_id

    wanted = np.arange(len(tracks)) if within is None else np.flatnonzero(np.isin(tracks.ids, within))
    with user_errors(), open_store(settings) as store:
        known = plan(
            tracks.subset(wanted),
            store,
            backbone_id(settings.ear.backbone),
            settings.ear.windows,
            force=force,
        )
    for file in known.left:
        print_(f"would hear {displayable_path(file.path)}")
    plays = ", ".join(f"{p.name}: {int(p.played.sum())} tracks played" for p in people)
    print_(f"Would hear {len(known.left)} of {len(wanted)} tracks, and learn from {plays}.")


def _recommend(plugin: BeetsPlugin, lib: Library, opts: RecommendOptions, args: list[str]) -> None:
    settings = read_settings(plugin.config)
    if opts.number < 1:
        raise UserError("-n must be 1 or more")
    unplayed = settings.unplayed if opts.unplayed is None else opts.unplayed
    if not 0 <= unplayed <= 1:
        raise UserError(f"--unplayed must be a share from 0 to 1, not {unplayed:g}")
    tracks, people = load(lib, settings)
    person = _listener(people, opts.user)
    field = "cf_score" if person is people[0] else f"cf_score_{person.name}"
    scores = column(tracks.ids, read_fields(lib, [field])[field])
    if not np.isfinite(scores).any():
        raise UserError(_why_no_scores(tracks, person))
    if args:
        matching = np.isin(tracks.ids, _matching(lib, args))
        scores = np.where(matching, scores, np.nan).astype(np.float32)
        if not np.isfinite(scores).any():
            raise UserError(f"no track that matches {' '.join(args)} has a score; run `beet cfembed`")
    wish = Wish(opts.number, unplayed, settings.per_artist, opts.seed)
    chosen = choose(scores, person.played, tracks.artists, wish)
    items = [item for item in (lib.get_item(int(tracks.ids[i])) for i in chosen) if item is not None]
    if opts.json:
        rows = zip(items, chosen, strict=True)
        print_(json.dumps([_as_json(item, person, scores, i) for item, i in rows], ensure_ascii=False, indent=1))
    else:
        for item in items:
            print_(format(item))
    if opts.playlist:
        _write_playlist(plugin, lib, settings, Path(opts.playlist), items)


def _why_no_scores(tracks: Tracks, person: Listener) -> str:
    if not len(tracks):
        return "the library is empty"
    if not any(tracks.models):
        return "no track has a score yet; run `beet cfembed` first"
    if not person.played.any():
        return f"{person.name} has not played a track yet, so there is nothing to recommend by"
    return f"no track has a score for {person.name}; run `beet cfembed`"


def _as_json(item: Item, person: Listener, scores: np.ndarray, at: int) -> dict[str, object]:
    return {
        "id": item.id,
        "path": displayable_path(item.path),
        "artist": item.artist,
        "title": item.title,
        "album": item.album,
        "score": round(float(scores[at]), 1),
        "plays": int(person.plays[at]),
        "unplayed": not bool(person.played[at]),
    }


def _write_playlist(plugin: BeetsPlugin, lib: Library, settings: Settings, file: Path, items: list[Item]) -> None:
    file = file.expanduser()
    if settings.playlist_dir and not file.is_absolute():
        file = settings.playlist_dir / file
    folder = bytes(settings.relative_to) if settings.relative_to else lib.directory
    entries = [Entry(item.path, item.length or 0, f"{item.artist} - {item.title}") for item in items]
    with user_errors():
        left_out = write_m3u(file, entries, folder)
    if left_out:
        plugin._log.warning("{} tracks are not in {}: a playlist cannot hold a line break in a name", left_out, file)


def _matching(lib: Library, query: list[str]) -> list[int]:
    """Ids of the tracks that match a query, at least one."""
    ids = [item.id for item in lib.items(query) if item.id is not None]
    if not ids:
        raise UserError(f"no track matches {' '.join(query)}")
    return ids


def _listener(people: list[Listener], name: str | None) -> Listener:
    if name is None:
        return people[0]
    for person in people:
        if person.name == name:
            return person
    raise UserError(f"there is no listener {name} (there are: {', '.join(p.name for p in people)})")
