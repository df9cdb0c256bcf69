"""A short piece of music made of numpy alone: the sound that golden values are taken from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16000
HOP = 256
FRAMES = 187
WINDOWS = 4


def piece() -> NDArray[np.float32]:
    """Make four stretches of 187 frames, mono at 16 kHz: plucked chords, drums, a sweep, near silence."""
    length = FRAMES * HOP
    t = np.arange(length) / RATE
    rng = np.random.default_rng(2014)
    beat = t % 0.5
    chord = sum(np.sin(2 * np.pi * f * t * k) / k for f in (220.0, 277.2, 329.6) for k in (1, 2, 3, 4))
    plucked = 0.12 * chord * np.exp(-4 * beat)
    drums = 0.5 * np.sin(2 * np.pi * 60 * beat) * np.exp(-18 * beat)
    drums += 0.2 * rng.standard_normal(length) * np.exp(-40 * (t % 0.25))
    sweep = 0.4 * np.sin(2 * np.pi * (80 * t + 1200 * t**2)) * (0.6 + 0.4 * np.sin(2 * np.pi * 5 * t))
    quiet = 0.002 * rng.standard_normal(length)
    parts = [plucked, plucked + drums, sweep + 0.3 * drums, quiet]
    return np.concatenate(parts).astype(np.float32)
