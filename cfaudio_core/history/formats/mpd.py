"""MPD: the counts that its clients keep in the database of stickers (myMPD, ampd, RompR)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions
from cfaudio_core.history.readers.sqlite import columns, database_file, read_only
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import to_int, to_text


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read the stickers playCount, skipCount and lastPlayed of songs, in whatever case a client writes them.

    Where several clients keep counts of their own, the largest is taken: they count the same plays.
    """
    path = database_file(source, "sticker.sql", "sticker.db")
    with read_only(path) as database:
        if not {"type", "uri", "name", "value"} <= columns(database, "sticker"):
            raise SourceError(f"{path}: not MPD's database of stickers")
        stickers = database.execute(
            "SELECT uri, lower(name), value FROM sticker"
            " WHERE type = 'song' AND lower(name) IN ('playcount', 'skipcount', 'lastplayed') ORDER BY uri"
        )
        for uri, named in groupby(stickers, key=lambda row: to_text(row[0])):
            largest = {"playcount": 0, "skipcount": 0, "lastplayed": 0}
            for _, name, value in named:
                largest[name] = max(largest[name], to_int(to_text(value)))
            yield Tally(TrackText(path=uri), largest["playcount"], largest["skipcount"], largest["lastplayed"])


MPD = Format("mpd", "MPD's stickers: counts kept by myMPD, ampd or RompR", "/var/lib/mpd/sticker.sql", parse)
