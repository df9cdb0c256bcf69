"""Next month: what was played lately and often comes again; so does what is like it."""

from __future__ import annotations

import numpy as np
import pytest

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import Sessions
from cfaudio_core.ranking.next_month import DEFAULT_WEIGHTS, month_weights, ndcg, next_month

DAY = 86_400
NOBODY = np.zeros(6, np.int64)
NOWHERE = np.zeros((6, 1), np.float32)


def person(*plays):
    """Plays of six tracks: (track, day), in the order of the days."""
    track, day = (np.array(column, np.int64) for column in zip(*plays, strict=True))
    sessions = Sessions(np.zeros_like(track), track, np.arange(len(track)), day * DAY, np.zeros(len(track), bool))
    return Listener("anna", np.float32(sessions.plays(6)), np.zeros(6, np.float32), sessions)


def scores(of, artist=NOBODY, vectors=NOWHERE):
    return next_month(of, of.sessions.last_played(6), artist, vectors)


def test_what_is_played_lately_and_often_comes_again():
    lately, often, once, *_ = scores(person((2, 0), (1, 0), (1, 1), (1, 2), (0, 300), (0, 301)))
    assert lately > often > once


def test_of_two_forgotten_tracks_that_of_the_artist_played_now_comes_again():
    of = person((0, 0), (1, 0), (2, 400), (3, 400))
    forgotten = scores(of, artist=np.array([1, 2, 1, 3, 0, 0]))
    assert forgotten[0] > forgotten[1]


def test_of_two_forgotten_tracks_that_which_is_like_what_is_played_now_comes_again():
    of = person((0, 0), (1, 0), (2, 400), (3, 400))
    forgotten = scores(of, vectors=np.float32([[1, 0], [0, 1], [1, 0], [1, 0], [0, 0], [0, 0]]))
    assert forgotten[0] > forgotten[1]


def test_what_was_never_played_has_none():
    assert scores(person((0, 0), (1, 5)))[2:].tolist() == [0] * 4


def test_where_no_play_has_a_time_counts_are_the_order():
    counts = Listener("anna", np.float32([5, 1, 9, 0, 2, 3]), np.zeros(6, np.float32))
    got = next_month(counts, np.zeros(6, np.int64), np.array([1, 2, 3, 1, 2, 3]), NOWHERE)
    assert np.argsort(-got).tolist() == [2, 0, 5, 4, 1, 3]


def test_a_history_of_skips_alone_leaves_counts_as_the_order():
    one, when = np.array([4]), np.array([DAY])
    skipped = Sessions(one * 0, one, one * 0, when, one > 0)
    counts = Listener("anna", np.float32([5, 1, 9, 0, 0, 3]), np.float32([0, 0, 0, 0, 1, 0]), skipped)
    got = next_month(counts, np.zeros(6, np.int64), NOBODY, NOWHERE)
    assert np.argsort(-got).tolist() == [2, 0, 5, 1, 3, 4]


def test_a_history_of_a_week_leaves_the_usual_weights():
    assert month_weights(person((0, 0), (1, 5)), NOBODY).tolist() == DEFAULT_WEIGHTS.tolist()


