"""Any table as CSV; the user can name its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import NOT_MUSIC, TOO_SHORT, Format, ReadOptions
from cfaudio_core.history.formats.headings import FIELDS, find_columns
from cfaudio_core.history.readers.files import Member, full_rows, lines, members, rows
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.util.values import (
    is_day,
    is_time_of_day,
    month_comes_first,
    parse_duration,
    parse_time,
    to_int,
    without_midnight,
)

_DURATIONS = ("duration", "seconds")

_DELIMITERS = ",;\t|"
_DELIMITER_LINE = re.compile(r"sep=(.)")
_SAMPLE_ROWS = 1000  # by which a file's units are found
_MAX_MEDIAN_S = 10_000  # no half of the durations of a table are longer
_SCALES = (1, 1000, 1_000_000)
_MILLISECONDS = re.compile(r"(\b|_)(ms|msec|millis|milliseconds?)(\b|_)|^ms")
_OF_APPLE = "Apple Music Play Activity.csv"  # one of many tables in what Apple sends
# In that, the events that are no plays, and the plays that are no music.
_OTHERS = {
    "event type": re.compile(r"(?!PLAY_END$).+"),
    "end reason type": re.compile("FAILED_TO_LOAD"),
    "media type": re.compile(r"VIDEO|.*PODCAST.*"),
}
_YES = re.compile(r"1(\.0)?|t(rue)?|y(es)?|ja|skip(ped)?|track_skipped_\w+")
_NO = re.compile(r"0(\.0)?|f(alse)?|no?|nein|(not |un)skipped|trackdone|natural_end_of_track|completed?|finished")
_THOUSANDS = re.compile(r"\d{1,3}([., '\u2019\u00a0\u202f])\d{3}(\1\d{3})*")


def parse(source: str, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read a table with headings, or without any where all of `options.columns` are numbers from 1.

    A row is a play where the table has a column `time`, and a tally where it has `plays` instead, or where `plays`
    counts what was played at, or up to, that time. Fields that
    `options.columns` does not name are found by their usual headings. Times are seconds, milliseconds and so on since
    1970, ISO 8601, or the day first; without a zone they are UTC. A date and a time of the day in two columns are put
    together; of plays with a date alone, a second one of a track on a day has no time. Durations are in seconds, unless
    the heading or the numbers tell that they are milliseconds. Of several accounts in a column `user`, one is read.
    """
    unknown = sorted(set(options.columns) - set(FIELDS))
    if unknown:
        raise SourceError(f"csv: no such field as {unknown[0]!r}; there are: {', '.join(FIELDS)}")
    with members(source, r"\.(csv|tsv|txt)$", ".csv, .tsv or .txt file") as files:
        for file in [file for file in files if file.path.endswith(_OF_APPLE)] or files:
            yield from read_table(file, options)


def read_table(file: Member, options: ReadOptions) -> Iterator[Listen | Tally]:
    """Read one file as `parse` does."""
    head = next((line for _, line in lines(file) if line.strip()), "")
    delimiter_line = _DELIMITER_LINE.fullmatch(head.strip("\r\n"))  # Excel's
    delimiter = delimiter_line[1] if delimiter_line else max(_DELIMITERS, key=head.count)
    quoted = delimiter != "\t" or head.startswith('"')
    table = islice(rows(file, delimiter, quoted=quoted), 1 if delimiter_line else 0, None)
    places: dict[str, int] | None = None
    if options.columns and all(heading.isdecimal() for heading in options.columns.values()):
        places = {name: int(heading) - 1 for name, heading in options.columns.items()}
        _check(places, file)
    width = max(places.values()) + 1 if places else 0
    headings: Sequence[str] = ()
    if places is None:
        _, headings = next(table, (0, ()))
        if not headings:
            raise SourceError(f"{file.name}: empty")
        width = len(headings)
    sample = list(islice(table, _SAMPLE_ROWS))
    whole = [row for _, row in sample if len(row) >= width]
    if places is None:
        places = find_columns(headings, whole, options.columns, file.name)
        _check(places, file)
    units = _Units(headings, whole, places)
    dated = [places[name] for name in ("time", "last") if name in places]
    month_first = month_comes_first(row[at] for row in whole for at in dated)
    if month_first is None:  # no row of the sample tells
        every = rows(file, delimiter, quoted=quoted)
        month_first = month_comes_first(row[at] for _, row in every for at in dated if at < len(row))
    others, account = _others(headings, whole), None
    counted = "time" not in places or ("plays" in places and _are_counts(whole, places, options.columns))
    if "user" in places:
        below = islice(rows(file, delimiter, quoted=quoted), bool(delimiter_line) + bool(headings), None)
        names = {row[places["user"]].strip() for _, row in below if len(row) >= width} - {""}
        account = options.choose_account(names, file.name) if len(names) > 1 else None
    n_read, example, refused = 0, "", []
    for at, row in full_rows(chain(sample, table), width, file.name, lambda: options.on_skip(TOO_SHORT)):
        if others and any(pattern.fullmatch(row[place].strip()) for place, pattern in others):
            options.on_skip(NOT_MUSIC)
            continue
        cells = {name: row[place].strip() for name, place in places.items()}
        if account is not None and cells["user"] != account:
            continue
        written = units.time(row)
        if counted:
            yield _tally(cells, cells.get("last", written), units, month_first)
            continue
        time = parse_time(written, month_first=month_first)
        if not time and parse_time(written, month_first=True):
            raise SourceError(f"{file.name}: line {at}: {written[:40]!r} may have the day or the month first")
        track = _track(cells, units)
        listen = Listen(
            track, units.first_of_day(time, track), units.seconds("seconds", cells), _skipped(cells.get("skipped", ""))
        )
        if time or not written.strip("0"):
            n_read += 1
            yield listen
        else:
            example = example or f"line {at}: a time in an unknown form: {written[:40]!r}"
            refused.append(listen)
            if not n_read and len(refused) > _SAMPLE_ROWS:
                break
    if example and not n_read:
        raise SourceError(f"{file.name}: {example}")
    yield from refused


