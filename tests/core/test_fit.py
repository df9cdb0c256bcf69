"""Fit of a model: when there is enough to train on, what comes out, and what makes it another model."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, make_library, make_listener, make_tracks, steady

from cfaudio_core.data.interactions import gather_interactions
from cfaudio_core.data.sessions import Sessions
from cfaudio_core.data.training_set import standard_preference
from cfaudio_core.evaluation.held_out import evaluate_held_out
from cfaudio_core.factorization.factorizer import FactorizerSettings
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.latent_factors import LatentFactors
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS, TrainingSettings
from cfaudio_core.pipeline.scoring import embed_tracks
from cfaudio_core.training.fit import fit_model, make_model_id
from cfaudio_core.util.fingerprint import fingerprint

SMALL = make_library(80)


def only(n_known, name="me"):
    """A listener of whom the first n tracks are known."""
    return make_listener([2 + i % 3 if i < n_known else 0 for i in range(80)], name=name)


def small_id(tracks=SMALL.tracks, people=(SMALL.listener,), net=NET, settings=QUICK, n_windows=10):
    return make_model_id(tracks, people, net, settings, n_windows)


def test_a_model_predicts_what_was_held_out(model):
    (verdict,) = evaluate_held_out(model)
    assert verdict.listener == "me"
    assert verdict.tracks == 120
    assert verdict.by_audio > 0.75
    assert verdict.by_audio_and_tags > 0.75


def test_a_model_says_what_it_was_made_from(model, library):
    assert model.id == make_model_id(library.tracks, [library.listener], NET, QUICK)
    assert model.info.net == NET
    assert model.info.n_tracks == 240
    assert model.info.trained_listeners == ["me"]
    assert model.factors.keys[:120] == [f"key{i}" for i in range(0, 240, 2)]
    assert model.factors.n_known == 120
    assert model.info.settings == QUICK
    assert model.info.settings.factors.factors == 6
    assert model.factors.directions.shape == (240, 6)
    np.testing.assert_allclose(np.linalg.norm(model.factors.directions, axis=1), 1, rtol=1e-5)


def test_the_same_fit_twice_gives_the_same_model(model, library):
    again = fit_model(library.tracks, [library.listener], FeatureMatrix.of(library.sound), NET, QUICK)[0]
    assert again.id == model.id
    assert fingerprint(again) == fingerprint(model)


def test_with_fewer_than_30_known_tracks_nothing_is_trained():
    model = fit_model(SMALL.tracks, [only(MIN_KNOWN_TRACKS - 1)], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert MIN_KNOWN_TRACKS == 30
    assert not len(model.kernel.mean)
    assert not model.factors.keys
    assert model.info.trained_listeners == []
    assert evaluate_held_out(model) == []


def test_with_30_known_tracks_a_machine_is_fitted_skipped_ones_among_them():
    person = make_listener([2 if i < 20 else 0 for i in range(80)], [1 if 20 <= i < 30 else 0 for i in range(80)])
    model = fit_model(SMALL.tracks, [person], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert model.info.trained_listeners == ["me"]
    assert model.kernel.landmarks.shape == (30, 16)


def test_who_has_too_few_plays_is_left_out_of_the_fit_to_the_others():
    model = fit_model(SMALL.tracks, [only(5, "bob"), only(40, "ann")], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert model.info.trained_listeners == ["ann"]
    assert model.kernel.mean.shape == (1 + 6,)


def test_tracks_that_nobody_played_have_factors_of_their_own_by_their_tags(model, library):
    factors, row = model.factors, model.factors.rows(library.tracks.keys)
    assert (row >= 0).all()
    unplayed = np.flatnonzero(~library.listener.played)
    own = factors.directions[row[unplayed]]
    same_album = np.equal.outer(*[np.array(library.tracks.albums)[unplayed]] * 2) & ~np.eye(120, dtype=bool)
    cosine = own @ own.T
    assert cosine[same_album].mean() > cosine[~same_album].mean() + 0.3


def test_factors_are_centred_so_that_they_tell_tracks_apart(model):
    known = model.factors.directions[: model.factors.n_known]
    assert np.linalg.norm(known.mean(axis=0)) < 0.3


def test_tracks_played_together_lie_together_however_many_others_were_played_at_unknown_times():
    """Twenty tracks in two kinds of sessions, and twenty of which nothing but a count is known."""
    evenings = [list(range(0, 20, 2)), list(range(1, 20, 2))] * 8
    track = np.concatenate(evenings)
    session = np.repeat(np.arange(16), 10)
    sessions = Sessions(np.zeros_like(track), track, session, session * 86_400, np.zeros(len(track), bool))
    person = replace(make_listener([8] * 20 + [1] * 20), sessions=sessions)
    tracks = make_tracks(40)
    factors = LatentFactors.fit(tracks.keys, gather_interactions(tracks, [person]), np.arange(40), TrainingSettings())
    cosine = factors.directions[:20] @ factors.directions[:20].T
    together = np.equal.outer(np.arange(20) % 2, np.arange(20) % 2)
    assert cosine[together].min() > 0.5
    assert cosine[~together].max() < -0.5
    assert not factors.directions[20:].any()


def test_a_library_without_tags_is_fitted_to_without_factors():
    bare = replace(SMALL.tracks, artists=[""] * 80, albums=[""] * 80, genres=[()] * 80)
    model = fit_model(bare, [only(40)], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    assert model.info.n_contexts == 0
    assert model.factors.directions.shape == (40, 0)
    assert model.kernel.mean.shape == (1,)


def test_without_a_factorizer_nothing_depends_on_what_was_played_together():
    track = np.arange(40)
    zeros, time = np.zeros(40, np.int64), 1_600_000_000 + 200 * np.arange(40)
    together = [Sessions(zeros, order, np.arange(40) // 4, time, zeros > 0) for order in (track, track * 7 % 40)]
    one, other = (replace(only(40), sessions=sessions) for sessions in together)

    def vectors(listener, factorizer):
        settings = replace(QUICK, factorizer=factorizer)
        model, predictions = fit_model(SMALL.tracks, [listener], FeatureMatrix.of(SMALL.sound), NET, settings)
        return model, embed_tracks(model, SMALL.tracks, [listener], predictions).vectors

    model, without = vectors(one, "none")
    assert model.factors.directions.shape == (40, 0)
    assert model.kernel.mean.shape == (1,)  # the preference is all that is predicted
    np.testing.assert_allclose(np.linalg.norm(without, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(vectors(other, "none")[1], without)
    assert not np.allclose(vectors(one, "vector_exp")[1], vectors(other, "vector_exp")[1])


def test_a_listener_who_played_everything_once_can_be_trained_on():
    model = fit_model(SMALL.tracks, [make_listener([1] * 80)], FeatureMatrix.of(SMALL.sound), NET, QUICK)[0]
    parts = (*model.kernel, *model.tag_effects[1:], model.factors.directions, *model.feature_space[:4])
    assert all(np.isfinite(array).all() for array in parts)


def test_the_audio_axes_are_those_along_which_the_library_varies():
    rng = np.random.default_rng(0)
    summaries = rng.normal(0, 1, (80, 8)).astype(np.float32)
    summaries[:, 1] = summaries[:, 0] + 0.01 * summaries[:, 1]  # two features that always go together
    basis = fit_model(SMALL.tracks, [only(0)], FeatureMatrix.of(steady(summaries)), NET, QUICK)[
        0
    ].embedding_axes.of_audio
    assert basis.shape == (16, 6)
    assert np.abs(basis[:2, 0]).min() > 0.6
    np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-4)


def test_axes_beyond_those_of_the_features_are_zero():
    many = replace(QUICK, factors=FactorizerSettings(10))
    summaries = np.hstack([SMALL.summaries[:, :2], np.full((80, 2), 37.3, np.float32)])
    basis = fit_model(SMALL.tracks, [only(0)], FeatureMatrix.of(steady(summaries)), NET, many)[
        0
    ].embedding_axes.of_audio
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
        {"people": [replace(SMALL.listener, sessions=Sessions(*np.ones((4, 1), int), np.array([False])))]},
        {"tracks": renamed("artists", 0, "someone else")},
        {"tracks": renamed("artists", 1, "someone else")},  # of a track that was never played
        {"tracks": renamed("playlists", 1, ("party",))},
        {"tracks": renamed("keys", 1, "another sound")},
        {"tracks": SMALL.subset(np.arange(79)).tracks, "people": [SMALL.subset(np.arange(79)).listener]},
        {"tracks": SMALL.subset(np.arange(80)[::-1]).tracks, "people": [SMALL.subset(np.arange(80)[::-1]).listener]},
        {"n_windows": 0},
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
def test_a_model_made_of_anything_else_has_another_id(other):
    assert small_id(**other) != small_id()


def test_paths_and_ids_do_not_make_another_model():
    moved = replace(SMALL.tracks, paths=[b"/elsewhere" + path for path in SMALL.tracks.paths], ids=SMALL.tracks.ids + 9)
    assert small_id(moved) == small_id()


def test_an_id_is_short_and_says_whose_it_is():
    assert small_id().startswith("cf-")
    assert len(small_id()) == 13
