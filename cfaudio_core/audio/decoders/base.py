"""Protocol of the decoders, and the checks that every one makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.errors import AudioError

_MIN_RATE_HZ, _MAX_RATE_HZ = 1_000, 768_000
_MAX_CHANNELS = 64
MAX_PIECE_FRAMES = 1 << 23
"""Frames that are decoded as one piece at most, 64 MiB of float32: three minutes at 44.1 kHz."""


class UndecodableError(AudioError):
    """A decoder finds no audio in the file; another may."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot be decoded: {' '.join(reason.split()).rstrip('.') or 'no reason given'}")


class Source(Protocol):
    """Audio that can be read from any place.

    Attributes
    ----------
    rate : int
        Frames a second.
    frames : int
        Number of frames that the header claims, 0 where it does not tell. Never allocate by it.
    """

    rate: int
    frames: int

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return up to `count` frames from frame `start` on, fewer where the file ends or is damaged.

        Middle and side, shape (2, frames): the mean of all channels, and half of the left one less the right one.
        """
        ...


def check_format(rate: int, channels: int) -> None:
    """Raise `UndecodableError` if no audio has this sample rate or this number of channels."""
    if not _MIN_RATE_HZ <= rate <= _MAX_RATE_HZ:
        raise UndecodableError(f"a sample rate of {rate} Hz")
    if not 1 <= channels <= _MAX_CHANNELS:
        raise UndecodableError(f"{channels} channels")


def downmix(channels: NDArray[np.float32] | Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return middle and side, channels of n frames each to shape (2, n), as `Source.read` returns them.

    The middle is the mean, as in librosa: ffmpeg's own downmix of stereo is 3 dB louder and moves the embeddings. Left
    and right are the first two channels in every layout that has them; the side of mono is zero.
    """
    both = np.empty((2, len(channels[0])), np.float32)
    middle, side = both
    if len(channels) == 1:
        middle[:], side[:] = channels[0], 0
        return both
    np.subtract(channels[0], channels[1], out=side)
    side *= np.float32(0.5)
    # Channel by channel: numpy's mean over an axis of two is several times slower.
    np.add(channels[0], channels[1], out=middle)
    for channel in channels[2:]:
        middle += channel
    middle *= np.float32(1 / len(channels))
    return both


EMPTY: NDArray[np.float32] = np.empty((2, 0), np.float32)
