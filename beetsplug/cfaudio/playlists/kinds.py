"""From an entry of `playlists` to its lists: what each kind takes, and what a list is called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from beets.exceptions import UserError
from beets.library import Item
from beets.library.models import DefaultTemplateFunctions
from beets.plugins import template_funcs
from beets.util.functemplate import get_template

from beetsplug.cfaudio.config.settings import Settings
from beetsplug.cfaudio.library.loaded import Loaded
from beetsplug.cfaudio.library.tracks import few, read_fields, read_tracks
from beetsplug.cfaudio.pipeline import listener
from beetsplug.cfaudio.playlists.recommend import choose_items
from beetsplug.cfaudio.playlists.request import Chosen, Request, request_of
from beetsplug.cfaudio.playlists.state import ChosenList
from cfaudio_core.ranking.taste import decayed_counts, taste_weights

if TYPE_CHECKING:
    from beets.library import Library

    from beetsplug.cfaudio.config.playlists import Playlist
    from cfaudio_core.util.arrays import IntArray

NEW = 60
"""Days for which a track is a new arrival."""

NAME_FIELDS = ("user", "kind", "number", "tags", "artist")
"""What a name may have in it, as `$user`."""

_MEMBERS = 60  # tracks of a mode, the most loved ones, that a daily mix is to be like
_TOLD = 2  # tags in a name


def lists_of(
    lib: Library, settings: Settings, loaded: Loaded, playlist: Playlist, seed: int, avoid: frozenset[int]
) -> Iterator[tuple[ChosenList, str]]:
    """The lists of an entry, with the reason where one is empty.

    Parameters
    ----------
    lib, settings, loaded
        As for `choose_items`.
    playlist
        The entry.
    seed
        Of the draw.
    avoid
        Items not to take while there are others: never heard, and on the list of the last period.
    """
    base = {name: getattr(playlist, name) for name in ("unplayed", "per_artist", "diversity", "fresh_days")}
    changes = {name: value for name, value in base.items() if value is not None}
    request = request_of(
        settings, playlist.n, query=playlist.query, like=playlist.like, user=playlist.user, seed=seed, **changes
    )
    played = loaded.ids[listener(loaded.people, playlist.user).played]
    avoid = avoid.difference(played.tolist())  # what has been heard since is known, and may come again
    if playlist.kind == "daily mix":
        yield from _mixes(lib, settings, loaded, playlist, request, avoid)
        return
    barred, why = _barred(lib, loaded, playlist)
    chosen = Chosen(why=why) if why else _choose(lib, settings, loaded, request, barred, avoid)
    yield _named(lib, loaded, playlist, chosen, 1), chosen.why


def check_name(playlist: Playlist) -> None:
    """Raise a UserError where the name is no template that makes sense."""
    if not name_of(playlist, dict.fromkeys(NAME_FIELDS, "x")):
        raise UserError(f"the name of playlist {playlist.name!r}: nothing is left of it")


def name_of(playlist: Playlist, facts: Mapping[str, str]) -> str:
    """An entry's name, with what is known of a list filled in; it may come to nothing where nothing is known."""
    functions = {**DefaultTemplateFunctions(Item(), None).functions(), **template_funcs()}
    template, where = get_template(playlist.name), f"the name of playlist {playlist.name!r}"
    _, fields, called = template.expr.translate()
    for sign, wanted, known in (("$", fields, facts), ("%", called, functions)):
        for unknown in sorted(wanted.difference(known)):
            raise UserError(f"{where}: there is no {sign}{unknown} (there are {', '.join(sorted(known))})")
    if any(re.search(r"\$\{|%\w+\{", part) for part in template.expr.parts if isinstance(part, str)):
        raise UserError(f"{where}: a }} is missing")
    name: str = template.substitute(dict(facts), functions)
    return name.strip()


def _mixes(
    lib: Library, settings: Settings, loaded: Loaded, playlist: Playlist, request: Request, avoid: frozenset[int]
) -> Iterator[tuple[ChosenList, str]]:
    """One list a mode of the listener's taste, the heaviest first; no track is on two of them.

    A list takes what is known from its own mode alone.
    """
    taste = _choose(lib, settings, loaded, request, frozenset(), avoid)
    if taste.why or not taste.modes:
        yield _named(lib, loaded, playlist, Chosen(), 1), taste.why or "no taste is known"
        return
    taken: frozenset[int] = frozenset()
    for number, mode in enumerate(taste.modes, start=1):
        members = " , ".join(f"id:{item}" for item in mode.ids[:_MEMBERS]).split()
        of_mode = replace(request, like=tuple(members))
        others = frozenset(item for other in taste.modes if other is not mode for item in other.ids)
        chosen = _choose(lib, settings, loaded, of_mode, taken | others, avoid)
        taken |= frozenset(chosen.ids)
        yield _named(lib, loaded, playlist, chosen, number, mode.ids), chosen.why


