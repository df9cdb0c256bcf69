"""ffmpeg (PyAV) as a source of sound, for what libsndfile cannot read: m4a, aac, wma, mka, ac3, ape."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.base import NO_SOUND, UndecodableError, check_format, downmix

# Seconds before the wanted place from which decoding starts: enough for any codec's overlap and bit
# reservoir. Some containers land late all the same, and get a longer run-up then.
_RUN_UPS = (0.25, 2.0, 15.0)
# Seconds decoded beside what was asked for, after which a seek counts as failed.
_PATIENCE = 120
# Seconds by which a time stamp may differ from the count of samples: containers round to a millisecond, and
# a frame or two lost is not heard in 3 s.  More is missing sound.
_JITTER = 0.06
# Samples of all channels together that are mixed at once: what a file of many channels costs in memory.
_BLOCK_SAMPLES = 1 << 18
# ffmpeg's names of sample formats, but for the "p" of those that have a plane a channel.
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
# Packets without a single frame, in a row, after which there is nothing to come.
_BARREN_PACKETS = 2_000


class AvSource:
    """A file that ffmpeg has opened; see `source.Source` for what it promises."""

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
        self._run_ups: tuple[float, ...] = _RUN_UPS

    def _claimed_frames(self) -> int:
        # For a raw stream (adts, ac3), which does not say, this is ffmpeg's guess from the bit rate.
        if self._stream.duration is not None:
            claimed = int(self._stream.duration * self._stream.time_base * self.rate)
            return max(0, claimed - _pre_skip(self._stream.codec_context))
        return max(0, (self._container.duration or 0) * self.rate // av.time_base)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return middle and side of the frames from `start` on: fewer where the file ends or is damaged."""
        for i, run_up in enumerate(self._run_ups):
            first = start - int(run_up * self.rate)
            with contextlib.suppress(av.FFmpegError):
                sound = self._decode(first, start, count)
                if sound is not None:
                    # What was too short here would be tried in vain, and decoded, at every other place of the file.
                    self._run_ups = self._run_ups[i:]
                    return sound
            if first <= 0:
                break
        return NO_SOUND

    def _decode(self, first: int, start: int, count: int) -> NDArray[np.float32] | None:
        """Decode from `first` on, keep [start, start + count); None if the seek landed late."""
        self._seek(first)
        jitter = int(_JITTER * self.rate)
        sound = _Sound()
        # Where the first frame of all lies, as each time stamp has it. Right after a seek they may be some
        # milliseconds off, since a container knows only where its pages end.
        origins: list[int] = []
        decoded = 0
        for block in self._blocks():
            if block.pts is not None:
                origin = round(block.pts * self._frames_a_tick) - self._origin - decoded
            else:
                origin = origins[-1] if origins else start
            if origins and abs(origin - origins[-1]) > jitter:
                break
            if not origins and origin > start and first > 0:
                return None
            if block.sample_rate != self.rate:
                break
            origins.append(origin)
            decoded += block.samples
            if origin + decoded > start - jitter:
                sound.add(block)
            if origin + decoded >= start + count + jitter or decoded >= count + _PATIENCE * self.rate:
                break
        if not sound.frames:
            return NO_SOUND
        begins = int(np.median(origins)) + decoded - sound.frames
        if begins > start and first > 0:
            return None
        # Nothing comes earlier: the sound begins after the beginning of the track.
        silence = np.zeros((2, min(max(0, begins - start), count)), np.float32)
        heard = sound.downmixed()[:, max(0, start - begins) :][:, : count - silence.shape[1]]
        return np.concatenate([silence, heard], axis=1) if silence.shape[1] else heard

    def _seek(self, first: int) -> None:
        ticks = (self._origin + max(0, first)) / self._frames_a_tick
        self._container.seek(int(ticks), stream=self._stream)

    def _blocks(self) -> Iterator[Any]:
        """What the decoder gives at a time, a few milliseconds; ffmpeg calls it a frame."""
        barren = 0
        for packet in self._container.demux(self._stream):
            blocks = []
            with contextlib.suppress(av.FFmpegError):  # a damaged packet; the next one may be whole
                blocks = packet.decode()
            barren = 0 if blocks else barren + 1
            if barren > _BARREN_PACKETS:
                return
            yield from blocks


class _Sound:
    """Blocks put together. They are short, and handled many at a time, as long as they are of one format."""

    def __init__(self) -> None:
        self.frames = 0
        self._format: tuple[str, int] = ("", 0)
        self._blocks: list[Any] = []
        self._size = 0
        self._done: list[NDArray[np.float32]] = []

    def add(self, block: Any) -> None:
        """Append a block."""
        its_format = block.format.name, block.layout.nb_channels
        if self._blocks and its_format != self._format:
            self._mix()
        self._format = its_format
        self._blocks.append(block)
        self.frames += block.samples
        self._size += block.samples * its_format[1]
        if self._size > _BLOCK_SAMPLES:
            self._mix()

    def downmixed(self) -> NDArray[np.float32]:
        """Middle and side of all of them, shape (2, frames)."""
        if self._blocks:
            self._mix()
        return np.concatenate(self._done, axis=1)

    def _mix(self) -> None:
        self._done.append(downmix([_to_float(channel) for channel in channels_of(self._blocks)]))
        self._blocks, self._size = [], 0


def channels_of(blocks: Sequence[Any]) -> list[NDArray[Any]]:
    """Put the samples of blocks of one format together, an array a channel.

    PyAV's own to_ndarray() takes as long for a block, which is a few milliseconds, as decoding it.
    """
    first = blocks[0]
    channels, dtype = first.layout.nb_channels, _DTYPES[first.format.name.removesuffix("p")]
    if first.format.is_planar:
        return [np.concatenate([np.frombuffer(b.planes[c], dtype, b.samples) for b in blocks]) for c in range(channels)]
    packed = np.concatenate([np.frombuffer(b.planes[0], dtype, b.samples * channels) for b in blocks])
    return list(packed.reshape(-1, channels).T)


def _pre_skip(codec: Any) -> int:
    """Frames at the beginning of an Opus stream that are counted in its duration, and are no sound."""
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
