"""Next month: what was played lately and often comes again; so does what is like it."""

from __future__ import annotations

import numpy as np

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import Sessions
from cfaudio_core.ranking.next_month import DEFAULT_WEIGHTS, month_weights, next_month

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
