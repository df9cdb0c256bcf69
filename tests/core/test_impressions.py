"""Impressions on disk: what is kept is used, what is new is heard, and what is of no use is made anew."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.track_predictions import TrackPredictions, space_of
from cfaudio_core.pipeline.prediction_cache import PredictionCache

MADE_FOR = "cf-1 net 10"


@pytest.fixture
def hear(library):
    """Sound by key; says what was asked for."""
    row = {key: i for i, key in enumerate(library.tracks.keys)}

    def sound_of(keys):
        def hear(at):
            sound_of.asked.append([keys[i] for i in at])
            return library.sound.at(np.array([row[keys[i]] for i in at], int))

        return hear

    sound_of.asked = []
    return sound_of


@pytest.fixture
def file(tmp_path):
    return PredictionCache(tmp_path / "models" / "impressions.safetensors", MADE_FOR)


def same(one, other):
    for name in ("said", "axes", "places"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5, err_msg=name)
    np.testing.assert_allclose(one.graph.toarray(), other.graph.toarray(), atol=1e-5)


def fresh(model, hear, keys):
    return TrackPredictions.of(model, FeatureMatrix(space_of(model), len(keys), hear(keys)))


def test_what_was_kept_is_read_and_nothing_is_heard(file, model, hear, library):
    first = file.current(model, library.tracks.keys, hear)
    assert len(hear.asked) == 1
    same(file.current(model, library.tracks.keys, hear), first)
    assert len(hear.asked) == 1


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
def test_a_library_that_has_changed_gives_what_it_would_give_at_first(file, model, hear, library, change):
    file.current(model, library.tracks.keys, hear)
    keys = change(library.tracks.keys)
    changed = file.current(model, keys, hear)
    assert len(hear.asked) == 1
    same(changed, fresh(model, hear, keys))


def test_only_what_is_new_is_heard(file, model, hear, library):
    keys = library.tracks.keys
    file.current(model, keys[10:], hear)
    joined = file.current(model, keys, hear)
    assert hear.asked[1:] == [keys[:10]]
    same(joined, fresh(model, hear, keys))
    same(file.current(model, keys, hear), joined)


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", None])
def test_a_damaged_file_and_one_of_another_model_are_made_anew(file, model, hear, library, content):
    PredictionCache(file.path, "cf-2 net 10").current(model, library.tracks.keys, hear)
    if content is not None:
        file.path.write_bytes(content)
    same(file.current(model, library.tracks.keys, hear), fresh(model, hear, library.tracks.keys))


def test_any_damage_to_the_file_gives_what_it_would_give_at_first_or_other_numbers_and_never_an_error(
    file, model, hear, library
):
    keys = library.tracks.keys
    file.current(model, keys, hear)
    arrays = load(file.path.read_bytes())
    graph_parts = [name for name in arrays if name.startswith("graph.")]
    dtypes = st.sampled_from(["<f4", "<i4", "<i8", "u1"])
    change = st.tuples(st.sampled_from(sorted(arrays)), dtypes, st.integers(0, 20), st.integers(-9, 1 << 30))

    @settings(deadline=None, max_examples=60, derandomize=True)
    @given(change)
    @example(("graph.indices", arrays["graph.indices"].dtype.str, 0, 1 << 30))
    @example(("graph.indptr", arrays["graph.indptr"].dtype.str, 0, -5))
    @example(("axes", "<f4", 0, float("nan")))
    @example(("made_for", "<f4", 20, -9))
    def check(change):
        name, dtype, at, value = change
        changed = arrays[name].astype(dtype).copy()
        changed.reshape(-1)[at : at + 1] = np.asarray(value).astype(dtype)
        file.path.write_bytes(save({**arrays, name: changed}))
        got = file.current(model, keys, hear)
        assert got.graph.shape == (len(keys), len(keys))
        assert len(got.said) == len(got.axes) == len(got.places) == len(keys)
        assert all(np.isfinite(part).all() for part in (got.said, got.axes, got.places, got.graph.data))
        if name in graph_parts:
            got.graph @ np.ones(len(keys))

    check()


def test_what_is_forgotten_is_heard_again(file, model, hear, library):
    file.current(model, library.tracks.keys, hear)
    file.forget()
    file.current(model, library.tracks.keys, hear)
    assert len(hear.asked) == 2
    file.forget()
    file.forget()
