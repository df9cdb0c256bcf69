"""A library as version 0.1.0 left it: nothing is analysed again, and nothing is lost.

`library-0.1.0.zip` in `tests/golden` was made by `make_library.py` there. Its music does not exist: whatever asked for
a file again would not get it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from user_home import Home

GOLDEN = Path(__file__).parents[1] / "golden"
TRACKS = 40


@pytest.fixture
def old(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    with zipfile.ZipFile(GOLDEN / "library-0.1.0.zip") as archive:
        archive.extractall(home.folder)
    home.music.mkdir()
    home.configure({"windows": 1})
    return home


def numbers(home: Home, field: str) -> np.ndarray:
    values = home.field(field)
    assert len(values) == TRACKS
    return np.array([float(values[item]) for item in sorted(values)])


@pytest.mark.weights
def test_nothing_is_analysed_again_and_scores_are_much_as_they_were(old: Home) -> None:
    keys, tags, scores = old.field("cf_key"), old.field("cf_tags"), numbers(old, "cf_score")
    ran = old.embed().fine
    assert ran.lines[0] == f"Analysed 0 new tracks ({TRACKS} of {TRACKS} done)."
    assert sum("earlier version" in line for line in ran.lines) == 1
    assert (old.field("cf_key"), old.field("cf_tags")) == (keys, tags)
    assert np.corrcoef(numbers(old, "cf_score"), scores)[0, 1] > 0.95
    assert len(set(old.field("cf_model").values())) == 1
    assert "Nothing new since the last run" in old.embed().fine.out


@pytest.mark.weights
def test_listens_are_kept_and_lists_are_chosen_before_and_after(old: Home) -> None:
    before = old.beet_here("cfrecommend", "-n", "10", "-f", "$id").fine.lines
    assert "164" in old.beet_here("cfimport").fine.out
    old.embed()
    assert "164" in old.beet_here("cfimport").fine.out
    after = old.beet_here("cfrecommend", "-n", "10", "-f", "$id").fine.lines
    assert len(before) == 10
    assert set(before) == set(after)


@pytest.mark.weights
@pytest.mark.parametrize("without", ["factorizer", "fine_tune"])
def test_a_part_can_be_left_out_from_the_beginning(old: Home, without: str) -> None:
    old.configure({"windows": 1, without: "none"})
    ran = old.beet_here("-v", "cfembed")
    assert ran.lines[0] == f"Analysed 0 new tracks ({TRACKS} of {TRACKS} done)."
    assert ("Factors come from" in ran.out) == (without == "fine_tune")
    assert len(set(old.field("cf_model").values())) == 1
    assert numbers(old, "cf_score").std() > 10
