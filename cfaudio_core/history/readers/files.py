"""Files, folders and zip archives, read in chunks and never whole."""

from __future__ import annotations

import codecs
import contextlib
import csv
import functools
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from cfaudio_core.errors import SourceError

_BOMS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# UTF-16 without its mark: of the first two letters, as of nearly all in an export, one byte is 0.
_UNMARKED = {
    re.compile(rb"[\t-\r -~]\0[\t-\r -~]\0"): "utf-16-le",
    re.compile(rb"\0[\t-\r -~]\0[\t-\r -~]"): "utf-16-be",
}
_GZIP = b"\x1f\x8b\x08"

WESTERN = "cfaudio-western"
"""Error handler that reads bytes which are no UTF-8 as Windows-1252: a stray one costs a letter, not the file."""
_MAX_LINE = 1 << 20  # characters
_BOMB_BYTES = 256 << 20  # below that the ratio does no harm
_BOMB_RATIO = 200  # listens, the same track over and over included, pack to a fiftieth at best
# What systems leave beside the files of others: macOS for each one in a zip archive, all of them in folders.
_NO_CONTENT = re.compile(r"(^|/)(__MACOSX/|\._|(\.DS_Store|Thumbs\.db|desktop\.ini)$)", re.IGNORECASE)
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, struct.error, NotImplementedError)


class Member(NamedTuple):
    """A file on disk or in an archive.

    Attributes
    ----------
    name
        Name for messages, with that of the archive.
    path
        Path inside the folder or archive, with forward slashes; without ".gz".
    open
        Opens it for reading bytes; text is UTF-8, whatever it is in the file.
    """

    name: str
    path: str
    open: Callable[[], IO[bytes]]


def local_path(source: str) -> Path:
    """Convert `source` to a path; SourceError where nothing exists."""
    if not source:
        raise SourceError("the name of a file or folder is missing")  # and is not the current folder
    try:
        path = Path(source).expanduser()
        if path.is_dir() or path.is_file():
            return path
        exists = path.exists()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: "~somebody" of whom there is no home
        raise SourceError(f"{source[:200]}: {getattr(error, 'strerror', None) or error}") from None
    raise SourceError(f"{source}: {'neither a file nor a folder' if exists else 'no such file'}")


