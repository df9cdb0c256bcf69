"""Predictions on disk: what is cached is used, what is new is read, and what is of no use is made again."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.pipeline.prediction_cache import cached_predictions


@pytest.fixture
def features_of(library, model):
    """Features by key; says which were read."""
    row = {key: i for i, key in enumerate(library.tracks.keys)}

    def features_of(keys):
        def read(at):
            features_of.read.append([keys[i] for i in at])
            return library.sound.subset(np.array([row[keys[i]] for i in at], int))

        return FeatureMatrix(model.feature_space, len(keys), read)

    features_of.read = []
    return features_of


@pytest.fixture
def file(tmp_path):
    return tmp_path / "models" / "predictions.safetensors"


@pytest.fixture
def current(file, model, features_of):
    """The predictions for tracks with some keys, by the cache."""
    return lambda keys, made_of="made": cached_predictions(file, made_of, model, keys, features_of)


def same(one, other):
    for name in ("by_audio", "audio_part", "neighbor_features"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5, err_msg=name)
    np.testing.assert_allclose(one.graph.toarray(), other.graph.toarray(), atol=1e-5)


def fresh(model, features_of, keys):
    return model.predict(features_of(keys))


def test_what_was_cached_is_used_and_no_features_are_read(current, features_of, library):
    first = current(library.tracks.keys)
    assert len(features_of.read) == 1
    same(current(library.tracks.keys), first)
    assert len(features_of.read) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda keys: keys[:200],
        lambda keys: keys[::-1],
        lambda keys: [*keys[:100], keys[3], *keys[100:]],
        lambda keys: keys[20:],
    ],
    ids=["gone", "in another order", "there twice", "the first gone"],
)
def test_a_library_that_has_changed_gives_what_it_would_give_at_first(current, model, features_of, library, change):
    current(library.tracks.keys)
    keys = change(library.tracks.keys)
    changed = current(keys)
    assert len(features_of.read) == 1
    same(changed, fresh(model, features_of, keys))


def test_only_the_features_of_what_is_new_are_read(current, model, features_of, library):
    keys = library.tracks.keys
    current(keys[10:])
    joined = current(keys)
    assert features_of.read[1:] == [keys[:10]]
    same(joined, fresh(model, features_of, keys))
    same(current(keys), joined)


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", None])
def test_a_damaged_file_and_one_of_another_model_are_made_again(file, current, model, features_of, library, content):
    current(library.tracks.keys, "of another")
    if content is not None:
        file.write_bytes(content)
    same(current(library.tracks.keys), fresh(model, features_of, library.tracks.keys))
    assert len(features_of.read) == 3


def test_a_file_of_which_any_byte_has_changed_or_the_end_is_missing_is_made_again(
    file, current, model, features_of, library
):
    keys = library.tracks.keys
    current(keys)
    whole, wanted = file.read_bytes(), fresh(model, features_of, keys)

    @settings(deadline=None, max_examples=60)
    @given(st.integers(0, len(whole) - 1), st.integers(1, 255), st.booleans())
    @example(0, 1, False)
    @example(len(whole) - 1, 128, False)
    def check(at, change, cut):
        features_of.read.clear()
        file.write_bytes(whole[:at] if cut else whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :])
        same(current(keys), wanted)
        assert len(features_of.read) <= 1

    check()
