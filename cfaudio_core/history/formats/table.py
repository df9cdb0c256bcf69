"""Any table as CSV; the user can name its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import Format, ReadOptions
from cfaudio_core.history.readers.files import Member, lines, members, rows
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import parse_time, to_int, to_number

UNREADABLE_TIME = "time in an unknown form"

_USUAL_HEADINGS: dict[str, tuple[str, ...]] = {
    "artist": ("artist", "artist_name", "artist name"),
    "title": ("title", "track", "track_name", "track name", "song", "name"),
    "album": ("album", "album_name", "album name", "release"),
    "album_artist": ("album_artist", "albumartist", "album artist"),
    "recording_mbid": ("recording_mbid", "mb_trackid"),
    "track_mbid": ("track_mbid", "mb_releasetrackid"),
    "path": ("path", "file", "filename"),
    "duration": ("duration", "length"),
    "time": ("uts", "timestamp", "time", "utc_time", "played_at", "listened_at", "datetime", "date"),
    "seconds": ("seconds", "seconds_played", "played_seconds"),
    "skipped": ("skipped",),
    "plays": ("plays", "play_count", "playcount", "play count"),
    "skips": ("skips", "skip_count", "skipcount", "skip count"),
    "last": ("last", "last_played", "lastplayed", "last played"),
}
FIELDS = tuple(_USUAL_HEADINGS)
"""The fields that a column can hold; durations and `seconds` are in seconds."""

_DELIMITERS = ",;\t|"
_YES, _NO = {"1", "true", "yes", "y", "skipped"}, {"0", "false", "no", "n"}


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read a table with headings, or without any where all of `options.columns` are numbers from 1.

    A row is a play where the table has a column `time`, and a tally where it has `plays` instead. Fields that
    `options.columns` does not name are found by their usual headings. Times are seconds, milliseconds and so on since
    1970, ISO 8601, or the day first; without a zone they are UTC.
    """
    unknown = sorted(set(options.columns) - set(FIELDS))
    if unknown:
        raise SourceError(f"csv: no such field as {unknown[0]!r}; there are: {', '.join(FIELDS)}")
    with members(source, r"\.(csv|tsv|txt)$", ".csv, .tsv or .txt file") as files:
        for file in files:
            yield from _file(file, options)


def _file(file: Member, options: ReadOptions) -> Iterator[Listen | Tally]:
    head = next((line for _, line in lines(file) if line.strip()), "")
    table = rows(file, max(_DELIMITERS, key=head.count))
    places: dict[str, int] | None = None
    if options.columns and all(heading.isdecimal() for heading in options.columns.values()):
        places = {name: int(heading) - 1 for name, heading in options.columns.items()}
        _check(places, file)
    width = max(places.values()) + 1 if places else 0
    n_read, example = 0, ""
    for at, row in table:
        if places is None:
            places, width = _places(row, options.columns, file), len(row)
            continue
        if len(row) < width:
            raise SourceError(f"{file.name}: line {at} has {len(row)} columns instead of {width}")
        cells = {name: row[place].strip() for name, place in places.items()}
        if "time" not in cells:
            yield _tally(cells)
            continue
        time = parse_time(cells["time"])
        if time or not cells["time"].strip("0"):
            n_read += 1
            yield Listen(_track(cells), time, to_number(cells.get("seconds")), _skipped(cells.get("skipped", "")))
        else:
            options.on_skip(UNREADABLE_TIME)
            example = example or f"line {at}: a time in an unknown form: {cells['time'][:40]!r}"
    if places is None:
        raise SourceError(f"{file.name}: empty")
    if example and not n_read:
        raise SourceError(f"{file.name}: {example}")


def _places(headings: Sequence[str], columns: Mapping[str, str], file: Member) -> dict[str, int]:
    listed = [heading.strip().casefold() for heading in headings]
    places = {}
    for name, heading in columns.items():
        if heading.strip().casefold() not in listed:
            known = ", ".join(heading.strip() for heading in headings)[:200]
            raise SourceError(f"{file.name}: no column {heading!r} for {name}; there are: {known}")
        places[name] = listed.index(heading.strip().casefold())
    for name, usual in _USUAL_HEADINGS.items():
        found = next((heading for heading in usual if heading in listed), None)
        if name not in places and found and listed.index(found) not in places.values():
            places[name] = listed.index(found)
    _check(places, file)
    return places


def _check(places: Mapping[str, int], file: Member) -> None:
    if any(place < 0 for place in places.values()):
        raise SourceError(f"{file.name}: columns are counted from 1")
    named = "title" in places and {"artist", "album_artist", "album"} & places.keys()
    if "path" not in places and not named:
        missing = "title" if "artist" in places else "artist"
        raise SourceError(f"{file.name}: say with --columns which column is the {missing} (or the path)")
    if not {"time", "plays"} & places.keys():
        raise SourceError(f"{file.name}: say with --columns which column is the time (or the number of plays)")


def _track(cells: Mapping[str, str]) -> TrackText:
    texts = {name: cells.get(name, "") for name in FIELDS[:7]}
    return TrackText(**texts, duration=to_number(cells.get("duration")) or 0.0)


def _tally(cells: Mapping[str, str]) -> Tally:
    return Tally(_track(cells), to_int(cells["plays"]), to_int(cells.get("skips")), parse_time(cells.get("last")))


def _skipped(cell: str) -> bool | None:
    known = cell.casefold()
    return True if known in _YES else False if known in _NO else None


TABLE = Format(
    "csv", "any table of plays or counts, with --columns artist=Artist,title=Track,time=Date", "plays.csv", parse
)
