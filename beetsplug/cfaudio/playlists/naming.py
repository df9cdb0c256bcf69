"""Names of lists: beets' templates, filled in with what is known of a list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

from beets.exceptions import UserError
from beets.library import Item, Library
from beets.library.models import DefaultTemplateFunctions
from beets.plugins import template_funcs
from beets.util.functemplate import get_template

from beetsplug.cfaudio.config.playlists import Playlist
from beetsplug.cfaudio.library.fields import few, read_fields
from beetsplug.cfaudio.library.listeners import find_listener
from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.library.tracks import read_tracks

NAME_FIELDS = ("user", "kind", "number", "tags", "artist")
"""Fields that a name may contain, as `$user`."""

_MAX_TAGS = 2  # in a name


def check_name(playlist: Playlist) -> None:
    """Raise a UserError where the name is no valid template."""
    if not _fill_in(playlist, playlist.name, dict.fromkeys(NAME_FIELDS, "x")):
        raise UserError(f"the name of playlist {playlist.name!r}: nothing is left of it")


def name_list(
    lib: Library, data: RankingData, playlist: Playlist, ids: Collection[int], number: int
) -> tuple[str, str]:
    """Make the name and the title of the list of some items; empty where nothing is known that a template asks for."""
    listed = sorted(set(ids))
    artists = Counter(read_tracks(lib, [], listed).artists)
    facts = {
        "user": find_listener(data.listeners, playlist.user).name,
        "kind": playlist.kind,
        "number": str(number),
        "tags": ", ".join(_telling_tags(lib, data, listed)) if "tags" in playlist.title else "",
        "artist": next((artist for artist, _ in artists.most_common() if artist), ""),
    }
    return _fill_in(playlist, playlist.name, facts), _fill_in(playlist, playlist.title, facts)


def _fill_in(playlist: Playlist, text: str, facts: Mapping[str, str]) -> str:
    functions = {**DefaultTemplateFunctions(Item(), None).functions(), **template_funcs()}
    template, where = get_template(text), f"the name of playlist {playlist.name!r}"
    _, fields, called = template.expr.translate()
    for sign, used, known in (("$", fields, facts), ("%", called, functions)):
        for unknown in sorted(used.difference(known)):
            raise UserError(f"{where}: there is no {sign}{unknown} (there are {', '.join(sorted(known))})")
    if any(re.search(r"\$\{|%\w+\{", part) for part in template.expr.parts if isinstance(part, str)):
        raise UserError(f"{where}: a }} is missing")
    name: str = template.substitute(dict(facts), functions)
    return name.strip()


def _telling_tags(lib: Library, data: RankingData, listed: list[int]) -> list[str]:
    """Find the tags that are more frequent among some items than in the library."""
    stored = read_fields(lib, ["cf_tags"], few(listed))["cf_tags"]
    usual = data.tag_shares(lib)
    here = Counter(tag for text in stored.values() if text for tag in str(text).split(", "))
    surplus = {tag: n / max(len(listed), 1) - usual.get(tag, 0) for tag, n in here.items()}
    return sorted((tag for tag in surplus if surplus[tag] > 0), key=lambda tag: (-surplus[tag], tag))[:_MAX_TAGS]
