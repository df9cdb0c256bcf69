"""Remastering of waveforms at random, so that a net learns not to go by how a record was made.

One piece of music comes out louder or softer, brighter or duller, band-limited, compressed or noisy, as its editions
are. What tells a track and its remastered self from others is music and not mastering.
"""

from __future__ import annotations

import numpy as np
import scipy

from cfaudio_core.audio.melspec import SAMPLE_RATE
from cfaudio_core.util.arrays import FloatArray, float32

_MAX_GAIN_DB = 9.0
_MAX_TILT_DB = 1.5  # an octave, around 1 kHz
_MAX_SHELF_DB = 6.0
_SHELVES_HZ = (200.0, 3000.0)
_LOW_PASS_HZ = (3000.0, 12_000.0)  # beyond 8 kHz there is nothing to cut off
_NOISE_DB = (-70.0, -35.0)  # against the waveform's own power
_CODEC_DB = (-40.0, -15.0)  # against the power of each frequency
_MAX_DRIVE = 3.0  # of the compressor


def remaster(waveforms: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Master windows of a track anew, all of them in one way drawn at random.

    Parameters
    ----------
    waveforms
        float32 (k, samples) at `melspec.SAMPLE_RATE`, full scale 1.0.
    rng
        Draws gain, spectral tilt, shelves, low-pass, noise and compression.

    Returns
    -------
    FloatArray
        float32 (k, samples).
    """
    n = waveforms.shape[1]
    frequency = float32(np.fft.rfftfreq(n, 1 / SAMPLE_RATE))
    spectrum = scipy.fft.rfft(waveforms, axis=1, workers=1)
    spread = 10 ** (rng.uniform(*_CODEC_DB) / 20)
    spectrum = spectrum * (1 + spread * rng.standard_normal(spectrum.shape, np.float32))
    mastered = scipy.fft.irfft(spectrum * _equaliser(frequency, rng), n, axis=1, workers=1)
    power = np.sqrt(np.mean(np.square(mastered), axis=1, keepdims=True)) + 1e-9
    mastered = mastered + power * 10 ** (rng.uniform(*_NOISE_DB) / 20) * rng.standard_normal(mastered.shape)
    if rng.random() < 0.5:
        drive = rng.uniform(0.5, _MAX_DRIVE) / (3 * power)
        mastered = np.tanh(drive * mastered) / drive
    return float32(mastered * 10 ** (rng.uniform(-1, 1) * _MAX_GAIN_DB / 20))


def _equaliser(frequency: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw the gain at each of (bins,) frequencies in Hz: a tilt, two shelves and a low-pass."""
    octaves = np.log2(np.maximum(frequency, 30) / 1000)
    gain_db = rng.uniform(-1, 1) * _MAX_TILT_DB * octaves
    for corner, side in zip(_SHELVES_HZ, (-1, 1), strict=True):
        shelf = 1 / (1 + (np.maximum(frequency, 1) / corner) ** (-2.0 * side))
        gain_db = gain_db + rng.uniform(-1, 1) * _MAX_SHELF_DB * shelf
    cutoff = np.exp(rng.uniform(*np.log(_LOW_PASS_HZ)))
    return float32(10 ** (gain_db / 20) / np.sqrt(1 + (frequency / cutoff) ** 12))
