"""Audio descriptors of 3 s windows by librosa: timbre, rhythm and harmony, as music information retrieval has them.

They stay much as they are when a track is remastered: of gain, equaliser and bandwidth they see little, since levels
are compared within a frame or a window, contrasts within an octave and notes across octaves.

- Timbre: spectral contrast (Jiang et al., "Music type classification by spectral contrast feature", ICME 2002) and
  spectral flatness.
- Rhythm: the onset strength, and how it repeats at lags from a quarter of a second to two seconds (Tzanetakis and Cook,
  "Musical genre classification of audio signals", IEEE TSAP 10(5), 2002).
- Harmony: the chroma's Fourier transform and its sorted values, which no change of key moves (as Fujishima, Harte,
  Sandler and Gasser, "Detecting harmonic change in musical audio", 2006, have the tonal centroid), the tonnetz, and how
  the chroma changes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from cfaudio_core.audio.melspec import HOP, SAMPLE_RATE
from cfaudio_core.util.arrays import FloatArray, float32

DESCRIPTORS = "descriptors-1"
"""Name under which descriptors are stored; another one whenever they are computed otherwise."""

PARTS = (("timbre", 16), ("rhythm", 27), ("harmony", 31))
"""Parts of the feature space, and the number of columns of each, in their order."""

MIN_LAG, MAX_LAG = 15, 125
"""Lags at which repetition is measured, in frames of `HOP` samples: 0.24 to 2 s."""

FACTS = (("repetition", MAX_LAG - MIN_LAG), ("chroma", 12), ("level", 1))
"""What follows the parts: what the fields of items are made of. `level` is the RMS in dB below full scale."""

N_DESCRIPTORS = sum(width for _, width in (*PARTS, *FACTS))

_TIMBRE_FFT, _TIMBRE_HOP = 2048, 2048
_HARMONY_FFT, _HARMONY_HOP = 4096, 4096  # fine enough to tell semitones from 110 Hz up
_ONSET_BANDS = 32
_DYNAMIC_RANGE = 1000.0  # of a mel band over the window's mean, from which on its logarithm counts
_ONSET_FRAMES = 3  # 48 ms
_ONSET_HEIGHT = 0.5  # standard deviations above the mean
_LAGS_PER_STEP = 5  # 80 ms
_TINY = 1e-9


def describe_windows(waveform: NDArray[np.float32], patches: NDArray[np.float32]) -> FloatArray:
    """Compute the descriptors of windows.

    Parameters
    ----------
    waveform
        float32 (k, WINDOW_SAMPLES) at `SAMPLE_RATE`, full scale 1.0.
    patches
        float32 (k, FRAMES, N_MELS): their log-mel patches, see `melspec.log_mel`.

    Returns
    -------
    ndarray
        float32 (k, N_DESCRIPTORS): the columns of `PARTS`, then those of `FACTS`.
    """
    rhythm, repetition = _rhythm(patches)
    harmony, chroma = _harmony(_power(waveform, _HARMONY_FFT, _HARMONY_HOP))
    level = 10 * np.log10(np.square(waveform).mean(axis=1, keepdims=True) + _TINY)
    timbre = _timbre(_power(waveform, _TIMBRE_FFT, _TIMBRE_HOP))
    return np.hstack([timbre, rhythm, harmony, repetition, chroma, level], dtype=np.float32)


@functools.cache
def load_librosa() -> Any:  # untyped
    """Load librosa and all of it that is used here: two seconds of CPU time.

    As it is imported, numba compiles two dozen functions, or reads them from its cache: 41 s of CPU time in the first
    process on a machine, 1.3 s in others. Nothing here calls one of them, so they are left to be compiled if called.
    """
    numba: Any = import_module("numba")
    eager = numba.vectorize, numba.guvectorize
    numba.vectorize, numba.guvectorize = map(_deferred, eager)
    try:
        librosa: Any = import_module("librosa")
        for module in ("core.spectrum", "feature.spectral", "filters", "onset", "util.utils"):
            import_module(f"librosa.{module}")
    finally:
        numba.vectorize, numba.guvectorize = eager
    return librosa


def _deferred(decorator: Callable[..., Any]) -> Callable[..., Any]:
    """Have a decorator that compiles a function do so when it is first called."""

    def with_settings(*settings: Any, **more: Any) -> Callable[..., Any]:
        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            compiled = functools.cache(lambda: decorator(*settings, **more)(function))
            return lambda *given, **named: compiled()(*given, **named)

        return decorate

    return with_settings


def _power(waveform: FloatArray, n_fft: int, hop: int) -> FloatArray:
    """Compute power spectra, float32 (k, bins, frames), of frames inside the windows."""
    spectrum = load_librosa().stft(waveform, n_fft=n_fft, hop_length=hop, center=False)
    return float32(spectrum.real**2 + spectrum.imag**2)


def _timbre(power: FloatArray) -> FloatArray:
    """Describe spectra: float32 (k, 16), mean and deviation of contrast in 7 octaves, and of the log of flatness."""
    feature = load_librosa().feature
    contrast = feature.spectral_contrast(S=power, sr=SAMPLE_RATE, n_fft=_TIMBRE_FFT)
    flatness = np.log(feature.spectral_flatness(S=power, power=1.0) + _TINY)
    return np.hstack([f(part, axis=-1) for part in (contrast, flatness) for f in (np.mean, np.std)], dtype=np.float32)


def _rhythm(patches: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Describe onsets: float32 (k, 27), and their autocorrelation, float32 (k, MAX_LAG - MIN_LAG).

    The former are mean and deviation of the onset strength, onsets a second, the autocorrelation in coarse steps, and
    its peak and deviation.
    """
    librosa = load_librosa()
    power = np.expm1(patches * np.float32(np.log(10)))  # 10,000 times the power in each mel band
    power = power.reshape(*power.shape[:2], _ONSET_BANDS, -1).mean(axis=3)
    power *= _DYNAMIC_RANGE / np.maximum(power.mean(axis=(1, 2), keepdims=True), _TINY)
    levels = np.log1p(power).transpose(0, 2, 1)
    strength = librosa.onset.onset_strength(S=levels, sr=SAMPLE_RATE, hop_length=HOP, center=False)
    rate = _onsets(strength).mean(axis=1, keepdims=True) * (SAMPLE_RATE / HOP)
    strengths = np.stack([strength.mean(axis=1), strength.std(axis=1)], axis=1)

    spectrum = scipy.fft.rfft(strength - strength.mean(axis=1, keepdims=True), 2 * strength.shape[1], workers=1)
    correlation = scipy.fft.irfft(spectrum.real**2 + spectrum.imag**2, workers=1)[:, :MAX_LAG]
    repetition = correlation[:, MIN_LAG:] / (correlation[:, :1] + _TINY)
    coarse = repetition.reshape(len(repetition), -1, _LAGS_PER_STEP).mean(axis=2)
    peaks = np.stack([repetition.max(axis=1), repetition.std(axis=1)], axis=1)
    return np.hstack([strengths, rate, coarse, peaks], dtype=np.float32), float32(repetition)


