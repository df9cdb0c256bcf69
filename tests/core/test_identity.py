"""Tracks known by what they are: ids that are given again, move, or belong to another library."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from synthetic import make_tracks

from cfaudio_core.data.tracks import NOWHERE, TrackMarks, as_rows, marks_of
from cfaudio_core.history.count_growth import CountSnapshot, CountState
from cfaudio_core.history.library_state import of_these_tracks
from cfaudio_core.history.store import ListenStore


def tracks(*rows: tuple[int, str, str]) -> TrackMarks:
    """Marks of tracks, each an id, a content key and a title."""
    ids, keys, titles = (list(column) for column in zip(*rows, strict=True))
    return marks_of(make_tracks(len(rows), ids=np.array(ids), keys=keys, titles=titles))


def snapshot(of: TrackMarks, **counts: dict[int, int]) -> CountSnapshot:
    marks = as_rows(of)
    states = {name: {item: CountState(n, n) for item, n in items.items()} for name, items in counts.items()}
    return CountSnapshot(0, states, {name: {item: marks[item] for item in items} for name, items in counts.items()})


def test_a_track_is_found_by_its_key_or_its_names_whatever_its_id() -> None:
    now = tracks((3, "a", "A"), (5, "b", "B"), (7, "c", "C"))
    then = tracks((5, "b", "Renamed"), (7, "ripped again", "C"), (1, "a", "A"), (3, "b", "B"), (5, "z", "Z"))
    assert now.find(then).tolist() == [1, 2, 0, 1, NOWHERE]


def test_of_copies_the_one_with_the_id_is_the_track() -> None:
    now = tracks((3, "a", "A"), (5, "a", "A"))
    assert now.find(tracks((5, "a", "A"), (3, "a", "A"), (9, "a", "A"))).tolist() == [1, 0, 0]


def test_a_track_without_marks_is_the_one_with_its_id() -> None:
    unknown = TrackMarks(np.array([5, 6]), np.zeros(2, np.uint64), np.zeros(2, np.uint64))
    assert tracks((3, "a", "A"), (5, "b", "B")).find(unknown).tolist() == [1, NOWHERE]


def test_nothing_is_found_in_an_empty_library() -> None:
    assert marks_of(make_tracks(0)).find(tracks((1, "a", "A"))).tolist() == [NOWHERE]


def test_a_track_that_was_not_analysed_is_known_by_its_names() -> None:
    assert tracks((5, "key", "B")).find(tracks((5, "", "B"), (4, "", "B"), (5, "", "C"))).tolist() == [0, 0, NOWHERE]


def test_counts_of_a_removed_track_are_not_those_of_the_next_one_with_its_id() -> None:
    old = snapshot(tracks((5, "a", "A")), play_count={5: 50})
    for count in (3, 500):
        now, outdated = of_these_tracks(old, {"play_count": {5: count}, "skip_count": {5: 2}}, tracks((5, "b", "B")))
        assert now.counts == {"play_count": {5: CountState(count, count)}, "skip_count": {5: CountState(2, 2)}}
        assert outdated == now.counts


def test_counts_go_with_a_track_to_its_new_id() -> None:
    old = snapshot(tracks((5, "a", "A"), (6, "b", "B")), play_count={5: 50, 6: 7})
    now, outdated = of_these_tracks(old, {"play_count": {5: 7, 9: 50}}, tracks((5, "b", "B"), (9, "a", "A")))
    assert now.counts == {"play_count": {9: CountState(50, 50), 5: CountState(7, 7)}}
    assert outdated == now.counts


def test_a_track_that_is_as_it_was_is_not_written_again() -> None:
    same = tracks((5, "a", "A"))
    assert of_these_tracks(snapshot(same, play_count={5: 50}), {"play_count": {5: 51}}, same)[1] == {}
    analysed = of_these_tracks(snapshot(tracks((5, "", "A")), play_count={5: 50}), {}, same)
    assert analysed[1] == {"play_count": {5: CountState(50, 50)}}


def test_counts_that_0_1_0_kept_are_those_of_the_first_library_that_asks(tmp_path) -> None:
    counts = {"play_count": {4: CountState(1, 9)}}
    with ListenStore(f"sqlite:///{tmp_path / 'history.db'}") as store:
        store.keep_counts(100, counts)
        assert store.last_counts("one") == CountSnapshot(100, counts)
        store.keep_counts(200, {"play_count": {4: CountState(1, 10)}}, {4: (7, -8)}, "one")
        assert store.last_counts("other") is None
        store.keep_counts(300, {"play_count": {4: CountState(5, 5)}}, {}, "other")
        one, other = store.last_counts("one"), store.last_counts("other")
        assert one == CountSnapshot(200, {"play_count": {4: CountState(1, 10)}})
        assert one is not None
        assert one.marks == {"play_count": {4: (7, -8)}}
        assert other == CountSnapshot(300, {"play_count": {4: CountState(5, 5)}})


def test_matches_to_one_library_are_none_to_another(tmp_path) -> None:
    with ListenStore(f"sqlite:///{tmp_path / 'history.db'}") as store:
        assert store.durations_and_items("one")[1] is not None
        store.keep_matches({}, library="one")
        assert store.durations_and_items("one")[1] is not None
        assert store.durations_and_items("other")[1] is None


def test_marks_survive_a_database(tmp_path) -> None:
    marks = tracks((5, "a", "A"), (6, "b", "B"))
    rows = as_rows(marks)
    with ListenStore(f"sqlite:///{tmp_path / 'history.db'}") as store:
        states = {"play_count": dict.fromkeys(rows, CountState(1, 1))}
        store.keep_counts(1, states, rows, "one")
        kept = store.last_counts("one")
        assert kept is not None
        assert kept.marks == {"play_count": rows}
        now, outdated = of_these_tracks(kept, {}, marks)
        assert (now.counts, outdated) == (states, {})
        assert replace(now, marks={}) == CountSnapshot(1, states)
