"""Effects of artists, albums and genres, and the weight of audio beside them."""

import numpy as np
import pytest
from synthetic import make_tracks

from cfaudio_core.data.training_set import Targets, TrainingSet
from cfaudio_core.models.tag_effects import TagEffects

M = 200  # known tracks; 20 more of the same artists were never played


FOLD = np.random.default_rng(0).permutation(M) % 5


def noise(seed, n=M):
    return np.random.default_rng(seed).normal(0, 1, n).astype(np.float32)


def by_artist(i):
    """20 artists; every other one is loved."""
    return 1.0 if i % 20 % 2 else -1.0


LABELLED = make_tracks(M + 20, artists=[f"artist {i % 20}" for i in range(M + 20)])
LIKED = np.float32([by_artist(i) for i in range(M + 20)])
KNOWN = np.arange(M)
ONE = np.zeros(1, np.int64)


def fit(tracks, truth, by_audio, known=None, groups=ONE):
    """Fit to truth and held-out predictions, both (m,) or (m, outputs), of which some are known."""
    truth, by_audio = np.float32(truth).reshape(M, -1), np.float32(by_audio).reshape(M, -1)
    known = np.ones(truth.shape, bool) if known is None else np.array(known, bool)
    targets = Targets(truth, known, np.zeros((M, 0), np.float32))
    nothing = np.zeros((M, 0), np.float32)
    return TagEffects.fit(tracks, TrainingSet(nothing, None, KNOWN, targets, groups, FOLD), by_audio)


def error(predicted, truth):
    return float(np.mean((predicted[:, 0] - truth) ** 2))


@pytest.fixture(scope="module")
def telling():
    """Artists say nearly all, sound says nothing."""
    truth, sound = LIKED[:M] + 0.2 * noise(1), noise(2)
    return truth, sound, *fit(LABELLED, truth, sound)


@pytest.fixture(scope="module")
def useless():
    """Sound says nearly all, artists nothing."""
    truth = noise(1)
    sound = truth + 0.3 * noise(2)
    return truth, sound, *fit(LABELLED, truth, sound)


def test_where_artists_tell_all_the_held_out_error_falls(telling):
    truth, _, _, predicted = telling
    assert error(predicted, truth) < 0.1 < 0.9 < np.mean(truth**2)


def test_an_unplayed_track_of_a_loved_artist_is_lifted_whatever_it_sounds_like(telling):
    *_, effects, _ = telling
    new = effects.predict(LABELLED, np.tile(np.float32([[-1], [1]]), (110, 1)))[M:, 0]
    assert new[LIKED[M:] > 0].min() > 0.7
    assert new[LIKED[M:] < 0].max() < -0.7


def test_sound_that_says_nothing_beside_telling_labels_has_no_weight(telling):
    *_, effects, _ = telling
    assert effects.audio_weight.max() < 0.2
    assert effects.label_weight.min() > 0.8


def test_labels_that_say_nothing_are_left_out_and_sound_stands_alone(useless):
    truth, sound, effects, predicted = useless
    assert not effects.values.any()
    assert not effects.label_weight.any()
    np.testing.assert_array_equal(effects.audio_weight[0], effects.audio_weight[1])
    assert effects.audio_weight[0, 0] > 0.85
    np.testing.assert_allclose(predicted[:, 0], effects.audio_weight[0, 0] * sound, rtol=1e-6)
    assert error(predicted, truth) < 0.15


def test_new_tracks_of_unknown_artists_are_what_they_sound_like(telling, useless):
    strangers = make_tracks(3, artists=["nobody", "", "nobody else"], genres=[("new",), (), ("rock",)])
    sound = np.float32([[-1], [0], [2]])
    for *_, effects, _ in (telling, useless):
        np.testing.assert_allclose(effects.predict(strangers, sound), effects.audio_weight[0] * sound)


def test_apply_adds_every_label_and_blends_audio_by_what_is_known():
    effects = TagEffects(
        labels=["album:a", "artist:b"],
        values=np.float32([[10], [100]]),
        label_weight=np.float32([0.25, 0.75]),
        audio_weight=np.float32([[1.0], [0.2]]),
    )
    tracks = make_tracks(4, albums=["a", "a", "", ""], artists=["b", "", "b", ""])
    predicted = effects.predict(tracks, np.ones((4, 1), np.float32))[:, 0]
    np.testing.assert_allclose(predicted, [110 + 0.25 + 0.15, 10 + 0.75 + 0.05, 100 + 0.25 + 0.15, 1], rtol=1e-6)


