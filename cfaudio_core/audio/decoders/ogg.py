"""Several streams one after the other in one Ogg file ("chained"), of which decoders read the first one at best."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
from collections.abc import Callable
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.base import EMPTY, Source, UndecodableError

_MAX_PAGE_BYTES = 65_307
# The first page of a stream: mark, version, flag, position, serial, sequence, checksum and the lengths of its segments.
_FIRST_PAGE = re.compile(rb"OggS\0\x02.{20}(.)", re.DOTALL)
_SERIAL = slice(14, 18)

OpenLink = Callable[[bytes], contextlib.AbstractContextManager[Source]]


def find_links(file: IO[bytes]) -> list[slice]:
    """Find the bytes of each of several links in a chain; empty for any other file."""
    head = file.read(_SERIAL.stop)
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_PAGE_BYTES))
    rest = file.read()
    last_page = rest[max(0, rest.rfind(b"OggS\0")) :]
    file.seek(0)
    if not head.startswith(b"OggS\0\x02") or last_page[_SERIAL] == head[_SERIAL]:
        return []
    begins: list[int] = []
    first_pages_end = 0
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for page in _FIRST_PAGE.finditer(content):
            if page.start() != first_pages_end or not begins:  # else one of several that play at the same time
                begins.append(page.start())
            segments = content[page.end() : page.end() + page[1][0]]
            first_pages_end = page.end() + len(segments) + sum(segments)
        ends = [*begins[1:], len(content)]
    return [slice(*ends) for ends in zip(begins, ends, strict=True)] if len(begins) > 1 else []


class ChainSource:
    """The links of a chain that have the sample rate of the first; see `base.Source`. One at a time is open."""

    def __init__(self, file: IO[bytes], links: list[slice], open_link: OpenLink) -> None:
        self._file, self._open_link = file, open_link
        self._links: list[tuple[slice, int]] = []
        for link in links:
            with contextlib.suppress(UndecodableError), self._open_link(self._bytes(link)) as source:
                if not self._links:
                    self.rate: int = source.rate
                if source.rate == self.rate:
                    self._links.append((link, source.frames))
        if not self._links:
            raise UndecodableError("none of its streams is audio")
        self.frames: int = sum(frames for _, frames in self._links)

    def recount(self, claimed: int) -> int:
        """Return the number of frames."""
        return self.frames

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return middle and side of the frames from `start` on: fewer where the file ends or is damaged."""
        parts = [EMPTY]
        before = 0
        for link, frames in self._links:
            first, last = max(start - before, 0), min(start + count - before, frames)
            before += frames
            if first < last:
                with self._open_link(self._bytes(link)) as source:
                    parts.append(source.read(first, last - first))
        return np.concatenate(parts, axis=1)

    def _bytes(self, link: slice) -> bytes:
        self._file.seek(link.start)
        return self._file.read(link.stop - link.start)
