"""Count fields of many players to the plays and skips of each listener."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_listener

from cfaudio_core.data.listeners import COUNT_FIELDS, coerce_count, is_skip_field, make_listeners
from cfaudio_core.errors import SettingError

NONE = math.nan


@pytest.mark.parametrize(
    ("stored", "count"), [(5, 5), (5.0, 5), ("5", 5), ("5.0", 5), (b"5", 5), (" 7 ", 7), (0, 0), ("1e3", 1000)]
)
def test_a_count_is_read_however_it_is_stored(stored, count):
    assert coerce_count(stored) == count


@pytest.mark.parametrize(
    "junk", ["", "None", None, "many", b"\xff", -1, "-3", "nan", "inf", math.inf, 1e9, 10**400, "9" * 500, [], object()]
)
def test_what_is_no_count_is_none(junk):
    assert math.isnan(coerce_count(junk))


@given(st.none() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers()))
def test_any_value_is_a_sensible_count_or_none(value):
    count = coerce_count(value)
    assert isinstance(count, (float, int))
    assert math.isnan(count) or 0 <= count <= 1e6


@given(st.integers(0, 1_000_000))
def test_every_count_survives_being_text(count):
    assert coerce_count(str(count)) == coerce_count(f"{count}.0") == coerce_count(str(count).encode()) == count


def test_skip_fields_are_known_by_their_name():
    assert [name for name in COUNT_FIELDS if is_skip_field(name)] == [
        "skip_count",
        "plex_skipcount",
        "itunes_skipcount",
    ]


def test_without_users_one_listener_has_every_count():
    counts = {"play_count": np.float32([3, NONE]), "skip_count": np.float32([NONE, 2])}
    (me,) = make_listeners(counts, {}, 2)
    assert me.name == "me"
    assert me.plays.tolist() == [3, 0]
    assert me.skips.tolist() == [0, 2]


def test_players_that_saw_the_same_play_count_it_once():
    counts = {"play_count": np.float32([3, 1]), "lastfm_play_count": np.float32([4, NONE])}
    (me,) = make_listeners(counts, {}, 2)
    assert me.plays.tolist() == [4, 1]


def test_users_come_in_their_order_each_with_their_own_fields():
    counts = {"play_count": np.float32([3]), "lastfm_play_count": np.float32([9]), "skip_count": np.float32([1])}
    ann, bob = make_listeners(counts, {"ann": ["lastfm_play_count"], "bob": ["play_count", "skip_count"]}, 1)
    assert (ann.name, ann.plays.tolist(), ann.skips.tolist()) == ("ann", [9], [0])
    assert (bob.name, bob.plays.tolist(), bob.skips.tolist()) == ("bob", [3], [1])


def test_a_library_without_counts_has_a_listener_who_played_nothing():
    (me,) = make_listeners({}, {}, 3)
    assert me.plays.tolist() == me.skips.tolist() == [0, 0, 0]
    assert not me.known.any()


def test_a_field_that_nobody_writes_is_a_setting_error_naming_listener_and_field():
    with pytest.raises(SettingError, match=r"^users: ann: no track has a field lastfm_playcount$"):
        make_listeners({"play_count": np.float32([1])}, {"ann": ["lastfm_playcount"]}, 1)


def test_a_known_field_that_no_track_has_yet_is_fine():
    (ann,) = make_listeners({}, {"ann": ["plex_viewcount"]}, 2)
    assert ann.plays.tolist() == [0, 0]


def test_more_plays_are_more_liking_and_skips_are_less_than_nothing_known():
    listener = make_listener([9, 2, 0, 1, 0], [0, 0, 0, 1, 3])
    often, twice, unknown, even, skipped = listener.log_play_ratio
    assert often > twice > unknown == 0 == even > skipped
    assert listener.played.tolist() == [True, True, False, True, False]
    assert listener.known.tolist() == [True, True, False, True, True]


def test_liking_is_half_way_up_at_the_usual_number_of_plays_and_levels_off_above():
    once, usual, often, very_often, unknown = make_listener([1, 4, 16, 1000, 0]).preference / 1
    usual_plays = (1 * 4 * 16 * 1000) ** (1 / 4)
    assert usual == pytest.approx(16 / (16 + usual_plays**2))
    assert 0 == unknown < once < usual < often < very_often < 1
    assert very_often - make_listener([1, 4, 16, 500, 0]).preference[3] < 0.01


def test_the_scale_of_a_counter_does_not_matter_to_liking():
    few, many = make_listener([1, 3, 9, 0]).preference, make_listener([10, 30, 90, 0]).preference
    np.testing.assert_allclose(few, many, rtol=1e-5)


def test_skips_take_liking_back_and_alone_they_are_dislike():
    liked, skipped_once, skipped_more, only_skipped = make_listener([4, 4, 4, 0], [0, 1, 5, 3]).preference
    assert liked > skipped_once > skipped_more
    assert only_skipped == pytest.approx(-0.9)
    assert make_listener([0, 0], [0, 2]).preference.tolist() == pytest.approx([0, -0.8])


def test_a_subset_keeps_plays_and_skips_together():
    part = make_listener([1, 2, 3], [4, 5, 6], "ann").subset(np.array([2, 0]))
    assert (part.name, part.plays.tolist(), part.skips.tolist()) == ("ann", [3, 1], [6, 4])
