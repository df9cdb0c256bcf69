"""Width of the stereo image, band by band: where the instruments stand, which a mono spectrogram cannot show."""

from __future__ import annotations

import functools

import numpy as np
import scipy
from numpy.typing import NDArray

N_WIDTHS = 48

# Eighths of an octave, from 120 Hz up to 7,680 Hz: nearly what mono audio at 16 kHz reaches to.
_LOWEST_HZ = 120.0
_PER_OCTAVE = 8
_FRAME_S = 0.0464  # 2,048 samples at 44.1 kHz
_HOP_FRAMES = 8  # instruments stay where they are: a frame every third of a second is enough


def stereo_width(middle_and_side: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Compute how much of each band's power is beside the middle.

    `middle_and_side` is float32 (2, frames), as `decoders.base.Source.read` returns it; `rate` is in frames a second.
    The result is float32 (N_WIDTHS,), the root of the side's share of the power: 0 for mono, silence, and what the rate
    cannot hold; 1 for opposite channels.
    """
    size = 1 << round(np.log2(rate * _FRAME_S))
    missing = size - middle_and_side.shape[1]
    if missing > 0:
        middle_and_side = np.pad(middle_and_side, ((0, 0), (0, missing)))
    if not middle_and_side[1].any():
        return np.zeros(N_WIDTHS, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(middle_and_side, size, axis=1)[:, :: _HOP_FRAMES * size]
    spectrum = scipy.fft.rfft(frames * _taper(size), workers=1)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1, dtype=np.float64)
    # The lowest bands are narrower than a bin and get their part of it: were they empty at one rate and not at
    # another, the width would depend on the rate.
    below = np.pad(np.cumsum(power, axis=1), ((0, 0), (1, 0)))
    edges = _edges() * size / rate + 0.5  # bin k reaches from k to k + 1 here
    middle, side = (np.diff(np.interp(edges, np.arange(below.shape[1]), row)) for row in below)
    return np.asarray(np.sqrt(side / np.maximum(middle + side, np.finfo(np.float64).tiny)), np.float32)


@functools.cache
def _edges() -> NDArray[np.float64]:
    """Compute the borders of the bands in Hz, shape (N_WIDTHS + 1,)."""
    return _LOWEST_HZ * 2.0 ** (np.arange(N_WIDTHS + 1) / _PER_OCTAVE)


@functools.cache
def _taper(size: int) -> NDArray[np.float32]:
    return np.hanning(size).astype(np.float32)