def test_without_any_labels_sound_stands_alone():
    truth = noise(1)
    effects, predicted = fit(make_tracks(M), truth, truth)
    assert effects.labels == []
    np.testing.assert_allclose(predicted[:, 0], truth, rtol=1e-5)
    assert effects.predict(make_tracks(2), np.float32([[1], [2]])).tolist() == [[1], [2]]


def test_a_label_that_one_track_alone_has_tells_nothing_of_others():
    tracks = make_tracks(M, artists=[f"artist {i}" for i in range(M)], albums=["one"] * 2 + [""] * (M - 2))
    effects, _ = fit(tracks, noise(1), noise(2))
    assert effects.labels == ["album:one"]


def test_a_genre_named_twice_counts_once():
    truth, sound = LIKED[:M], noise(2)
    genres = [("loud",) if liked > 0 else ("quiet",) for liked in truth]
    once, _ = fit(make_tracks(M, genres=genres), truth, sound)
    twice, _ = fit(make_tracks(M, genres=[own * 2 for own in genres]), truth, sound)
    assert once.values.any()
    np.testing.assert_array_equal(once.values, twice.values)


def test_albums_tell_where_artists_do_not():
    albums = np.arange(M) // 5
    liked = noise(3, M // 5)[albums]
    tracks = make_tracks(M, albums=[f"album {a}" for a in albums])
    truth = liked + 0.2 * noise(1)
    _, predicted = fit(tracks, truth, noise(2))
    assert error(predicted, truth) < 0.4 * np.mean(truth**2)


def test_the_prediction_of_a_track_does_not_see_its_own_truth():
    truth, sound = LIKED[:M] + 0.2 * noise(1), noise(2)
    _, before = fit(LABELLED, truth, sound)
    changed = truth.copy()
    changed[7] += 3
    _, after = fit(LABELLED, changed, sound)
    alone = FOLD[7] == FOLD
    assert abs(after[7, 0] - before[7, 0]) < 0.3  # the weight of audio moves a little, the effects do not follow
    assert alone[7]
    others = ~alone & (np.arange(M) % 20 == 7)
    assert (after[others, 0] - before[others, 0]).min() > 0.2  # while the artist's other tracks do


def test_unknown_values_weigh_nothing():
    truth = np.stack([LIKED[:M], LIKED[:M]], axis=1)
    sound = np.stack([noise(2), noise(3)], axis=1)
    known = np.ones((M, 2))
    known[::3, 1] = 0
    nonsense = truth.copy()
    nonsense[::3, 1] = 1000
    groups = np.array([0, 1])
    effects, _ = fit(LABELLED, truth, sound, known, groups)
    same, _ = fit(LABELLED, nonsense, sound, known, groups)
    assert effects.values.any()
    np.testing.assert_allclose(effects.values, same.values, atol=1e-6)
    np.testing.assert_allclose(effects.audio_weight, same.audio_weight, atol=1e-6)


def test_outputs_of_one_group_share_the_weight_of_audio():
    truth = np.stack([noise(1), noise(2), noise(3)], axis=1)
    sound = truth * np.float32([0.5, 1, -1])
    effects, _ = fit(make_tracks(M), truth, sound, groups=np.array([0, 1, 1]))
    alone = effects.audio_weight[0]
    assert alone[0] == 1  # never more than all
    assert alone[1] == alone[2] < 0.3


def test_a_ridge_fit_is_the_closed_form():
    truth, sound = LIKED[:M] + 0.2 * noise(1), noise(2)
    effects, _ = fit(LABELLED, truth, sound)
    ridge = (1 / effects.label_weight[0] - 1) * 10  # ten known tracks an artist
    left = truth - effects.audio_weight[1, 0] * sound
    for name, value in zip(effects.labels, effects.values[:, 0], strict=True):
        own = [i for i in range(M) if LABELLED.artists[i] == name.removeprefix("artist:")]
        assert value == pytest.approx(left[own].sum() / (len(own) + ridge), rel=1e-4)


def test_of_artists_that_one_listener_never_met_another_tells_that_listener_nothing():
    theirs = np.stack([np.arange(M) % 20 < 10, np.arange(M) % 20 >= 10], axis=1)
    truth = np.where(theirs, LIKED[:M, None], 0)
    effects, predicted = fit(LABELLED, truth, noise(2, 2 * M), theirs, np.arange(2))
    number = np.array([int(label.rpartition(" ")[2]) for label in effects.labels])
    assert ((effects.values != 0) == np.stack([number < 10, number >= 10], axis=1)).all()
    assert np.mean((predicted - truth)[theirs] ** 2) < 0.1
