"""One lesson: when there is enough to learn from, what comes out, and what makes it another lesson."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, make_library, make_listener, steady

from cfaudio_core.evaluation.held_out import evaluate_held_out
from cfaudio_core.factorization.factorizer import FactorizerSettings
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.training.fit import ENOUGH, TrainingSettings, fit_model, make_model_id, standard_preference

SMALL = make_library(80)


def only(n_known, name="me"):
    """A listener of whom the first n tracks are known."""
    return make_listener([2 + i % 3 if i < n_known else 0 for i in range(80)], name=name)


def small_id(tracks=SMALL.tracks, people=(SMALL.listener,), net=NET, settings=QUICK):
    return make_model_id(tracks, people, net, settings)


def test_a_lesson_foretells_what_was_held_out(model):
    (verdict,) = evaluate_held_out(model)
    assert verdict.listener == "me"
    assert verdict.tracks == 120
    assert verdict.sound > 0.75
    assert verdict.sound_and_tags > 0.75


def test_a_model_says_what_it_was_made_from(model, library):
    assert model.id == make_model_id(library.tracks, [library.listener], NET, QUICK)
    assert model.about["net"] == NET
    assert model.about["tracks"] == 240
    assert model.about["listeners"] == {"me": 120}
    assert model.about["taught"] == ["me"]
    assert model.about["known"] == [f"key{i}" for i in range(0, 240, 2)]
    assert model.about["settings"] == QUICK.kept()
    assert model.about["settings"]["factors"]["factors"] == 6
    assert model.arrays["own.direction"].shape == (120, 3)
    np.testing.assert_allclose(np.linalg.norm(model.arrays["own.direction"], axis=1), 1, rtol=1e-5)


def test_the_same_lesson_twice_gives_the_same_model(model, library):
    again = fit_model(library.tracks, [library.listener], FeatureMatrix.of(library.sound), NET, QUICK)[0]
    assert again.id == model.id
    assert again.about == model.about
    assert again.arrays.keys() == model.arrays.keys()
    for name, array in model.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name], err_msg=name)


def test_with_fewer_than_30_known_tracks_nothing_is_learnt():
    model = fit_model(SMALL.tracks, [only(ENOUGH - 1)], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert ENOUGH == 30
    assert {name.partition(".")[0] for name in model.arrays} == {"sound", "space"}
    assert model.about["taught"] == []
    assert evaluate_held_out(model) == []


def test_with_30_known_tracks_a_machine_is_fitted_skipped_ones_among_them():
    person = make_listener([2 if i < 20 else 0 for i in range(80)], [1 if 20 <= i < 30 else 0 for i in range(80)])
    model = fit_model(SMALL.tracks, [person], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert model.about["taught"] == ["me"]
    assert model.arrays["kernel.anchors"].shape == (30, 16)


def test_who_has_too_few_plays_is_left_out_of_the_lesson_of_the_others():
    model = fit_model(SMALL.tracks, [only(5, "bob"), only(40, "ann")], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert model.about["taught"] == ["ann"]
    assert model.about["listeners"] == {"bob": 5, "ann": 40}
    assert model.arrays["kernel.mean"].shape == (1 + 3,)


def test_a_library_without_tags_is_learnt_from_without_factors():
    bare = replace(SMALL.tracks, artists=[""] * 80, albums=[""] * 80, genres=[()] * 80)
    model = fit_model(bare, [only(40)], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert model.about["contexts"] == 0
    assert model.arrays["own.direction"].shape == (40, 0)
    assert model.arrays["kernel.mean"].shape == (1,)


def test_a_listener_who_played_everything_once_can_be_learnt_from():
    model = fit_model(SMALL.tracks, [make_listener([1] * 80)], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert all(np.isfinite(array).all() for array in model.arrays.values())


def test_the_axes_of_sound_are_those_along_which_the_library_varies():
    rng = np.random.default_rng(0)
    summaries = rng.normal(0, 1, (80, 8)).astype(np.float32)
    summaries[:, 1] = summaries[:, 0] + 0.01 * summaries[:, 1]  # two features that always go together
    basis = fit_model(SMALL.tracks, [only(0)], FeatureMatrix.of(steady(summaries)), NET, QUICK)[0].arrays["sound.basis"]
    assert basis.shape == (16, 6)
    assert np.abs(basis[:2, 0]).min() > 0.6
    np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-4)


def test_axes_beyond_what_the_sound_has_are_zero():
    many = replace(QUICK, factors=FactorizerSettings(10))
    summaries = np.hstack([SMALL.summaries[:, :2], np.full((80, 2), 37.3, np.float32)])
    basis = fit_model(SMALL.tracks, [only(0)], FeatureMatrix.of(steady(summaries)), NET, many)[0].arrays["sound.basis"]
    assert basis.shape == (8, 10)
    assert np.flatnonzero(basis.any(axis=0)).tolist() == [0, 1]


def test_standard_preference_has_mean_0_and_variance_1_over_what_is_known():
    person = make_listener([1, 5, 0, 20], [0, 0, 0, 3])
    known = standard_preference(person)[person.known]
    assert known.mean() == pytest.approx(0, abs=1e-6)
    assert known.std() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("plays", [[0, 0, 0], [2, 2, 2], []])
def test_standard_preference_of_a_listener_without_contrast_is_0(plays):
    assert not standard_preference(make_listener(plays)).any()


def plus_one(person, i=0):
    return make_listener(np.where(np.arange(80) == i, person.plays + 1, person.plays))


def renamed(column, i, value):
    changed = list(getattr(SMALL.tracks, column))
    changed[i] = value
    return replace(SMALL.tracks, **{column: changed})


@pytest.mark.parametrize(
    "other",
    [
        {"people": [plus_one(SMALL.listener)]},
        {"people": [plus_one(SMALL.listener, i=1)]},
        {"people": [replace(SMALL.listener, skips=SMALL.listener.skips + 1)]},
        {"people": [replace(SMALL.listener, name="ann")]},
        {"people": [SMALL.listener, only(3, "bob")]},
        {"tracks": renamed("artists", 0, "someone else")},
        {"tracks": renamed("albums", 0, "another album")},
        {"tracks": renamed("genres", 0, ("polka",))},
        {"tracks": renamed("keys", 0, "another sound")},
        {"net": "MTT_musicnn-3"},
        {"settings": replace(QUICK, seed=1)},
        {"settings": replace(QUICK, factorizer="both")},
        {"settings": replace(QUICK, factors=replace(QUICK.factors, factors=7))},
        {"settings": TrainingSettings()},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_lesson_has_another_id(other):
    assert small_id(**other) != small_id()


def test_the_order_of_the_library_does_not_make_another_lesson():
    shuffled = np.random.default_rng(0).permutation(80)
    part = SMALL.subset(shuffled)
    assert small_id(part.tracks, [part.listener]) == small_id()


def test_new_tracks_that_nobody_played_do_not_make_another_lesson():
    played = SMALL.subset(np.flatnonzero(SMALL.listener.known))
    assert small_id(played.tracks, [played.listener]) == small_id()


def test_paths_ids_and_the_tags_of_unplayed_tracks_do_not_make_another_lesson():
    moved = replace(SMALL.tracks, paths=[b"/elsewhere" + path for path in SMALL.tracks.paths], ids=SMALL.tracks.ids + 9)
    assert small_id(moved) == small_id()
    assert small_id(renamed("artists", 1, "someone else")) == small_id()


def test_an_id_is_short_and_says_whose_it_is():
    assert small_id().startswith("cf-")
    assert len(small_id()) == 13
