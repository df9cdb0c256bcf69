"""Whether a new fit is due: what counts as a change, and how much it takes."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, make_library, make_listener

from cfaudio_core.data.sessions import Sessions
from cfaudio_core.models.model_files import load_model, save_model
from cfaudio_core.models.training_snapshot import MIN_KNOWN_TRACKS, TrainingSnapshot
from cfaudio_core.training.drift import measure_drift

LIBRARY = make_library(100)
PLAYS = LIBRARY.listener.plays


def snapshot(plays=PLAYS, tracks=LIBRARY.tracks, settings=QUICK, **others):
    people = [make_listener(plays), *(make_listener(counts, name=name) for name, counts in others.items())]
    return TrainingSnapshot.of(tracks, people, NET, settings)


def first_plays(n):
    """So many tracks that were never played, played once."""
    plays = PLAYS.copy()
    plays[np.flatnonzero(plays == 0)[:n]] = 1
    return plays


def read_again(stored, tmp_path, model):
    """A snapshot out of a model's files."""
    save_model(tmp_path, replace(model, snapshot=stored))
    return load_model(tmp_path, model.id).snapshot


def test_nothing_has_changed_in_what_is_read_from_disk(tmp_path, model):
    assert measure_drift(read_again(snapshot(ann=PLAYS), tmp_path, model), snapshot(ann=PLAYS)) is None


def test_in_which_order_listeners_are_is_no_change(tmp_path, model):
    stored = read_again(snapshot(zoe=PLAYS, ann=PLAYS), tmp_path, model)
    assert measure_drift(stored, snapshot(ann=PLAYS, zoe=PLAYS)) is None
    changed = measure_drift(stored, snapshot(first_plays(1), ann=PLAYS, zoe=PLAYS))
    assert changed.what.startswith("your history has changed by ")
    assert not changed.due


def test_a_few_new_plays_are_no_reason_for_a_fit_and_are_counted():
    changed = measure_drift(snapshot(), snapshot(first_plays(3)))
    assert not changed.due
    assert changed.n_plays == 3
    assert changed.what.startswith("your history has changed by ")


def test_a_listener_of_whom_enough_is_known_now_is():
    few = np.float32(np.arange(100) < MIN_KNOWN_TRACKS - 1)
    enough = np.float32(np.arange(100) < MIN_KNOWN_TRACKS)
    assert measure_drift(snapshot(ann=few), snapshot(ann=enough)).due


def test_a_tenth_of_what_is_known_is():
    assert measure_drift(snapshot(), snapshot(first_plays(50))).due


def test_a_first_play_tells_more_than_another_one_of_a_favourite():
    def share(plays):
        return float(measure_drift(snapshot(), snapshot(plays)).what.split()[-1].rstrip("%"))

    favourite = PLAYS + (np.arange(100) == PLAYS.argmax())
    assert share(first_plays(1)) > 3 * share(favourite)


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (snapshot(settings=replace(QUICK, folds=4)), "the settings have changed"),
        (snapshot(ann=np.ones(100)), "first time for ann"),
        (
            snapshot(tracks=replace(LIBRARY.tracks, artists=["Can"] * 100)),
            "the tags of played tracks have changed",
        ),
    ],
)
def test_what_is_to_be_fitted_otherwise_is_fitted_again(now, what):
    changed = measure_drift(snapshot(), now)
    assert changed.due
    assert changed.what.startswith(what)


def test_a_library_that_has_grown_by_a_tenth_is_fitted_to_again():
    small = LIBRARY.subset(np.flatnonzero((PLAYS > 0) | (np.arange(100) < 60)))
    then = TrainingSnapshot.of(small.tracks, [small.listener], NET, QUICK)
    assert measure_drift(then, snapshot()).what.startswith("the number of tracks has changed by ")
    assert measure_drift(then, snapshot()).due


