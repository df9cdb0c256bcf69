"""Fold-in: what became known after the fit, against a fit that knew it."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, make_library, make_listener

from cfaudio_core.data.interactions import gather_interactions
from cfaudio_core.data.training_set import standard_preference
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.pipeline.scoring import embed_tracks, fold_in_residuals
from cfaudio_core.training.fit import fit_model

LIBRARY = make_library(240, seed=3)
NEW = np.flatnonzero(LIBRARY.listener.played)[::8]
"""Tracks that are played for the first time after the fit."""


@pytest.fixture(scope="module")
def before():
    """The listener as the fit knew them, the model, and its predictions."""
    plays = LIBRARY.listener.plays.copy()
    plays[NEW] = 0
    person = make_listener(plays)
    return person, *fit_model(LIBRARY.tracks, [person], FeatureMatrix.of(LIBRARY.sound), NET, QUICK)


def fold_in(model, *people, tracks=LIBRARY.tracks):
    """The tracks' own factors, by what is known of them now."""
    known = np.any([np.zeros(len(tracks), bool), *(person.known for person in people)], axis=0)
    return model.factors.fold_in(tracks.keys, gather_interactions(tracks, people), known)


def test_scores_come_nearer_to_those_of_a_new_fit(before):
    person, model, predictions = before
    after = fit_model(LIBRARY.tracks, [LIBRARY.listener], FeatureMatrix.of(LIBRARY.sound), NET, QUICK)
    wanted = embed_tracks(after[0], LIBRARY.tracks, [LIBRARY.listener], after[1]).scores["me"]
    stale, folded = (
        embed_tracks(model, LIBRARY.tracks, [p], predictions).scores["me"] for p in (person, LIBRARY.listener)
    )
    assert np.corrcoef(folded, wanted)[0, 1] > max(0.95, np.corrcoef(stale, wanted)[0, 1])


def test_a_new_track_lies_with_those_it_shares_contexts_with(before):
    _, model, _ = before
    row = model.factors.known_rows(LIBRARY.tracks.keys)
    own = fold_in(model, LIBRARY.listener)
    known = np.flatnonzero(row >= 0)
    assert (row[NEW] < 0).all()
    np.testing.assert_allclose(np.linalg.norm(own[NEW], axis=1), 1, rtol=1e-5)
    albums = np.array(LIBRARY.tracks.albums)
    shared = albums[NEW][:, None] == albums[known]
    cosine = own[NEW] @ own[known].T
    assert cosine[shared].mean() > cosine[~shared].mean() + 0.3


def test_a_track_added_since_lies_with_its_album_and_one_of_a_new_album_nowhere():
    names = LIBRARY.tracks.albums
    known_album, new_album = np.flatnonzero([name == "album 7" for name in names]), np.arange(235, 240)
    added = [known_album[0], *new_album]
    there = np.setdiff1d(np.arange(240), added)
    part = LIBRARY.subset(there)
    model = fit_model(part.tracks, [part.listener], FeatureMatrix.of(part.sound), NET, QUICK)[0]
    plays = np.where(np.isin(np.arange(240), added), 0, LIBRARY.listener.plays)
    apart = [
        f"artist of {name}" if name == names[235] else artist
        for name, artist in zip(names, LIBRARY.tracks.artists, strict=True)
    ]
    tracks = replace(LIBRARY.tracks, artists=apart, genres=[()] * 240)
    own = fold_in(model, make_listener(plays), tracks=tracks)
    assert np.mean(own[known_album[1:]] @ own[added[0]]) > 0.3
    assert not own[new_album].any()


def test_what_the_fit_knew_keeps_its_factors(before):
    person, model, _ = before
    row = model.factors.known_rows(LIBRARY.tracks.keys)
    folded, stale = (fold_in(model, p) for p in (LIBRARY.listener, person))
    np.testing.assert_array_equal(folded[row >= 0], stale[row >= 0])
    assert np.abs(folded[NEW] - stale[NEW]).max() > 0.1


def residuals_of(before, person):
    _, model, predictions = before
    row = model.factors.known_rows(LIBRARY.tracks.keys)
    people = [person] if person else []
    return fold_in_residuals(model, people, row, predictions.by_audio, fold_in(model, *people))


def test_where_nothing_has_changed_the_residuals_are_those_of_the_fit(before):
    person, model, _ = before
    residuals = residuals_of(before, person)
    np.testing.assert_array_equal(residuals[model.factors.known_rows(LIBRARY.tracks.keys) >= 0], model.kernel.residuals)
    assert not residuals[model.factors.known_rows(LIBRARY.tracks.keys) < 0].any()


def test_a_first_play_shows_how_far_off_the_model_was(before):
    _, _, predictions = before
    residuals = residuals_of(before, LIBRARY.listener)
    truth = standard_preference(LIBRARY.listener)
    np.testing.assert_allclose(residuals[NEW, 0], truth[NEW] - predictions.by_audio[NEW, 0], rtol=1e-5)
    own = fold_in(before[1], LIBRARY.listener)
    np.testing.assert_allclose(residuals[NEW, 1:], own[NEW] - predictions.by_audio[NEW, 1:], rtol=1e-4, atol=1e-6)


def test_a_track_that_is_liked_more_than_it_was_is_more_underrated(before):
    person, _, _ = before
    least = np.flatnonzero(person.played)[person.plays[person.played].argmin()]
    now = replace(person, plays=person.plays + 20 * (np.arange(240) == least))
    assert residuals_of(before, now)[least, 0] > residuals_of(before, person)[least, 0] + 0.5


def test_a_listener_who_is_no_longer_there_leaves_the_residuals_as_they_were(before):
    np.testing.assert_array_equal(residuals_of(before, None), residuals_of(before, before[0]))


def test_what_one_listener_plays_first_though_another_has_played_it_is_new():
    ann = make_listener(LIBRARY.listener.plays, name="ann")
    ben = make_listener(np.roll(LIBRARY.listener.plays, 20), name="ben")
    fewer = replace(ben, plays=np.where(np.isin(np.arange(240), NEW), 0, ben.plays))
    model, predictions = fit_model(LIBRARY.tracks, [ann, fewer], FeatureMatrix.of(LIBRARY.sound), NET, QUICK)
    row, own = model.factors.known_rows(LIBRARY.tracks.keys), fold_in(model, ann, ben)
    residuals = fold_in_residuals(model, [ann, ben], row, predictions.by_audio, own)
    new = NEW[ben.played[NEW]]
    np.testing.assert_allclose(
        residuals[new, 1], standard_preference(ben)[new] - predictions.by_audio[new, 1], rtol=1e-5
    )


@pytest.mark.parametrize("factorizer", ["wmf", "both"])
def test_factors_of_other_factorizers_are_folded_in_too(factorizer):
    person = replace(LIBRARY.listener, plays=np.where(np.isin(np.arange(240), NEW), 0, LIBRARY.listener.plays))
    settings = replace(QUICK, factorizer=factorizer)
    model, predictions = fit_model(LIBRARY.tracks, [person], FeatureMatrix.of(LIBRARY.sound), NET, settings)
    own = fold_in(model, LIBRARY.listener)
    np.testing.assert_allclose(np.linalg.norm(own[NEW], axis=1), 1, rtol=1e-5)
    assert np.isfinite(embed_tracks(model, LIBRARY.tracks, [LIBRARY.listener], predictions).vectors).all()
