"""Embeddings of factors and audio together."""

import numpy as np

from cfaudio_core.models.embedding_axes import FACTOR_LENGTH, HALF_ENTRIES, EmbeddingAxes, blend_directions

EAST, NORTH = np.float32([[1, 0]]), np.float32([[0, 1]])

NOBODY = np.zeros((50, 0), np.float32)
"""Preferences of no listener for 50 tracks."""


def entries(n):
    return np.float32([n])


def test_without_evidence_factors_are_those_predicted_and_with_much_their_own():
    np.testing.assert_allclose(blend_directions(EAST, NORTH, entries(0)), NORTH)
    np.testing.assert_allclose(blend_directions(EAST, NORTH, entries(1e9)), EAST, atol=1e-6)


def test_with_some_evidence_they_are_between_both_and_as_long():
    np.testing.assert_allclose(blend_directions(EAST, NORTH, entries(HALF_ENTRIES)), np.sqrt([[0.5, 0.5]]), rtol=1e-6)


def test_how_sure_a_prediction_is_of_its_direction_does_not_shorten_it():
    np.testing.assert_allclose(blend_directions(0 * EAST, 0.01 * NORTH, entries(3)), NORTH)


def test_a_track_of_which_nothing_is_known_has_no_direction():
    assert not blend_directions(0 * EAST, 0 * NORTH, entries(0)).any()


def test_likeness_is_a_weighted_sum_of_being_played_together_and_of_sounding_alike():
    rng = np.random.default_rng(0)
    together, alike = (rng.normal(0, 1, (50, d)).astype(np.float32) for d in (3, 5))
    for part in (together, alike):
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    axes = EmbeddingAxes.fit(together, NOBODY, 7 * alike, 8)
    vectors = axes.embed(together, NOBODY, axes.project_audio(7 * alike))
    wanted = FACTOR_LENGTH**2 * together @ together.T + (1 - FACTOR_LENGTH**2) * alike @ alike.T
    np.testing.assert_allclose(vectors @ vectors.T, wanted, atol=1e-5)


def test_without_factors_audio_is_all():
    sound = np.float32([[3, 0, 0], [0, 2, 0], [0, 0, 1]])
    none = np.zeros((3, 0), np.float32)
    axes = EmbeddingAxes.fit(none, none, sound, 4)
    vectors = axes.embed(none, none, axes.project_audio(sound))
    assert vectors.shape == (3, 4)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(3), atol=1e-6)


def test_tracks_that_are_liked_alike_are_a_little_more_alike():
    sound = np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    liking, none = np.float32([[1], [1], [-1]]), np.zeros((3, 0), np.float32)
    axes = EmbeddingAxes.fit(none, liking, sound, 4)
    vectors = axes.embed(none, liking, axes.project_audio(sound))
    assert 0 < vectors[0] @ vectors[1] < 0.2
    assert -0.2 < vectors[0] @ vectors[2] < 0
