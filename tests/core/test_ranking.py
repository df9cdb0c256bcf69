"""The choice: best first, the wanted share of never heard tracks, and no artist too often."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.recommending.ranking import Wish, choose

NAMES = ["", "Can", "can", "Neu!", "Faust", "Cluster"]


def chosen(scores, played, wish, artists=None):
    return choose(np.float32(scores), np.array(played, bool), artists or [""] * len(scores), wish).tolist()


@st.composite
def libraries(draw):
    n = draw(st.integers(0, 40))
    scores = draw(st.lists(st.integers(0, 20) | st.just(np.nan), min_size=n, max_size=n))
    played = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    artists = draw(st.lists(st.sampled_from(NAMES), min_size=n, max_size=n))
    return np.float32(scores), np.array(played, bool), artists


wishes = st.builds(
    Wish,
    n=st.integers(0, 30),
    unplayed=st.floats(0, 1),
    per_artist=st.integers(1, 4),
    seed=st.none() | st.integers(0, 99),
)


@given(libraries(), wishes)
def test_a_list_is_as_long_as_wished_while_there_are_tracks_and_has_none_twice(library, wish):
    got = choose(*library, wish)
    assert len(got) == min(wish.n, np.isfinite(library[0]).sum())
    assert len(set(got.tolist())) == len(got)
    assert np.isfinite(library[0][got]).all()
    assert got.dtype == np.int64


@given(libraries(), wishes)
def test_the_share_of_never_heard_tracks_is_exact_while_there_are_any(library, wish):
    scores, played, _ = library
    got = choose(*library, wish)
    possible = np.isfinite(scores)
    fresh, familiar = (possible & ~played).sum(), (possible & played).sum()
    wanted = round(wish.unplayed * len(got))
    if fresh >= wanted and familiar >= len(got) - wanted:
        assert (~played[got]).sum() == wanted
    elif fresh < wanted:
        assert (~played[got]).sum() == fresh
    else:
        assert played[got].sum() == familiar


@given(libraries(), wishes)
def test_an_artist_has_more_than_his_share_only_where_nobody_else_is_left(library, wish):
    scores, played, artists = library
    got = choose(*library, wish)
    count = Counter(artists[i].casefold() for i in got)
    if any(n > wish.per_artist for artist, n in count.items() if artist):
        left = set(np.flatnonzero(np.isfinite(scores)).tolist()) - set(got.tolist())
        others = [{i for i in left if played[i] == kind} for kind in (True, False)]
        assert any(all(artists[i] and count[artists[i].casefold()] >= wish.per_artist for i in kind) for kind in others)


@given(libraries(), wishes)
def test_the_same_wish_gives_the_same_list(library, wish):
    assert choose(*library, wish).tolist() == choose(*library, wish).tolist()


@given(libraries(), wishes)
def test_a_familiar_track_opens_the_list(library, wish):
    _, played, _ = library
    got = choose(*library, wish)
    assert not played[got].any() or played[got[0]]


@given(libraries(), wishes)
def test_without_a_seed_each_kind_comes_best_first(library, wish):
    scores, played, _ = library
    got = choose(*library, Wish(wish.n, wish.unplayed, wish.per_artist))
    for kind in (got[played[got]], got[~played[got]]):
        assert scores[kind].tolist() == sorted(scores[kind].tolist(), reverse=True)


def test_the_best_are_chosen_and_equals_keep_the_librarys_order():
    assert chosen([1, 5, 3, 5, 4], [True] * 5, Wish(3, unplayed=0)) == [1, 3, 4]


def test_familiar_and_never_heard_alternate():
    assert chosen([9, 8, 7, 6, 5, 4], [1, 1, 1, 0, 0, 0], Wish(6)) == [0, 3, 1, 4, 2, 5]


def test_a_few_familiar_tracks_are_spread_over_a_long_list():
    got = chosen(range(20, 0, -1), [1, 1] + [0] * 18, Wish(10, unplayed=0.8))
    assert got[0] == 0
    assert 4 <= got.index(1) <= 8


def test_what_one_kind_cannot_give_the_other_does():
    assert sorted(chosen([4, 3, 2, 1], [1, 1, 1, 0], Wish(4, unplayed=1))) == [0, 1, 2, 3]
    assert sorted(chosen([4, 3, 2, 1], [0, 0, 0, 0], Wish(3, unplayed=0))) == [0, 1, 2]


def test_an_artist_who_had_his_share_makes_room_for_the_next_best():
    artists = ["Can", "Can", "CAN", "Neu!", "Faust"]
    assert chosen([9, 8, 7, 6, 5], [1] * 5, Wish(4, unplayed=0), artists) == [0, 1, 3, 4]


def test_an_artists_share_counts_familiar_and_never_heard_tracks_together():
    artists = ["Can", "Can", "Neu!", "Neu!", "Can", "Can", "Neu!"]
    got = chosen([9, 8, 1, 1, 9, 8, 1], [1, 1, 1, 1, 0, 0, 0], Wish(4, per_artist=2), artists)
    assert sorted(artists[i] for i in got) == ["Can", "Can", "Neu!", "Neu!"]


def test_a_library_of_one_artist_still_gives_a_full_list():
    assert chosen([1, 2, 3, 4], [1] * 4, Wish(3, unplayed=0, per_artist=1), ["Can"] * 4) == [3, 2, 1]


def test_tracks_without_an_artist_know_no_limit():
    assert chosen([4, 3, 2, 1], [1] * 4, Wish(3, unplayed=0, per_artist=1)) == [0, 1, 2]


def test_what_must_not_be_chosen_never_is():
    assert chosen([np.nan, 1, -np.inf, np.inf], [1] * 4, Wish(4)) == [1]
    assert chosen([], [], Wish(4)) == []


def test_a_seed_draws_other_tracks_of_which_the_best_are_the_likeliest():
    scores, played = np.arange(200, 0, -1, dtype=np.float32), np.ones(200, bool)
    draws = [choose(scores, played, [""] * 200, Wish(20, unplayed=0, seed=seed)) for seed in range(50)]
    assert len({tuple(draw) for draw in draws}) == 50
    often = np.bincount(np.concatenate(draws), minlength=200)
    assert often[:20].mean() > 4 * often[60:80].mean()
    assert often[:20].max() < 50  # no track is in every list
