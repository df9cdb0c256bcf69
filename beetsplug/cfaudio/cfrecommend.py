"""`beet cfrecommend`: choose tracks from the library, print them, and write them as a playlist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError
from beets.ui import print_
from beets.util import displayable_path

from beetsplug.cfaudio.embedding import listener, load, user_errors
from beetsplug.cfaudio.library import column, matching, read_fields
from beetsplug.cfaudio.settings import Settings, read_settings, score_field
from cfaudio_core.recommending.ranking import Wish, choose
from cfaudio_core.recommending.targets.m3u import Entry, write_m3u

if TYPE_CHECKING:
    from beets.library import Item, Library
    from beets.plugins import BeetsPlugin

    from beetsplug.cfaudio.commands import RecommendOptions
    from cfaudio_core.listening.counts import Listener
    from cfaudio_core.tracks import Tracks


def run(plugin: BeetsPlugin, lib: Library, opts: RecommendOptions, args: list[str]) -> None:
    """Choose, print, and write a playlist where one is wanted."""
    settings = read_settings(plugin.config)
    if opts.number < 1:
        raise UserError("-n must be 1 or more")
    if opts.seed is not None and opts.seed < 0:
        raise UserError("--seed must be 0 or more")
    unplayed = settings.unplayed if opts.unplayed is None else opts.unplayed
    if not 0 <= unplayed <= 1:
        raise UserError(f"--unplayed must be a share from 0 to 1, not {unplayed:g}")
    tracks, people = load(lib, settings, match=False)
    person = listener(people, opts.user)
    field = score_field(person.name, main=person is people[0])
    scores = column(tracks.ids, read_fields(lib, [field])[field])
    if not np.isfinite(scores).any():
        raise UserError(_why_no_scores(tracks, person))
    if args:
        within = np.isin(tracks.ids, matching(lib, args))
        scores = np.where(within, scores, np.nan).astype(np.float32)
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
        plugin._log.warning("{}: tracks left out because of a line break in their names: {}", file, left_out)