@contextlib.contextmanager
def errors_named(name: str) -> Iterator[None]:
    """Turn errors of reading into a SourceError that names the file."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror or error}") from error
    except _DAMAGE as error:
        raise SourceError(f"{name}: damaged or cut short ({error})") from error


@contextlib.contextmanager
def members(source: str, pattern: str, kind: str) -> Iterator[list[Member]]:
    """Open a file, a folder or a zip archive.

    The file itself may have any name. In a folder or an archive, `pattern` is a regular expression to search in paths;
    the files are in the order of names with numbers, without empty ones, and `kind` names them in the error where there
    is none. Files may be packed by gzip.
    """
    path = local_path(source)
    with contextlib.ExitStack() as stack, errors_named(source):
        if path.is_dir():
            found = (file for file in path.rglob("*") if file.is_file() and file.stat().st_size)
            inside = [
                _member(str(file), file.relative_to(path).as_posix(), functools.partial(_open, file)) for file in found
            ]
        elif starts_with(path, b"PK"):
            inside = _archived(stack.enter_context(_archive(path, source)), source)
        else:
            yield [_member(source, path.name, functools.partial(_open, path))]
            return
        inside = [member for member in inside if not _NO_CONTENT.search(member.path)]
        matching = sorted((member for member in inside if re.search(pattern, member.path)), key=_in_order)
        if not matching:
            raise SourceError(f"{source}: holds no {kind}")
        yield matching


def _member(name: str, path: str, open_file: Callable[[], IO[bytes]]) -> Member:
    return Member(name, path.removesuffix(".gz"), functools.partial(_open_text, open_file))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _in_order(member: Member) -> list[tuple[int, str]]:
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in re.split(r"(\d{1,18})", member.path)]


def starts_with(path: Path, magic: bytes) -> bool:
    """Tell whether a file begins with some bytes."""
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _archive(path: Path, source: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (*_DAMAGE, ValueError) as error:
        raise SourceError(f"{source}: not a whole zip archive ({error})") from error


def _archived(archive: zipfile.ZipFile, source: str) -> list[Member]:
    files = [info for info in archive.infolist() if not info.is_dir()]
    packed, unpacked = sum(info.compress_size for info in files), sum(info.file_size for info in files)
    if unpacked > _BOMB_BYTES and unpacked > _BOMB_RATIO * max(packed, Path(source).expanduser().stat().st_size):
        raise SourceError(f"{source}: would unpack to {unpacked / 1e9:.1f} GB, which no listening history does")
    if any(info.flag_bits & 1 for info in files):
        raise SourceError(f"{source}: the zip archive is encrypted")
    return [
        _member(f"{source}: {info.filename}", info.filename.replace("\\", "/"), functools.partial(archive.open, info))
        for info in files
        if info.file_size
    ]


def first_bytes(member: Member, count: int = 4096) -> bytes:
    """Read the beginning of a file without the byte order mark of UTF-8."""
    with errors_named(member.name), member.open() as file:
        return file.read(count).removeprefix(codecs.BOM_UTF8)


def lines(member: Member, errors: str = WESTERN) -> Iterator[tuple[int, str]]:
    """Read the lines of a text file, numbered from 1, their ends included.

    Bytes that are no UTF-8 are read as Windows-1252, or kept as surrogates with `errors` "surrogateescape".
    """
    at = 0
    with errors_named(member.name), member.open() as raw:
        file = io.TextIOWrapper(raw, "utf-8-sig", errors, newline="")
        while line := file.readline(_MAX_LINE):
            at += 1
            if len(line) == _MAX_LINE:
                raise SourceError(f"{member.name}: line {at} has no end")
            yield at, line


def full_rows(
    table: Iterable[tuple[int, list[str]]], width: int, name: str, on_short: Callable[[], None]
) -> Iterator[tuple[int, list[str]]]:
    """Leave out rows of fewer columns than `width`; SourceError for the last one, or where a quote is never closed."""
    short = ""
    for at, row in table:
        if short:
            on_short()
        short = f"{name}: line {at} has {len(row)} columns instead of {width}" if len(row) < width else ""
        if not short:
            yield at, row
        elif "\n" in "".join(row):
            break
    if short:
        raise SourceError(short)


def rows(member: Member, delimiter: str, *, quoted: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a table with the number of the line each ends in; empty rows are left out."""
    texts = (line for _, line in lines(member))
    table = csv.reader(texts, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    try:
        for row in table:
            if any(row):
                yield table.line_num, row
    except csv.Error as error:
        raise SourceError(f"{member.name}: line {table.line_num}: {error}") from None


def _as_western(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(WESTERN, _as_western)


def _open_text(open_file: Callable[[], IO[bytes]]) -> IO[bytes]:
    """Open a file and unpack it, if it is packed by gzip; one in UTF-16 or UTF-32 is read as UTF-8."""
    if _begins(open_file).startswith(_GZIP):
        open_file = functools.partial(_unpack, open_file)
    start = _begins(open_file)
    encoding = next((name for mark, name in _BOMS.items() if start.startswith(mark)), None)
    encoding = encoding or next((name for form, name in _UNMARKED.items() if form.match(start)), None)
    file = open_file()
    return io.BufferedReader(_Utf8(file, encoding)) if encoding else file


def _unpack(open_file: Callable[[], IO[bytes]]) -> IO[bytes]:
    packed = open_file()
    file = gzip.GzipFile(fileobj=packed)
    file.myfileobj = packed  # type: ignore[assignment]  # closed with it
    return file  # type: ignore[return-value]


def _begins(open_file: Callable[[], IO[bytes]]) -> bytes:
    with open_file() as file:
        return file.read(4)


class _Utf8(io.RawIOBase):
    """The text of a file in another encoding, as bytes of UTF-8."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._text = io.TextIOWrapper(file, encoding, "replace", newline="")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            self._left = self._text.read(1 << 16).encode("utf-8", "replace")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        self._text.close()
        super().close()
