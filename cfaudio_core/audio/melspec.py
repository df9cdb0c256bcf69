"""The log-mel spectrogram that musicnn was trained on: 3 s of audio to 187 frames of 96 mel bands.

The numbers are those of Pons and Serra's musicnn, which took them from librosa: a periodic Hann window, the
power spectrum, Slaney's mel scale with bands of unit area, and log10(1 + 10000 x).  Frames are taken from
inside the window, nothing is padded, so a window of a track yields the very frames that the spectrogram of
the whole track has there.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy
from numpy.typing import NDArray

SAMPLE_RATE = 16000
N_FFT = 512
HOP = 256
N_MELS = 96
FRAMES = 187
WINDOW_SAMPLES = (FRAMES - 1) * HOP + N_FFT

# Slaney's scale is linear below 1 kHz (200/3 Hz a mel) and logarithmic above (27 mels a factor of 6.4).
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def log_mel(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the log-mel patch of every waveform window.

    Parameters
    ----------
    windows : ndarray of float32, shape (n, WINDOW_SAMPLES)
        Mono waveforms at `SAMPLE_RATE`, full scale 1.0, as `windows.read_windows` returns them.

    Returns
    -------
    ndarray of float32, shape (n, FRAMES, N_MELS)
        log10(1 + 10000 p) of the power p in each mel band.

    Raises
    ------
    ValueError
        If the windows are not of shape (n, WINDOW_SAMPLES).
    """
    if windows.ndim != 2 or windows.shape[1] != WINDOW_SAMPLES:
        raise ValueError(f"windows must have shape (n, {WINDOW_SAMPLES}), not {windows.shape}")
    taper, bands = _taper(), mel_filterbank().T
    result = np.empty((len(windows), FRAMES, N_MELS), dtype=np.float32)
    # One window at a time stays in the processor's cache and is as fast as the whole batch.
    for window, mel in zip(windows.astype(np.float32, copy=False), result, strict=True):
        frames = np.lib.stride_tricks.sliding_window_view(window, N_FFT)[::HOP]
        spectrum = scipy.fft.rfft(frames * taper, workers=1)
        np.matmul(spectrum.real**2 + spectrum.imag**2, bands, out=mel)
    result *= 10000.0
    result += 1.0
    return np.log10(result, out=result)


def band_statistics(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute level and variation of each mel band: timbre and production, which the net was trained to ignore.

    Of log-mel patches, (n, FRAMES, N_MELS), it gives mean and standard deviation over time, float32 (n, 2 * N_MELS).
    """
    return np.hstack([patches.mean(axis=1), patches.std(axis=1)])


@functools.cache
def mel_filterbank() -> NDArray[np.float32]:
    """Compute the triangular mel bands, equal to ``librosa.filters.mel(sr=16000, n_fft=512, n_mels=96)``.

    float32 (N_MELS, N_FFT // 2 + 1): the weight of each frequency bin in each band, of area one over frequency. librosa
    itself would cost every worker process a second, for a matrix that takes a millisecond.
    """
    bins = np.fft.rfftfreq(N_FFT, 1.0 / SAMPLE_RATE)
    top_mel = _BREAK_MEL + np.log(SAMPLE_RATE / 2 / _BREAK_HZ) / _LOG_STEP
    mels = np.linspace(0.0, top_mel, N_MELS + 2)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL))
    edges = np.where(mels < _BREAK_MEL, _LINEAR_HZ_PER_MEL * mels, above)[:, np.newaxis]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    return np.asarray(np.maximum(triangles, 0.0) * (2.0 / (right - left)), dtype=np.float32)


@functools.cache
def _taper() -> NDArray[np.float32]:
    """Compute the periodic Hann window of one frame, shape (N_FFT,)."""
    return np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(N_FFT) / N_FFT), dtype=np.float32)
