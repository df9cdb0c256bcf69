"""Plays that are found in the growth of counts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cfaudio_core.history.count_growth import CountSnapshot, CountState, first_counts, growth
from cfaudio_core.history.records import Listen, Tally, TrackText

Changed = dict[str, dict[int, CountState]]
Growth = tuple[list[Listen | Tally], Changed]
DAY = 86_400
THEN = 1_700_000_000
NOW = THEN + DAY
MPD = ("play_count", "skip_count")


def text(item: int) -> TrackText:
    return TrackText("Artist", f"Title {item}")


def grow(
    snapshot: CountSnapshot,
    counts: Mapping[str, Mapping[int, int]],
    last_played: Mapping[int, int] | None = None,
    *,
    now: int = NOW,
    listeners: Mapping[str, tuple[str, ...]] | None = None,
) -> Growth:
    return growth(
        snapshot,
        counts,
        {"last_played": last_played or {}},
        dict.fromkeys(range(1000), 200.0),
        listeners or {"me": tuple(counts)},
        text,
        now,
    )


def later(snapshot: CountSnapshot, changed: Changed, now: int) -> CountSnapshot:
    """The next snapshot, as the store keeps it."""
    counts = {name: dict(items) for name, items in snapshot.counts.items()}
    for name, items in changed.items():
        counts.setdefault(name, {}).update(items)
    return CountSnapshot(now, counts)


def test_the_first_snapshot_accounts_for_all_there_is() -> None:
    snapshot = CountSnapshot(THEN, first_counts({"play_count": {1: 7, 2: 0}}))
    assert snapshot.counts == {"play_count": {1: CountState(7, 7)}}
    assert grow(snapshot, {"play_count": {1: 7, 2: 0}}, {1: THEN + 5}) == ([], {"play_count": {}})


def test_a_play_whose_time_is_known_is_a_listen() -> None:
    snapshot = CountSnapshot(THEN, first_counts({"play_count": {1: 7}}))
    grown = grow(snapshot, {"play_count": {1: 8, 2: 1}}, {1: THEN + 50, 2: THEN + 300})
    assert grown[0] == [
        Listen(text(1), THEN + 50, skipped=False, user="me"),
        Listen(text(2), THEN + 300, skipped=False, user="me"),
    ]
    assert grown[1] == {"play_count": {1: CountState(8, 8), 2: CountState(1, 1)}}


def test_plays_beyond_the_last_one_are_counted_and_get_no_time() -> None:
    grown = grow(CountSnapshot(THEN), {"play_count": {1: 4}}, {1: THEN + 50})
    assert grown[0] == [
        Listen(text(1), THEN + 50, skipped=False, user="me"),
        Tally(text(1), 3, 0, THEN + 50, "me"),
    ]


def test_plays_without_a_time_are_counted_as_of_now() -> None:
    assert grow(CountSnapshot(THEN), {"plex_viewcount": {1: 2}})[0] == [Tally(text(1), 2, 0, NOW, "me")]


@pytest.mark.parametrize("time", [THEN - 2 * DAY, NOW + 1, 0])
def test_a_time_outside_the_interval_makes_no_listen(time: int) -> None:
    assert grow(CountSnapshot(THEN), {"play_count": {1: 1}}, {1: time})[0] == [Tally(text(1), 1, 0, NOW, "me")]


def test_plays_after_the_clock_was_put_back_keep_their_dates() -> None:
    """A machine that was a day ahead plays three tracks after it is put right."""
    ahead = CountSnapshot(NOW + DAY, first_counts({"play_count": dict.fromkeys((1, 2, 3), 4)}))
    dates = {1: NOW - 7000, 2: NOW - 4000, 3: NOW - 60}
    grown = grow(ahead, {"play_count": dict.fromkeys(dates, 5)}, dates)
    assert grown[0] == [Listen(text(i), time, skipped=False, user="me") for i, time in dates.items()]


def test_a_play_that_began_just_before_the_last_snapshot_is_counted_in_this_one() -> None:
    grown = grow(CountSnapshot(THEN), {"play_count": {1: 1}}, {1: THEN - 120})
    assert grown[0] == [Listen(text(1), THEN - 120, skipped=False, user="me")]


def test_a_skip_is_a_skipped_listen_and_no_play() -> None:
    grown = grow(CountSnapshot(THEN), {"play_count": {}, "skip_count": {1: 1}}, {1: THEN + 9})
    assert grown[0] == [Listen(text(1), THEN + 9, skipped=True, user="me")]


def test_of_a_play_and_a_skip_nobody_knows_which_was_the_last() -> None:
    grown = grow(CountSnapshot(THEN), {"play_count": {1: 1}, "skip_count": {1: 1}}, {1: THEN + 9})
    assert grown[0] == [
        Listen(text(1), THEN + 9, skipped=None, user="me"),
        Tally(text(1), 0, 1, THEN + 9, "me"),
    ]


def test_undated_plays_add_up_from_snapshot_to_snapshot() -> None:
    first = grow(CountSnapshot(THEN), {"play_count": {1: 3}}, {1: THEN + 9})
    snapshot = later(CountSnapshot(THEN), first[1], NOW)
    second = grow(snapshot, {"play_count": {1: 5}}, {1: NOW + 9}, now=NOW + DAY)
    assert second[0] == [
        Listen(text(1), NOW + 9, skipped=False, user="me"),
        Tally(text(1), 3, 0, NOW + 9, "me"),  # two of the first day, one of the second
    ]
    third = grow(later(snapshot, second[1], NOW + DAY), {"play_count": {1: 5}}, {1: NOW + 9}, now=NOW + 2 * DAY)
    assert third == ([], {"play_count": {}})


def test_a_field_that_counts_the_same_plays_later_adds_none() -> None:
    snapshot = CountSnapshot(THEN, first_counts({"play_count": {1: 2}, "lastfm_play_count": {1: 40}}))
    now = THEN
    for day in range(3):  # mpdstats sees three plays, each on its day
        now += DAY
        grown = grow(snapshot, {"play_count": {1: 3 + day}, "lastfm_play_count": {1: 40}}, {1: now - 60}, now=now)
        assert grown[0] == [Listen(text(1), now - 60, skipped=False, user="me")]
        snapshot = later(snapshot, grown[1], now)
    scrobbled = grow(snapshot, {"play_count": {1: 5}, "lastfm_play_count": {1: 43}}, {1: now - 60}, now=now + DAY)
    assert scrobbled[0] == []
    snapshot = later(snapshot, scrobbled[1], now + DAY)
    elsewhere = grow(snapshot, {"play_count": {1: 5}, "lastfm_play_count": {1: 45}}, {1: now - 60}, now=now + 2 * DAY)
    assert elsewhere[0] == [Tally(text(1), 2, 0, now + 2 * DAY, "me")]


def test_more_than_could_be_played_in_the_time_was_imported() -> None:
    counts = {"play_count": {1: 1}, "lastfm_play_count": dict.fromkeys(range(1, 100), 30)}
    grown = grow(CountSnapshot(THEN), counts, {1: THEN + 9})
    assert grown[0] == [Listen(text(1), THEN + 9, skipped=False, user="me")]
    assert grown[1]["lastfm_play_count"][50] == CountState(30, 30)
    after = grow(later(CountSnapshot(THEN), grown[1], NOW), {**counts, "lastfm_play_count": {50: 31}}, now=NOW + DAY)
    assert Tally(text(50), 1, 0, NOW + DAY, "me") in after[0]


@pytest.mark.parametrize(("plays", "listened"), [(558, True), (559, False)])
def test_what_was_played_for_a_quarter_more_than_the_time_and_an_hour_was_imported(plays: int, listened: bool) -> None:
    """Plays of 200 s within a day: 1.25 days and an hour are 558 of them."""
    grown = grow(CountSnapshot(THEN), {"play_count": {1: 1, 2: plays - 1}})
    assert grown[0] == ([Tally(text(1), 1, 0, NOW, "me"), Tally(text(2), plays - 1, 0, NOW, "me")] if listened else [])


def test_one_more_play_of_a_track_that_was_played_often_is_not_imported() -> None:
    grown = grow(CountSnapshot(THEN, {"play_count": {1: CountState(600, 600)}}), {"play_count": {1: 601}})
    assert grown == ([Tally(text(1), 1, 0, NOW, "me")], {"play_count": {1: CountState(600, 601)}})


def test_what_was_imported_is_accounted_for_beside_what_was_before() -> None:
    grown = grow(CountSnapshot(THEN, {"play_count": {1: CountState(600, 603)}}), {"play_count": {1: 1604}})
    assert grown == ([], {"play_count": {1: CountState(1601, 1604)}})


@pytest.mark.parametrize(("time", "dated"), [(THEN - 3600, False), (THEN - 3599, True), (NOW, True), (NOW + 1, False)])
def test_a_play_may_have_begun_an_hour_before_the_last_snapshot(time: int, dated: bool) -> None:
    records = grow(CountSnapshot(THEN), {"play_count": {1: 1}}, {1: time})[0]
    assert [isinstance(record, Listen) for record in records] == [dated]


def test_a_count_that_fell_begins_anew() -> None:
    snapshot = CountSnapshot(THEN, {"play_count": {1: CountState(2, 9)}})
    grown = grow(snapshot, {"play_count": {1: 4}}, {1: THEN + 9})
    assert grown == ([], {"play_count": {1: CountState(4, 4)}})


def test_a_track_that_is_gone_leaves_no_growth_behind() -> None:
    snapshot = CountSnapshot(THEN, {"play_count": {1: CountState(2, 9)}})
    assert grow(snapshot, {"play_count": {}}) == ([], {"play_count": {1: CountState(0, 0)}})


def test_a_time_is_that_of_the_listener_whose_count_it_belongs_to() -> None:
    counts = {"play_count": {1: 1}, "plex_viewcount": {1: 1}}
    listeners = {"anna": ("play_count",), "ben": ("plex_viewcount",)}
    assert grow(CountSnapshot(THEN), counts, {1: THEN + 9}, listeners=listeners)[0] == [
        Listen(text(1), THEN + 9, skipped=False, user="anna"),
        Tally(text(1), 1, 0, NOW, "ben"),
    ]


def test_a_snapshot_that_was_not_kept_is_found_out_again_alike() -> None:
    snapshot = CountSnapshot(THEN, first_counts({"play_count": {1: 2}}))
    counts = {"play_count": {1: 5}}
    once, again = (grow(snapshot, counts, {1: THEN + 9}, now=now) for now in (NOW, NOW + 60))
    assert once[0] == again[0]