def test_a_history_imported_for_plays_that_were_counted_already_is_fitted_to():
    at = np.arange(40)
    sessions = Sessions(np.zeros(40, int), at, at // 4, 1_700_000_000 + 200 * at, np.zeros(40, bool))
    person = replace(LIBRARY.listener, sessions=sessions)
    changed = measure_drift(snapshot(), TrainingSnapshot.of(LIBRARY.tracks, [person], NET, QUICK))
    assert changed.due
    assert changed.n_plays == 0


def test_a_listener_of_whom_too_little_is_left_is_named():
    changed = measure_drift(snapshot(ann=PLAYS, zoe=PLAYS), snapshot(ann=PLAYS))
    assert (changed.what, changed.due) == ("fewer plays are left of zoe", True)


@pytest.mark.parametrize(("n_tracks", "due"), [(109, False), (110, True), (91, False), (90, True)])
def test_a_tenth_is_what_makes_a_fit_due_and_no_less(n_tracks, due):
    then = snapshot()
    changed = measure_drift(then, replace(then, n_tracks=n_tracks))
    assert changed.what == f"the number of tracks has changed by {abs(n_tracks - 100)}.0%"
    assert changed.due == due


def percent(share):
    return f" by {share:.1%}"


def test_a_history_changes_by_the_part_that_new_plays_have_of_the_logarithms_of_all():
    new = np.log1p(1) / np.log1p(PLAYS).sum()
    assert measure_drift(snapshot(), snapshot(first_plays(1))).what == "your history has changed" + percent(new)
    assert measure_drift(snapshot(ann=PLAYS), snapshot(ann=first_plays(2))).what == (
        "the history of ann has changed" + percent(2 * new)
    )
    most = int(PLAYS.argmax())
    fewer = np.where(np.arange(100) == most, 1, PLAYS)
    lost = np.log1p(PLAYS[most]) - np.log1p(1)
    changed = measure_drift(snapshot(), snapshot(fewer))
    assert changed.what.endswith(percent(lost / np.log1p(PLAYS).sum()))
    assert changed.n_plays == 0


N_KNOWN = int((PLAYS > 0).sum())


@pytest.mark.parametrize(
    ("before", "now", "share"),
    [
        (0, 3, 3 / N_KNOWN),
        (10 * N_KNOWN, 11 * N_KNOWN, 0.1),
        (10 * N_KNOWN, 9 * N_KNOWN, 0.1),
        (N_KNOWN, N_KNOWN + 2, 2 / N_KNOWN),
    ],
)
def test_plays_with_a_time_are_a_part_of_those_there_were_or_else_of_the_known_tracks(before, now, share):
    then = replace(snapshot(), n_listens={"me": before})
    changed = measure_drift(then, replace(then, n_listens={"me": now}))
    assert changed.what == "your history has changed" + percent(share)
    assert changed.due == (share >= 0.1)


def test_described_tracks_are_a_part_of_all_and_retagged_ones_of_the_known():
    then = snapshot()
    described = measure_drift(then, replace(then, n_described=9))
    assert described.what == "the number of tracks with audio descriptors has changed by 9.0%"
    assert measure_drift(replace(then, n_described=20), replace(then, n_described=9)).what.endswith("by 11.0%")
    for n in (1, 3):
        tags = ["other"] * n + then.tags[n:]
        assert measure_drift(then, replace(then, tags=tags)).what == (
            "the tags of played tracks have changed" + percent(n / N_KNOWN)
        )


@pytest.mark.parametrize(("n_tracks", "what"), [(200, "changed by 100.0%"), (201, "more than doubled")])
def test_what_has_more_than_doubled_is_said_so(n_tracks, what):
    then = snapshot()
    assert measure_drift(then, replace(then, n_tracks=n_tracks)).what == f"the number of tracks has {what}"


def test_a_library_of_which_nothing_was_there_has_more_than_doubled():
    then = replace(snapshot(), n_tracks=0)
    assert measure_drift(then, snapshot()).what == "the number of tracks has more than doubled"


def test_a_listener_of_few_plays_who_comes_or_goes_makes_other_listeners():
    alone, both = snapshot(), snapshot(ann=np.arange(100) < 5)
    for then, now in ((alone, both), (both, alone)):
        assert measure_drift(then, now) == ("there are other listeners", 0, True)
