"""Embeddings and scores: what is known of a track against what is predicted from its audio and tags."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, make_listener, make_tracks, steady

from cfaudio_core.data.training_set import unit
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models.hybrid_model import HybridModel
from cfaudio_core.models.model_files import load_model, save_model
from cfaudio_core.pipeline import scoring
from cfaudio_core.pipeline.scoring import HALF_PLAYS, TrackEmbeddings
from cfaudio_core.training.fit import fit_model

N = 60


def embed_tracks(model, tracks, people, sound):
    """Embeddings by the model's predictions."""
    return scoring.embed_tracks(model, tracks, people, model.predict(FeatureMatrix.of(sound, model.feature_space)))


@pytest.fixture(scope="module")
def embeddings(model, library):
    return embed_tracks(model, library.tracks, [library.listener], library.sound)


def untrained(summaries):
    """The model of a library of which too little is known to train on."""
    tracks = make_tracks(len(summaries))
    return tracks, fit_model(
        tracks, [make_listener([0] * len(summaries))], FeatureMatrix.of(steady(summaries)), NET, QUICK
    )[0]


def test_every_track_has_a_unit_vector_and_a_score_from_0_to_100(embeddings):
    assert embeddings.vectors.shape == (240, 6)
    assert embeddings.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings.vectors, axis=1), 1, rtol=1e-5)
    scores = embeddings.scores["me"]
    assert scores.dtype == np.float32
    assert scores.min() == pytest.approx(0, abs=1)
    assert scores.max() == pytest.approx(100, abs=1)
    assert scores.mean() == pytest.approx(50)


def test_tracks_that_nobody_played_are_scored_by_what_would_be_liked(embeddings, library):
    fresh = ~library.listener.played
    assert np.corrcoef(embeddings.scores["me"][fresh], library.liking[fresh])[0, 1] > 0.6


def test_a_track_played_a_lot_stands_by_its_own_plays_whatever_it_sounds_like(model, library):
    plays = library.listener.plays.copy()
    worst = int(np.argmin(library.liking))
    plays[worst] = 1000
    person = make_listener(plays)
    assert embed_tracks(model, library.tracks, [person], library.sound).scores["me"][worst] > 98


def test_a_track_skipped_a_lot_falls_to_the_bottom_whatever_it_sounds_like(model, library):
    skips = np.zeros(240)
    best = int(np.argmax(library.liking))
    skips[best] = 1000
    plays = np.where(np.arange(240) == best, 0, library.listener.plays)
    assert embed_tracks(model, library.tracks, [make_listener(plays, skips)], library.sound).scores["me"][best] == 0


def test_a_track_without_plays_is_scored_as_audio_and_tags_predict_it(model, library, embeddings):
    by_audio = model.predict(FeatureMatrix.of(library.sound, model.feature_space))
    predicted, _ = scoring.predict_tracks(model, library.tracks, [library.listener], by_audio)
    odd = np.arange(1, 240, 2)
    order = np.argsort(predicted[odd, 0])
    assert (np.diff(embeddings.scores["me"][odd][order]) >= 0).all()


def test_an_embedding_holds_both_what_is_played_together_and_what_sounds_alike(model, library, embeddings):
    by_audio = model.predict(FeatureMatrix.of(library.sound, model.feature_space))
    _, factors = scoring.predict_tracks(model, library.tracks, [library.listener], by_audio)
    sound = unit(model.feature_space.transform(library.sound))
    pairs = np.triu_indices(240, 1)
    likeness, together, alike = ((v @ v.T)[pairs] for v in (embeddings.vectors, factors, sound))
    assert np.corrcoef(likeness, together)[0, 1] > 0.5
    assert np.corrcoef(likeness, alike)[0, 1] > 0.4


