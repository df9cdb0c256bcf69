"""Folding in: what became known after the lesson, against a lesson that knew it."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, make_library, make_listener

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.pipeline.scoring import embed_tracks
from cfaudio_core.training.fit import fit_model, standard_preference
from cfaudio_core.training.fold_in import errors, own_factors, rows_of_known

LIBRARY = make_library(240, seed=3)
NEW = np.flatnonzero(LIBRARY.listener.played)[::8]
"""Tracks that are played for the first time after the lesson."""


@pytest.fixture(scope="module")
def before():
    """The listener as the lesson knew them, the model, and what it makes of the sound."""
    plays = LIBRARY.listener.plays.copy()
    plays[NEW] = 0
    person = make_listener(plays)
    return person, *fit_model(LIBRARY.tracks, [person], FeatureMatrix.of(LIBRARY.sound), NET, QUICK)


def test_scores_come_nearer_to_those_of_a_new_lesson(before):
    person, model, predictions = before
    after = fit_model(LIBRARY.tracks, [LIBRARY.listener], FeatureMatrix.of(LIBRARY.sound), NET, QUICK)
    wanted = embed_tracks(after[0], LIBRARY.tracks, [LIBRARY.listener], after[1]).scores["me"]
    stale, folded = (
        embed_tracks(model, LIBRARY.tracks, [p], predictions).scores["me"] for p in (person, LIBRARY.listener)
    )
    assert np.corrcoef(folded, wanted)[0, 1] > max(0.95, np.corrcoef(stale, wanted)[0, 1])


def test_a_new_track_lies_with_those_it_shares_contexts_with(before):
    _, model, _ = before
    row = rows_of_known(model, LIBRARY.tracks)
    own = own_factors(model, LIBRARY.tracks, [LIBRARY.listener], row)
    known = np.flatnonzero(row >= 0)
    assert (row[NEW] < 0).all()
    np.testing.assert_allclose(np.linalg.norm(own[NEW], axis=1), 1, rtol=1e-5)
    albums = np.array(LIBRARY.tracks.albums)
    shared = albums[NEW][:, None] == albums[known]
    cosine = own[NEW] @ own[known].T
    assert cosine[shared].mean() > cosine[~shared].mean() + 0.3


def test_what_the_lesson_knew_keeps_its_factors(before):
    person, model, _ = before
    row = rows_of_known(model, LIBRARY.tracks)
    folded, stale = (own_factors(model, LIBRARY.tracks, [p], row) for p in (LIBRARY.listener, person))
    np.testing.assert_array_equal(folded[row >= 0], stale[row >= 0])
    assert not stale[row < 0].any()


def wrong_about(before, person):
    _, model, predictions = before
    row = rows_of_known(model, LIBRARY.tracks)
    people = [person] if person else []
    own = own_factors(model, LIBRARY.tracks, people, row)
    return errors(model, people, row, predictions.said, own)


def test_where_nothing_has_changed_the_errors_are_those_of_the_lesson(before):
    person, model, _ = before
    wrong = wrong_about(before, person)
    np.testing.assert_array_equal(wrong[rows_of_known(model, LIBRARY.tracks) >= 0], model.arrays["kernel.wrong"])
    assert not wrong[rows_of_known(model, LIBRARY.tracks) < 0].any()


def test_a_first_play_shows_how_wrong_the_model_was(before):
    _, _, predictions = before
    wrong = wrong_about(before, LIBRARY.listener)
    truth = standard_preference(LIBRARY.listener)
    np.testing.assert_allclose(wrong[NEW, 0], truth[NEW] - predictions.said[NEW, 0], rtol=1e-5)


def test_a_track_that_is_liked_more_than_it_was_is_more_underrated(before):
    person, _, _ = before
    least = np.flatnonzero(person.played)[person.plays[person.played].argmin()]
    now = replace(person, plays=person.plays + 20 * (np.arange(240) == least))
    assert wrong_about(before, now)[least, 0] > wrong_about(before, person)[least, 0] + 0.5


def test_a_listener_who_is_no_longer_there_leaves_the_errors_as_they_were(before):
    np.testing.assert_array_equal(wrong_about(before, None), wrong_about(before, before[0]))


def test_what_one_listener_plays_first_though_another_has_played_it_is_new():
    ann = make_listener(LIBRARY.listener.plays, name="ann")
    ben = make_listener(np.roll(LIBRARY.listener.plays, 20), name="ben")
    fewer = replace(ben, plays=np.where(np.isin(np.arange(240), NEW), 0, ben.plays))
    model, predictions = fit_model(LIBRARY.tracks, [ann, fewer], FeatureMatrix.of(LIBRARY.sound), NET, QUICK)
    row = rows_of_known(model, LIBRARY.tracks)
    own = own_factors(model, LIBRARY.tracks, [ann, ben], row)
    wrong = errors(model, [ann, ben], row, predictions.said, own)
    new = NEW[ben.played[NEW]]
    np.testing.assert_allclose(wrong[new, 1], standard_preference(ben)[new] - predictions.said[new, 1], rtol=1e-5)


@pytest.mark.parametrize("factorizer", ["vector_exp", "both"])
def test_factors_of_other_factorizers_are_folded_in_too(factorizer):
    person = replace(LIBRARY.listener, plays=np.where(np.isin(np.arange(240), NEW), 0, LIBRARY.listener.plays))
    settings = replace(QUICK, factorizer=factorizer)
    model, predictions = fit_model(LIBRARY.tracks, [person], FeatureMatrix.of(LIBRARY.sound), NET, settings)
    row = rows_of_known(model, LIBRARY.tracks)
    own = own_factors(model, LIBRARY.tracks, [LIBRARY.listener], row)
    np.testing.assert_allclose(np.linalg.norm(own[NEW], axis=1), 1, rtol=1e-5)
    assert np.isfinite(embed_tracks(model, LIBRARY.tracks, [LIBRARY.listener], predictions).vectors).all()
