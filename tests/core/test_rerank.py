"""The choice: the right share of never played tracks, no artist and no mode too often, and no two alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.ranking.rerank import Candidates, ListRules, choose
from cfaudio_core.ranking.taste import Taste, modes

NAMES = ["", "Can", "can", "Neu!", "Faust", "Cluster"]


def unit(vectors):
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.float32(np.where(length > 0, vectors / np.maximum(length, 1e-9), 0))


def numbers(names):
    """One number a name, whatever its capitals; 0 for none."""
    known = sorted({"", *(name.casefold() for name in names)})
    return np.array([known.index(name.casefold()) for name in names], np.int64)


def no_taste(n):
    return modes(np.zeros((n, 0), np.float32), np.zeros(n, np.float32))


def chosen(scores, played, rules, artists=None, vectors=None, taste=None):
    n = len(scores)
    vectors = np.zeros((n, 0), np.float32) if vectors is None else unit(np.array(vectors, float))
    pool = Candidates(np.float32(scores), ~np.array(played, bool), numbers(artists or [""] * n), vectors)
    return choose(pool, taste or no_taste(n), rules).tolist()


@st.composite
def libraries(draw):
    """Candidates, up to 40 tracks with vectors, some of which are zeros, and a taste among them."""
    n = draw(st.integers(0, 40))
    scores = draw(st.lists(st.integers(0, 20) | st.just(np.nan), min_size=n, max_size=n))
    unplayed = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    artists = draw(st.lists(st.sampled_from(NAMES), min_size=n, max_size=n))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    vectors = unit(random.standard_normal((n, 3)) * (random.random((n, 1)) < 0.9))
    weights = np.float32(random.random(n) * (random.random(n) < 0.5))
    return Candidates(np.float32(scores), np.array(unplayed, bool), numbers(artists), vectors), modes(vectors, weights)


rule_sets = st.builds(
    ListRules,
    n=st.integers(0, 30),
    unplayed=st.floats(0, 1),
    per_artist=st.integers(1, 4),
    diversity=st.floats(0, 1),
    seed=st.none() | st.integers(0, 99),
)


@given(libraries(), rule_sets)
def test_a_list_is_as_long_as_asked_for_while_there_are_tracks_and_has_none_twice(library, rules):
    pool, taste = library
    got = choose(pool, taste, rules)
    assert len(got) == min(rules.n, np.isfinite(pool.scores).sum())
    assert len(set(got.tolist())) == len(got)
    assert np.isfinite(pool.scores[got]).all()
    assert got.dtype == np.int64


@given(libraries(), rule_sets)
def test_the_share_of_never_played_tracks_is_exact_while_there_are_any(library, rules):
    pool, taste = library
    got = choose(pool, taste, rules)
    possible = np.isfinite(pool.scores)
    unplayed, familiar = (possible & pool.unplayed).sum(), (possible & ~pool.unplayed).sum()
    expected = round(rules.unplayed * len(got))
    assert pool.unplayed[got].sum() == min(max(expected, len(got) - familiar), unplayed)


@given(libraries(), rule_sets)
def test_an_artist_has_more_than_his_share_only_where_nobody_else_is_left(library, rules):
    pool, taste = library
    got = choose(pool, taste, rules)
    count = Counter(pool.artists[i] for i in got)
    if any(n > rules.per_artist for artist, n in count.items() if artist):
        left = set(np.flatnonzero(np.isfinite(pool.scores)).tolist()) - set(got.tolist())
        others = [{i for i in left if pool.unplayed[i] == kind} for kind in (True, False)]
        assert any(all(pool.artists[i] and count[pool.artists[i]] >= rules.per_artist for i in kind) for kind in others)


@given(libraries(), rule_sets)
def test_the_same_rules_gives_the_same_list(library, rules):
    assert choose(*library, rules).tolist() == choose(*library, rules).tolist()


@given(libraries(), rule_sets)
def test_without_diversity_and_seed_each_kind_comes_best_first(library, rules):
    pool, taste = library
    got = choose(replace(pool, artists=np.zeros_like(pool.artists)), taste, replace(rules, diversity=0.0, seed=None))
    for kind in (got[pool.unplayed[got]], got[~pool.unplayed[got]]):
        best = np.sort(pool.scores[np.isfinite(pool.scores) & (pool.unplayed == pool.unplayed[kind[:1]].any())])[::-1]
        assert pool.scores[kind].tolist() == best[: len(kind)].tolist()


def test_the_best_are_chosen_and_equals_keep_the_librarys_order():
    assert chosen([1, 5, 3, 5, 4], [True] * 5, ListRules(3, unplayed=0)) == [1, 3, 4]


def test_what_one_kind_cannot_give_the_other_does():
    assert sorted(chosen([4, 3, 2, 1], [1, 1, 1, 0], ListRules(4, unplayed=1))) == [0, 1, 2, 3]
    assert sorted(chosen([4, 3, 2, 1], [0, 0, 0, 0], ListRules(3, unplayed=0))) == [0, 1, 2]


def test_an_artist_who_had_his_share_makes_room_for_the_next_best():
    artists = ["Can", "Can", "CAN", "Neu!", "Faust"]
    assert chosen([9, 8, 7, 6, 5], [1] * 5, ListRules(4, unplayed=0), artists) == [0, 1, 3, 4]


def test_an_artists_share_counts_familiar_and_never_played_tracks_together():
    artists = ["Can", "Can", "Neu!", "Neu!", "Can", "Can", "Neu!"]
    got = chosen([9, 8, 1, 1, 9, 8, 1], [1, 1, 1, 1, 0, 0, 0], ListRules(4, per_artist=2), artists)
    assert sorted(artists[i] for i in got) == ["Can", "Can", "Neu!", "Neu!"]


def test_a_library_of_one_artist_still_gives_a_full_list():
    assert chosen([1, 2, 3, 4], [1] * 4, ListRules(3, unplayed=0, per_artist=1), ["Can"] * 4) == [3, 2, 1]


@pytest.mark.parametrize(("others", "expected"), [(85, [0, 1, 4]), (40, [0, 1, 2])])
def test_the_limit_of_an_artist_gives_way_where_others_are_liked_much_less(others, expected):
    liking = np.float32([95, 94, 93, 92, others])
    artists = numbers(["Can"] * 4 + ["Neu!"])
    pool = Candidates(liking, np.zeros(5, bool), artists, np.zeros((5, 0), np.float32), liking)
    assert choose(pool, no_taste(5), ListRules(3, unplayed=0, per_artist=2)).tolist() == expected


def test_artists_liked_nearly_as_much_are_all_on_the_list():
    liking = np.float32([99, 98, 97, 96, 95] * 10 + [91] * 11)
    artists = np.array([1] * 50 + list(range(2, 13)))
    pool = Candidates(liking, np.zeros(61, bool), artists, np.zeros((61, 0), np.float32), liking)
    assert set(artists[choose(pool, no_taste(61), ListRules(50, unplayed=0))]) == set(artists)


def test_tracks_without_an_artist_know_no_limit():
    assert chosen([4, 3, 2, 1], [1] * 4, ListRules(3, unplayed=0, per_artist=1)) == [0, 1, 2]


def test_what_must_not_be_chosen_never_is():
    assert chosen([np.nan, 1, -np.inf, np.inf], [1] * 4, ListRules(4)) == [1]
    assert chosen([], [], ListRules(4)) == []


def test_diversity_passes_over_what_is_like_a_track_on_the_list():
    # The second best is exactly like the best; the third, nearly as good, is taken before it.
    vectors = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]
    for rules, expected in ((ListRules(3, 0), [0, 1, 2]), (ListRules(3, 0, diversity=1.0), [0, 2, 1])):
        assert chosen([9, 8, 7, 6, 1], [1] * 5, rules, vectors=vectors) == expected
    assert chosen([9, 8, 7], [1] * 3, ListRules(3, 0), vectors=vectors[1:4:2] + vectors[:1]) == [0, 1, 2]


def two_modes(share):
    """A taste of which one part is along the first axis, and the rest along the second."""
    return Taste(
        np.eye(2, dtype=np.float32),
        np.float32([share, 1 - share]),
        np.zeros(0, np.int64),
        np.zeros(0, np.float32),
        np.zeros(0, np.int64),
    )


def test_the_modes_of_the_taste_are_served_though_one_has_all_the_best_tracks():
    random = np.random.default_rng(0)
    vectors = np.repeat([[1.0, 0], [0, 1]], 25, axis=0) + 0.3 * random.standard_normal((50, 2))
    of_second = {
        (share, diversity): sum(
            i >= 25
            for i in chosen(
                np.arange(50, 0, -1),
                [1] * 50,
                ListRules(20, 0, diversity=diversity),
                vectors=vectors,
                taste=two_modes(share),
            )
        )
        for share in (0.5, 0.8)
        for diversity in (0.0, 1.0)
    }
    assert of_second[0.5, 0.0] == of_second[0.8, 0.0] == 0
    assert 10 >= of_second[0.5, 1.0] > of_second[0.8, 1.0] > 0


def test_a_list_begins_as_if_one_track_of_the_right_proportions_were_on_it():
    """Of two ranks, half a list apart, 0.8 log(1 + 1/0.8) - 0.2 log(1 + 1/0.2) = 0.29 is less, and twice that more."""
    vectors = [[0, 1], [1, 0]]
    assert chosen([9, 8], [1] * 2, ListRules(2, 0, diversity=1.0), vectors=vectors, taste=two_modes(0.8)) == [0, 1]
    assert chosen([9, 8], [1] * 2, ListRules(2, 0, diversity=2.0), vectors=vectors, taste=two_modes(0.8)) == [1, 0]


def test_a_mode_without_tracks_leaves_its_share_to_the_others():
    vectors = np.tile([1.0, 0.0], (10, 1))
    assert len(chosen(range(10), [1] * 10, ListRules(5, 0, diversity=1.0), vectors=vectors, taste=two_modes(0.1))) == 5


def test_a_seed_draws_other_tracks_of_which_the_best_are_the_likeliest():
    scores, played = np.arange(200, 0, -1, dtype=np.float32), np.ones(200, bool)
    draws = [chosen(scores, played, ListRules(20, unplayed=0, seed=seed)) for seed in range(50)]
    assert len({tuple(draw) for draw in draws}) == 50
    often = np.bincount(np.concatenate(draws), minlength=200)
    assert often[:20].mean() > 4 * often[60:80].mean()
    assert (often == 50).sum() <= 3  # hardly any track is in every list


def test_a_list_of_all_there_is_has_all_of_it():
    random = np.random.default_rng(0)
    n = 3000
    names = [f"{k}" for k in random.integers(40, size=n)]
    got = chosen(
        random.random(n), random.random(n) < 0.5, ListRules(n, diversity=0.5), names, random.standard_normal((n, 4))
    )
    assert sorted(got) == list(range(n))


def test_kinds_take_turns_by_their_shares_and_the_familiar_come_first():
    assert chosen([9, 8, 7, 6], [1, 1, 0, 0], ListRules(4)) == [0, 2, 1, 3]
    assert chosen([9, 8, 7, 6, 5, 4], [1, 1, 0, 0, 0, 0], ListRules(6, unplayed=4 / 6)) == [2, 0, 3, 4, 1, 5]


def test_likeness_costs_by_its_square():
    """At half of the likeness a quarter of the cost, an eighth of a list: less than the next rank of four."""
    vectors = [[1, 0, 0], [0.5, 3**0.5 / 2, 0], [0, 0, 1], [0, 0, 1]]
    assert chosen([9, 8, 7, 6], [1] * 4, ListRules(4, 0, diversity=1.0), vectors=vectors)[:2] == [0, 1]


def test_diversity_has_a_say_in_the_first_thousand_places_of_a_list_alone(monkeypatch):
    vectors = [[1, 0, 0]] * 12 + [[0, 1, 0]] * 12
    list_of_all = chosen(range(24, 0, -1), [1] * 24, ListRules(24, 0, 100, diversity=1.0), vectors=vectors)
    assert [at >= 12 for at in list_of_all[:2]] == [False, True]
    monkeypatch.setattr("cfaudio_core.ranking.rerank._DIVERSE_TRACKS", 4)
    goes_on_by_rank = chosen(range(24, 0, -1), [1] * 24, ListRules(24, 0, 100, diversity=1.0), vectors=vectors)
    assert goes_on_by_rank[:4] == list_of_all[:4]
    assert goes_on_by_rank[4:] == sorted(goes_on_by_rank[4:])


def test_what_is_like_any_track_on_the_list_is_passed_over_and_not_only_what_is_like_the_last():
    vectors = [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]
    assert chosen([9, 8, 7, 6, 5], [1] * 5, ListRules(3, 0, diversity=1.0), vectors=vectors) == [0, 1, 3]


@pytest.mark.parametrize(("others", "expected"), [(82.5, [0, 1, 4]), (82, [0, 1, 2])])
def test_an_artists_limit_gives_way_to_those_liked_by_more_than_ten_points(others, expected):
    liking = np.float32([95, 94, 92.25, 92, others])
    pool = Candidates(liking, np.zeros(5, bool), numbers(["Can"] * 4 + ["Neu!"]), np.zeros((5, 0), np.float32), liking)
    assert choose(pool, no_taste(5), ListRules(3, unplayed=0, per_artist=2)).tolist() == expected


def test_a_draw_is_one_without_replacement_in_which_weights_halve_with_rank():
    scores, played = np.arange(400, 0, -1, dtype=np.float32), np.ones(400, bool)
    draws = [chosen(scores, played, ListRules(20, unplayed=0, seed=seed)) for seed in range(100)]
    weights, random = np.exp(-2 * np.arange(400) / 20), np.random.default_rng(0)
    expected = [random.choice(400, 20, replace=False, p=weights / weights.sum()) for _ in range(100)]
    for best in (10, 20, 40):
        assert (np.array(draws) < best).mean() == pytest.approx((np.array(expected) < best).mean(), abs=0.03)