def test_embeddings_do_not_depend_on_the_order_of_the_library(model, library, embeddings):
    shuffled = np.random.default_rng(0).permutation(240)
    part = library.subset(shuffled)
    again = embed_tracks(model, part.tracks, [part.listener], part.sound)
    np.testing.assert_allclose(again.vectors, embeddings.vectors[shuffled], atol=1e-5)
    np.testing.assert_allclose(again.scores["me"], embeddings.scores["me"][shuffled], atol=1e-3)


def test_a_model_from_disk_embeds_as_it_did_before(model, library, embeddings, tmp_path):
    save_model(tmp_path, model)
    again = embed_tracks(load_model(tmp_path, model.id), library.tracks, [library.listener], library.sound)
    np.testing.assert_array_equal(again.vectors, embeddings.vectors)
    np.testing.assert_array_equal(again.scores["me"], embeddings.scores["me"])


def test_a_listener_without_plays_has_no_scores(model, library):
    nobody = make_listener([0] * 240, name="bob")
    got = embed_tracks(model, library.tracks, [library.listener, nobody], library.sound)
    assert list(got.scores) == ["me"]


def test_a_listener_new_since_the_fit_is_scored_by_similarity(model, library):
    fan = make_listener([5 if i == 0 else 0 for i in range(240)], name="bob")
    got = embed_tracks(model, library.tracks, [library.listener, fan], library.sound)
    assert list(got.scores) == ["me", "bob"]
    assert got.scores["bob"][0] > 90


def groups():
    """Two sounds, far apart: the first 30 tracks and the last 30."""
    rng = np.random.default_rng(0)
    summaries = np.zeros((N, 8), np.float32)
    summaries[:, :2] = rng.normal(0, 0.05, (N, 2))
    summaries[:30, 0] += 1
    summaries[30:, 1] += 1
    return summaries


def test_with_little_known_the_nearer_in_sound_to_what_was_played_the_better():
    summaries = groups()
    tracks, model = untrained(summaries)
    got = embed_tracks(model, tracks, [make_listener([9, 9] + [0] * 58)], steady(summaries))
    scores = got.scores["me"]
    assert scores[:2].min() > 95
    assert scores[2:30].min() > scores[30:].max()
    np.testing.assert_allclose(np.linalg.norm(got.vectors, axis=1), 1, rtol=1e-5)


def test_with_little_known_the_nearer_in_sound_to_what_was_skipped_the_worse():
    summaries = groups()
    tracks, model = untrained(summaries)
    scores = embed_tracks(model, tracks, [make_listener([0] * 59 + [1], [3, 3] + [0] * 58)], steady(summaries)).scores[
        "me"
    ]
    assert scores[:30].max() < scores[30:].min()


def test_a_listener_who_only_skipped_has_no_scores_yet():
    summaries = groups()
    tracks, model = untrained(summaries)
    assert embed_tracks(model, tracks, [make_listener([0] * N, [1] * N)], steady(summaries)).scores == {}


def test_similarity_leaves_a_tracks_own_preference_out_and_is_the_same_in_any_blocks(monkeypatch):
    sound = unit(groups())
    person = make_listener([9 if i in (0, 40) else 0 for i in range(N)])  # one track of either sound
    whole = scoring._kernel_regression(sound, person)
    assert whole[[0, 40]].max() < 0.1
    assert np.delete(whole, [0, 40]).min() > 1
    monkeypatch.setattr(scoring, "_BLOCK_TRACKS", 7)
    np.testing.assert_allclose(scoring._kernel_regression(sound, person), whole, rtol=1e-5)


def test_scores_are_the_share_of_the_library_that_a_track_is_ahead_of():
    np.testing.assert_allclose(scoring._percentiles(np.float32([5, 1, 9, 3, 7])), [50, 0, 100, 25, 75])
    np.testing.assert_allclose(scoring._percentiles(np.float32([1, 1, 2])), [25, 25, 100])
    assert scoring._percentiles(np.float32([7])).tolist() == [0]


