"""What artists, albums and genres add to the sound, and how far sound is trusted beside them."""

import numpy as np
import pytest
from synthetic import make_tracks

from cfaudio_core.models.tag_effects import HeldOutPredictions, TagEffects, fit_tag_effects

M = 200  # known tracks; 20 more of the same artists were never heard


def make_held(truth, sound, known=None, seed=0):
    truth, sound = np.float32(truth).reshape(M, -1), np.float32(sound).reshape(M, -1)
    weights = np.ones_like(truth) if known is None else np.float32(known).reshape(M, -1)
    return HeldOutPredictions(sound, truth, weights, np.random.default_rng(seed).permutation(M) % 5)


def noise(seed, n=M):
    return np.random.default_rng(seed).normal(0, 1, n).astype(np.float32)


def by_artist(i):
    """20 artists; every other one is loved."""
    return 1.0 if i % 20 % 2 else -1.0


LABELLED = make_tracks(M + 20, artists=[f"artist {i % 20}" for i in range(M + 20)])
LIKED = np.float32([by_artist(i) for i in range(M + 20)])
KNOWN = np.arange(M)
ONE = np.zeros(1, np.int64)


def fit(tracks, held, groups=ONE):
    return fit_tag_effects(tracks, KNOWN[: len(held.truth)], held, groups)


def error(foretold, truth):
    return float(np.mean((foretold[:, 0] - truth) ** 2))


@pytest.fixture(scope="module")
def telling():
    """Artists say nearly all, sound says nothing."""
    truth, sound = LIKED[:M] + 0.2 * noise(1), noise(2)
    return truth, sound, *fit(LABELLED, make_held(truth, sound))


@pytest.fixture(scope="module")
def useless():
    """Sound says nearly all, artists nothing."""
    truth = noise(1)
    sound = truth + 0.3 * noise(2)
    return truth, sound, *fit(LABELLED, make_held(truth, sound))


def test_where_artists_tell_all_the_held_out_error_falls(telling):
    truth, _, _, foretold = telling
    assert error(foretold, truth) < 0.1 < 0.9 < np.mean(truth**2)


def test_an_unheard_track_of_a_loved_artist_is_lifted_whatever_it_sounds_like(telling):
    *_, effects, _ = telling
    new = effects.apply(LABELLED, np.tile(np.float32([[-1], [1]]), (110, 1)))[M:, 0]
    assert new[LIKED[M:] > 0].min() > 0.7
    assert new[LIKED[M:] < 0].max() < -0.7


def test_sound_that_says_nothing_beside_telling_labels_is_not_trusted(telling):
    *_, effects, _ = telling
    assert effects.trust.max() < 0.2
    assert effects.coverage.min() > 0.8


def test_labels_that_say_nothing_are_left_out_and_sound_stands_alone(useless):
    truth, sound, effects, foretold = useless
    assert not effects.values.any()
    assert not effects.coverage.any()
    np.testing.assert_array_equal(effects.trust[0], effects.trust[1])
    assert effects.trust[0, 0] > 0.85
    np.testing.assert_allclose(foretold[:, 0], effects.trust[0, 0] * sound, rtol=1e-6)
    assert error(foretold, truth) < 0.15


def test_new_tracks_of_unknown_artists_are_what_they_sound_like(telling, useless):
    strangers = make_tracks(3, artists=["nobody", "", "nobody else"], genres=[("new",), (), ("rock",)])
    sound = np.float32([[-1], [0], [2]])
    for *_, effects, _ in (telling, useless):
        np.testing.assert_allclose(effects.apply(strangers, sound), effects.trust[0] * sound)


def test_apply_adds_every_label_and_blends_trust_by_what_is_known():
    effects = TagEffects(
        labels=["album:a", "artist:b"],
        values=np.float32([[10], [100]]),
        coverage=np.float32([0.25, 0.75]),
        trust=np.float32([[1.0], [0.2]]),
    )
    tracks = make_tracks(4, albums=["a", "a", "", ""], artists=["b", "", "b", ""])
    foretold = effects.apply(tracks, np.ones((4, 1), np.float32))[:, 0]
    np.testing.assert_allclose(foretold, [110 + 0.25 + 0.15, 10 + 0.75 + 0.05, 100 + 0.25 + 0.15, 1], rtol=1e-6)