def test_who_goes_on_with_an_artist_next_month_gets_a_larger_weight_of_artists_than_who_repeats_tracks():
    """Thirty artists of ten tracks, all of them played long ago."""
    artist, begun = np.repeat(np.arange(1, 31), 10), [(t, 0) for t in range(300)]

    def weights(months):
        plays = [(t, 30 * month) for month, tracks in enumerate(months, start=1) for t in tracks]
        track, day = (np.array(column, np.int64) for column in zip(*begun, *plays, strict=True))
        number = np.unique(day, return_inverse=True)[1]
        sessions = Sessions(np.zeros_like(track), track, number, day * DAY, np.zeros(len(track), bool))
        return month_weights(
            Listener("anna", np.float32(sessions.plays(300)), np.zeros(300, np.float32), sessions), artist
        )

    of_an_artist = weights([range(290 - 10 * (m // 2) + m % 2, 300 - 10 * (m // 2), 2) for m in range(6)])
    of_any = weights([range(0, 300, 30)] * 6)
    assert of_an_artist[1] > of_any[1]


def standard(values):
    """Values of mean 0 and variance 1."""
    values = np.array(values, float)
    return (values - values.mean()) / values.std()


def test_each_part_counts_by_its_weight_over_the_tracks_that_were_played():
    of = person((0, 0), (1, 0), (1, 0), (2, 0), (2, 0), (2, 0))
    by_plays = standard(np.log1p([1, 2, 3]))
    assert scores(of)[:3] == pytest.approx(1.3 * by_plays, abs=1e-5)  # lately, and of all times
    by_artist = standard(np.log1p([3, 3, 0]))  # nobody's are not counted together
    assert scores(of, artist=np.array([1, 1, 0, 0, 0, 0]))[:3] == pytest.approx(
        1.3 * by_plays + 0.6 * by_artist, abs=1e-5
    )
    vectors = np.float32([[1, 0], [0, 1], [0.6, 0.8], [1, 0], [1, 0], [1, 0]])
    alike = standard(vectors[:3] @ ([1, 2, 3] @ vectors[:3]))
    assert scores(of, vectors=vectors)[:3] == pytest.approx(1.3 * by_plays + 0.15 * alike, abs=1e-5)


def test_a_track_of_no_known_artist_has_no_plays_of_its_artist():
    of = person((0, 0), (0, 0), (0, 0), (1, 0), (2, 0), (2, 0))
    by_plays, by_artist = standard(np.log1p([3, 1, 2])), standard(np.log1p([3, 1, 0]))
    assert scores(of, artist=np.array([1, 2, 0, 0, 0, 0]))[:3] == pytest.approx(
        1.3 * by_plays + 0.6 * by_artist, abs=1e-5
    )


def test_plays_of_today_count_twice_those_of_three_months_ago():
    of = person((0, 0), (0, 0), (0, 0), (1, 90), (2, 90), (2, 90))
    lately, always = np.log1p([1.5, 1, 2]), np.log1p([3, 1, 2])
    assert scores(of)[:3] == pytest.approx(standard(lately) + 0.3 * standard(always), abs=1e-5)


HALF_WAY_TO_PLAYS_ALONE = [1, 0.3, 0.15, 0.15]
"""Weights of whose months nothing tells anything: no other part is better than any."""


def month_of(*plays):
    """Weights after each of twelve tracks was played once on the first day, and then (track, day)."""
    track, day = (np.array(column) for column in zip(*[(t, 0) for t in range(12)], *plays, strict=True))
    time = (day * DAY).astype(np.int64)
    sessions = Sessions(np.zeros_like(track), track, np.arange(len(track)), time, np.zeros(len(track), bool))
    of = Listener("anna", np.float32(sessions.plays(12)), np.zeros(12, np.float32), sessions)
    return month_weights(of, np.zeros(12, np.int64))


@pytest.mark.parametrize(
    ("plays", "chosen"),
    [
        ([(t, 40) for t in range(5)], True),
        ([(t, 40) for t in range(4)], False),  # too few
        ([(t, 40) for t in range(12)], False),  # all of them, so that nothing is to be told
        ([(0, 10), *((t, 40) for t in range(1, 5))], False),  # the first is in the month before
        ([(0, 10 + 1 / DAY), *((t, 40) for t in range(1, 5))], True),
        ([*((t, 40) for t in range(5)), (0, 160 - 1 / DAY)], True),  # the last four months are looked at
        ([*((t, 40) for t in range(5)), (0, 160)], False),
    ],
)
def test_a_month_in_which_five_known_tracks_came_again_and_others_did_not_tells_of_weights(plays, chosen):
    assert month_of(*plays) == pytest.approx(HALF_WAY_TO_PLAYS_ALONE if chosen else DEFAULT_WEIGHTS)


def test_weights_go_half_the_way_to_those_that_would_have_been_best():
    """Each month nine tracks of one artist come again; of any other artist one track had been played four times."""
    artist = np.repeat(np.arange(1, 41), 10)
    begun = [(t, 0) for t in range(400)] + [(t, k % 3) for t in range(0, 400, 10) for k in range(3) if t]
    months = [(t, 40 + 30 * m) for m in range(4) for t in range(1, 10)]
    track, day = (
        np.array(column, np.int64) for column in zip(*sorted([*begun, *months], key=lambda p: p[1]), strict=True)
    )
    sessions = Sessions(np.zeros_like(track), track, np.arange(len(track)), day * DAY, np.zeros(len(track), bool))
    own = month_weights(Listener("anna", np.float32(sessions.plays(400)), np.zeros(400, np.float32), sessions), artist)
    assert own == pytest.approx([1, 0.45, 0.15, 0.15])  # the best of those that were tried are 1, 0.3 and 0


@pytest.mark.parametrize(
    ("relevant", "k", "gain"),
    [
        ([1, 0, 0, 0], 4, 1), ([0, 1, 0, 0], 4, 0.6309), ([0, 0, 1, 0], 4, 0.5), ([0, 0, 1, 0], 2, 0),
        ([1, 0, 1, 0], 4, 1.5 / 1.6309), ([1, 0, 1, 1], 2, 1 / 1.6309), ([1, 1, 1, 1], 4, 1),
        ([0, 1, 1, 0], 3, 1.1309 / 1.6309),
    ],
)  # fmt: skip
def test_a_relevant_track_gains_less_the_later_it_comes(relevant, k, gain):
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        scores, came = np.zeros(4, np.float32), np.zeros(4, bool)
        scores[order], came[order] = [4, 3, 2, 1], relevant
        assert ndcg(scores, came, k) == pytest.approx(gain, abs=1e-4)
