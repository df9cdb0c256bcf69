"""Base of all formats: their options, the choice of an account, and the screening of records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cfaudio_core.data.feedback import DISLIKE, LIKE
from cfaudio_core.errors import SourceError
from cfaudio_core.history.records import EARLIEST, Listen, Opinion, Record, Tally, TrackText
from cfaudio_core.util.values import latest_time

NAMELESS = "no artist and title"
PLAYING = "playing just then"
IMPOSSIBLE_COUNT = "impossible count"
TOO_LONG = "text longer than 1,000 characters"
NOT_MUSIC = "not music"
TOO_SHORT = "row with too few columns"
ODD_ENTRY = "entry of another kind"

Entry: TypeAlias = dict[str, Any]

_MAX_TEXT = 1000  # characters; texts are keys of the store's indexes, which have bounds
_MAX_PATH = 4096  # characters
_MAX_COUNT = 1_000_000  # a larger one comes from a broken counter
_MAX_PLAY_S = 86_400.0
_MBID = re.compile(r"(?<![0-9a-f-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f-])")


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading a source.

    Attributes
    ----------
    user
        The account, in sources that hold several or need a login.
    columns
        Field to column heading, for tables of any program.
    token, password
        Secrets of services; they appear in no message.
    on_skip
        Called with the reason, once for each row that is left out.
    lenient
        A source without the account, or without plays, is no error: it is read beside another.
    """

    user: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    on_skip: Callable[[str], None] = lambda _: None
    lenient: bool = False

    def choose_account(self, names: Collection[str], where: str) -> str | None:
        """Choose the account whose history is read, among the `names` of those with any plays.

        It is `user`, whose case does not matter where that leaves one; without a `user` the only account, or None where
        there is none. `where` names the source in messages.

        Raises
        ------
        SourceError
            If there is no such account, or several and no `user`.
        """
        if self.lenient and self.user not in names:
            return None
        listed = ", ".join(sorted(names)) or "none"
        if self.user is None:
            if len(names) > 1:
                raise SourceError(f"{where}: holds several accounts, say which is yours with --account: {listed}")
            return next(iter(names), None)
        if self.user in names:
            return self.user
        similar = [name for name in names if name.casefold() == self.user.casefold()]
        if len(similar) != 1:
            raise SourceError(f"{where}: no plays of an account {self.user!r}, say which with --account: {listed}")
        return similar[0]


@dataclass(frozen=True)
class Format:
    """One format or service.

    Attributes
    ----------
    name
        Its name on the command line.
    summary
        One line: which files or services it reads.
    example
        A source in its form.
    parse
        ``parse(source, options)`` gives the records one by one, in the source's order and with flat memory; they may
        have any values of the right types. It raises SourceError when the source turns out to be of another kind,
        damaged or cut short, after the records before that place.
    states_all
        A source has all ratings and loved marks of an account: what it has no more was taken back.
    """

    name: str
    summary: str
    example: str
    parse: Callable[[str, ReadOptions], Iterator[Record]]
    states_all: bool = False

    def read(self, source: str, options: ReadOptions) -> Iterator[Record]:
        """Parse a source and screen its records.

        Texts lose surrounding blanks and what a database cannot store; invalid ids become "". A record is left out,
        and its reason passed to `on_skip`, where it names no track or has impossible counts alone. A tally of no
        plays and no skips is left out silently. Plays of a track without a time, or with one before 1990 or in the
        future, have their number for a time: 0, 1 and so on.
        """
        latest = latest_time()
        undated: Counter[tuple[TrackText, str]] = Counter()
        for record in self.parse(source, options):
            if isinstance(record, Tally):
                plays, skips = (count if 0 <= count <= _MAX_COUNT else 0 for count in (record.plays, record.skips))
                if not (plays or skips):
                    if record.plays or record.skips:
                        options.on_skip(IMPOSSIBLE_COUNT)
                    continue
            track = _storable(record.track)
            by_id = isinstance(record, Opinion) and track.recording_mbid  # which players may have without names
            if not (by_id or track.path or (track.title and (track.artist or track.album_artist or track.album))):
                options.on_skip(NAMELESS)
            elif len(track.path) > _MAX_PATH or max(map(len, track[:2])) > _MAX_TEXT:
                options.on_skip(TOO_LONG)
            elif isinstance(record, Tally):
                last = record.last if EARLIEST <= record.last <= latest else 0
                yield Tally(track, plays, skips, last, _clean(record.user))
            elif isinstance(record, Opinion):
                given = record.time if EARLIEST <= record.time <= latest else 0
                yield Opinion(track, min(max(record.value, DISLIKE), LIKE), given, _clean(record.user))
            else:
                user, played_at = _clean(record.user), record.time
                if not EARLIEST <= played_at <= latest:
                    played_at = undated[track, user]
                    undated[track, user] += 1
                yield Listen(track, played_at, _duration(record.seconds), record.skipped, user)


def check_keys(entry: object, keys: Iterable[str], where: str, kind: str) -> None:
    """Raise a SourceError that names the first of the keys that an object lacks."""
    if not isinstance(entry, dict):
        raise SourceError(f"{where} is not {kind}: a value is no object")
    for key in keys:
        if key not in entry:
            raise SourceError(f"{where} is not {kind}: it has no {key!r}")


def convert_entries(
    entries: Iterable[tuple[int, Entry | None]],
    convert: Callable[[Entry, str], Listen | None],
    name: str,
    options: ReadOptions,
) -> Iterator[Listen]:
    """Convert numbered entries of a file; one that is of another kind is left out, and an error before all others."""
    any_good = False
    for at, entry in entries:
        where = f"{name}: entry {at}"
        try:
            if entry is None:
                raise SourceError(f"{where} is no object")
            listen = convert(entry, where)
        except SourceError:
            if not any_good:
                raise
            options.on_skip(ODD_ENTRY)
            continue
        any_good = True
        if listen:
            yield listen


def _storable(track: TrackText) -> TrackText:
    artist, title, album, album_artist, recording, release_track, path, duration = track
    return TrackText(
        _clean(artist),
        _clean(title),
        _clean(album) if len(album) <= _MAX_TEXT else "",
        _clean(album_artist) if len(album_artist) <= _MAX_TEXT else "",
        _mbids(recording) if recording else "",
        _mbids(release_track) if release_track else "",
        _clean_path(path) if path else "",
        _duration(duration) or 0.0,
    )


def _clean(value: str) -> str:
    if not value.isprintable():
        value = value.replace("\0", "").encode("utf-8", "replace").decode()
    return value.strip()


def _clean_path(value: str) -> str:
    value = value.replace("\0", "")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte, which JSON can spell
        return value.encode("utf-8", "replace").decode()
    return value


def _mbids(value: str) -> str:
    """Find the ids in a text: tags hold several with ";" or "/" between them, and some programs write addresses."""
    value = value.lower()
    return value if _MBID.fullmatch(value) else " ".join(dict.fromkeys(_MBID.findall(value)))


def _duration(seconds: float | None) -> float | None:
    # NaN compares false as well.
    return seconds if seconds is not None and 0 <= seconds <= _MAX_PLAY_S else None
