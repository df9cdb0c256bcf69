"""Whether a new lesson is due: what counts as a change, and how much it takes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from synthetic import NET, QUICK, make_library, make_listener

from cfaudio_core.data.sessions import Sessions
from cfaudio_core.training.drift import TrainingSnapshot, change

LIBRARY = make_library(100)
PLAYS = LIBRARY.listener.plays


def evidence(plays=PLAYS, tracks=LIBRARY.tracks, settings=QUICK, **others):
    people = [make_listener(plays), *(make_listener(counts, name=name) for name, counts in others.items())]
    return TrainingSnapshot.of(tracks, people, NET, settings)


def first_plays(n):
    """So many tracks that were never played, played once."""
    plays = PLAYS.copy()
    plays[np.flatnonzero(plays == 0)[:n]] = 1
    return plays


def test_nothing_has_changed_in_what_is_read_from_json():
    assert change(TrainingSnapshot.from_json(evidence().as_json()), evidence()) is None


def test_evidence_of_an_older_model_has_a_number_for_every_track():
    now = evidence()
    stored = now.as_json()
    for what in ("plays", "skips"):
        for name, (at, counts) in stored[what].items():
            whole = np.zeros(len(now.keys))
            whole[np.array(at, int)] = counts
            stored[what][name] = whole.tolist()
    assert TrainingSnapshot.from_json(stored) == now


def test_in_which_order_listeners_are_stored_is_no_change():
    stored = json.loads(json.dumps(evidence(ann=PLAYS, zoe=PLAYS).as_json(), sort_keys=True))  # as `save_model` does
    changed = change(TrainingSnapshot.from_json(stored), evidence(first_plays(1), zoe=PLAYS, ann=PLAYS))
    assert changed.what.startswith("what is known of me has changed by ")
    assert not changed.due


def test_a_few_new_plays_are_no_reason_for_a_lesson_and_are_counted():
    changed = change(evidence(), evidence(first_plays(3)))
    assert not changed.due
    assert changed.plays == 3
    assert changed.what.startswith("what is known of me has changed by ")


def test_a_tenth_of_what_is_known_is():
    assert change(evidence(), evidence(first_plays(50))).due


def test_a_first_play_tells_more_than_another_one_of_a_favourite():
    def share(plays):
        return float(change(evidence(), evidence(plays)).what.split()[-1].rstrip("%"))

    favourite = PLAYS + (np.arange(100) == PLAYS.argmax())
    assert share(first_plays(1)) > 3 * share(favourite)


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (evidence(settings=replace(QUICK, folds=4)), "the settings have changed"),
        (evidence(ann=np.ones(100)), "there are other listeners to learn from"),
        (
            evidence(tracks=replace(LIBRARY.tracks, artists=["Can"] * 100)),
            "what the tags of known tracks say has changed",
        ),
    ],
)
def test_what_is_to_be_learnt_otherwise_is_learnt_anew(now, what):
    changed = change(evidence(), now)
    assert changed.due
    assert changed.what.startswith(what)


def test_a_library_that_has_grown_by_a_tenth_is_learnt_anew():
    small = LIBRARY.subset(np.flatnonzero((PLAYS > 0) | (np.arange(100) < 60)))
    then = TrainingSnapshot.of(small.tracks, [small.listener], NET, QUICK)
    assert change(then, evidence()).what.startswith("the number of tracks has changed by ")
    assert change(then, evidence()).due


def test_a_history_imported_for_plays_that_were_counted_already_is_learnt_from():
    at = np.arange(40)
    sessions = Sessions(np.zeros(40, int), at, at // 4, 1_700_000_000 + 200 * at, np.zeros(40, bool))
    person = replace(LIBRARY.listener, sessions=sessions)
    changed = change(evidence(), TrainingSnapshot.of(LIBRARY.tracks, [person], NET, QUICK))
    assert changed.due
    assert changed.plays == 0
