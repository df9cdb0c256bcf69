"""The features of a large library, computed in blocks, are those computed at once."""

import numpy as np
from synthetic import NET, QUICK, make_library

from cfaudio_core.features import feature_matrix
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.training.fit import fit_model


def fitted(library):
    return FeatureMatrix.fit(len(library.tracks), library.sound.subset, library.sound.subset, seed=0)


def test_features_in_blocks_are_the_features_at_once(monkeypatch):
    library = make_library(240)
    space = FeatureSpace.fit(library.sound)
    monkeypatch.setattr(feature_matrix, "MAX_TRACKS", 100)
    monkeypatch.setattr(feature_matrix, "_BLOCK_TRACKS", 37)
    large = FeatureMatrix(space, 240, library.sound.subset)
    whole = space.transform(library.sound)
    np.testing.assert_allclose(np.concatenate([features for _, features in large.blocks()]), whole, atol=1e-5)
    np.testing.assert_allclose(large.rows(np.array([200, 3, 3])), whole[[200, 3, 3]], atol=1e-5)


def test_a_model_is_fitted_to_no_more_tracks_at_once_than_there_is_room_for(monkeypatch):
    library = make_library(240)
    at_once = fit_model(library.tracks, [library.listener], fitted(library), NET, QUICK)[1]
    monkeypatch.setattr(feature_matrix, "MAX_TRACKS", 200)
    monkeypatch.setattr(feature_matrix, "_BLOCK_TRACKS", 37)
    asked = []

    def read(rows):
        asked.append(len(rows))
        return library.sound.subset(rows)

    large = FeatureMatrix.fit(240, read, library.sound.subset, seed=0)
    one, two = (fit_model(library.tracks, [library.listener], large, NET, QUICK)[1] for _ in range(2))
    assert max(asked) <= 37
    np.testing.assert_array_equal(one.by_audio, two.by_audio)
    for in_parts, whole in zip(one.by_audio.T, at_once.by_audio.T, strict=True):  # by a space fitted to 200 of the 240
        assert np.corrcoef(in_parts, whole)[0, 1] > 0.999
