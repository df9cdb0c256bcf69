"""What a head learns from: summaries, scaling and targets."""

import numpy as np
import pytest

from cfaudio_core.learning.dataset import Scaling, Targets, summarise, unit


def test_a_summary_is_the_signed_root_of_the_mean_over_windows():
    windows = np.float16([[3, -8, 0], [5, -10, 0]])
    np.testing.assert_allclose(summarise(windows), [2, -3, 0])
    assert summarise(windows).dtype == np.float32


def test_a_summary_does_not_overflow_where_its_windows_nearly_do():
    np.testing.assert_allclose(summarise(np.full((10, 1), 65504, np.float16)), [np.sqrt(65504)], rtol=1e-6)


def test_scaled_features_have_mean_0_and_deviation_1():
    summaries = np.random.default_rng(0).normal([1, -50, 1000], [1, 0.1, 30], (500, 3)).astype(np.float32)
    scaled = Scaling.of(summaries).apply(summaries)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-3)
    assert scaled.dtype == np.float32


def test_new_tracks_are_scaled_as_the_library_was():
    scaling = Scaling.of(np.float32([[0], [2]]))
    np.testing.assert_allclose(scaling.apply(np.float32([[5]])), [[4]])


@pytest.mark.parametrize(("constant", "tracks"), [(0.0, 3), (37.3, 3), (37.3, 30_000), (0.1, 30_000), (-1e4, 30_000)])
def test_a_constant_feature_gives_0_however_large_it_and_the_library_are(constant, tracks):
    summaries = np.full((tracks, 2), constant, np.float32)
    scaling = Scaling.of(summaries)
    assert not scaling.apply(summaries).any()
    assert not scaling.apply(summaries[:1] + 1).any()


def test_unit_vectors_keep_their_direction_and_zeros_stay():
    np.testing.assert_allclose(unit(np.float32([[3, 4], [0, 0], [0, -2]])), [[0.6, 0.8], [0, 0], [0, -1]])


def test_targets_weigh_nothing_where_nothing_is_known():
    targets = Targets(
        preference=np.float32([[1, np.nan], [2, 3]]),
        known=np.array([[True, False], [True, True]]),
        direction=np.float32([[0, 1], [1, 0]]),
    )
    assert targets.values.tolist() == [[1, 0, 0, 1], [2, 3, 1, 0]]
    assert targets.weights.tolist() == [[1, 0, 1, 1], [1, 1, 1, 1]]
    assert len(targets) == 2
