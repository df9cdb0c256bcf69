"""ffmpeg (PyAV) as a source of sound, for what libsndfile cannot read: m4a, aac, wma, mka, ac3, ape."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.source import NO_SOUND, UndecodableError, check_format, downmix

# Seconds before the wanted place from which decoding starts: enough for any codec's overlap and bit
# reservoir. Some containers land late all the same, and get a longer run-up then.
_RUN_UPS = (0.25, 2.0, 15.0)
# Seconds decoded beside what was asked for, after which a seek counts as failed.
_PATIENCE = 120
# Seconds by which a time stamp may differ from the count of samples: containers round to a millisecond, and
# a frame or two lost is not heard in 3 s.  More is missing sound.
_JITTER = 0.06
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
        self._origin = float((stream.start_time or 0) * stream.time_base)
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
                pieces = self._decode(first, start, count)
                if pieces is not None:
                    # What was too short here would be tried in vain, and decoded, at every other place of the file.
                    self._run_ups = self._run_ups[i:]
                    return np.concatenate(pieces, axis=1) if pieces else NO_SOUND
            if first <= 0:
                break
        return NO_SOUND

    def _decode(self, first: int, start: int, count: int) -> list[NDArray[np.float32]] | None:
        """Decode from `first` on, keep [start, start + count); None if the seek landed late."""
        self._seek(first)
        pieces: list[NDArray[np.float32]] = []
        # Position counts samples from the first time stamp on; due is where the next stamp is expected.
        position: int | None = None
        due = start
        budget = count + _PATIENCE * self.rate
        for frame in self._frames():
            stamp = due if frame.pts is None else self._position(frame)
            if position is None:
                position = stamp
                if position > start:
                    if first > 0:
                        return None
                    # Nothing comes earlier: the sound begins after the beginning of the track.
                    pieces.append(np.zeros((2, min(position - start, count)), dtype=np.float32))
                    count -= pieces[-1].shape[1]
            elif abs(stamp - due) > _JITTER * self.rate:
                break
            if frame.sample_rate != self.rate:
                break
            sound = downmix(_to_float(frame))
            skip, length = max(0, start - position), sound.shape[1]
            if skip < length:
                pieces.append(sound[:, skip : skip + count])
                count -= pieces[-1].shape[1]
            position += length
            due = stamp + length
            budget -= length
            if count <= 0 or budget <= 0:
                break
        return pieces

    def _seek(self, first: int) -> None:
        seconds = self._origin + max(0, first) / self.rate
        self._container.seek(int(seconds / self._stream.time_base), stream=self._stream)

    def _position(self, frame: Any) -> int:
        return round((float(frame.pts * frame.time_base) - self._origin) * self.rate)

    def _frames(self) -> Iterator[Any]:
        barren = 0
        for packet in self._container.demux(self._stream):
            frames = []
            with contextlib.suppress(av.FFmpegError):  # a damaged packet; the next one may be whole
                frames = packet.decode()
            barren = 0 if frames else barren + 1
            if barren > _BARREN_PACKETS:
                return
            yield from frames


def _pre_skip(codec: Any) -> int:
    """Frames at the beginning of an Opus stream that are counted in its duration, and are no sound."""
    head: bytes = codec.extradata or b""
    return int.from_bytes(head[10:12], "little") if head.startswith(b"OpusHead") else 0


def _to_float(frame: Any) -> NDArray[np.float32]:
    """Return the frame's samples at full scale 1.0, shape (channels, frames)."""
    samples: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
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