def _choose(
    lib: Library,
    settings: Settings,
    loaded: Loaded,
    request: Request,
    barred: frozenset[int],
    avoid: frozenset[int],
) -> Chosen:
    """Choose without what is barred, and with no more of what is to be avoided than it takes to fill the list."""
    chosen = choose_items(lib, settings, loaded, request, avoid=barred | avoid)
    unheard = sum(reason.unplayed for reason in chosen.reasons)
    short = max(request.n - len(chosen), round(request.unplayed * request.n) - unheard)
    if not avoid or short <= 0:
        return chosen
    person = listener(loaded.people, request.user)
    scores = dict(zip(loaded.ids.tolist(), np.nan_to_num(loaded.scores[person.name], nan=-1), strict=True))
    again = sorted(avoid - barred, key=lambda item: (-scores.get(item, -1), item))[:short]
    return choose_items(lib, settings, loaded, request, avoid=barred | avoid.difference(again))


def _barred(lib: Library, loaded: Loaded, playlist: Playlist) -> tuple[frozenset[int], str]:
    """Items that are nothing for a kind of list, and why the list is empty where all of them are."""
    person = listener(loaded.people, playlist.user)
    fits = np.ones(len(loaded), bool)
    why = ""
    if playlist.kind in ("discover", "deep cuts"):
        fits &= ~person.played
        why = "every track has been heard"
    if playlist.kind == "rediscover":
        fits &= person.played
        why = "no track has been heard"
    if playlist.kind == "deep cuts":
        fits &= np.isin(loaded.artist, _loved_artists(loaded, playlist))
        why = "the artists that are loved have no unheard tracks"
    if playlist.kind == "new arrivals":
        with lib.transaction() as tx:
            since = loaded.now - NEW * 86400
            new = [row["id"] for row in tx.query("SELECT id FROM items WHERE added > ?", (since,))]
        fits &= np.isin(loaded.ids, new)
        why = f"no track was added in the last {NEW} days"
    return frozenset(loaded.ids[~fits].tolist()), "" if fits.any() else why


def _loved_artists(loaded: Loaded, playlist: Playlist) -> IntArray:
    """int64: the artists whose played tracks are liked more than those of half of all artists with any."""
    person = listener(loaded.people, playlist.user)
    weights = taste_weights(person, decayed_counts(person, loaded.last_heard[person.name])[0])
    known = np.flatnonzero((loaded.artist > 0) & person.played)
    artists, of_artist = np.unique(loaded.artist[known], return_inverse=True)
    loves = np.bincount(of_artist, weights[known], minlength=len(artists))
    usual = np.median(loves) if len(loves) else 0.0
    return artists[(loves >= usual) & (loves > 0)]


def _named(
    lib: Library,
    loaded: Loaded,
    playlist: Playlist,
    chosen: Chosen,
    number: int,
    about: Sequence[int] | None = None,
) -> ChosenList:
    facts = _facts(lib, loaded, playlist, chosen.ids if about is None else about, number)
    return ChosenList(name_of(playlist, facts), chosen.ids, [reason.id for reason in chosen.reasons if reason.unplayed])


def _facts(lib: Library, loaded: Loaded, playlist: Playlist, ids: Collection[int], number: int) -> dict[str, str]:
    """What a name can tell of a list of items."""
    listed = sorted(set(ids))
    wanted = "tags" in playlist.name
    stored = read_fields(lib, ["cf_tags"], few(listed))["cf_tags"] if wanted else {}
    usual = loaded.tags.shares(lib) if wanted else {}
    here = Counter(tag for text in stored.values() if text for tag in str(text).split(", "))
    # What is said of every track says nothing of these.
    telling = {tag: n / max(len(ids), 1) - usual.get(tag, 0) for tag, n in here.items()}
    told = sorted((tag for tag in telling if telling[tag] > 0), key=lambda tag: (-telling[tag], tag))[:_TOLD]
    artists = Counter(read_tracks(lib, [], listed).artists)
    return {
        "user": listener(loaded.people, playlist.user).name,
        "kind": playlist.kind,
        "number": str(number),
        "tags": ", ".join(told),
        "artist": next((artist for artist, _ in artists.most_common() if artist), ""),
    }