def _onsets(strength: FloatArray) -> NDArray[np.bool_]:
    """Find onsets, bool (k, frames): the strongest frames within `_ONSET_FRAMES` that stand out from their window."""
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(strength, ((0, 0), (_ONSET_FRAMES, _ONSET_FRAMES))), 2 * _ONSET_FRAMES + 1, axis=1
    )
    stands_out = strength > strength.mean(axis=1, keepdims=True) + _ONSET_HEIGHT * strength.std(axis=1, keepdims=True)
    onsets: NDArray[np.bool_] = stands_out & (strength >= around.max(axis=2))
    return onsets


def _harmony(power: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Describe chroma: float32 (k, 31), and the mean chroma, float32 (k, 12), whose sum is 1.

    The former are the 6 magnitudes of the chroma's Fourier transform, the chroma in ascending order, mean and deviation
    of the tonnetz, and the chroma's deviation.
    """
    chroma = _chroma_filters() @ power
    chroma /= chroma.sum(axis=-2, keepdims=True) + np.finfo(np.float32).tiny
    tonnetz = load_librosa().feature.tonnetz(chroma=chroma)
    mean = chroma.mean(axis=-1)
    magnitudes = np.abs(np.fft.rfft(mean, axis=-1))[:, 1:]
    changes = chroma.std(axis=-1).mean(axis=-1, keepdims=True)
    parts = [magnitudes, np.sort(mean, axis=-1), tonnetz.mean(axis=-1), tonnetz.std(axis=-1), changes]
    return np.hstack(parts, dtype=np.float32), float32(mean)


@functools.cache
def _chroma_filters() -> FloatArray:
    """Compute the share of each bin in the 12 pitch classes from C on: float32 (12, bins)."""
    return float32(load_librosa().filters.chroma(sr=SAMPLE_RATE, n_fft=_HARMONY_FFT, tuning=0.0))
