"""Texts in any usual encoding as UTF-8."""

from __future__ import annotations

import codecs
import functools
import gzip
import io
import re
from collections.abc import Callable
from typing import IO

_BOMS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# UTF-16 without its mark: of the first two letters, as of nearly all in an export, one byte is 0.
_UNMARKED = {
    re.compile(rb"[\t-\r -~]\0[\t-\r -~]\0"): "utf-16-le",
    re.compile(rb"\0[\t-\r -~]\0[\t-\r -~]"): "utf-16-be",
}
_GZIP = b"\x1f\x8b\x08"

WESTERN = "cfaudio-western"
"""Error handler that reads bytes which are no UTF-8 as Windows-1252: a stray one costs a letter, not the file."""


def _as_western(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(WESTERN, _as_western)


def open_text(open_file: Callable[[], IO[bytes]]) -> IO[bytes]:
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
