"""Remastering: the record is another one, the music is the same."""

import numpy as np
import pytest

from cfaudio_core.audio.melspec import SAMPLE_RATE, WINDOW_SAMPLES
from cfaudio_core.finetuning.augmentation import remaster

TIME = np.arange(WINDOW_SAMPLES) / SAMPLE_RATE
CHORD = np.float32(sum(0.2 * np.sin(2 * np.pi * hz * TIME) for hz in (220, 277.2, 329.6)))


def strongest(waveform: np.ndarray, n: int) -> list[int]:
    spectrum = np.abs(np.fft.rfft(waveform))
    return sorted(np.argsort(spectrum)[-n:].tolist())


@pytest.mark.parametrize("seed", range(8))
def test_the_notes_stay_and_the_record_changes(seed):
    mastered = remaster(CHORD[None], np.random.default_rng(seed))
    assert mastered.shape == (1, WINDOW_SAMPLES)
    assert mastered.dtype == np.float32
    assert np.isfinite(mastered).all()
    for found, played in zip(strongest(mastered[0], 3), strongest(CHORD, 3), strict=True):
        assert abs(found - played) <= 2
    assert not np.allclose(mastered[0], CHORD, atol=1e-3)


def test_one_seed_masters_in_one_way_and_another_in_another():
    one, again, other = (remaster(CHORD[None], np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other, atol=1e-3)


def test_silence_stays_quiet():
    assert np.abs(remaster(np.zeros((2, WINDOW_SAMPLES), np.float32), np.random.default_rng(0))).max() < 1e-6
