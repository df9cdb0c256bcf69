"""What lists are called, and when they change."""

from __future__ import annotations

import datetime as dt

import pytest

from beetsplug.cfaudio.config.playlists import REFRESH, period
from beetsplug.cfaudio.playlists.lines import called, next_change, spoken
from beetsplug.cfaudio.playlists.state import ChosenList, PlaylistState

SUNDAY = dt.date(2026, 11, 29)


def state(*names: str) -> PlaylistState:
    return PlaylistState(lists=[ChosenList(name, []) for name in names])


@pytest.mark.parametrize(
    ("refresh", "day"),
    [("daily", (2026, 11, 30)), ("weekly", (2026, 11, 30)), ("monthly", (2026, 12, 1)), ("never", None)],
)
def test_a_list_changes_on_the_first_day_of_the_next_period(refresh: str, day: tuple[int, int, int] | None) -> None:
    assert next_change(refresh, SUNDAY) == (day and dt.date(*day))


def test_until_then_the_period_is_the_same_and_then_another() -> None:
    days = [SUNDAY + dt.timedelta(days=k) for k in range(80)]
    for refresh in REFRESH:
        for day in days:
            change = next_change(refresh, day)
            if change is not None:
                assert period(refresh, change - dt.timedelta(days=1)) == period(refresh, day) != period(refresh, change)


def test_days_to_come_are_named_as_people_do() -> None:
    names = [spoken(SUNDAY + dt.timedelta(days=k), SUNDAY) for k in (1, 2, 7, 8)]
    assert names == ["tomorrow", "Tuesday", "Sunday", "7 December"]


def test_lists_of_an_entry_are_called_by_their_names_and_before_there_are_any_by_its_kind() -> None:
    template = "Daily Mix $number"
    assert called("Discover", None, "discover") == "Discover"
    assert called(template, None, "daily mix") == "daily mix"
    assert called(template, state("Daily Mix 1", "Daily Mix 2", "Daily Mix 3"), "daily mix") == "Daily Mix 1 to 3"
    assert called(template, state("Daily Mix 1"), "daily mix") == "Daily Mix 1"
    assert called(template, state("Daily Mix 1: jazz", "Daily Mix 2: folk"), "daily mix") == "Daily Mix 1 to 2"
    assert called("$artist", state("Can", "Neu!"), "mix") == "Can, Neu!"
