"""JSON of any size, one entry at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

import ijson

from cfaudio_core.errors import SourceError
from cfaudio_core.history.readers.files import WESTERN, Member, errors_named, first_bytes, lines

_MAX_ENTRY_BYTES = 64 << 20
_BLANK_CONTROLS = b" " * 32 + bytes(range(32, 256))
_NO_NUMBER = re.compile(rb"(:\s*)(?:NaN|-?Infinity)(?=\s*[,}])")  # of Python's and pandas' writers, forbidden in JSON
_UNFINISHED = re.compile(rb"(?::\s*(?:N[aN]*|-?(?:I[a-z]*)?))?\Z")
_DECODE = json.JSONDecoder(strict=False).decode
_MAX_DEPTH = 1000  # the parser's time grows with the square of the depth


def json_lines(member: Member) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Read the objects of a file with one a line, with their line numbers; None for a line that is none.

    Raises
    ------
    SourceError
        If the first line or the last one is no object: the file is of another kind, or cut short.
    """
    odd = ""
    for at, line in lines(member):
        if line.isspace():
            continue
        if odd:
            yield at - 1, None
            odd = ""
        try:
            entry = _DECODE(line)
        except (ValueError, RecursionError):
            odd = f"{member.name}: line {at} is not JSON, or cut short"
        else:
            odd = "" if isinstance(entry, dict) else f"{member.name}: line {at} is not a JSON object"
        if not odd:
            yield at, entry
        elif at == 1:
            break
    if odd:
        raise SourceError(odd)


class _LimitedFile:
    """File that limits the length and the depth of an entry, and has a blank for what JSON forbids in texts.

    Depth is the number of open brackets, those in texts included. Bytes that are no UTF-8 are read as Windows-1252.
    """

    def __init__(self, file: IO[bytes], name: str):
        self._file = file
        self._name = name
        self._length = self._depth = 0
        self._rest = b""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(WESTERN)

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""  # ijson asks what type it will get
        chunk = b""
        while not chunk:
            raw = self._file.read(size)
            read = self._rest + self._decoder.decode(raw, final=not raw).encode().translate(_BLANK_CONTROLS)
            end = len(read) if not raw else _UNFINISHED.search(read, max(0, len(read) - 32)).start()  # type: ignore[union-attr]
            chunk, self._rest = _NO_NUMBER.sub(rb"\1null", read[:end]), read[end:]
            if not raw:
                break
        self._length += len(chunk)
        self._depth += chunk.count(b"[") + chunk.count(b"{") - chunk.count(b"]") - chunk.count(b"}")
        if self._length > _MAX_ENTRY_BYTES:
            raise SourceError(f"{self._name}: an entry of more than {_MAX_ENTRY_BYTES >> 20} MiB")
        if self._depth > _MAX_DEPTH:
            raise SourceError(f"{self._name}: JSON nested more than {_MAX_DEPTH:,} deep")
        return chunk

    def entry_ended(self) -> None:
        self._length = self._depth = 0


def json_entries(member: Member, prefix: str, kind: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Read the objects of an array inside a JSON file, one at a time, numbered from 1; None for another value.

    `prefix` is the path of the array: "item" for the file's own, "listens.item" for the one under that key; `kind`
    names the expected content in messages.

    Raises
    ------
    SourceError
        If it is no JSON, has no such array, or is cut short.
    """
    start = first_bytes(member).lstrip()[:1]
    if start != (b"[" if prefix == "item" else b"{"):
        raise SourceError(f"{member.name}: {f'not {kind}' if start else 'empty'}")
    at = 0
    with errors_named(member.name), member.open() as raw:
        file = _LimitedFile(raw, member.name)
        try:
            for entry in ijson.items(file, prefix, use_float=True):
                at += 1
                file.entry_ended()
                if at == 1 and not isinstance(entry, dict):
                    raise SourceError(f"{member.name}: entry {at} is not {kind}")
                yield at, entry if isinstance(entry, dict) else None
        except (ijson.JSONError, UnicodeError, RecursionError) as error:
            why = "is cut short or damaged" if isinstance(error, ijson.IncompleteJSONError) else "is not JSON"
            raise SourceError(f"{member.name}: {why if at else 'not JSON'} after entry {at}") from None
    array = prefix.removesuffix(".item").removesuffix("item")
    if at == 0 and not _has_array(member, array):
        raise SourceError(f"{member.name}: not {kind}" + (f": it has no list {array!r}" if array else ""))


def _has_array(member: Member, prefix: str) -> bool:
    with errors_named(member.name), member.open() as raw:
        return any(
            event == "start_array" and where == prefix
            for where, event, _ in ijson.parse(_LimitedFile(raw, member.name), use_float=True)
        )
