"""What a decoder must offer to be heard, and the sanity every decoder is held to."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.errors import AudioError

_LOWEST_RATE, _HIGHEST_RATE = 1_000, 768_000
_MOST_CHANNELS = 64


class UndecodableError(AudioError):
    """One decoder finds no sound in the file; another may."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot be decoded: {' '.join(reason.split()).rstrip('.') or 'no reason given'}")


class Source(Protocol):
    """Mono sound that can be read from any place.

    Attributes
    ----------
    rate : int
        Frames a second.
    frames : int
        How many frames the header claims, 0 where it does not say.  A claim, never to be allocated by.
    """

    rate: int
    frames: int

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Return up to `count` mono frames from frame `start` on: fewer where the file ends or is damaged."""
        ...


def check_format(rate: int, channels: int) -> None:
    """Raise `UndecodableError` if no sound has this sample rate or this number of channels."""
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise UndecodableError(f"a sample rate of {rate} Hz")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise UndecodableError(f"{channels} channels")


def downmix(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the channels, shape (channels, frames) to (frames,).

    The mean, as librosa has it: ffmpeg's own downmix of stereo is 3 dB louder and moves the embeddings.
    """
    mono: NDArray[np.float32]
    if len(channels) == 1:
        mono = channels[0].copy()
        return mono
    # Channel by channel: numpy's mean over an axis of two is several times slower.
    mono = channels[0] + channels[1]
    for channel in channels[2:]:
        mono += channel
    mono *= np.float32(1 / len(channels))
    return mono
