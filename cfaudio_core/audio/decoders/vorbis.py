"""Ogg Vorbis as a source of sound: pages read by mutagen, packets decoded by ffmpeg (PyAV).

ffmpeg decodes Vorbis in half the time that libsndfile takes. Of seeks both make mistakes, libsndfile of up to 20 ms in
one file of twenty. But every page says at which frame of the track it ends (RFC 3533; Vorbis I specification, A.2), and
so every frame has its exact place.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import av
import numpy as np
from mutagen.ogg import OggPage
from mutagen.ogg import error as OggError  # noqa: N812 (it is a class)
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.av import channels_of
from cfaudio_core.audio.decoders.base import NO_SOUND, UndecodableError, check_format, downmix

# Bytes that are read at once to find a page, and within which pages are gone through one by one.
_NEAR = 1 << 15
# Bytes at the end of a file in which the last whole page must be; no page is longer than half of it.
_TAIL = 1 << 17
# Bytes that may come before the sound: pictures among the tags.
_MOST_HEADERS = 1 << 26
# Guesses by the rate of bytes so far, after which the place of a page is looked for in halves.
_GUESSES = 8


class VorbisSource:
    """An Ogg file of one Vorbis stream that begins at its beginning; see `source.Source` for what it promises."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        head, setup = self._headers()
        self._longest = 1 << (head[28] >> 4)  # frames that the longest packet spans
        self._decoder: Any = av.CodecContext.create("vorbis", "r")
        # cfaudio runs a process a core; ffmpeg's own threads would only compete with them.
        self._decoder.thread_count = 1
        self._decoder.extradata = _laced(head, b"\x03vorbis", setup)  # the tags are not wanted
        self._decoder.open()
        check_format(self._decoder.sample_rate, self._decoder.channels)
        self.rate: int = self._decoder.sample_rate
        self._size = file.seek(0, os.SEEK_END)
        self.frames: int = self._last_frame()
        self._rest = self._sound(0)
        self._kept, self._at = next(self._rest, NO_SOUND), 0
        if not self._kept.shape[1]:
            raise UndecodableError("its first page is damaged, or not its first")

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return middle and side of the frames from `start` on: fewer where the file ends or is damaged."""
        if start != self._at:
            self._rest, self._kept = self._sound(start), NO_SOUND
        parts, length = [self._kept], self._kept.shape[1]
        while length < count and (part := next(self._rest, None)) is not None:
            parts.append(part)
            length += part.shape[1]
        sound = np.concatenate(parts, axis=1)
        sound, self._kept = sound[:, :count], sound[:, count:]
        self._at = start + sound.shape[1]
        return sound

    def close(self) -> None:
        """Let go of what was decoded: what is under way holds on to its source, and that to it."""
        self._rest, self._kept = iter(()), NO_SOUND

    def _headers(self) -> tuple[bytes, bytes]:
        """The first packet, and the third: the second has the tags. Sound should begin on a new page, and may not."""
        first = OggPage(self._file)
        self._serial: int = first.serial
        pages = [self._page()]
        while len(packets := OggPage.to_packets(pages)) - (not pages[-1].complete) < 2:
            if self._file.tell() > _MOST_HEADERS:
                raise UndecodableError("its headers have no end")
            pages.append(self._page())
        self._first_page: int = pages[-1].offset
        return first.packets[0], packets[1]

    def _last_frame(self) -> int:
        """Where the last whole page says it ends."""
        self._file.seek(max(self._first_page, self._size - _TAIL))
        tail = self._file.read()
        at = len(tail)
        while (at := tail.rfind(b"OggS", 0, at)) >= 0:
            with contextlib.suppress(OggError, EOFError):
                page = OggPage(io.BytesIO(tail[at:]))
                if page.serial != self._serial:
                    raise UndecodableError("several streams")
                if page.position > 0:
                    return int(page.position)
        raise UndecodableError("no page at its end")

    def _page(self) -> Any:
        page = OggPage(self._file)
        if page.serial != self._serial:
            raise UndecodableError("several streams")
        return page

    def _sound(self, start: int) -> Iterator[NDArray[np.float32]]:
        """Middle and side from a frame on, a page at a time, up to the end or to what is damaged."""
        with contextlib.suppress(OggError, EOFError, UndecodableError, av.FFmpegError):
            self._decoder.flush_buffers()
            # After a seek, a packet that began on an earlier page is lost, and the next one gives no sound.
            self._file.seek(self._page_after(start - self._longest))
            begin: int | None = None
            begun: bytes | None = None
            sequence: int | None = None
            while True:
                page = self._page()
                if sequence not in (None, page.sequence):
                    return
                sequence = page.sequence + 1
                packets = list(page.packets)
                if page.continued and packets:
                    packets[0] = begun + packets[0] if begun is not None else b""
                begun = None if page.complete or not packets else packets.pop()
                sound = self._decode(packets)
                if not sound.shape[1]:
                    continue
                if begin is None:
                    begin = 0 if page.last else page.position - sound.shape[1]
                    if begin > start:
                        return
                end = begin + sound.shape[1]
                if page.last:
                    end = min(end, page.position)
                elif page.position != end:
                    return
                yield sound[:, max(0, start - begin) : max(0, end - begin)]
                begin = end

    def _decode(self, packets: Sequence[bytes]) -> NDArray[np.float32]:
        # Headers have odd types. An empty packet would be the end of the stream for ffmpeg.
        sound = [packet for packet in packets if packet and not packet[0] & 1]
        blocks = [block for packet in sound for block in self._decoder.decode(av.Packet(packet))]
        return downmix(channels_of(blocks)) if blocks else NO_SOUND

    def _page_after(self, frame: int) -> int:
        """Where the page begins that follows the last one to end at a frame or before."""
        low, low_frame, high, high_frame = self._first_page, 0, self._size, max(self.frames, frame + 1)
        tries = 0
        while high - low > _NEAR and frame - low_frame > self.rate:
            share = (frame - low_frame) / (high_frame - low_frame) if tries < _GUESSES else 0.5
            middle = max(low, low + int(share * (high - low)) - _NEAR // 2)
            page = self._next_page(middle, high)
            if page is None or page.position > frame:
                high, high_frame = middle, page.position if page else high_frame
            else:
                low, low_frame = self._file.tell(), page.position
            tries += 1
        self._file.seek(low)
        while (page := self._page()).position <= frame:
            if page.position >= 0:
                low, low_frame = self._file.tell(), page.position
        # How much of its last page a stream has is told by where the page before ends.
        return self._page_after(low_frame - 1) if page.last and low_frame > 0 else low

    def _next_page(self, low: int, high: int) -> Any:
        """The first page from an offset on and before another, on which a packet ends."""
        while low < high:
            self._file.seek(low)
            there = self._file.read(_NEAR).find(b"OggS")
            low += there if there >= 0 else _NEAR - 3
            if there >= 0 and low < high:
                self._file.seek(low)
                with contextlib.suppress(OggError, EOFError, UndecodableError):
                    if (page := self._page()).position >= 0:
                        return page
                low += 4
        return None


def _laced(*headers: bytes) -> bytes:
    """Headers as ffmpeg wants them: their number less one, the sizes of all but the last, and themselves."""
    sizes = (b"\xff" * (len(header) // 255) + bytes([len(header) % 255]) for header in headers[:-1])
    return b"".join([bytes([len(headers) - 1]), *sizes, *headers])


@contextlib.contextmanager
def open_vorbis(path: bytes | str) -> Iterator[VorbisSource]:
    """Open a regular file that begins with a page of Vorbis.

    Raises
    ------
    UndecodableError
        If it is not one such stream from its beginning on; libsndfile may know what it is.
    """
    with open(path, "rb", buffering=_NEAR) as file:  # noqa: PTH123 (names are bytes)
        try:
            source = VorbisSource(file)
        except (OggError, EOFError, ValueError, IndexError, av.FFmpegError) as error:
            raise UndecodableError(str(error)) from error
        try:
            yield source
        finally:
            source.close()
