"""One play for what several records tell of it, and skips only where a source has them."""

from __future__ import annotations

import numpy as np
import pytest
from test_sessions import GAP, T0, listens

from cfaudio_core.data.sessions import find_sessions

NAN = np.nan


def count(*rows: tuple[object, ...], track: int = 5, **columns: object) -> tuple[int, int]:
    """Plays and skips of a track by rows of (item, time, seconds, skipped, source)."""
    found = find_sessions(listens(*rows, **columns), GAP)  # type: ignore[arg-type]
    return int(found.plays(track + 1)[track]), int(found.skips(track + 1)[track])


@pytest.mark.parametrize("length", [200.0, 45.0, 20.0, 0.0, NAN])
@pytest.mark.parametrize("later", [(1,), (3,), (60,), (3, 6, 9), (3, 60)])
def test_a_play_submitted_again_within_a_minute_is_one(length: float, later: tuple[int, ...]) -> None:
    rows = [(5, at) for at in (0, *later)]
    assert count(*rows, length=length) == (1, 0)


def test_a_record_without_a_duration_and_one_with_it_are_of_one_play_within_a_minute() -> None:
    for outcome in (-1, 0):
        assert count((5, 0, NAN, outcome), (5, 30, 180.0, outcome)) == (1, 0)
    assert count((5, 0, NAN, 1), (5, 30, 180.0, 0)) == (1, 1)  # passed over, and begun again


@pytest.mark.parametrize("length", [200, 45, 60, 900])
def test_a_loop_is_as_many_plays_as_it_has_rounds(length: int) -> None:
    assert count(*[(5, length * k) for k in range(8)], length=length) == (8, 0)
    # Each round submitted twice.
    assert count(*[(5, length * k + late) for k in range(8) for late in (0, 3)], length=length) == (8, 0)


@pytest.mark.parametrize(
    ("length", "again", "plays"),
    [
        (45, 41, 1), (45, 42, 2), (45, 55, 2), (45, 56, 1), (45, 62, 1), (45, 63, 2),
        (65, 61, 1), (65, 62, 2), (66, 62, 1), (66, 63, 2),
        (10, 7, 2), (9, 7, 1), (9, 62, 1), (9, 63, 2),
        (200, 179, 1), (200, 180, 2), (0, 62, 1), (0, 63, 2),
    ],
)  # fmt: skip
def test_a_repeat_begins_about_a_length_later_and_a_copy_within_the_minute(length: int, again: int, plays: int) -> None:
    assert count((5, 0), (5, again), length=length) == (plays, 0)


def test_two_sources_of_a_loop_have_the_same_rounds() -> None:
    rows = [(5, 200 * k + late, NAN, -1, source) for k in range(5) for source, late in ((0, 0), (1, 50))]
    assert count(*rows) == (5, 0)


@pytest.mark.parametrize("beginning", [0, 1])
def test_a_source_that_records_the_end_has_the_same_plays(beginning: int) -> None:
    begun = [(item, 400 * k, NAN, -1, beginning) for k, item in enumerate([5, 6, 7, 5])]
    ended = [(item, at + 200, NAN, -1, beginning + 1) for item, at, *_ in begun]
    assert count(*begun, *ended) == (2, 0)
    # One of them alone is a repeat.
    assert count(begun[0], ended[0]) == (2, 0)


@pytest.mark.parametrize(("late", "near", "plays"), [(2, 0, 2), (3, 0, 1), (3, 1, 2), (4, 1, 1)])
def test_three_plays_and_four_times_as_many_as_at_the_beginning_show_that_a_source_records_the_end(
    late: int, near: int, plays: int
) -> None:
    begun = [(5 + k, 1000 * k, NAN, -1, 0) for k in range(late + near)]
    other = [(item, at + (200 if item < 5 + late else 30), NAN, -1, 1) for item, at, *_ in begun]
    assert count(*begun, *other)[0] == plays


@pytest.mark.parametrize(
    ("length", "after", "plays"),
    [(200, 210, 1), (200, 211, 2), (130, 136, 1), (130, 137, 2), (125, 125, 1), (124, 124, 2)],
)
def test_an_end_is_recorded_within_a_twentieth_of_the_length_of_more_than_two_minutes(
    length: int, after: int, plays: int
) -> None:
    begun = [(5 + k, 1000 * k, NAN, -1, 0) for k in range(4)]
    assert count(*begun, *((item, at + after, NAN, -1, 1) for item, at, *_ in begun), length=length) == (plays, 0)


def test_a_source_that_has_a_repeat_of_each_track_does_not_record_the_end() -> None:
    begun = [(item, 1000 * k, NAN, -1, 0) for k, item in enumerate([5, 6, 7, 5])]
    repeated = [(item, at + 290, NAN, -1, 1) for item, at, *_ in begun]  # the tracks take 200 s
    assert count(*begun, *repeated) == (4, 0)


