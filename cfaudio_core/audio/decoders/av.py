"""Decoding by ffmpeg (PyAV): Ogg Vorbis and Opus, and what libsndfile cannot read: m4a, aac, wma, mka, ac3, ape."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import IO, Any

import av
import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.base import EMPTY, MAX_PIECE_FRAMES, UndecodableError, check_format
from cfaudio_core.audio.decoders.blocks import Blocks, Gap
from cfaudio_core.audio.decoders.ogg import ChainSource, find_links

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
# ffmpeg's names of decoders whose rates go up to 5.6 MHz.
_ONE_BIT = "dsd", "dst", "wavpack"
# Raw streams, whose length is ffmpeg's guess from the bit rate.
_RAW = frozenset({"mp3", "aac", "loas", "ac3", "eac3", "dts", "truehd", "mlp", "amr"})
# What to do about tags that are no UTF-8: PyAV 19 replaces what it cannot read, and takes no such option.
_OF_TAGS: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
# ffmpeg guesses a format by content and not by name, and some formats say what to open: sockets (SDP), other files
# (HLS, DASH, concat) and devices. Those of music do not, and no protocol is needed: the file is open already.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,loas,matroska,mlp,mov,mp3,mpc,mpc8,mpeg,mpegts,"
    "nut,ogg,oma,rm,shn,sox,tak,truehd,tta,voc,w64,wav,wsd,wv,xwma"
)
_NOTHING_ELSE = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
# Packets in a row without a single frame, after which the stream counts as ended.
_MAX_EMPTY_PACKETS = 2_000


class AvSource:
    """A file that ffmpeg has opened; see `base.Source`.

    Where the length is unknown, or seeks land elsewhere than they say, as those in Ogg FLAC and Speex do, packets are
    counted, and what is read is decoded from the beginning on: quick if it is read in its order.
    """

    def __init__(self, container: Any) -> None:
        stream = container.streams.best("audio")
        codec = stream and stream.codec_context
        if codec is None:
            raise UndecodableError("in an unknown encoding" if stream else "no audio in it")
        # cfaudio runs a process a core; ffmpeg's own threads would only compete with them.
        codec.thread_count = 1
        self.rate: int = codec.sample_rate or 0
        # A frame of DSD is eight bits, of which it takes 64 to 1024 for what others say in one number.
        check_format(self.rate // 8 if codec.name.startswith(_ONE_BIT) else self.rate, codec.channels or 0)
        self._container, self._stream = container, stream
        self._frames_a_tick = float(stream.time_base) * self.rate
        self._origin = round((stream.start_time or 0) * self._frames_a_tick)
        self.frames: int = self._claimed_frames()
        self._run_ups: tuple[float, ...] = _RUN_UPS_S
        self._last_seek = self.frames
        if codec.name == "vorbis":
            self._run_ups, self._last_seek = _VORBIS_RUN_UPS_S, self.frames - int(_LAST_PAGE_S * self.rate)
        self._kept, self._end = EMPTY, 0
        self._following: Iterator[Any] | None = None  # the blocks after those decoded, where seeks are no use
        # Time stamps of FLAC are numbers of frames, unless its header tells another rate, or is gone.
        lies = container.format.name == "flac" and self._frames_a_tick != 1
        claimed = 0 if lies else self.frames
        if not claimed or container.format.name in _RAW:
            self.frames = self.recount(claimed)
        if lies or self.frames != claimed or (container.format.name == "ogg" and codec.name not in ("vorbis", "opus")):
            self._rewind()

    def recount(self, claimed: int) -> int:
        """Count the frames of all packets, without decoding; return what is claimed if that is near, or none tells.

        It is near if by it the last of ten windows lies within the last tenth of the track.
        """
        self._seek(0)
        ticks = 0
        with contextlib.suppress(av.FFmpegError):
            for packet in self._container.demux(self._stream):
                ticks += packet.duration or 0
        counted = round(ticks * self._frames_a_tick)
        if not claimed and counted <= MAX_PIECE_FRAMES:
            return 0  # the beginning is the whole
        is_near = 0.95 * counted <= claimed and 0.95 * claimed + 1.5 * self.rate <= counted
        return counted if counted and not is_near else claimed

    def _claimed_frames(self) -> int:
        # For a raw stream (adts, ac3), which does not tell, this is ffmpeg's guess from the bit rate.
        if self._stream.duration is not None:
            claimed = int(self._stream.duration * self._stream.time_base * self.rate)
            return max(0, claimed - _pre_skip(self._stream.codec_context))
        return max(0, (self._container.duration or 0) * self.rate // av.time_base)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return middle and side of the frames from `start` on: fewer where the file ends or is damaged."""
        if self._following is not None:
            return self._read_on(start, count)
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
        blocks = Blocks()
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

    def _rewind(self) -> None:
        self._seek(0)
        self._kept, self._end, self._following = EMPTY, 0, self._iter_blocks()

    def _read_on(self, start: int, count: int) -> NDArray[np.float32]:
        """Decode from where the last call ended; what this one returns is kept for the next, which may overlap."""
        if start < self._end - self._kept.shape[1]:
            self._rewind()
        blocks = Blocks()
        while self._end < start + count:
            block = next(self._following or iter(()), None)
            if block is None or block.sample_rate != self.rate:
                break
            self._end += block.samples
            if self._end > start:
                blocks.add(block, block.samples)
        audio = np.concatenate([self._kept, blocks.downmixed()], axis=1) if blocks.frames else self._kept
        self._kept = audio[:, max(0, audio.shape[1] - max(0, self._end - start)) :]
        return self._kept[:, :count]

    def _seek(self, first: int) -> None:
        self._container.seek(int((self._origin + max(0, first)) / self._frames_a_tick), stream=self._stream)

    def _iter_blocks(self) -> Iterator[Any]:
        """Iterate over what the decoder gives at a time, a few milliseconds; ffmpeg calls it a frame.

        A packet or two that it refuses are a gap, so that what follows keeps its place.
        """
        empty, lost, begun = 0, 0.0, False
        for packet in self._container.demux(self._stream):
            try:
                blocks = packet.decode()
            except av.FFmpegError:  # a damaged packet; the next one may be whole
                blocks = []
                lost += (packet.duration or 0) * self._frames_a_tick
            empty = 0 if blocks else empty + 1
            if empty > _MAX_EMPTY_PACKETS:
                return
            if blocks:
                if begun and 1 <= lost <= _JITTER_S * self.rate:
                    yield Gap(round(lost), self.rate)
                lost, begun = 0, True
            yield from blocks


