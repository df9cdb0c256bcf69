"""iTunes and Apple Music: the library exported as XML, which has counts.

The file is read as a stream and not with plistlib, which would hold a library of 100,000 tracks in over a gigabyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import TextIOWrapper
from xml.parsers import expat

from cfaudio_core.data.feedback import DISLIKE, LIKE, of_stars
from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats.base import NOT_MUSIC, Format, ReadOptions
from cfaudio_core.history.formats.table import read_table
from cfaudio_core.history.readers.files import WESTERN, Member, errors_named, first_bytes, members
from cfaudio_core.history.records import Opinion, Record, Tally, TrackText
from cfaudio_core.util.values import parse_date, to_int, to_number, url_to_path

_TABLE = re.compile(rb"(?!bplist)[^<\r\n\t]+\t")
_TRACK_DEPTH = 4  # plist, dict, the dict of "Tracks", the dict of a track
_CHUNK = 1 << 16
_DECLARED = re.compile(rb"""<\?xml[^>]*\bencoding=["']([\w.-]+)""")
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9A-Fa-f]+);)")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|(\d{1,7}));")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNFINISHED = re.compile(r"(?:&#\w{1,8};)?(?:&[#\w]{0,32})?$")  # what may go on in the next chunk
_MAX_VALUE = 1 << 16  # characters; pictures and the like are elsewhere
_OTHER_MEDIA = ("Podcast", "Movie", "TV Show", "Music Video", "Audiobook", "iTunesU", "Has Video")


def parse(source: str, options: ReadOptions) -> Iterator[Record]:
    """Read the plays, skips, last play and rating of each track: out of the library, or of a list exported as text."""
    with members(source, r"\.(xml|txt)$", ".xml or .txt file") as files:
        for file in [file for file in files if file.path.endswith(".xml")] or files:
            if _TABLE.match(first_bytes(file)):
                yield from read_table(file, options)
                continue
            for track in _tracks(file):
                tally = _tally(track)
                if any(track.get(kind) == "true" for kind in _OTHER_MEDIA):
                    if tally.plays or tally.skips:
                        options.on_skip(NOT_MUSIC)
                else:
                    yield tally
                    if value := _opinion(track):
                        yield Opinion(tally.track, value)


def _tally(track: dict[str, str]) -> Tally:
    return Tally(
        TrackText(
            artist=track.get("Artist", ""),
            title=track.get("Name", ""),
            album=track.get("Album", ""),
            album_artist=track.get("Album Artist", ""),
            path=url_to_path(track.get("Location", "")),
            duration=(to_number(track.get("Total Time")) or 0.0) / 1000,
        ),
        plays=to_int(track.get("Play Count")),
        skips=to_int(track.get("Skip Count")),
        last=parse_date(track.get("Play Date UTC")),
    )


def _opinion(track: dict[str, str]) -> float:
    """Convert loved, disliked, or a rating of 20 a star; one that iTunes computed from the album's is nobody's."""
    if "true" in (track.get("Loved"), track.get("Favorited")):
        return LIKE
    computed = track.get("Rating Computed") == "true"
    rated = 0.0 if computed else of_stars((to_number(track.get("Rating")) or 0) / 20)
    return DISLIKE if track.get("Disliked") == "true" else rated


class _Tracks:
    """Handler of the parser's events that collects complete tracks."""

    def __init__(self, name: str):
        self.complete: list[dict[str, str]] = []
        self.found = False
        self._name = name
        self._open: list[str] = []
        self._section = ""  # the last key of the outermost dict
        self._key = ""
        self._text: list[str] = []
        self._length = 0
        self._track: dict[str, str] = {}

    def start(self, tag: str, _: dict[str, str]) -> None:
        if not self._open and tag != "plist":
            raise SourceError(f"{self._name}: not a library of iTunes")
        self._open.append(tag)
        self._text.clear()
        self._length = 0
        if self._section == "Tracks" and len(self._open) >= _TRACK_DEPTH - 1 and tag == "dict":
            self.found = True
            self._track = {}

    def data(self, letters: str) -> None:
        self._length += len(letters)
        if self._length <= _MAX_VALUE:
            self._text.append(letters)

    def end(self, tag: str) -> None:
        depth, value = len(self._open), "".join(self._text)
        if tag == "key" and depth == 3:
            self._section = value
        elif tag == "key":
            self._key = value
        elif self._section == "Tracks" and depth == _TRACK_DEPTH + 1:
            self._track[self._key] = tag if tag in ("true", "false") else value
        elif self._section == "Tracks" and depth == _TRACK_DEPTH and tag == "dict":
            self.complete.append(self._track)
        self._open.pop()
        self._text.clear()
        self._length = 0

    def entity(self, *_: object) -> None:
        # iTunes writes none; a small file could expand to a huge one with them.
        raise SourceError(f"{self._name}: declares XML entities, which no library of iTunes does")


def _chunks(member: Member) -> Iterator[str]:
    """Read the text of an XML file in its declared encoding, without what a parser would refuse."""
    declared = _DECLARED.search(first_bytes(member))
    encoding = declared[1].decode().lower() if declared else "utf-8"
    if encoding.startswith("utf"):
        encoding = "utf-8-sig"  # see Member.open
    with errors_named(member.name), member.open() as raw:
        text = TextIOWrapper(raw, encoding, WESTERN if encoding == "utf-8-sig" else "replace", newline="")
        rest = ""
        while piece := text.read(_CHUNK):
            rest += piece
            end = _UNFINISHED.search(rest, max(0, len(rest) - 64)).start()  # type: ignore[union-attr]
            yield _allowed(rest[:end])
            rest = rest[end:]
        yield _allowed(rest)


def _allowed(text: str) -> str:
    text = _REFERENCE.sub(_to_allowed, _BARE_AMPERSAND.sub("&amp;", _FORBIDDEN.sub(" ", text)))
    if _SURROGATE.search(text):  # pairs are a letter
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _to_allowed(reference: re.Match[str]) -> str:
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    if 0xD800 <= code < 0xE000:
        return chr(code)
    return " " if code > 0x10FFFF or _FORBIDDEN.match(chr(code)) else reference[0]


def _tracks(file: Member) -> Iterator[dict[str, str]]:
    if first_bytes(file).startswith(b"bplist"):
        raise SourceError(f"{file.name}: a binary property list; export the library as XML (File, Library, Export)")
    found = _Tracks(file.name)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.data
    parser.EntityDeclHandler = found.entity
    try:
        for piece in _chunks(file):
            parser.Parse(piece)
            yield from found.complete
            found.complete.clear()
        parser.Parse("", True)
    except expat.ExpatError as error:
        raise SourceError(f"{file.name}: line {error.lineno}: {expat.errors.messages[error.code]}") from None
    except (ValueError, LookupError) as error:
        raise SourceError(f"{file.name}: not XML ({error})") from None
    if not found.found:
        raise SourceError(f"{file.name}: not a library of iTunes: it has no Tracks")


ITUNES = Format(
    "itunes",
    "iTunes and Apple Music: the library exported as XML, or a playlist as text (counts)",
    "Library.xml",
    parse,
    states_all=True,
)
