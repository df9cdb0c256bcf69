"""What changed lately, and what an evaluation answers, in words."""

import json
import os

import numpy as np
import pytest

from cfaudio_core.data.sessions import Sessions
from cfaudio_core.report.sections.changes import Changes, changes
from cfaudio_core.report.sections.past_runs import verdicts
from cfaudio_core.report.sections.verdicts import verdict

DAY = 86_400
NOW = 1_700_000_000  # 14 November 2023


def sessions(*plays):
    """Plays of a track: (track, days ago, how often)."""
    rows = sorted((NOW - days * DAY, track) for track, days, times in plays for _ in range(times))
    time, track = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    nobody = np.zeros(len(rows), np.int64)
    return Sessions(nobody, track, nobody, time, np.zeros(len(rows), bool))


NAMES = {"genre": [("Jazz",), ("Rock",)], "audio": [("jazz", "piano"), ()], "artist": [("Ann",), ("Bob",)]}


def test_what_is_played_more_and_less_than_before_is_named_once_by_each_name():
    found = changes(sessions((0, 0, 1), (0, 3, 29), (1, 3, 10), (0, 100, 10), (1, 100, 90)), NAMES)
    assert (found.first, found.last, found.plays) == ("16 October 2023", "14 November 2023", 40)
    assert {one.name: (one.before, one.late) for one in found.more} == {
        "Jazz": (pytest.approx(0.1), pytest.approx(0.75)),
        "piano": (pytest.approx(0.1), pytest.approx(0.75)),  # not "jazz" again
        "Ann": (pytest.approx(0.1), pytest.approx(0.75)),
    }
    assert {one.name for one in found.less} == {"Rock", "Bob"}


def test_the_same_as_before_is_no_change():
    found = changes(sessions((0, 0, 20), (1, 3, 20), (0, 100, 50), (1, 100, 50)), NAMES)
    assert (found.plays, found.more, found.less) == (40, [], [])


def test_too_few_dated_plays_tell_nothing():
    assert changes(sessions((0, 0, 30), (1, 100, 5)), NAMES) == Changes()
    assert changes(sessions((0, 0, 1)), NAMES) == Changes()
    nothing = np.zeros(0, np.int64)
    assert changes(Sessions(nothing, nothing, nothing, nothing, nothing.astype(bool)), NAMES) == Changes()


def table(name="new artists", **behind):
    """A table in which cfaudio finds 30 % in a list of 50 of 400, and is ahead of others by some intervals."""
    rows = [{"system": "cfaudio", "figures": {"auc": [0.7, 0.6, 0.8], "found": [0.3, 0.2, 0.4]}, "behind": {}}]
    rows += [
        {"system": system.replace("_", " "), "figures": {}, "behind": {"auc": [0.1, low, high], "ndcg": [0, -1, 1]}}
        for system, (low, high) in behind.items()
    ]
    return {"name": name, "empty": "", "rows": rows, "pool": 400, "listed": 50}


AHEAD, LEVEL, BEHIND = (0.01, 0.2), (-0.1, 0.1), (-0.2, -0.1)


@pytest.mark.parametrize(
    ("behind", "answer"),
    [
        ({"random": AHEAD, "popularity": AHEAD}, "Yes"),
        ({"random": AHEAD, "popularity": LEVEL}, "Hard to say"),
        ({"random": AHEAD, "popularity": BEHIND}, "Partly"),
        ({"random": LEVEL, "popularity": AHEAD}, "No"),
        ({"random": AHEAD, "upper_bound": BEHIND, "no_factors": BEHIND}, "Yes"),  # no recommenders of their own
    ],
)
def test_an_answer_is_as_good_as_the_intervals_say(behind, answer):
    assert verdict(table(**behind)).answer == answer


def test_figures_become_words():
    found = verdict(table(random=AHEAD, popularity=BEHIND, artist_mean=LEVEL))
    assert found.text == (
        "Of the tracks you love, 30\u00a0% are among its first 50 of 400; chance: 12\u00a0%. "
        "Better than chance; no clear difference to more by the same artists; worse than your most played."
    )


def test_other_tables_are_compared_by_other_figures():
    assert verdict(table("session", random=AHEAD)).answer == "No"
    assert verdict(table("anything else", random=AHEAD)) is None


def test_what_could_not_be_asked_says_why():
    empty = {"name": "month", "empty": "no play has a time", "rows": []}
    assert verdict(empty)[1:3] == ("Unknown", "It could not be asked: no play has a time.")


def test_the_last_evaluation_of_the_listener_answers(tmp_path):
    def keep(name, seconds, tables, listener="me"):
        (tmp_path / name).write_text(json.dumps({"listener": listener, "tables": tables}))
        os.utime(tmp_path / name, (seconds, seconds))

    keep("old.json", NOW - 5 * DAY, [table(random=LEVEL), table("session", random=AHEAD)])
    keep("new.json", NOW, [table(random=AHEAD)])
    keep("hers.json", NOW + DAY, [table(random=BEHIND)], "ann")
    (tmp_path / "broken.json").write_text("[")
    found = verdicts(tmp_path, "me")
    assert [(one.answer, one.day) for one in found] == [("Yes", "2023-11-14"), ("No", "2023-11-09")]
    assert verdicts(tmp_path / "nowhere", "me") == []