def test_a_scrobbler_that_repeats_after_a_minute_does_so_for_tracks_of_a_minute() -> None:
    rows = [(6, 1000 * k + late) for k in range(10) for late in (0, 60)]
    assert count((5, 100_000), (5, 100_060), *rows, lengths=[60.0, 60.0] + [200.0] * 20) == (1, 0)


@pytest.mark.parametrize(
    ("late", "again", "plays"),
    [((60,), 57, 2), ((60,), 58, 1), ((60,), 62, 1), ((3, 60), 60, 1), ((57,), 60, 2), ((63,), 61, 2)],
)
def test_what_a_scrobbler_repeats_after_so_many_seconds_is_no_loop(
    late: tuple[int, ...], again: int, plays: int
) -> None:
    rows = [(6, 1000 * k + at) for k in range(10) for at in (0, *late)]
    twice = [(5, 100_000), (5, 100_000 + again)]
    lengths = [60.0] * 2 + [200.0] * (len(rows) + 1)
    for source in (0, 1):
        of_it = [(*row, NAN, -1, source) for row in [*twice, *rows]]
        assert count(*of_it, (7, 500_000), lengths=lengths) == (plays, 0)


def test_loops_of_a_minute_stay_where_few_or_others_repeat_after_it() -> None:
    def loops(rows: list[tuple[object, ...]], at: int = 200_000, length: float = 200.0) -> int:
        return count((5, at), (5, at + 60), *rows, lengths=[60.0] * 2 + [length] * len(rows))[0]

    minute = -T0 % 60
    repeated = [(6, 1000 * k + late) for k in range(10) for late in (0, 60)]
    once = [(6, 1000 * k) for k in range(10, 150)]
    assert loops([*repeated[:6], *once]) == 1  # three of 146
    assert loops([*repeated[:4], *once]) == 2
    assert loops([(*row, NAN, -1, 1) for row in repeated]) == 2  # another source
    assert loops([(6 + k, 60 * k) for k in range(20)]) == 2  # another track
    assert loops(repeated, length=124) == 2  # what may be loops themselves
    assert loops([(6, minute + 1200 * k + late) for k in range(10) for late in (0, 60)], minute + 200_400) == 2


def test_a_row_of_0_s_beside_a_play_is_nothing() -> None:
    for at in (-62, -3, 0, 2, 200, 201, 262):
        assert count((5, 0, 200.0, 0), (5, at, 0.0, 1)) == (1, 0)
    for at in (-5000, -63, 263, 5000):
        assert count((5, 0, 200.0, 0), (5, at, 0.0, 1)) == (1, 1)
    assert count((5, 0, 200.0, 0), (6, 200, 0.0, 1)) == (1, 0)
    assert count((6, 0, 200.0, 0), (5, 201, 0.0, 1)) == (0, 1)


def test_a_play_begun_again_after_a_skip_is_both_where_durations_are_known() -> None:
    assert count((5, 0, 5.0), (5, 6, 200.0)) == (1, 1)
    assert count((5, 0, 5.0), (5, 3, 5.0), (5, 66, 200.0)) == (1, 1)  # the skip stands twice
    assert count((5, 0), (5, 6)) == (1, 0)
    assert count((5, 0, NAN, 1), (5, 1, NAN, 0)) == (1, 1)  # or where it is known to be a skip


def test_plays_of_one_source_overlap_by_no_more_than_a_tenth() -> None:
    assert count((5, 0, 100.0), (5, 89, 80.0)) == (1, 0)
    assert count((5, 0, 100.0), (5, 90, 80.0)) == (2, 0)
    for again, skips in ((62, 1), (63, 2)):
        assert count((5, 0, 5.0), (5, again, 5.0)) == (0, skips)  # of one duration


def test_two_sources_have_two_plays_where_one_begins_after_the_end_of_the_other() -> None:
    for again, plays in ((179, 1), (180, 2)):
        assert count((5, 0, NAN, -1, 0), (5, again, NAN, -1, 1)) == (plays, 0)
    for again, both in ((81, (1, 0)), (82, (1, 1))):  # the first was left after 20 s, and times differ by a minute
        assert count((5, 0, 20.0, -1, 0), (5, again, NAN, -1, 1)) == both
    minute = -T0 % 60
    for at, plays in ((minute, 2), (minute + 1, 1)):
        for seconds in (NAN, 185.0):
            assert count((5, at, seconds, -1, 0), (5, at + 120, seconds, -1, 1)) == (plays, 0)
    for at, plays in ((minute + 55, 2), (minute + 56, 1)):  # they end at whole minutes
        assert count((5, at, 185.0, -1, 0), (5, at + 120, 185.0, -1, 1)) == (plays, 0)


def test_of_two_records_that_know_as_much_the_first_has_the_time() -> None:
    assert find_sessions(listens((5, 0), (5, 20)), GAP).time.tolist() == [T0]
    found = find_sessions(listens((5, 0, 200.0, -1, 0), (5, 20, NAN, 0, 1)), GAP)
    assert found.time.tolist() == [T0 + 20]  # it knows that nothing was skipped
    minute = -T0 % 60
    found = find_sessions(listens((5, minute), (5, minute + 20)), GAP)
    assert found.time.tolist() == [T0 + minute + 20]  # the other may be rounded


