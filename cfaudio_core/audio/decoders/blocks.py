"""Blocks of decoded audio, as ffmpeg gives them, joined and mixed many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.audio.decoders.base import downmix

# Samples of all channels together that are mixed at once: what a file of many channels costs in memory.
_BLOCK_SAMPLES = 1 << 15
# ffmpeg's names of sample formats, but for the "p" of those that have a plane a channel.
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}


class Gap(NamedTuple):
    """In place of blocks that are damaged."""

    samples: int
    sample_rate: int
    pts: None = None


class Blocks:
    """Joined blocks. They are short, and handled many at a time, as long as they are of one format."""

    def __init__(self) -> None:
        self.frames = 0
        self._format: tuple[str, int] = ("", 0)
        self._blocks: list[Any] = []
        self._size = 0
        self._done: list[NDArray[np.float32]] = []

    def add(self, block: Any, samples: int) -> None:
        """Append a block of so many samples; a gap is silent."""
        if isinstance(block, Gap):
            self._mix()
            self._done.append(np.zeros((2, samples), np.float32))
            self.frames += samples
            return
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


def _to_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Return samples of any type at full scale 1.0."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    half = 1 << (8 * samples.dtype.itemsize - 1)
    signed = samples.astype(np.float32)
    if samples.dtype.kind == "u":
        signed -= np.float32(half)
    return signed / np.float32(half)