def test_without_any_labels_sound_stands_alone():
    truth = noise(1)
    effects, foretold = fit(make_tracks(M), make_held(truth, truth))
    assert effects.labels == []
    np.testing.assert_allclose(foretold[:, 0], truth, rtol=1e-5)
    assert effects.apply(make_tracks(2), np.float32([[1], [2]])).tolist() == [[1], [2]]


def test_a_label_that_one_track_alone_has_tells_nothing_of_others():
    tracks = make_tracks(M, artists=[f"artist {i}" for i in range(M)], albums=["one"] * 2 + [""] * (M - 2))
    effects, _ = fit(tracks, make_held(noise(1), noise(2)))
    assert effects.labels == ["album:one"]


def test_a_genre_named_twice_counts_once():
    truth, sound = LIKED[:M], noise(2)
    genres = [("loud",) if liked > 0 else ("quiet",) for liked in truth]
    once, _ = fit(make_tracks(M, genres=genres), make_held(truth, sound))
    twice, _ = fit(make_tracks(M, genres=[own * 2 for own in genres]), make_held(truth, sound))
    assert once.values.any()
    np.testing.assert_array_equal(once.values, twice.values)


def test_albums_tell_where_artists_do_not():
    albums = np.arange(M) // 5
    liked = noise(3, M // 5)[albums]
    tracks = make_tracks(M, albums=[f"album {a}" for a in albums])
    truth = liked + 0.2 * noise(1)
    _, foretold = fit(tracks, make_held(truth, noise(2)))
    assert error(foretold, truth) < 0.4 * np.mean(truth**2)


def test_what_is_foretold_of_a_track_does_not_see_its_own_truth():
    truth, sound = LIKED[:M] + 0.2 * noise(1), noise(2)
    _, before = fit(LABELLED, make_held(truth, sound))
    changed = truth.copy()
    changed[7] += 3
    _, after = fit(LABELLED, make_held(changed, sound))
    alone = make_held(truth, sound).fold == make_held(truth, sound).fold[7]
    assert abs(after[7, 0] - before[7, 0]) < 0.3  # the trust in sound moves a little, the effects do not follow
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
    effects, _ = fit(LABELLED, make_held(truth, sound, known), groups)
    same, _ = fit(LABELLED, make_held(nonsense, sound, known), groups)
    assert effects.values.any()
    np.testing.assert_allclose(effects.values, same.values, atol=1e-6)
    np.testing.assert_allclose(effects.trust, same.trust, atol=1e-6)


def test_outputs_of_one_group_share_their_trust():
    truth = np.stack([noise(1), noise(2), noise(3)], axis=1)
    sound = truth * np.float32([0.5, 1, -1])
    effects, _ = fit(make_tracks(M), make_held(truth, sound), np.array([0, 1, 1]))
    alone = effects.trust[0]
    assert alone[0] == 1  # never more than all
    assert alone[1] == alone[2] < 0.3


def test_a_ridge_fit_is_the_closed_form():
    truth, sound = LIKED[:M] + 0.2 * noise(1), noise(2)
    effects, _ = fit(LABELLED, make_held(truth, sound))
    ridge = (1 / effects.coverage[0] - 1) * 10  # ten known tracks an artist
    left = truth - effects.trust[1, 0] * sound
    for name, value in zip(effects.labels, effects.values[:, 0], strict=True):
        own = [i for i in range(M) if LABELLED.artists[i] == name.removeprefix("artist:")]
        assert value == pytest.approx(left[own].sum() / (len(own) + ridge), rel=1e-4)


def test_of_artists_that_one_listener_never_met_another_tells_that_listener_nothing():
    theirs = np.stack([np.arange(M) % 20 < 10, np.arange(M) % 20 >= 10], axis=1)
    truth = np.where(theirs, LIKED[:M, None], 0)
    effects, foretold = fit(LABELLED, make_held(truth, noise(2, 2 * M), theirs), np.arange(2))
    number = np.array([int(label.rpartition(" ")[2]) for label in effects.labels])
    assert ((effects.values != 0) == np.stack([number < 10, number >= 10], axis=1)).all()
    assert np.mean((foretold - truth)[theirs] ** 2) < 0.1
