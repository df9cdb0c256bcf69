"""The stereo image: known placements of known tones, at every sample rate."""

import numpy as np
import pytest

from cfaudio_core.audio.stereo import N_WIDTHS, stereo_width

BORDERS = 120 * 2 ** (np.arange(N_WIDTHS + 1) / 8)


def tone(hertz: float, rate: int, seconds: float = 3.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def image(left: np.ndarray, right: np.ndarray, rate: int) -> np.ndarray:
    return stereo_width(np.stack([left + right, left - right]) / 2, rate)


def noise(seed: int, rate: int = 44100) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, 3 * rate).astype(np.float32)


def test_mono_and_silence_have_no_width():
    assert not image(noise(0), noise(0), 44100).any()
    assert not image(np.zeros(9, np.float32), np.zeros(9, np.float32), 44100).any()


def test_opposite_channels_are_all_width():
    np.testing.assert_allclose(image(noise(0), -noise(0), 44100), 1, atol=1e-6)


def test_one_channel_alone_and_unlike_channels_have_half_of_their_power_beside_the_middle():
    np.testing.assert_allclose(image(noise(0), 0 * noise(0), 44100), np.sqrt(0.5), atol=1e-6)
    assert image(noise(0), noise(1), 44100).mean() == pytest.approx(np.sqrt(0.5), abs=0.05)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000, 96000, 192000])
def test_a_tone_on_the_left_widens_its_own_band_at_every_rate(rate):
    hertz = 1000 * 2 ** (1 / 16)
    middle = 0.1 * sum(tone(each, rate) for each in (240, 480, 4000))
    width = image(middle + tone(hertz, rate), middle, rate)
    band = np.searchsorted(BORDERS, hertz) - 1
    assert width[band] == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert width[np.searchsorted(BORDERS, 480) - 1] < 0.1


def test_the_same_music_has_the_same_width_at_any_rate():
    rng = np.random.default_rng(0)
    hertz, share = rng.uniform(120, 7000, 200), rng.uniform(0, 1, 200)
    widths = []
    for rate in (22050, 44100, 48000, 96000):
        tones = np.array([tone(each, rate) for each in hertz])
        widths.append(image(share @ tones, (1 - share) @ tones, rate))
    for width in widths[1:]:
        assert np.corrcoef(width, widths[0])[0, 1] > 0.95


@pytest.mark.parametrize("rate", [1000, 8000, 768000])
def test_a_rate_that_cannot_hold_a_band_leaves_it_without_width(rate):
    left = np.random.default_rng(0).normal(0, 1, 3 * rate).astype(np.float32)
    width = image(left, 0 * left, rate)
    assert width.shape == (N_WIDTHS,)
    assert width.dtype == np.float32
    assert not width[BORDERS[:-1] > rate * 0.51].any()
    np.testing.assert_allclose(width[BORDERS[1:] < rate * 0.45], np.sqrt(0.5), atol=1e-3)
