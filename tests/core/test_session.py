"""Next track: each part of the sum alone has an obvious answer, and weights follow what a listener does."""

from __future__ import annotations

import numpy as np
import pytest

from cfaudio_core.data.sessions import NO_SESSIONS, Sessions
from cfaudio_core.ranking.session import DEFAULT_WEIGHTS, PARTS, SessionRanker
from cfaudio_core.ranking.session_weights import MIN_SESSIONS, choose_weights

DAY = 86_400
N = 8


def history(*sessions, rejected=()):
    """One session a day of tracks, a minute each; and the tracks that are always skipped."""
    track = np.array([t for session in sessions for t in session], np.int64)
    number = np.repeat(np.arange(len(sessions)), [len(session) for session in sessions])
    minute = np.concatenate([np.arange(len(session)) for session in sessions])
    return Sessions(np.zeros_like(track), track, number, number * DAY + 60 * minute, np.isin(track, rejected))


def ranker(sessions=NO_SESSIONS, artist=None, album=None, vectors=None, counts=None, end=None):
    zeros = np.zeros(N, np.int64)
    return SessionRanker.of(
        sessions,
        np.zeros(N, np.float32) if counts is None else np.float32(counts),
        zeros if artist is None else np.array(artist),
        zeros if album is None else np.array(album),
        np.zeros((N, 1), np.float32) if vectors is None else np.float32(vectors),
        end,
    )


def part(name, of, given, now=100 * DAY):
    return of.parts(np.array(given), now)[PARTS.index(name)]


def best(scores, given):
    return int(np.argmax(np.where(np.isin(np.arange(N), given), -np.inf, scores)))


def test_the_album_of_the_last_track_comes_first_then_its_artist():
    scores = part("tags", ranker(artist=[1, 1, 1, 2, 2, 3, 0, 0], album=[1, 1, 2, 3, 3, 4, 0, 0]), [0])
    assert scores[1] > scores[2] > scores[3] == scores[6] == scores[7]


def test_the_latest_of_the_given_tracks_count_most():
    of = ranker(artist=[1, 1, 2, 2, 0, 0, 0, 0])
    assert best(part("tags", of, [0, 2]), [0, 2]) == 3
    assert best(part("tags", of, [2, 0]), [0, 2]) == 1


def test_tracks_of_sessions_like_this_one_come():
    of = ranker(history([0, 1, 2], [3, 4, 5], [6, 7]))
    assert best(part("neighbours", of, [3, 4]), [3, 4]) == 5


def test_what_used_to_follow_comes_next_and_not_what_used_to_come_before():
    of = ranker(history([0, 1, 2], [0, 1, 2], [5, 1, 2]))
    scores = part("followers", of, [1])
    assert best(scores, [1]) == 2
    assert scores[0] == scores[5] == scores[7]


def test_a_session_ends_what_follows():
    scores = part("followers", ranker(history([0, 1], [2, 3])), [1])
    assert np.ptp(scores) == 0


def test_what_was_skipped_follows_nothing():
    assert np.ptp(part("followers", ranker(history([0, 1], [0, 1], rejected=[1])), [0])) == 0


