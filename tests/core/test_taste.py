"""The taste: several modes, the recent and the often played weightiest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.data.feedback import BAN
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import NO_SESSIONS, Sessions
from cfaudio_core.ranking.taste import (
    HALF_LIFE_S,
    MAX_MODES,
    Taste,
    decayed_counts,
    familiarity,
    liking_floor,
    mean_taste,
    modes,
    taste_weights,
)

DAY = 86400


def listener(plays, skips=None, sessions=NO_SESSIONS):
    plays = np.float32(plays)
    return Listener("anna", plays, np.zeros_like(plays) if skips is None else np.float32(skips), sessions)


def history(*plays):
    """Sessions of plays: (track, day) or (track, day, rejected)."""
    columns = np.array([(track, day * DAY, *(rejected or (False,))) for track, day, *rejected in plays])
    track, time = columns[:, 0].astype(np.int64), columns[:, 1].astype(np.int64)
    return Sessions(np.zeros_like(track), track, np.arange(len(track)), time, columns[:, 2].astype(bool))


def clouds(sizes, seed=0, dim=8):
    """Tracks around the axes, so many around each; which axis, and unit vectors."""
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(sizes)), sizes)
    vectors = np.eye(dim)[of] + 0.15 * random.standard_normal((len(of), dim))
    return of, np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_tastes_that_lie_apart_are_modes_of_their_own_with_their_shares():
    of, vectors = clouds([20, 10, 10])
    taste = modes(vectors, np.ones(40, np.float32))
    for axis in range(3):
        own = taste.mode[of == axis]
        assert len(set(own.tolist()) & set(taste.mode[of != axis].tolist())) == 0
    assert taste.shares.sum() == pytest.approx(1)
    assert taste.shares.tolist() == sorted(taste.shares.tolist(), reverse=True)
    assert np.allclose(np.linalg.norm(taste.centres, axis=1), 1, atol=1e-5)


def test_of_many_members_the_heaviest_decide_the_modes_and_all_are_in_one(monkeypatch):
    of, vectors = clouds([40, 30, 30])
    monkeypatch.setattr("cfaudio_core.ranking.taste._FITTED_TRACKS", 50)
    taste = modes(vectors, np.float32(np.random.default_rng(1).uniform(0.5, 1, 100)))
    assert taste.members.tolist() == list(range(100))
    for axis in range(3):
        assert not set(taste.mode[of == axis].tolist()) & set(taste.mode[of != axis].tolist())
    assert (taste.memberships(vectors).argmax(axis=1) == taste.mode).mean() > 0.9


def test_the_mean_is_one_mode_that_lies_between():
    _, vectors = clouds([10, 10])
    taste = mean_taste(vectors, np.ones(20, np.float32))
    assert taste.shares.tolist() == [1]
    assert taste.centres[0, :2] == pytest.approx([0.7, 0.7], abs=0.1)


def test_a_track_belongs_to_the_mode_it_is_nearest_to():
    of, vectors = clouds([10, 10, 10])
    taste = modes(vectors, np.ones(30, np.float32))
    memberships = taste.memberships(vectors)
    assert np.allclose(memberships.sum(axis=1), 1, atol=1e-5)
    assert (memberships.argmax(axis=1) == taste.mode).all()
    assert memberships.max(axis=1).min() > 0.5
    assert len(of) == len(memberships)


@given(st.integers(0, 60), st.integers(0, 99))
def test_there_are_never_too_many_modes_and_the_same_tracks_give_the_same(n, seed):
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((n, 4)).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    vectors[random.random(n) < 0.2] = 0
    weights = np.float32(random.random(n) * (random.random(n) < 0.7))
    taste, again = modes(vectors, weights), modes(vectors, weights)
    assert len(taste.shares) <= MAX_MODES
    assert taste.centres.tolist() == again.centres.tolist()
    assert set(taste.members.tolist()) == set(np.flatnonzero((weights > 0) & vectors.any(axis=1)).tolist())
    assert (len(taste.members) > 0) == (len(taste.shares) > 0)
    assert not len(taste.shares) or set(taste.mode.tolist()) == set(range(len(taste.shares)))


def test_two_equal_tracks_are_a_taste():
    vectors = np.float32([[1, 0], [1, 0]])
    assert modes(vectors, np.float32([1, 1])).centres.tolist() == [[1, 0]]


def test_no_weights_are_no_taste():
    taste = modes(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    assert (taste.centres.shape, len(taste.members)) == ((0, 3), 0)
    assert taste.memberships(np.eye(3, dtype=np.float32)).shape == (3, 0)


def test_a_play_weighs_half_after_each_half_life():
    days = HALF_LIFE_S / DAY
    person = listener([1, 1, 1], sessions=history((0, 1000), (1, 1000 - days), (2, 1000 - 2 * days)))
    assert decayed_counts(person, person.sessions.last_played(3))[0].tolist() == [1, 0.5, 0.25]


def test_a_rejected_play_is_a_skip():
    person = listener([1, 0], [0, 1], sessions=history((0, 1000), (1, 1000, True)))
    plays, skips = decayed_counts(person, person.sessions.last_played(2))
    assert (plays.tolist(), skips.tolist()) == ([1, 0], [0, 1])
    known, rejected = familiarity(plays, skips)
    assert known > 0 > rejected


def test_counts_without_times_are_ranked_as_they_are():
    known = familiarity(*decayed_counts(listener([9, 4, 0, 1]), np.zeros(4, np.int64)))
    assert np.argsort(-known).tolist() == [0, 1, 3, 2]


def test_counts_are_as_old_as_their_last_play():
    last = np.array([1000, 1000 - 4 * HALF_LIFE_S / DAY]) * DAY
    plays, _ = decayed_counts(listener([5, 20]), last.astype(np.int64))
    assert plays.tolist() == [5, 20 / 16]


def test_recent_and_old_favourites_are_both_part_of_the_taste():
    person = listener([10, 10, 1], sessions=history(*[(0, 1000)] * 10, *[(1, 0)] * 10, (2, 1000)))
    recent, old, once = taste_weights(person, decayed_counts(person, person.sessions.last_played(3))[0])
    assert recent > old > once > 0


def test_what_is_skipped_is_no_part_of_the_taste():
    person = listener([5, 0, 1], [0, 4, 5])
    weights = taste_weights(person, decayed_counts(person, np.zeros(3, np.int64))[0])
    assert weights[0] > 0
    assert weights[1:].tolist() == [0, 0]


def test_the_nearest_members_are_other_songs():
    vectors = np.float32([[1, 0], [1, 0], [0.8, 0.6], [0, 1]])
    taste = modes(vectors, np.float32([1, 1, 1, 1]))
    assert taste.nearest(vectors, np.array([0, 0, 1, 2]), np.array([0])) == [[2]]
    assert taste.nearest(vectors, np.array([0, 1, 2, 3]), np.array([0])) == [[1, 2]]
    assert taste.nearest(np.zeros_like(vectors), np.arange(4), np.array([0])) == [[]]


def test_the_floor_lies_where_scores_part_what_is_played_much_from_what_is_played_little():
    plays = [1] * 10 + [30] * 5 + [0] * 5  # the last five were never played, but have scores
    scores = np.float32([*range(5, 15), 70, 75, 80, 85, 90, 20, 40, 60, 70, 95])
    assert liking_floor(scores, listener(plays)) == 70


def test_a_familiar_track_may_have_to_be_liked_better_than_the_average():
    plays, scores = [1] * 10 + [6] * 5 + [60] * 5, np.float32(np.arange(20))
    assert liking_floor(scores, listener(plays)) == 10
    assert liking_floor(scores, listener(plays), margin=0.25) == 15


def test_what_is_disliked_does_not_move_the_floor_of_the_others():
    plays, scores = np.float32([1] * 10 + [30] * 10 + [0] * 5), np.float32(np.arange(25))
    feedback = np.float32([0] * 16 + [-1] * 4 + [BAN] * 5)
    assert liking_floor(scores, replace(listener(plays), feedback=feedback)) == liking_floor(scores, listener(plays))


def test_ratings_make_the_floor_where_nothing_was_played():
    ratings = np.float32([-1] * 10 + [1] * 10)
    rated = replace(listener([0] * 20), feedback=ratings)
    assert liking_floor(np.float32(np.arange(20)), rated) == 10


def test_there_is_no_floor_where_too_little_is_known_or_the_scores_are_wrong():
    plays, scores = [1] * 10 + [30] * 10, np.float32(np.arange(20))
    assert liking_floor(scores[6:14], listener(plays[6:14])) == -np.inf
    assert liking_floor(scores[::-1], listener(plays)) == -np.inf
    assert liking_floor(scores, listener([3] * 20)) == -np.inf
    assert liking_floor(np.full(20, np.nan, np.float32), listener(plays)) == -np.inf
    assert liking_floor(scores, listener([0] * 11 + [1] * 5 + [30] * 4)) == -np.inf


def test_each_track_is_in_the_part_of_its_nearest_mode_and_small_parts_go_to_the_next():
    vectors = np.float32([[1, 0, 0]] * 3 + [[0, 1, 0]] * 3 + [[0, 0.6, 0.8]])
    taste = modes(vectors, np.float32([3, 3, 3, 2, 2, 2, 1]))
    of_all = {tuple(tracks.tolist()) for _, tracks in taste.parts(vectors, np.arange(7), 3)}
    assert of_all == {(0, 1, 2), (3, 4, 5, 6)}
    assert [tracks.tolist() for _, tracks in taste.parts(vectors, np.arange(5), 3)] == [[0, 1, 2, 3, 4]]
    assert modes(vectors, np.zeros(7, np.float32)).parts(vectors, np.arange(7), 3) == []
    assert taste.parts(vectors, np.zeros(0, np.int64), 3) == []


def test_plays_of_an_unknown_time_are_as_if_half_a_life_ago():
    person = listener([4, 1], sessions=history((1, 1000)))
    plays, _ = decayed_counts(person, np.array([0, 1000 * DAY]))
    assert plays.tolist() == [2, 1]


def test_times_are_counted_back_from_the_last_play_of_all():
    person = listener([1, 4], sessions=history((0, 1000)))
    longer_ago = int(1000 * DAY - HALF_LIFE_S)
    assert decayed_counts(person, np.array([0, longer_ago]))[0].tolist() == [1, 2]
    assert decayed_counts(person, np.array([0, 1000 * DAY + int(HALF_LIFE_S)]))[0].tolist() == [0.5, 4]


def test_dated_plays_beyond_those_that_were_counted_take_nothing_away():
    person = listener([1, 0], sessions=history((0, 1000), (0, 1000), (0, 1000)))
    assert decayed_counts(person, person.sessions.last_played(2))[0].tolist() == [3, 0]


def test_half_of_a_taste_weight_wears_off_however_often_a_track_was_played():
    recent, newer, older, old = taste_weights(listener([8] * 4), np.float32([8, 6, 2, 0]))
    assert [newer / recent, older / recent, old / recent] == pytest.approx([7 / 8, 5 / 8, 1 / 2])
    often, seldom = taste_weights(listener([80, 8]), np.float32([40, 4]))  # as many halves ago
    preference = listener([80, 8]).preference
    assert often / seldom == pytest.approx((preference[0] / preference[1]) ** 2)


def test_only_the_heavier_half_of_the_members_explains_a_track():
    vectors = np.float32([[1, 0], [1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]])
    taste = modes(vectors, np.float32([0, 1, 2, 3, 4]))
    assert taste.nearest(vectors, np.arange(5), np.array([0])) == [[3]]
    assert taste.nearest(vectors, np.arange(5), np.array([4])) == [[3]]
    lone = modes(vectors, np.ones(5, np.float32))
    assert lone.nearest(vectors, np.arange(5), np.array([0])) == [[1, 2]], "two of four"


def test_there_are_as_many_modes_as_half_the_tracks_have_a_root_and_heavy_ones_count_as_few():
    _, vectors = clouds([4] * 8)
    assert len(modes(vectors, np.ones(32, np.float32)).shares) == 4
    one_outweighs_all = np.float32([100] + [0.01] * 31)
    assert len(modes(vectors, one_outweighs_all).shares) == 1


def test_shares_and_centres_go_by_weight():
    vectors = np.float32([[1, 0], [0, 1]])
    mean = mean_taste(vectors, np.float32([3, 1]))
    assert mean.centres[0] == pytest.approx(np.array([3, 1]) / np.sqrt(10))
    assert mean_taste(np.float32([[1, 0], [0, 0], [0, 1]]), np.float32([1, 1, 0])).members.tolist() == [0]
    of, vectors = clouds([16, 16])
    taste = modes(vectors, np.float32(np.where(of == 0, 3, 1)))
    assert sum(taste.shares[list(set(taste.mode[of == 0].tolist()))]) == pytest.approx(0.75)


def test_of_three_modes_the_smallest_gives_its_tracks_away_first():
    vectors = np.float32([[1, 0, 0]] * 4 + [[0, 1, 0]] * 3 + [[0, 0.6, 0.8]] * 2)
    nobody = np.zeros(0, np.int64)
    taste = Taste(np.eye(3, dtype=np.float32), np.float32([0.5, 0.3, 0.2]), nobody, np.zeros(0, np.float32), nobody)
    parts = [(mode, tracks.tolist()) for mode, tracks in taste.parts(vectors, np.arange(9), 3)]
    assert parts == [(0, [0, 1, 2, 3]), (1, [4, 5, 6, 7, 8])]


def test_ten_known_tracks_are_enough_for_a_floor_and_skipped_ones_are_known():
    plays, scores = [1] * 5 + [30] * 5, np.float32(np.arange(10))
    assert liking_floor(scores, listener(plays)) == 5
    assert liking_floor(scores[1:], listener(plays[1:])) == -np.inf
    skipped = listener([0] * 10 + [3] * 10, [5] * 10 + [0] * 10)
    assert liking_floor(np.float32(np.arange(20)), skipped) == 10
    disliked = replace(listener([*plays, *[0] * 5]), feedback=np.float32([0] * 10 + [-1] * 5))
    assert liking_floor(np.float32(np.arange(15)), disliked) == 5


@pytest.mark.parametrize(("wrong", "floor"), [(7, 16), (9, -np.inf)])
def test_a_floor_separates_at_least_half_of_what_perfect_scores_would(wrong, floor):
    """Of 16 tracks that are little liked, some are scored above the 16 that are much liked."""
    scores = np.float32([*range(16 - wrong), *range(32, 32 + wrong), *range(16, 32)])
    assert liking_floor(scores, listener([1] * 16 + [60] * 16)) == floor


def test_the_margin_is_in_standard_deviations_of_liking():
    """Liking is 1, 2 and 3, a third of the tracks each: its standard deviation is 0.82, and 1.22 of them reach 3."""
    plays, scores = np.exp([1] * 8 + [2] * 8 + [3] * 8) - 1, np.float32(np.arange(24))
    assert liking_floor(scores, listener(plays), margin=1.3) == -np.inf
    assert liking_floor(scores, listener(plays), margin=1.1) == 16


def test_of_more_members_than_are_fitted_the_heaviest_are():
    """Two heavy directions, and many light ones of a third that nothing is fitted to."""
    vectors = np.repeat(np.eye(3, dtype=np.float32), [6, 6, 40], axis=0)
    weights = np.float32([1] * 12 + [0.01] * 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cfaudio_core.ranking.taste._FITTED_TRACKS", 12)
        patch.setattr("cfaudio_core.ranking.taste._SEED_TRACKS", 12)
        taste = modes(vectors, weights)
    assert taste.mode[0] != taste.mode[6]
    assert len(taste.shares) == 2


def test_membership_is_soft_between_two_modes():
    taste = modes(np.repeat(np.eye(2, dtype=np.float32), 8, axis=0), np.ones(16, np.float32))
    of_one_and_of_the_other = np.float32([[1, 0], [0.8, 0.6]])
    nearest = taste.memberships(of_one_and_of_the_other).max(axis=1)
    assert nearest == pytest.approx(1 / (1 + np.exp([-10, -2])), abs=1e-4)  # by a cosine of 1 and of 0.2
