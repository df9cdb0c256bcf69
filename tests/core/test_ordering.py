"""The order: smooth, familiar first, and no artist or too many never played tracks in a row."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.ranking.ordering import MAX_UNPLAYED_RUN, order, pattern


def unit(vectors):
    return np.float32(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def longest_run(new):
    return max((len(list(group)) for kind, group in itertools.groupby(new) if kind), default=0)


@st.composite
def lists(draw):
    n = draw(st.integers(0, 25))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    new = random.random(n) < draw(st.floats(0, 1))
    return unit(random.standard_normal((n, 4))), new, random.integers(8, size=n)


@given(lists())
def test_every_track_comes_once_and_the_same_list_has_the_same_order(example):
    got = order(*example)
    assert sorted(got.tolist()) == list(range(len(example[0])))
    assert got.tolist() == order(*example).tolist()


@given(lists())
def test_familiar_tracks_open_and_unplayed_ones_come_three_in_a_row_at_most(example):
    vectors, new, artists = example
    got = new[order(vectors, new, artists)]
    familiar, unplayed = int((~new).sum()), int(new.sum())
    if not familiar:
        return
    assert not got[0]
    # One familiar track opens, every one is followed by unplayed ones: more in a row only where those are too many.
    assert longest_run(got) <= max(MAX_UNPLAYED_RUN, -(-unplayed // familiar))
    if familiar > 1 and unplayed <= MAX_UNPLAYED_RUN * (familiar - 1):
        assert not got[:2].any()


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_pattern_has_a_place_for_every_track(unplayed, familiar):
    kinds = pattern(unplayed, familiar)
    assert (int(kinds.sum()), len(kinds)) == (unplayed, unplayed + familiar)
    assert not familiar or not kinds[0]


def test_the_first_familiar_track_opens_the_list():
    vectors = unit(np.random.default_rng(0).standard_normal((6, 3)))
    assert order(vectors, np.array([1, 1, 0, 0, 1, 0], bool), np.zeros(6, np.int64))[0] == 2
    assert order(vectors, np.ones(6, bool), np.zeros(6, np.int64))[0] == 0


@pytest.mark.parametrize("unplayed", [0, 20, 40])
def test_neighbours_are_nearer_than_in_a_random_order(unplayed):
    random = np.random.default_rng(1)
    vectors = unit(np.eye(8)[random.integers(8, size=40)] + 0.2 * random.standard_normal((40, 8)))
    distance = 1 - vectors @ vectors.T
    got = order(vectors, np.arange(40) < unplayed, np.zeros(40, np.int64))
    assert distance[got[:-1], got[1:]].mean() < 0.5 * distance[np.triu_indices(40, 1)].mean()


def test_a_line_is_walked_from_its_end_to_the_other():
    angles = np.array([0.0, 0.9, 0.3, 1.2, 0.6, 1.5])
    vectors = np.float32(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert order(vectors, np.zeros(6, bool), np.zeros(6, np.int64)).tolist() == [0, 2, 4, 1, 3, 5]


@given(st.integers(0, 999), st.integers(2, 6))
def test_no_artist_comes_twice_in_a_row_where_two_of_each_can_be_kept_apart(seed, artists):
    random = np.random.default_rng(seed)
    # The two tracks of an artist have one vector, so that it alone would put them side by side.
    vectors = unit(np.repeat(random.standard_normal((artists, 4)), 2, axis=0))
    names = np.arange(2 * artists) // 2 + 1
    got = [names[i] for i in order(vectors, np.zeros(len(names), bool), names)]
    assert all(a != b for a, b in itertools.pairwise(got))


def test_tracks_without_vectors_keep_unplayed_and_familiar_apart():
    new = np.array([1, 1, 1, 0, 0, 0], bool)
    got = order(np.zeros((6, 0), np.float32), new, np.zeros(6, np.int64))
    assert new[got].tolist() == [False, False, True, False, True, True]


def test_a_long_list_keeps_to_the_rules_all_through():
    random = np.random.default_rng(3)
    n = 450
    vectors, new = unit(random.standard_normal((n, 6))), random.random(n) < 0.6
    names = 1 + random.integers(60, size=n)
    got = order(vectors, new, names)
    assert sorted(got.tolist()) == list(range(n))
    assert longest_run(new[got]) <= MAX_UNPLAYED_RUN
    assert all(names[a] != names[b] for a, b in itertools.pairwise(got))
    distance = 1 - vectors @ vectors.T
    assert distance[got[:-1], got[1:]].mean() < 0.7 * distance[np.triu_indices(n, 1)].mean()


def test_of_tracks_that_sound_alike_those_of_a_tempo_follow_each_other():
    tempi = np.float32([70, 170, 75, 160, 80])
    got = order(np.zeros((5, 3), np.float32), np.zeros(5, bool), np.arange(5), tempi)
    assert tempi[got].tolist() == [70, 75, 80, 160, 170]


def test_an_unknown_tempo_changes_nothing():
    vectors = unit(np.random.default_rng(0).standard_normal((12, 4)))
    lists = vectors, np.zeros(12, bool), np.arange(12)
    assert order(*lists).tolist() == order(*lists, np.full(12, np.nan, np.float32)).tolist()


@pytest.mark.parametrize(
    ("unplayed", "familiar", "kinds"),
    [
        (6, 4, "ff nn f nn f nn"), (4, 4, "ff n f n f nn"), (6, 3, "ff nnn f nnn"), (7, 3, "f nn f nn f nnn"),
        (1, 4, "ffff n"), (3, 1, "f nnn"), (2, 0, "nn"), (0, 3, "fff"),
    ],
)  # fmt: skip
def test_never_played_tracks_follow_the_opening_and_each_familiar_one_evenly(unplayed, familiar, kinds):
    got = pattern(unplayed, familiar)
    assert "".join("n" if new else "f" for new in got) == kinds.replace(" ", "")


def after_the_first(cosine, tempi=(100, 100, 100), artists=(1, 2, 3)):
    """The track that follows the first: the second one is at a cosine to it, and the third is like it."""
    vectors = np.float32([[1, 0], [cosine, np.sqrt(1 - cosine**2)], [1, 0]])
    return int(order(vectors, np.zeros(3, bool), np.array(artists), np.float32(tempi))[1])


def test_twice_the_tempo_costs_as_much_as_three_tenths_of_distance():
    for tempo in (200, 50):
        assert after_the_first(0.71, (100, 100, tempo)) == 1
        assert after_the_first(0.69, (100, 100, tempo)) == 2
    for unknown in ((100, 100, np.nan), (np.nan, 100, 100)):
        assert after_the_first(0.99, unknown) == (1 if np.isnan(unknown[2]) else 2)
    assert after_the_first(0.93, (100, 100, np.nan)) == 1  # a quarter of an octave
    assert after_the_first(0.92, (100, 100, np.nan)) == 2


def test_a_track_of_the_same_artist_comes_later_however_like_it_is():
    assert after_the_first(-1, artists=(1, 2, 1)) == 1
    assert after_the_first(-1, artists=(0, 2, 0)) == 2  # of unknown artists


def test_a_list_of_more_than_two_parts_is_put_in_order_part_by_part(monkeypatch):
    monkeypatch.setattr("cfaudio_core.ranking.ordering._PART_TRACKS", 10)
    angles = np.random.default_rng(0).permutation(31) / 10
    vectors = np.float32(np.stack([np.cos(angles), np.sin(angles)], axis=1))

    def ordered(n):
        return order(vectors[:n], np.zeros(n, bool), np.zeros(n, np.int64)).tolist()

    parts = ordered(21)
    assert [sorted(parts[at : at + 7]) for at in (0, 7, 14)] == [list(range(at, at + 7)) for at in (0, 7, 14)]
    assert set(ordered(20)[:7]) != set(range(7))
    assert np.abs(vectors[parts[6]] - vectors[parts[7]]).sum() == min(
        np.abs(vectors[parts[6]] - vectors[at]).sum() for at in parts[7:14]
    )


@pytest.mark.parametrize(("n", "in_parts"), [(200, False), (201, True)])
def test_a_list_of_two_hundred_is_put_in_order_as_a_whole_and_a_longer_one_by_its_thirds(n, in_parts):
    new = np.arange(n) < 67
    got = new[order(np.zeros((n, 0), np.float32), new, np.zeros(n, np.int64))]
    assert (got[:100].sum() == 67) == in_parts


def test_a_part_that_goes_on_from_another_opens_with_one_familiar_track(monkeypatch):
    monkeypatch.setattr("cfaudio_core.ranking.ordering._PART_TRACKS", 4)
    new = np.array([1, 1, 0, 0] * 3, bool)
    got = new[order(np.zeros((12, 0), np.float32), new, np.zeros(12, np.int64))]
    assert "".join("n" if is_new else "f" for is_new in got) == "ffnn" + "fnfn" + "fnfn"


def test_the_last_track_moves_as_any_other_does():
    """The nearest of each comes next, which leaves the way back to the far end until last: it is turned round."""
    angles = np.array([0.0, 0.5, -0.6, 1.0])
    vectors = np.float32(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert order(vectors, np.zeros(4, bool), np.zeros(4, np.int64)).tolist() == [0, 2, 1, 3]


@given(lists())
def test_turning_any_part_of_the_list_round_makes_its_way_no_shorter(example):
    vectors, _, artists = example
    got = order(vectors, np.zeros(len(artists), bool), artists).tolist()
    alike = (artists[:, None] == artists) & (artists > 0)
    cost = 1 - vectors.astype(float) @ vectors.T + 8 * alike

    def length(tour):
        return sum(cost[a, b] for a, b in itertools.pairwise(tour))

    for i, j in itertools.combinations(range(1, len(got) + 1), 2):
        assert length(got[:i] + got[i:j][::-1] + got[j:]) >= length(got) - 1e-6
