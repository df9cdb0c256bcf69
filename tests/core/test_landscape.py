"""A large library is gone through in blocks, and comes to what it would come to at once."""

import numpy as np
from synthetic import NET, QUICK, make_library

from cfaudio_core.features import feature_matrix
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.training.fit import fit_model


def explored(library):
    return FeatureMatrix.explore(len(library.tracks), library.sound.at, library.sound.at, seed=0)


def test_places_in_blocks_are_the_places_at_once(monkeypatch):
    library = make_library(240)
    space = FeatureSpace.of(library.sound)
    monkeypatch.setattr(feature_matrix, "AT_ONCE", 100)
    monkeypatch.setattr(feature_matrix, "_BLOCK", 37)
    large = FeatureMatrix(space, 240, library.sound.at)
    whole = space.apply(library.sound)
    np.testing.assert_allclose(np.concatenate([places for _, places in large.blocks()]), whole, atol=1e-5)
    np.testing.assert_allclose(large.at(np.array([200, 3, 3])), whole[[200, 3, 3]], atol=1e-5)


def test_a_model_is_learnt_from_no_more_tracks_at_once_than_there_is_room_for(monkeypatch):
    library = make_library(240)
    at_once = fit_model(library.tracks, [library.listener], explored(library), NET, QUICK)[1]
    monkeypatch.setattr(feature_matrix, "AT_ONCE", 200)
    monkeypatch.setattr(feature_matrix, "_BLOCK", 37)
    asked = []

    def hear(rows):
        asked.append(len(rows))
        return library.sound.at(rows)

    large = FeatureMatrix.explore(240, hear, library.sound.at, seed=0)
    one, two = (fit_model(library.tracks, [library.listener], large, NET, QUICK)[1] for _ in range(2))
    assert max(asked) <= 37
    np.testing.assert_array_equal(one.said, two.said)
    for in_parts, whole in zip(one.said.T, at_once.said.T, strict=True):  # by a space that 200 of the 240 tell
        assert np.corrcoef(in_parts, whole)[0, 1] > 0.999
