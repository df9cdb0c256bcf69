"""The log-mel front end against librosa, which is what musicnn was trained with."""

import subprocess
import sys

import librosa
import numpy as np
import pytest

from cfaudio_core.audio.melspec import FRAMES, HOP, N_FFT, N_MELS, SAMPLE_RATE, WINDOW_SAMPLES, log_mel, mel_filterbank


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    """Twelve seconds with partials, noise and a swell, so that every band holds something."""
    rng = np.random.default_rng(3)
    seconds = np.arange(12 * SAMPLE_RATE) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * hz * seconds + hz) / n for n, hz in enumerate((55, 220, 330, 1397, 5274), 1))
    swell = np.sin(np.pi * seconds / 12)
    return ((0.2 * tones + 0.02 * rng.standard_normal(len(seconds))) * swell).astype(np.float32)


def librosa_log_mel(signal: np.ndarray) -> np.ndarray:
    mel = librosa.feature.melspectrogram(y=signal, sr=SAMPLE_RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS)
    return np.log10(1 + 10000 * mel.astype(np.float32)).T


def test_the_filterbank_is_librosas():
    ours = mel_filterbank()
    theirs = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS)
    assert ours.dtype == theirs.dtype == np.float32
    # One unit in the last place, of the largest weight: the two differ in the order of their operations only.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=np.spacing(theirs.max()))


@pytest.mark.parametrize("first_frame", [1, 2, 100, 500])
def test_a_window_has_the_frames_of_the_whole_tracks_spectrogram(music, first_frame):
    whole = librosa_log_mel(music)
    start = first_frame * HOP - N_FFT // 2  # librosa centres frame k on sample k * HOP
    [patch] = log_mel(music[np.newaxis, start : start + WINDOW_SAMPLES])
    np.testing.assert_allclose(patch, whole[first_frame : first_frame + FRAMES], rtol=0, atol=2e-5)


def test_windows_do_not_influence_each_other(music):
    windows = np.stack([music[i : i + WINDOW_SAMPLES] for i in (0, 40000, 90000)])
    together = log_mel(windows)
    assert together.shape == (3, FRAMES, N_MELS)
    assert together.dtype == np.float32
    for i in range(3):
        np.testing.assert_array_equal(together[i], log_mel(windows[i : i + 1])[0])


def test_silence_is_zero_and_no_windows_are_no_patches():
    assert not log_mel(np.zeros((1, WINDOW_SAMPLES), np.float32)).any()
    assert log_mel(np.empty((0, WINDOW_SAMPLES), np.float32)).shape == (0, FRAMES, N_MELS)


@pytest.mark.parametrize("shape", [(WINDOW_SAMPLES,), (2, WINDOW_SAMPLES - 1), (1, 1, WINDOW_SAMPLES)])
def test_a_wrong_shape_is_refused_by_name(shape):
    with pytest.raises(ValueError, match=r"windows must have shape \(n, 48128\)"):
        log_mel(np.zeros(shape, np.float32))


def test_a_worker_does_not_pay_for_numba():
    code = "import sys, cfaudio_core.audio.melspec as m; m.mel_filterbank(); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
