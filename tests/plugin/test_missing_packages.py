"""A machine for which there is no torch, librosa, numba or soxr, as for many that musl or an old ARM runs on.

They cannot be imported in any process of these tests' commands, the workers among them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from user_home import BELLS, Home, Ran

pytestmark = pytest.mark.weights

MISSING = "librosa", "llvmlite", "numba", "soxr", "torch"
NOT_THERE = f"""
import sys

class NotThere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {MISSING!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotThere())
"""


class BareHome(Home):
    """A user's beets on such a machine."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "PYTHONPATH": os.pathsep.join([str(self.folder / "python"), *sys.path])}


@pytest.fixture(scope="module")
def first(collection: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[BareHome, Ran]:
    """The collection after the first `cfembed` there, and what it printed."""
    home = BareHome(collection.copy(tmp_path_factory.mktemp("bare") / "home").folder)
    home.configure({"playlist_dir": str(home.folder / "lists"), "playlists": [{"name": "One", "n": 3}]})
    (home.folder / "python").mkdir()
    (home.folder / "python" / "sitecustomize.py").write_text(NOT_THERE)
    return home, home.beet("cfembed", "-j", "1")


@pytest.fixture
def bare(first: tuple[BareHome, Ran]) -> BareHome:
    assert first[1].code == 0, first[1]
    return first[0]


@pytest.mark.parametrize("name", MISSING)
def test_they_are_not_there(bare: BareHome, name: str) -> None:
    assert "ModuleNotFoundError" in bare.beet(python=("-c", f"import {name}")).err


def test_all_tracks_are_analysed_and_one_line_says_what_is_missing(first: tuple[BareHome, Ran]) -> None:
    home, ran = first
    (line,) = [line for line in ran.fine.lines if "installed" in line]
    assert line == (
        "Not installed: torch (the net is not fine-tuned), librosa (no tempo, key, energy and timbre), "
        "numba (training takes longer), soxr (audio is resampled by SciPy)."
    )
    assert "Analysed 40 new tracks (40 of 40 done)." in ran.lines
    assert len(home.field("cf_score")) == len(home.field("cf_embedding")) == 40
    assert not any(home.field("cf_tempo").values())


def test_music_like_what_is_played_comes_first(bare: BareHome) -> None:
    ran = bare.beet("cfrecommend", "-n", "4", "--unplayed", "1").fine
    assert BELLS[-1] in ran.lines[0]


@pytest.mark.parametrize("command", [("cfstatus",), ("cfplays",), ("cfplaylists",), ("cfembed", "-p"), ("cfembed",)])
def test_every_other_command_works_too(bare: BareHome, command: tuple[str, ...]) -> None:
    assert bare.beet(*command).fine.out


def test_a_setting_that_needs_torch_is_refused_in_one_line(bare: BareHome, tmp_path: Path) -> None:
    home = BareHome(bare.copy(tmp_path / "home").folder)
    home.configure({"fine_tune": "head"})
    ran = home.beet("cfembed", "-j", "1", "--retrain")
    assert ran.code == 1
    assert "cfaudio.fine_tune: head needs torch, which is not installed" in ran.err
    assert "Traceback" not in ran.err


def test_what_is_missing_is_made_up_for_once_it_is_there(bare: BareHome, tmp_path: Path) -> None:
    home = bare.copy(tmp_path / "home")
    ran = home.embed().fine
    assert "Measured tempo, key and timbre of 40 tracks analysed before." in ran.lines
    assert "Not installed" not in ran.out
    assert any(home.field("cf_tempo").values())
