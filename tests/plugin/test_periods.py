"""Periods of a list, and seeds of draws."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beetsplug.cfaudio.config.playlists import REFRESH, period, seed


@pytest.mark.parametrize(
    ("refresh", "same", "other"),
    [
        ("daily", (2026, 11, 24), (2026, 11, 25)),
        ("weekly", (2026, 11, 29), (2026, 11, 30)),  # Sunday and Monday after Tuesday
        ("monthly", (2026, 11, 30), (2026, 12, 1)),
    ],
)
def test_a_period_ends_with_the_day_the_week_or_the_month(refresh, same, other):
    now = period(refresh, dt.date(2026, 11, 24))
    assert period(refresh, dt.date(*same)) == now
    assert period(refresh, dt.date(*other)) != now


def test_a_week_over_new_year_is_one():
    assert period("weekly", dt.date(2026, 12, 31)) == period("weekly", dt.date(2027, 1, 3))


@given(st.dates(), st.dates())
def test_never_is_one_period_and_no_period_is_called_as_one_of_another_length(one, other):
    assert period("never", one) == period("never", other)
    assert len({period(refresh, one) for refresh in REFRESH}) == len(REFRESH)


def test_a_seed_is_the_same_for_the_same_and_for_nothing_else():
    assert seed("a", "b") == seed("a", "b")
    assert len({seed("a", "b"), seed("ab"), seed("b", "a"), seed("a", "b", "")}) == 4