def test_what_a_source_knows_of_a_play_is_kept_when_another_knows_less() -> None:
    assert count((5, 0, NAN, -1, 0), (5, 30, 20.0, -1, 1)) == (1, 0)  # a scrobble is a play
    assert count((5, 0, NAN, -1, 0), (5, 30, 20.0, 1, 1)) == (0, 1)


@pytest.mark.parametrize("every_start", [False, True])
def test_two_devices_at_once_are_no_skips(every_start: bool) -> None:
    rows = [row for k in range(8) for row in ((k, 200 * k), (10 + k, 200 * k + 60))]
    found = find_sessions(listens(*rows, every_start=[every_start] * 16), GAP)
    assert not found.rejected.any()


def test_a_scrobble_is_a_play_whatever_begins_next() -> None:
    assert not find_sessions(listens((0, 0), (1, 20), (2, 40)), GAP).rejected.any()
    starts = find_sessions(listens((0, 0), (1, 20), (2, 43), every_start=[True] * 3), GAP)
    assert starts.rejected.tolist() == [True, True, False]


def test_a_start_of_another_source_is_no_skip() -> None:
    rows = (0, 0, NAN, -1, 0), (1, 20, NAN, -1, 1)
    assert not find_sessions(listens(*rows, every_start=[True] * 2), GAP).rejected.any()


def test_durations_of_0_throughout_are_not_believed() -> None:
    assert count((5, 0, 0.0), (5, 1000, 0.0)) == (2, 0)
    assert count((5, 0, 0.0), (6, 1000, 200.0)) == (0, 1)


def test_milliseconds_and_breaks_are_not_believed() -> None:
    found = find_sessions(listens((0, 0, 60_000.0), (1, 10_000, 200.0), lengths=[200, 200]), GAP)
    assert not found.rejected.any()
    assert len(found) == 2


def test_a_length_that_is_none_makes_no_session_of_days() -> None:
    found = find_sessions(listens((0, 0), (1, 50_000), (2, 100_000, 80_000.0), (3, 150_000), length=200_000.0), GAP)
    assert len(found) == 4


def test_the_time_to_the_second_is_taken() -> None:
    at = -((T0 + 30) % 60) + 30  # a whole minute
    found = find_sessions(listens((5, at, NAN, -1, 0), (5, at + 23, NAN, -1, 1)), GAP)
    assert found.time.tolist() == [T0 + at + 23]


def test_one_time_that_is_a_whole_minute_by_chance_is_exact() -> None:
    minute = -T0 % 60
    assert count((5, minute), (5, minute + 150)) == (1, 0)  # within the track's 200 s
    assert count((5, minute), (5, minute + 120)) == (2, 0)  # which may be 179 s


@pytest.mark.parametrize("parts", [(80, 120), (20, 180), (80, 60, 50), (10, 190)])
def test_the_parts_around_a_pause_are_one_play(parts: tuple[int, ...]) -> None:
    rows = [(5, 900 * k, float(seconds), -1 if k else 0) for k, seconds in enumerate(parts)]
    assert count(*rows) == (1, 0)
    assert count(*rows, (5, 3, NAN, -1, 1)) == (1, 0)  # another source has it once


@pytest.mark.parametrize(
    ("parts", "expected"),
    [((20, 20), (0, 2)), ((80, 200), (1, 1)), ((150, 150), (2, 0)), ((195, 195, 195), (3, 0))],
)
def test_parts_that_are_more_or_less_than_the_track_are_starts_of_it(
    parts: tuple[int, ...], expected: tuple[int, int]
) -> None:
    rows = [(5, 900 * k, float(seconds)) for k, seconds in enumerate(parts)]
    assert count(*rows, every_start=[True] * len(parts)) == expected


@pytest.mark.parametrize(
    ("first", "second", "begins", "expected"),
    [
        (80, 120, 80 + 3600, (1, 0)), (80, 120, 80 + 3601, (2, 0)), (80, 120, 77, (1, 0)), (80, 120, 76, (2, 0)),
        (80, 100, 900, (1, 0)), (80, 99, 900, (2, 0)), (80, 123, 900, (1, 0)), (80, 124, 900, (2, 0)),
        (196, 7, 900, (1, 0)), (197, 6, 900, (1, 1)), (0, 195, 900, (1, 1)),
    ],
)  # fmt: skip
def test_parts_are_at_most_an_hour_apart_and_together_as_long_as_the_track(
    first: int, second: int, begins: int, expected: tuple[int, int]
) -> None:
    assert count((5, 0, float(first)), (5, begins, float(second))) == expected


def test_what_was_skipped_is_no_part() -> None:
    assert count((5, 0, 80.0, 1), (5, 900, 120.0, 0)) == (1, 1)
