"""Headings of tables: which column holds what, by its name in any usual spelling, and by what is in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cfaudio_core.errors import SourceError
from cfaudio_core.util.values import parse_time

# Those of iTunes in five languages, and of exports of services; the likelier ones first.
_USUAL: dict[str, str] = {
    "artist": "artist, artist name, artists, artist name s, performer, band, track artist, grandparent title, "
    "container artist name, interpret, künstler, artiste, artista, artiest",
    "title": "title, track, track name, track title, song, song name, song title, name, content name, "
    "titel, titre, morceau, nom, título, titolo, brano, nome, nombre, canción, nummer, naam",
    "album": "album, album name, album title, track album, parent title, release, release name, álbum",
    "album_artist": "album artist, albumartist, album artist name, albuminterpret, artiste de l album, "
    "artista del álbum, artista album, albumartiest",
    "recording_mbid": "recording mbid, mb trackid, musicbrainz recording id, musicbrainz track id",
    "track_mbid": "track mbid, mb releasetrackid, musicbrainz release track id",
    "path": "path, file, filename, file name, file path, filepath",
    "duration": "duration, length, track duration, duration ms, media duration in milliseconds, total time, "
    "dauer, durée, duración, durata, duur",
    "time": "uts, timestamp, time, utc time, played at, listened at, datetime, date, date time, scrobbled at, "
    "scrobble time, scrobble date, start time, started at, started, start date, play date, date played, time played, "
    "played on, played, event start timestamp, ts, "
    "datum, fecha, data, heure, uhrzeit, zeit",
    "seconds": "seconds, seconds played, played seconds, play duration milliseconds, ms played, msplayed",
    "skipped": "skipped, was skipped, is skipped, skip, reason end, end reason type",
    "plays": "plays, play count, playcount, times played, number of plays, scrobbles, "
    "wiedergaben, zähler, abgespielt, écoutes, lectures, lecture, reproducciones, riproduzioni, ascolti, "
    "afgespeeld, keer afgespeeld",
    "skips": "skips, skip count, skipcount, übersprungen, sauts, omisiones, salti, overgeslagen",
    "last": "last, last played, lastplayed, last play, last played date, zuletzt gespielt, zuletzt abgespielt, "
    "dernière lecture, dernière écoute, última reproducción, ultima riproduzione, ultimo ascolto, laatst afgespeeld",
    "user": "user, username, user name, listener, account, account name, friendly name, benutzer, utilisateur, usuario",
}
FIELDS = tuple(_USUAL)
"""The fields that a column can hold."""

_NUMBER = re.compile(r"(track|#|[a-d])?\s*\d*(\s*(/|of|[-.])\s*\d+)?", re.IGNORECASE)  # "1-05", "A1", "3 of 12"
_BESIDE = "time", "plays"  # a table with both counts plays, and its time is a length, where no moment is in it


def find_columns(
    headings: Sequence[str], sample: Sequence[Sequence[str]], named: Mapping[str, str], where: str
) -> dict[str, int]:
    """Map fields to the places of their columns.

    Columns that are `named`, field to heading, hold that and nothing else. The other fields are found by usual headings
    and by what a sample of rows has below them: numbers are no titles, and lengths no times, unless nothing else is.

    Raises
    ------
    SourceError
        If there is no column of that name; `where` names the file.
    """
    written = [heading.strip().casefold() for heading in headings]
    places: dict[str, int] = {}
    for name, heading in named.items():
        if heading.strip().casefold() not in written:
            known = ", ".join(heading.strip() for heading in headings)[:200]
            raise SourceError(f"{where}: no column {heading!r} for {name}; there are: {known}")
        places[name] = written.index(heading.strip().casefold())
    plain = [" ".join(re.split(r"[\W_]+", heading.partition("#")[0])).strip() for heading in written]
    for name, usual in _USUAL.items():
        if name in places or (name == "time" and "plays" in named):
            continue
        taken = set(places.values())
        found = [plain.index(one) for one in usual.split(", ") if one in plain and plain.index(one) not in taken]
        likely = [at for at in found if _can_be(name, [row[at].strip() for row in sample if at < len(row)])]
        if found:
            places[name] = (likely or found)[0]
    if {*_BESIDE} <= places.keys() - named.keys() and not _can_be("time", [row[places["time"]] for row in sample]):
        length = places.pop("time")
        places.setdefault("duration", length)
    return places


def _can_be(name: str, cells: Sequence[str]) -> bool:
    """Whether the cells of a column are of a kind with the field's."""
    filled = [cell for cell in cells if cell]
    if name == "title":
        return not all(map(_NUMBER.fullmatch, filled))
    if name == "time":
        return not filled or any(max(parse_time(cell, month_first=m) for m in (False, True)) > 1e8 for cell in filled)
    return True
