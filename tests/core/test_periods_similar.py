"""How long lists stay, and what is near to what."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.ranking.periods import REFRESH, period, seed
from cfaudio_core.ranking.similar import nearest


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


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 50), st.integers(0, 99))
def test_the_nearest_are_those_of_highest_cosine_to_any_seed(m, seeds, n, number):
    rng = np.random.default_rng(number)
    vectors = unit(rng.standard_normal((m, 4)))
    vectors[rng.random(m) < 0.2] = 0
    is_seed = np.arange(m) < seeds
    positions, cosines = nearest(vectors, is_seed, n)
    known = vectors.any(axis=1)
    others = known & ~is_seed
    expected = min(n, int(others.sum())) if (known & is_seed).any() else 0
    assert len(positions) == len(cosines) == expected
    assert others[positions].all()
    if expected:
        best = (vectors @ vectors[known & is_seed].T).max(axis=1)
        assert np.allclose(cosines, best[positions], atol=1e-6)
        assert (np.diff(cosines) <= 0).all()
        assert np.isclose(cosines[0], best[others].max(), atol=1e-6)
