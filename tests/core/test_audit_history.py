"""What is odd about a history is told in a line each: doubles, too many skips, and days of more than 24 hours."""

from __future__ import annotations

import numpy as np
import pytest

from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.sessions import Sessions
from cfaudio_core.history.audit import oddities, overfull_days

DAY = 86_400
T0 = 19_800 * DAY  # 2024-03-18 UTC
MINUTES = np.full(1, 600, np.float32)  # one track of ten minutes


def listener(times: list[int], skipped: int = 0, counted: tuple[int, int] = (0, 0)) -> Listener:
    """Somebody who played one track at some times, the first of which are skips, beside other counts of it."""
    n = len(times)
    none = np.zeros(n, np.int64)
    rejected = np.arange(n) < skipped
    sessions = Sessions(none, none, np.arange(n), np.array(times, np.int64), rejected)
    plays, skips = np.maximum(counted, (n - skipped, skipped))
    return Listener("anna", np.full(1, plays, np.float32), np.full(1, skips, np.float32), sessions)


def hourly(n: int) -> list[int]:
    return [T0 + 3600 * k for k in range(n)]


def test_nothing_is_said_of_a_plain_history() -> None:
    assert list(oddities(listener(hourly(100)), 100, MINUTES)) == []
    assert list(oddities(listener([]), 0, MINUTES)) == []


def test_more_than_a_twentieth_of_doubles_is_said() -> None:
    assert list(oddities(listener(hourly(95)), 100, MINUTES)) == []
    (line,) = oddities(listener(hourly(94)), 100, MINUTES)
    assert line == "anna: 6 of 100 listens (6%) are of a play that another one is of too; each play counts once."


def test_more_skips_than_plays_are_said() -> None:
    assert list(oddities(listener(hourly(10), skipped=5), 10, MINUTES)) == []
    (line,) = oddities(listener(hourly(10), skipped=6), 10, MINUTES)
    assert line.startswith("anna: 6 of 10 plays (60%) count as skips, which weigh against their tracks")


def test_a_handful_is_no_pattern() -> None:
    assert list(oddities(listener(hourly(4), skipped=4), 8, MINUTES)) == []


def test_so_are_those_of_counts_alone() -> None:
    (line,) = oddities(listener([], counted=(2, 7)), 0, MINUTES)
    assert line.startswith("anna: 7 of 9 plays (78%) count as skips")


def test_a_day_of_more_than_24_hours_is_said() -> None:
    whole_day = [T0 + 600 * k for k in range(144)]
    assert list(oddities(listener(whole_day), 144, MINUTES)) == []
    (line,) = oddities(listener([*whole_day, *(at + 300 for at in whole_day[:9])]), 153, MINUTES)
    assert line.startswith("anna: more than 24 hours were played on a day, 2024-03-18: by several devices or people")
    both = [at + more for at in whole_day for more in (0, 300, DAY, DAY + 300)]
    (line,) = oddities(listener(both), len(both), MINUTES)
    assert "on 2 days, the first 2024-03-18: " in line


def test_tracks_of_unknown_length_and_skips_fill_no_day() -> None:
    crowd = [T0 + k for k in range(1000)]
    assert list(oddities(listener(crowd), 1000, np.zeros(1, np.float32))) == []
    (line,) = oddities(listener(crowd, skipped=900), 1000, MINUTES)
    assert "count as skips" in line


@pytest.mark.parametrize("hours", [1, 23.9, 24.1, 30])
def test_a_mix_that_goes_on_past_midnight_fills_no_day(hours: float) -> None:
    day, into_the_next = np.array([T0, T0 + 3600]), np.array([3600.0, 3600 * hours])
    assert not len(overfull_days(day, into_the_next))