def test_what_lies_near_in_the_vectors_comes():
    vectors = [[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [-1, 0], [0, -1], [0, 0], [0, 0]]
    of = ranker(history(range(N)), vectors=vectors)
    assert best(part("vectors", of, [0]), [0]) == 1
    assert best(part("vectors", of, [2]), [2]) == 3


def test_what_was_played_a_day_ago_is_ahead_of_what_was_played_often_a_year_ago():
    of = ranker(history([0], [0], [0], *[[7]] * 400, [1]))
    for name in ("month", "week"):
        assert part(name, of, [7], 405 * DAY)[1] > part(name, of, [7], 405 * DAY)[0]


def test_plays_after_the_session_began_are_not_known():
    of = ranker(history([0], [1], [2]))
    scores = part("week", of, [0], 2 * DAY)
    assert scores[1] > scores[2] == scores[7]


def test_sessions_from_the_end_on_are_not_known():
    of = ranker(history([0, 1], [0, 2]), end=1)
    assert of.played.tolist() == [True, True] + [False] * (N - 2)
    assert best(part("followers", of, [0]), [0]) == 1


def test_without_sessions_counts_take_their_place():
    scores = ranker(counts=[0, 1, 2, 3, 4, 5, 6, 7]).score(np.array([0]), 0.0)
    assert np.all(np.diff(scores[1:]) > 0)


def test_a_session_of_nothing_yet_goes_on_with_what_was_played_lately():
    scores = ranker(history([0, 1], [1])).score(np.zeros(0, np.int64), 3 * DAY)
    assert scores[1] > scores[0] > scores[2]


def test_every_part_weighs_alike_before_its_weight():
    of = ranker(history([0, 1, 2], [0, 1, 3], [4, 5, 6, 7]), artist=1 + np.arange(N) // 2, vectors=np.eye(N))
    parts = of.parts(np.array([0, 1]), 3 * DAY)
    np.testing.assert_allclose(parts.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(parts.std(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(of.score(np.array([0, 1]), 3 * DAY), DEFAULT_WEIGHTS @ parts, rtol=1e-5)


def standard(values):
    """Values of mean 0 and variance 1."""
    values = np.array(values, float)
    return pytest.approx((values - values.mean()) / values.std(), abs=1e-4)


def test_plays_of_the_month_and_of_the_week_halve_in_thirty_and_in_seven_days():
    of = ranker(history([7], *[[0], [1], [2], [3], [4], [5], [6]] * 10, [0, 0]))
    now = 71 * DAY
    times = [[now - t for t in of.time[of.track == track]] for track in range(N)]
    for name, days in (("month", 30), ("week", 7)):
        assert part(name, of, [0], now) == standard(
            [np.log1p(sum(0.5 ** (t / days / DAY) for t in own if t > 0)) for own in times]
        )


def test_plays_of_twenty_half_lives_ago_are_nothing():
    of = ranker(history([0], *[[1]] * 141, [2]))
    for day, none_left in ((140, False), (141, True)):
        scores = part("week", of, [0], day * DAY)
        assert (scores[0] == scores[2]) == none_left


def test_albums_count_twice_as_much_as_artists_and_a_track_before_four_fifths_of_the_last():
    of = ranker(artist=[1, 1, 1, 2, 2, 2, 0, 0], album=[1, 1, 2, 3, 3, 4, 0, 0])
    assert part("tags", of, [0, 3]) == standard([2.4, 2.4, 0.8, 3, 3, 1, 0, 0])
    assert part("tags", of, [3, 0, 6]) == standard([2.4, 2.4, 0.8, 1.92, 1.92, 0.64, 0, 0])


def test_sessions_are_like_this_one_by_their_cosine_in_which_a_track_before_counts_nine_tenths():
    of = ranker(history([0, 1], [0, 2, 3], [4], [5, 6, 7]))
    two, three = 0.9 / np.sqrt(2 * 1.9), 1.9 / np.sqrt(3 * 1.9)
    assert part("neighbours", of, [0, 2]) == standard([two + three, two, three, three, 0, 0, 0, 0])


def test_the_hundred_sessions_most_like_this_one_are_its_neighbours():
    of = ranker(history(*[[0, 1]] * 100, [0, 2, 3], [4, 5, 6, 7]))
    assert part("neighbours", of, [0]) == standard([1, 1, 0, 0, 0, 0, 0, 0])


def test_followers_of_a_track_before_count_half_and_those_of_a_rare_one_less():
    of = ranker(history([0, 1], [0, 1], [0, 2], [3, 2], [4, 5, 6, 7]))
    assert part("followers", of, [3, 0]) == standard([0, 2 / 8**0.5, 1 / 8**0.5 + 0.5 / 6**0.5, 0, 0, 0, 0, 0])


def test_the_session_is_folded_into_the_vectors_with_the_last_days_plays_of_at_most_half_its_weight():
    """Each track has an axis of its own, so that the fold-in is a number a track."""
    of = ranker(history(range(N), [1], [1], [2], [], [3]), vectors=np.eye(N))

    def folded(weight):
        weight = np.array([*weight, *[0] * (N - len(weight))], float)
        return standard(weight / (weight + 0.01 + 0.1 * (weight.sum() + 0.01 * N)))

    assert part("vectors", of, [4, 5], 100 * DAY) == folded([0, 0, 0, 0, 0.9, 1])
    lately = np.array([sum(0.5 ** ((6 * DAY - t) / 3 / DAY) for t in of.time[of.track == track]) for track in range(N)])
    recent = np.log1p(lately)
    assert part("vectors", of, [0], 6 * DAY) == folded(recent * 0.5 / recent.sum() + [1, *[0] * 7])


def test_the_last_fifty_tracks_of_a_session_are_gone_on_from():
    of = ranker(history([0, 1, 2]), artist=[1, 1, 2, 2, 0, 0, 0, 0])
    for other, gone_on_from in ((49, True), (50, False)):
        scores = part("tags", of, [0, *[4] * other])
        assert (scores[1] > scores[2]) == gone_on_from


ARTISTS = np.repeat(np.arange(1, 11), 40)


def listener(by_artist, seed=0):
    """100 sessions of 8 tracks of 400: all by one artist, or by any."""
    random = np.random.default_rng(seed)
    return history(
        *[
            (random.integers(10) * 40 + random.permutation(40)[:8]).tolist()
            if by_artist
            else random.permutation(400)[:8].tolist()
            for _ in range(100)
        ]
    )


def test_who_stays_with_an_artist_gets_a_larger_weight_of_tags():
    own = choose_weights(listener(True), ARTISTS, np.zeros(400, np.int64))
    assert own[PARTS.index("tags")] > DEFAULT_WEIGHTS[PARTS.index("tags")] + 0.05


def test_the_weight_of_vectors_and_the_sum_of_the_others_stay():
    own = choose_weights(listener(True), ARTISTS, np.zeros(400, np.int64))
    assert own[0] == DEFAULT_WEIGHTS[0]
    np.testing.assert_allclose(own.sum(), DEFAULT_WEIGHTS.sum(), rtol=1e-5)


def test_few_sessions_leave_the_usual_weights():
    few, none = history(*[[0, 1, 2, 3]] * (MIN_SESSIONS - 1)), np.zeros(N, np.int64)
    assert choose_weights(few, none, none).tolist() == DEFAULT_WEIGHTS.tolist()
    assert choose_weights(NO_SESSIONS, none, none).tolist() == DEFAULT_WEIGHTS.tolist()


def test_the_fewer_sessions_are_completed_the_nearer_are_the_weights_to_the_usual_ones():
    """Of 100 sessions the last 20 are completed, which count 20 of 140; the others' shares are multiples of halves."""
    own = choose_weights(listener(True), ARTISTS, np.zeros(400, np.int64))
    chosen = DEFAULT_WEIGHTS + (own - DEFAULT_WEIGHTS) * 140 / 20
    ratio = (chosen / DEFAULT_WEIGHTS)[1:]
    of_tags = ratio / ratio[0]
    assert np.allclose(of_tags * 12, np.round(of_tags * 12), atol=1e-3)
    assert ratio[0] == max(ratio)
    np.testing.assert_allclose(chosen.sum(), DEFAULT_WEIGHTS.sum(), rtol=1e-4)


def test_ten_sessions_to_complete_are_enough_for_weights_of_ones_own():
    """Of fifty sessions, each by one artist of ten tracks, the last fifth; one of three tracks is too short for it."""
    random, none = np.random.default_rng(0), np.zeros(100, np.int64)
    artist = np.repeat(np.arange(1, 11), 10)
    sessions = [(10 * (k % 10) + random.permutation(10)[: 10 if k < 40 else 4]).tolist() for k in range(50)]
    assert choose_weights(history(*sessions), artist, none).tolist() != DEFAULT_WEIGHTS.tolist()
    sessions[-1].pop()
    assert choose_weights(history(*sessions), artist, none).tolist() == DEFAULT_WEIGHTS.tolist()


def test_weights_are_chosen_among_the_most_played_tracks_of_a_large_library(monkeypatch):
    """The first half of the tracks is played by artists and four times as often, the other one at random."""
    random = np.random.default_rng(0)
    often = [(random.integers(5) * 40 + random.permutation(40)[:8]).tolist() for _ in range(160)]
    sessions = [one if k % 5 else (200 + random.permutation(200)[:8]).tolist() for k, one in enumerate(often)]
    album, of_all = np.zeros(400, np.int64), history(*sessions)
    most = np.sort(np.argsort(-of_all.plays(400), kind="stable")[:200])
    expected = choose_weights(of_all.subset(most), ARTISTS[most], album[most])
    assert choose_weights(of_all, ARTISTS, album).tolist() != expected.tolist()
    monkeypatch.setattr("cfaudio_core.ranking.session_weights._MAX_TRACKS", 200)
    assert choose_weights(of_all, ARTISTS, album).tolist() == expected.tolist()
