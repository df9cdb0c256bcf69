"""Plays in order, counted once, and cut into sessions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.data.listens import Listens
from cfaudio_core.data.sessions import NO_SESSIONS, Sessions, find_sessions
from cfaudio_core.util.fingerprint import fingerprint

GAP = 1800.0
T0 = 1_700_000_001  # no whole minute


def listens(*rows: tuple[object, ...], length: float = 200.0, **columns: object) -> Listens:
    """Rows of (item, time, seconds, skipped, source), the later ones optional; times count from T0."""
    filled = [(*row, *(np.nan, -1, 0)[len(row) - 2 :]) for row in rows]
    n = len(filled)
    item, time, seconds, skipped, source = (np.array(column) for column in zip(*filled, strict=True))
    return Listens(
        listener=np.array(columns.get("listener", [0] * n), np.int64),
        track=item.astype(np.int64),
        time=time.astype(np.int64) + T0,
        seconds=seconds.astype(np.float64),
        skipped=skipped.astype(np.int64),
        source=source.astype(np.int64),
        length=np.array(columns.get("lengths", [length] * n), np.float64),
        every_start=np.array(columns.get("every_start", [False] * n), bool),
    )


def test_a_session_ends_by_silence_after_the_end_of_a_track() -> None:
    found = find_sessions(listens((0, 0), (1, 200 + 1800), (2, 400 + 3600 + 1)), GAP)
    assert found.session.tolist() == [0, 0, 1]
    assert len(found) == 2


def test_a_symphony_is_no_silence() -> None:
    assert len(find_sessions(listens((0, 0), (1, 3600), lengths=[3000, 200]), GAP)) == 1
    assert len(find_sessions(listens((0, 0, 60.0), (1, 3600), lengths=[3000, 200]), GAP)) == 2


@pytest.mark.parametrize(("begins", "sessions"), [(180 + 1800, 1), (180 + 1801, 2)])
def test_a_track_of_unknown_length_lasts_three_minutes(begins: int, sessions: int) -> None:
    for unknown in (0.0, np.nan):
        assert len(find_sessions(listens((0, 0), (1, begins), lengths=[unknown, 200]), GAP)) == sessions


def test_each_listener_has_sessions_of_their_own() -> None:
    found = find_sessions(listens((0, 0), (1, 10), (2, 220), (3, 230), listener=[1, 0, 1, 0]), GAP)
    assert found.listener.tolist() == [0, 0, 1, 1]
    assert found.track.tolist() == [1, 3, 0, 2]
    assert found.session.tolist() == [0, 0, 1, 1]


def test_what_is_not_in_the_library_fills_the_time_but_is_not_in_the_sessions() -> None:
    found = find_sessions(listens((0, 0), (-7, 1500), (1, 3000)), GAP)
    assert found.track.tolist() == [0, 1]
    assert found.session.tolist() == [0, 0]
    assert len(find_sessions(listens((0, 0), (1, 3000)), GAP)) == 2


def test_a_play_that_two_sources_saw_is_counted_once_with_all_that_is_known() -> None:
    found = find_sessions(listens((5, 0, np.nan, -1, 0), (5, 40, 10.0, 1, 1), (6, 220)), GAP)
    assert found.track.tolist() == [5, 6]
    assert found.rejected.tolist() == [True, False]
    assert found.time.tolist() == [T0, T0 + 220]


@pytest.mark.parametrize(
    ("second", "plays"),
    [
        ((5, 100, np.nan, -1, 1), 1),  # half of its length
        ((5, 150, np.nan, -1, 1), 1),
        ((5, 200, np.nan, -1, 1), 2),
        ((5, 100, np.nan, -1, 0), 1),  # a scrobbler that submits twice
        ((5, 200, np.nan, -1, 0), 2),
        ((5, 0, np.nan, -1, 0), 1),
        ((6, 0, np.nan, -1, 1), 2),
    ],
)
def test_one_play_is_one_track_at_one_time(second: tuple[object, ...], plays: int) -> None:
    assert len(find_sessions(listens((5, 0, np.nan, -1, 0), second), GAP).track) == plays


def test_two_plays_in_a_row_are_two_though_two_sources_saw_both() -> None:
    rows = [(5, time, np.nan, -1, source) for time, source in ((0, 0), (30, 1), (200, 0), (230, 1))]
    assert find_sessions(listens(*rows), GAP).plays(6)[5] == 2
    assert find_sessions(listens(*rows), GAP).time.tolist() == [T0, T0 + 200]


def test_a_short_track_may_be_half_a_minute_off() -> None:
    rows = ((5, 0, np.nan, -1, 0), (5, 30, np.nan, -1, 1))
    assert len(find_sessions(listens(*rows, length=20.0), GAP).track) == 1


@pytest.mark.parametrize(
    ("row", "length", "rejected"),
    [
        ((0, 0, 150.0, 1), 200.0, True),
        ((0, 0, 29.0), 200.0, True),
        ((0, 0, 29.0), np.nan, True),
        ((0, 0, 29.0), 50.0, False),
        ((0, 0, 45.0), 200.0, True),  # left before its half
        ((0, 0, 45.0, 0), 200.0, False),  # the source says that it was not skipped
        ((0, 0, 101.0), 200.0, False),
        ((0, 0, 241.0), 3000.0, False),  # scrobblers count four minutes of a long track
        ((0, 0, np.nan, 0), 200.0, False),
        ((0, 0), 200.0, False),
    ],
)
def test_skipped_or_too_short_is_rejected(row: tuple[object, ...], length: float, rejected: bool) -> None:
    assert find_sessions(listens(row, length=length, every_start=[True]), GAP).rejected.tolist() == [rejected]


def test_half_a_minute_is_a_play_where_a_source_records_plays_alone() -> None:
    for seconds, rejected in ((29.0, True), (60.0, False)):
        assert find_sessions(listens((0, 0, seconds), length=200.0), GAP).rejected.tolist() == [rejected]


@pytest.mark.parametrize(
    ("first", "begins", "rejected"),
    [
        ((0, 0), 99, True),
        ((0, 0), 101, False),
        ((0, 0, 150.0), 99, False),  # played on another device, it seems
        ((0, 0, np.nan, 0), 99, False),
        ((0, 0), 0, False),  # an offline player's plays all have the time at which it was connected
    ],
)
def test_a_track_left_before_its_half_is_rejected(first: tuple[object, ...], begins: int, rejected: bool) -> None:
    rows = first, (1, begins), (2, 1000, 150.0)
    assert find_sessions(listens(*rows, every_start=[True] * 3), GAP).rejected[0] == rejected
    # A scrobble is a play by the rule of its service, whatever begins next.
    assert not find_sessions(listens(*rows), GAP).rejected[0]


def test_times_in_minutes_are_given_a_minute() -> None:
    rows = [(0, 39), (1, 99), (2, 399), (3, 1000)]
    starts = [True] * 4
    in_minutes = listens(*rows, every_start=starts)
    assert not find_sessions(in_minutes._replace(time=in_minutes.time // 60 * 60), GAP).rejected.any()
    rows[3] = (3, 1001)
    assert find_sessions(listens(*rows, every_start=starts), GAP).rejected.tolist() == [True, False, False, False]


def test_another_listeners_next_track_does_not_matter() -> None:
    assert not find_sessions(listens((0, 0), (1, 10), listener=[0, 1]), GAP).rejected.any()


def test_plays_skips_and_last_plays_are_distinguished() -> None:
    found = find_sessions(listens((0, 0), (1, 300, 5.0), (0, 10_000), (0, 20_000, 200.0, 1)), GAP)
    assert found.plays(3).tolist() == [2, 0, 0]
    assert found.skips(3).tolist() == [1, 1, 0]
    assert found.last_played(3).tolist() == [T0 + 10_000, 0, 0]


def test_a_history_over_some_tracks_has_their_positions_and_sessions_without_gaps() -> None:
    found = find_sessions(listens((0, 0), (1, 10_000), (2, 20_000), (0, 20_300)), GAP)
    over = found.subset(np.array([2, 0]))
    assert over.track.tolist() == [1, 0, 1]
    assert over.session.tolist() == [0, 1, 1]
    assert len(found.subset(np.zeros(0, np.int64))) == 0


def test_the_fingerprint_follows_the_plays() -> None:
    found = find_sessions(listens((0, 0), (1, 300), (2, 700)), GAP)
    later = find_sessions(listens((0, 0), (1, 300), (2, 701)), GAP)
    cut = find_sessions(listens((0, 0), (1, 300), (2, 700)), 10.0)
    skipped = find_sessions(listens((0, 0), (1, 300), (2, 700, np.nan, 1)), GAP)
    other = find_sessions(listens((0, 0), (1, 300), (1, 700)), GAP)
    assert len({fingerprint(s) for s in (found, later, cut, skipped, other, NO_SESSIONS)}) == 6


def test_no_listens_make_no_sessions() -> None:
    nothing = Listens(
        *(np.zeros(0, np.int64) for _ in range(3)),
        *(np.zeros(0),),
        *(np.zeros(0, np.int64),) * 2,
        np.zeros(0),
        np.zeros(0, bool),
    )
    assert len(find_sessions(nothing, GAP)) == 0
    assert NO_SESSIONS.plays(2).tolist() == [0, 0]


plays = st.lists(
    st.tuples(
        st.integers(-2, 4),
        st.integers(0, 20_000),
        st.one_of(st.just(np.nan), st.floats(0, 400)),
        st.integers(-1, 1),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=40,
)


def same(one: Sessions, other: Sessions) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("listener", "track", "session", "time")
    )


@given(plays, st.randoms(use_true_random=False))
def test_the_order_of_the_listens_changes_nothing(rows: list[tuple[object, ...]], random: object) -> None:
    rows = list({row[:2]: row for row in rows}.values())  # of equal items at one time either may come first
    rows = list({row[1]: row for row in rows}.values())
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert same(find_sessions(listens(*rows), GAP), find_sessions(listens(*shuffled), GAP))


@given(plays)
def test_sessions_are_numbered_in_order_and_a_longer_gap_joins_them(rows: list[tuple[object, ...]]) -> None:
    short, long = (find_sessions(listens(*rows), gap) for gap in (60.0, GAP))
    for found in (short, long):
        assert set(np.diff(found.session, prepend=-1).tolist()) <= {0, 1}
        assert (np.diff(found.time) >= 0).all()
    assert len(long) <= len(short)


@given(plays)
def test_importing_everything_from_a_second_source_changes_no_count(rows: list[tuple[object, ...]]) -> None:
    rows = [(*row[:4], 0) for row in rows]
    doubled = [*rows, *((*row[:4], 1) for row in rows)]
    once, twice = find_sessions(listens(*rows), GAP), find_sessions(listens(*doubled), GAP)
    assert same(once, twice)
    assert (once.rejected == twice.rejected).all()