def test_three_plays_weigh_as_much_as_all_that_is_predicted():
    assert scoring._blend(np.float32([0, 0, 0]), np.float32([8, 8, 8]), np.float32([0, HALF_PLAYS, 1e9])).tolist() == [
        0,
        4,
        8,
    ]


def test_no_predicted_preference_lifts_a_known_track_above_the_most_loved_one():
    predicted, own, plays = np.float32([9, 0, 5]), np.float32([0.5, 2, 0]), np.float32([3, 30, 0])
    little_played, most_loved, never_played = scoring._blend(predicted, own, plays)
    assert little_played < most_loved
    assert never_played == 5


def test_a_single_track_has_its_embedding():
    tracks = make_tracks(1)
    model = fit_model(tracks, [make_listener([1])], FeatureMatrix.of(steady(np.ones((1, 8), np.float32))), NET, QUICK)[
        0
    ]
    got = embed_tracks(model, tracks, [make_listener([1])], steady(np.ones((1, 8), np.float32)))
    assert isinstance(model, HybridModel)
    assert isinstance(got, TrackEmbeddings)
    assert got.scores["me"].tolist() == [0]
    assert np.isfinite(got.vectors).all()


def test_an_unknown_track_is_liked_as_those_around_it_are_and_the_less_the_farther_they_are():
    """Plays of e - 1 are a preference of 1: the first track is known, and the others are at a cosine to it."""
    cosines = np.float32([1, 1, 0.9, 0.5, -1])
    vectors = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)
    weight = np.exp((cosines[1:] - 1) / 0.1)
    got = scoring._kernel_regression(vectors, make_listener([np.e - 1, 0, 0, 0, 0]))
    assert got[1:] == pytest.approx(weight / (weight + 0.1), abs=1e-5)
    assert got[0] == 0
    mixed = scoring._kernel_regression(vectors[:3], make_listener([np.e - 1, 0, 0], [0, np.e - 1, 0]))
    near = np.exp(-1)
    assert mixed == pytest.approx([-1 / 1.1, 1 / 1.1, (near - near) / (2 * near + 0.1)], abs=1e-5)


def test_a_score_is_shared_out_by_the_number_of_plays_and_the_rest_by_what_tags_are_known(model, library):
    person = library.listener
    known = model.tag_effects.known_share(library.tracks)
    shares = scoring.score_shares(model, library.tracks, person)
    by_plays = person.plays / (person.plays + 3)
    assert shares["plays"] == pytest.approx(by_plays)
    assert shares["tags"] == pytest.approx((1 - by_plays) * known, abs=1e-6)
    assert sum(shares.values()) == pytest.approx(np.ones(240))
    assert 0 < known.max() < 1
    for without in (
        scoring.score_shares(None, library.tracks, person),
        scoring.score_shares(model, library.tracks, make_listener(person.plays, name="bob")),
    ):
        assert without["audio"] == pytest.approx(1 - by_plays)
        assert not without["tags"].any()


def test_a_listener_who_only_likes_has_scores_and_one_who_only_dislikes_has_none(model, library):
    for feedback, scored in ((1, ["bob"]), (-1, [])):
        rated = replace(make_listener([0] * 240, name="bob"), feedback=np.float32([feedback] + [0] * 239))
        assert list(embed_tracks(model, library.tracks, [rated], library.sound).scores) == scored


def test_of_a_known_track_no_more_is_expected_than_of_the_most_liked_and_of_skipped_ones_none():
    blended = scoring._blend(np.float32([9, 9, -5]), np.float32([1, 2, 0]), np.float32([1, 3, 0]))
    assert blended == pytest.approx([(1 * 1 + 3 * 2) / 4, 2, -5])
    assert scoring._blend(np.float32([9]), np.float32([2]), np.float32([1])) == [2]  # it is the most loved itself
    assert scoring._blend(np.float32([4, 5]), np.float32([0, 0]), np.zeros(2, np.float32)).tolist() == [4, 5]
