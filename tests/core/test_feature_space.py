"""The feature space: summaries of windows, and which directions count in it."""

import numpy as np
import pytest
from synthetic import steady

from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.features.summaries import FeatureSummaries, summarize_tracks, summarize_windows


def test_a_summary_is_the_mean_of_signed_roots_and_windows_deviate_from_it():
    mean, deviation = summarize_windows(np.float16([[4, -9, 0], [16, -25, 0]]))
    np.testing.assert_allclose(mean, [3, -4, 0])
    np.testing.assert_allclose(deviation, [[-1, 1, 0], [1, -1, 0]])
    assert mean.dtype == deviation.dtype == np.float32


def test_a_summary_does_not_overflow_where_its_windows_nearly_do():
    np.testing.assert_allclose(summarize_windows(np.full((10, 1), 65504, np.float16))[0], [np.sqrt(65504)], rtol=1e-6)


def test_tracks_are_summarized_in_the_order_of_the_library_whatever_order_it_is_read_in():
    windows = {"b": np.float16([[4], [16]]), "a": np.float16([[1]]), "c": np.float16([[9], [9], [9]])}
    sound = summarize_tracks(windows.items(), ["a", "b", "c", "a"])
    np.testing.assert_allclose(sound.means[:, 0], [1, 3, 3, 1])
    np.testing.assert_allclose(
        sound.within, [[2 / 3]]
    )  # only b changes: 1 + 1 over (2 - 1) + (3 - 1) degrees of freedom
    again = summarize_tracks(reversed(windows.items()), ["a", "b", "c", "a"])
    assert np.array_equal(sound.means, again.means)


def test_tracks_of_the_space_have_mean_0_and_a_mean_squared_length_of_1():
    rng = np.random.default_rng(0)
    summaries = rng.normal([1, -50, 1000], [1, 0.1, 30], (500, 3)).astype(np.float32)
    for sound in (steady(summaries), FeatureSummaries(summaries, np.abs(summaries[::-1]), np.eye(3))):
        features = FeatureSpace.fit(sound).transform(sound)
        np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-3)
        assert np.square(features).sum(axis=1).mean() == pytest.approx(1, rel=1e-3)
        assert features.dtype == np.float32


def test_what_changes_within_tracks_counts_less():
    summaries = np.random.default_rng(0).normal(0, 1, (500, 2)).astype(np.float32)
    sound = FeatureSummaries(summaries, np.zeros_like(summaries), np.diag([10.0, 0.1]))
    features = FeatureSpace.fit(sound).transform(sound)
    assert features[:, 0].std() < 0.75 * features[:, 1].std()


def test_how_much_a_track_changes_has_a_smaller_part_of_the_space():
    rng = np.random.default_rng(0)
    summaries, spreads = (rng.uniform(0, 1, (500, 3)).astype(np.float32) for _ in range(2))
    sound = FeatureSummaries(summaries, spreads, np.eye(3))
    features = FeatureSpace.fit(sound).transform(sound)
    stays, changes = (np.square(part).sum(axis=1).mean() for part in (features[:, :3], features[:, 3:]))
    assert changes == pytest.approx(stays / 4, rel=0.01)
    np.testing.assert_allclose(np.corrcoef(features[:, 3], spreads[:, 0])[0, 1], 1, atol=1e-4)


def test_the_stereo_image_has_a_part_of_its_own_however_few_or_loud_its_columns():
    rng = np.random.default_rng(0)
    summaries = rng.uniform(0, [1, 1, 1, 1, 1, 50], (500, 6)).astype(np.float32)
    within = np.diag([0.1] * 5 + [1000.0]) + 0.01
    sound = FeatureSummaries(summaries, np.zeros_like(summaries), within, (("net", 5), ("stereo", 1)))
    features = FeatureSpace.fit(sound, {"net": 1, "stereo": 0.5}).transform(sound)
    rest, image = (np.square(part).sum(axis=1).mean() for part in (features[:, :5], features[:, 5:6]))
    assert image == pytest.approx(0.25 * rest, rel=0.01)
    np.testing.assert_allclose(abs(np.corrcoef(features[:, 5], summaries[:, 5])[0, 1]), 1, atol=1e-4)


def test_a_library_in_mono_has_the_space_it_would_have_without_stereo():
    rng = np.random.default_rng(0)
    summaries = np.hstack([rng.uniform(0, 1, (300, 3)), np.zeros((300, 2))]).astype(np.float32)
    mono = FeatureSummaries(summaries, summaries, np.diag([1.0, 1, 1, 0, 0]), (("net", 3), ("stereo", 2)))
    plain = FeatureSummaries(summaries[:, :3], summaries[:, :3], np.eye(3))
    features = [FeatureSpace.fit(sound).transform(sound) for sound in (mono, plain)]
    np.testing.assert_allclose(features[0] @ features[0].T, features[1] @ features[1].T, atol=1e-4)


def test_it_does_not_matter_in_which_units_the_windows_are():
    summaries = np.random.default_rng(0).normal(0, 1, (300, 3)).astype(np.float32)
    units = np.float32([5, 1, 0.2])
    one = FeatureSummaries(summaries, np.abs(summaries), np.eye(3))
    other = FeatureSummaries(summaries * units, np.abs(summaries) * units, np.diag(units**2))
    features = [FeatureSpace.fit(sound).transform(sound) for sound in (one, other)]
    np.testing.assert_allclose(features[0] @ features[0].T, features[1] @ features[1].T, atol=1e-3)


def test_a_track_lies_at_the_mean_in_the_parts_that_are_not_known_of_it():
    summaries = np.random.default_rng(0).normal(5, 1, (300, 4)).astype(np.float32)
    whole = FeatureSummaries(summaries, np.abs(summaries), np.eye(4), (("net", 2), ("timbre", 2)))
    summaries = summaries.copy()
    summaries[150:, 2:] = np.nan
    partly = FeatureSummaries(summaries, np.abs(summaries), np.eye(4), whole.parts)
    space = FeatureSpace.fit(partly)
    features = space.transform(partly)
    assert not features[150:, [2, 3, 6, 7]].any()
    np.testing.assert_allclose(features[:150], space.transform(whole)[:150])
    assert np.isfinite(space.transform_windows(np.float16([[1, 2, np.nan, np.nan]]))).all()


def test_new_tracks_are_transformed_as_the_library_was():
    space = FeatureSpace.fit(steady(np.float32([[0], [2]])))
    np.testing.assert_allclose(space.transform(steady(np.float32([[5]]))), [[4, 0]])


@pytest.mark.parametrize(("constant", "tracks"), [(0.0, 3), (37.3, 3), (37.3, 30_000), (0.1, 30_000), (-1e4, 30_000)])
def test_a_constant_feature_gives_0_however_large_it_and_the_library_are(constant, tracks):
    sound = steady(np.full((tracks, 2), constant, np.float32))
    space = FeatureSpace.fit(sound)
    assert not space.transform(sound).any()
    assert not space.transform(steady(sound.means[:1] + 1)).any()
