"""Decoding by ffmpeg (PyAV): Ogg Vorbis and Opus, and what libsndfile cannot read: m4a, aac, wma, mka, ac3, ape."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.base import EMPTY, UndecodableError, check_format, downmix

# Seconds before the requested place at which decoding starts: enough for any codec's overlap and bit
# reservoir. Some containers land late all the same, and get a longer run-up then.
_RUN_UPS_S = (0.25, 2.0, 15.0)
_VORBIS_RUN_UPS_S = (0.1, *_RUN_UPS_S)  # the longest packet spans less
# Seconds before the end of a Vorbis stream within which nothing is sought: the last page says where the track ends, not
# where the page would, so that time stamps after a seek to it are wrong.
_LAST_PAGE_S = 5.0
# Seconds decoded beside what was asked for, after which a seek counts as failed.
_MAX_BESIDE_S = 120
# Seconds by which a time stamp may differ from the count of samples: containers round to a millisecond, and a frame or
# two lost matter little in 3 s. More is missing audio.
_JITTER_S = 0.06
# Samples of all channels together that are mixed at once: what a file of many channels costs in memory.
_BLOCK_SAMPLES = 1 << 15
# ffmpeg's names of sample formats, but for the "p" of those that have a plane a channel.
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
# Packets in a row without a single frame, after which the stream counts as ended.
_MAX_EMPTY_PACKETS = 2_000


class AvSource:
    """A file that ffmpeg has opened; see `base.Source`."""

    def __init__(self, container: Any) -> None:
        stream = container.streams.best("audio")
        if stream is None:
            raise UndecodableError("no audio in it")
        codec = stream.codec_context
        # cfaudio runs a process a core; ffmpeg's own threads would only compete with them.
        codec.thread_count = 1
        check_format(codec.sample_rate or 0, codec.channels or 0)
        self.rate: int = codec.sample_rate
        self._container = container
        self._stream = stream
        self._frames_a_tick = float(stream.time_base) * self.rate
        self._origin = round((stream.start_time or 0) * self._frames_a_tick)
        self.frames: int = self._claimed_frames()
        self._run_ups: tuple[float, ...] = _RUN_UPS_S
        self._last_seek = self.frames
        if codec.name == "vorbis":
            self._run_ups, self._last_seek = _VORBIS_RUN_UPS_S, self.frames - int(_LAST_PAGE_S * self.rate)

    def _claimed_frames(self) -> int:
        # For a raw stream (adts, ac3), which does not tell, this is ffmpeg's guess from the bit rate.
        if self._stream.duration is not None:
            claimed = int(self._stream.duration * self._stream.time_base * self.rate)
            return max(0, claimed - _pre_skip(self._stream.codec_context))
        return max(0, (self._container.duration or 0) * self.rate // av.time_base)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return middle and side of the frames from `start` on: fewer where the file ends or is damaged."""
        for i, run_up in enumerate(self._run_ups):
            first = min(start - int(run_up * self.rate), self._last_seek)
            with contextlib.suppress(av.FFmpegError):
                audio = self._decode(first, start, count)
                if audio is not None:
                    # A run-up that was too short here would be decoded in vain at every other place of the file too.
                    self._run_ups = self._run_ups[i:]
                    return audio
            if first <= 0:
                break
        return EMPTY

    def _decode(self, first: int, start: int, count: int) -> NDArray[np.float32] | None:
        """Decode from `first` on, keep [start, start + count); None if the seek landed late."""
        self._seek(first)
        jitter = int(_JITTER_S * self.rate)
        end, most = start + count + jitter, count + _MAX_BESIDE_S * self.rate
        blocks = _Blocks()
        # Place of the first frame of all, by each time stamp. Right after a seek they may be some
        # milliseconds off, since a container knows only where its pages end.
        origins: list[int] = []
        origin = start
        decoded = 0
        for block in self._iter_blocks():
            pts, samples = block.pts, block.samples
            before = origin
            if pts is not None:
                origin = round(pts * self._frames_a_tick) - self._origin - decoded
            if origins:
                if abs(origin - before) > jitter:
                    break
            elif origin > start and first > 0:
                return None
            if block.sample_rate != self.rate:
                break
            origins.append(origin)
            decoded += samples
            reached = origin + decoded
            if reached > start - jitter:
                blocks.add(block, samples)
            if reached >= end or decoded >= most:
                break
        if not blocks.frames:
            return EMPTY
        begins = int(np.median(origins)) + decoded - blocks.frames
        if begins > start and first > 0:
            return None
        # Nothing comes earlier: the audio begins after the beginning of the track.
        silence = np.zeros((2, min(max(0, begins - start), count)), np.float32)
        audio = blocks.downmixed()[:, max(0, start - begins) :][:, : count - silence.shape[1]]
        return np.concatenate([silence, audio], axis=1) if silence.shape[1] else audio

    def _seek(self, first: int) -> None:
        ticks = (self._origin + max(0, first)) / self._frames_a_tick
        self._container.seek(int(ticks), stream=self._stream)

    def _iter_blocks(self) -> Iterator[Any]:
        """Iterate over what the decoder gives at a time, a few milliseconds; ffmpeg calls it a frame."""
        empty = 0
        for packet in self._container.demux(self._stream):
            try:
                blocks = packet.decode()
            except av.FFmpegError:  # a damaged packet; the next one may be whole
                blocks = []
            empty = 0 if blocks else empty + 1
            if empty > _MAX_EMPTY_PACKETS:
                return
            yield from blocks