def _pre_skip(codec: Any) -> int:
    """Count the frames at the beginning of an Opus stream that are in its duration, and are no audio."""
    head: bytes = codec.extradata or b""
    return int.from_bytes(head[10:12], "little") if head.startswith(b"OpusHead") else 0


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    """Keep playlists that pose as audio from opening other files or the network."""
    raise PermissionError(f"{url} is not this file")


@contextlib.contextmanager
def open_av(path: bytes | str) -> Iterator[AvSource | ChainSource]:
    """Open a regular file with ffmpeg.

    Raises
    ------
    UndecodableError
        If ffmpeg does not know the format, or finds no audio stream in it.
    """
    # An open file without its name: ffmpeg would take "concat:a|b" or "http://..." in a name for a protocol.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if links := find_links(file):
            yield ChainSource(file, links, lambda content: _open(io.BytesIO(content)))
        else:
            is_flac = os.fsencode(path).lower().endswith(b".flac") and os.fstat(descriptor).st_size > len("fLaC")
            with _open(file, is_flac=is_flac) as source:
                yield source


@contextlib.contextmanager
def _open(file: IO[bytes], *, is_flac: bool = False) -> Iterator[AvSource]:
    for name in (None, "flac")[: 1 + is_flac]:  # whose beginning is damaged: known by its frames
        try:
            container = av.open(file, format=name, options=_NOTHING_ELSE, io_open=_refuse, **_OF_TAGS)
            break
        except av.FFmpegError as error:
            file.seek(0)
            problem = error.strerror or ""
    else:
        raise UndecodableError(problem)
    with container:
        yield AvSource(container)