class _Units:
    """Units of a table's columns, found in its headings and a sample of its rows."""

    def __init__(self, headings: Sequence[str], sample: Sequence[Sequence[str]], places: Mapping[str, int]) -> None:
        self._scales = {name: _scale(headings, sample, places[name]) for name in _DURATIONS if name in places}
        self._time: tuple[int, ...] = ()
        self._days: set[tuple[int, TrackText]] | None = None
        if "time" in places:
            at = places["time"]
            n_columns = min((len(row) for row in sample), default=0)
            others = sorted(set(range(n_columns)) - set(places.values()), key=lambda k: abs(k - at))
            self._time = (at,)
            if _all(is_day, sample, at):
                clocks = [k for k in others if _all(is_time_of_day, sample, k)]
                self._time = (at, *clocks[:1])
                self._days = None if clocks else set()
            elif _all(is_time_of_day, sample, at):
                self._time = (*[k for k in others if _all(is_day, sample, k)][:1], at)

    def time(self, row: Sequence[str]) -> str:
        """Join the date and the time of a row."""
        cells = [row[at].strip() for at in self._time if at < len(row)]
        return " ".join(map(without_midnight, cells)) if len(cells) > 1 else "".join(cells)

    def first_of_day(self, time: int, track: TrackText) -> int:
        """Give the time, and 0 for a second play of a track on a day where a table has days alone."""
        if self._days is None or (time, track) not in self._days:
            if self._days is not None:
                self._days.add((time, track))
            return time
        return 0

    def seconds(self, name: str, cells: Mapping[str, str]) -> float | None:
        """Convert a duration to seconds; None where it is missing."""
        value = parse_duration(cells.get(name))
        return None if value is None else value / self._scales[name]


def _scale(headings: Sequence[str], sample: Sequence[Sequence[str]], at: int) -> int:
    """Find how many of its units make a second in a column of durations."""
    if at < len(headings) and _MILLISECONDS.search(headings[at].strip().casefold()):
        return 1000
    known = sorted(number for row in sample if (number := parse_duration(row[at])) and number > 0)
    median = known[len(known) // 2] if known else 0
    return next((scale for scale in _SCALES if median <= scale * _MAX_MEDIAN_S), _SCALES[-1])


def _others(headings: Sequence[str], sample: Sequence[Sequence[str]]) -> list[tuple[int, re.Pattern[str]]]:
    """Find the columns that tell what is no play of music, and by which cells."""
    found = [
        (at, _OTHERS[name]) for at, heading in enumerate(headings) if (name := heading.strip().casefold()) in _OTHERS
    ]
    return [(at, pattern) for at, pattern in found if not all(pattern.fullmatch(row[at].strip()) for row in sample)]


def _all(kind: Callable[[str], bool], sample: Sequence[Sequence[str]], at: int) -> bool:
    cells = [row[at] for row in sample if row[at].strip()]
    return bool(cells) and all(map(kind, cells))


def _check(places: Mapping[str, int], file: Member) -> None:
    if any(place < 0 for place in places.values()):
        raise SourceError(f"{file.name}: columns are counted from 1")
    named = "title" in places and {"artist", "album_artist", "album"} & places.keys()
    if "path" not in places and not named:
        missing = "artist" if "title" in places else "title"
        raise SourceError(f"{file.name}: say with --columns which column is the {missing} (or the path)")
    if not {"time", "plays"} & places.keys():
        raise SourceError(f"{file.name}: say with --columns which column is the time (or the number of plays)")


def _track(cells: Mapping[str, str], units: _Units) -> TrackText:
    texts = {name: cells.get(name, "") for name in FIELDS[:7]}
    return TrackText(**texts, duration=units.seconds("duration", cells) or 0.0)


def _are_counts(sample: Sequence[Sequence[str]], places: Mapping[str, int], named: Mapping[str, str]) -> bool:
    """Whether rows with a time and a number are counts, of a day say, and not plays beside the count of their track."""
    counts: dict[tuple[str, ...], list[int]] = {}
    for row in sample:
        track = tuple(row[places[name]] for name in FIELDS[:7] if name in places)
        counts.setdefault(track, []).append(_count(row[places["plays"]]))
    repeated = [numbers for numbers in counts.values() if len(numbers) > 1]
    totals = not repeated or any(len(set(numbers)) > 1 for numbers in repeated)
    return totals and max(map(max, counts.values()), default=0) > 1 and ("time" not in named or "plays" in named)


def _tally(cells: Mapping[str, str], written: str, units: _Units, month_first: bool | None) -> Tally:
    last = parse_time(written, month_first=month_first)
    return Tally(_track(cells, units), _count(cells["plays"]), _count(cells.get("skips")), last)


def _skipped(cell: str) -> bool | None:
    known = cell.casefold()
    return True if _YES.fullmatch(known) else False if _NO.fullmatch(known) else None


def _count(cell: str | None) -> int:
    return to_int(re.sub(r"\D", "", cell) if cell and _THOUSANDS.fullmatch(cell) else cell)


TABLE = Format(
    "csv", "any table of plays or counts, with --columns artist=Artist,title=Track,time=Date", "plays.csv", parse
)