class _Blocks:
    """Joined blocks. They are short, and handled many at a time, as long as they are of one format."""

    def __init__(self) -> None:
        self.frames = 0
        self._format: tuple[str, int] = ("", 0)
        self._blocks: list[Any] = []
        self._size = 0
        self._done: list[NDArray[np.float32]] = []

    def add(self, block: Any, samples: int) -> None:
        """Append a block of so many samples."""
        its_format = block.format.name, block.layout.nb_channels
        if its_format != self._format:
            self._mix()
            self._format = its_format
        self._blocks.append(block)
        self.frames += samples
        self._size += samples * its_format[1]
        if self._size > _BLOCK_SAMPLES:
            self._mix()

    def downmixed(self) -> NDArray[np.float32]:
        """Mix all of them to middle and side, shape (2, frames)."""
        self._mix()
        return np.concatenate(self._done, axis=1)

    def _mix(self) -> None:
        if self._blocks:
            self._done.append(downmix([_to_float(channel) for channel in _channels_of(self._blocks)]))
        self._blocks, self._size = [], 0


def _channels_of(blocks: Sequence[Any]) -> list[NDArray[Any]]:
    """Join the samples of blocks of one format, an array a channel.

    PyAV's own to_ndarray() takes as long for a block, which is a few milliseconds, as decoding it.
    """
    first = blocks[0]
    channels, dtype = first.layout.nb_channels, _DTYPES[first.format.name.removesuffix("p")]
    parts = [(block.planes, block.samples) for block in blocks]
    if first.format.is_planar:
        return [np.concatenate([np.frombuffer(planes[c], dtype, n) for planes, n in parts]) for c in range(channels)]
    packed = np.concatenate([np.frombuffer(planes[0], dtype, n * channels) for planes, n in parts])
    return list(packed.reshape(-1, channels).T)


def _pre_skip(codec: Any) -> int:
    """Count the frames at the beginning of an Opus stream that are in its duration, and are no audio."""
    head: bytes = codec.extradata or b""
    return int.from_bytes(head[10:12], "little") if head.startswith(b"OpusHead") else 0


def _to_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Return samples of any type at full scale 1.0."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    half = 1 << (8 * samples.dtype.itemsize - 1)
    signed = samples.astype(np.float32)
    if samples.dtype.kind == "u":
        signed -= np.float32(half)
    return signed / np.float32(half)


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    """Keep playlists that pose as audio from opening other files or the network."""
    raise PermissionError(f"{url} is not this file")


@contextlib.contextmanager
def open_av(path: bytes | str) -> Iterator[AvSource]:
    """Open a regular file with ffmpeg.

    Raises
    ------
    UndecodableError
        If ffmpeg does not know the format, or finds no audio stream in it.
    """
    # An open file without its name: ffmpeg would take "concat:a|b" or "http://..." in a name for a protocol.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        try:
            container = av.open(file, metadata_errors="replace", io_open=_refuse)
        except av.FFmpegError as error:
            raise UndecodableError(error.strerror or "") from error
        with container:
            yield AvSource(container)
