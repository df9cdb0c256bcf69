"""What is installed with cfaudio has a use in a default run, and a reason in the notebook."""

from __future__ import annotations

import configparser
import os
import re
import sys
from pathlib import Path

import pytest
from user_home import Home

from cfaudio_core.util.optional import LOSSES

ROOT = Path(__file__).parents[2]
NOTED = """
import os, sys

class Noting:
    def find_spec(self, name, path=None, target=None):
        with open(os.environ["IMPORTED"], "a") as file:
            file.write(name.partition(".")[0] + "\\n")

sys.meta_path.insert(0, Noting())
"""
RUN_AS_A_COMMAND = {"pip"}


EXTRAS = ("report", "mpd", "onnx", "postgres", "dask")


def declared(section: str = "options", key: str = "install_requires") -> list[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return re.findall(r"^([\w-]+)", config[section][key], re.MULTILINE)


def test_each_has_its_line_in_the_notebook() -> None:
    page = (ROOT / "docs" / "lab" / "dependencies.md").read_text(encoding="utf-8").split("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)`", page, re.MULTILINE) == declared()


def test_so_has_each_of_an_extra_that_a_user_may_ask_for() -> None:
    page = (ROOT / "docs" / "lab" / "dependencies.md").read_text(encoding="utf-8")
    table = page.split("\n## Extras\n")[1].split("\n## ")[0]
    expected = [(extra, name) for extra in EXTRAS for name in declared("options.extras_require", extra)]
    assert re.findall(r"^\| `(\w+)` \| `([\w-]+)`", table, re.MULTILINE) == expected


@pytest.mark.weights
def test_each_is_imported_by_a_default_run(unanalysed: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(NOTED)
    (tmp_path / "plays.csv").write_text("time,artist,title\n2026-01-01T12:00:00Z,Bell Anna,Stück 1\n", encoding="utf-8")
    monkeypatch.setenv("IMPORTED", str(tmp_path / "imported"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    unanalysed.configure({"playlist_dir": str(tmp_path / "lists"), "playlists": [{"name": "One", "n": 3}]})
    for command in (["cfimport", "csv", str(tmp_path / "plays.csv")], ["cfembed"], ["cfrecommend"], ["cfplaylists"]):
        ran = unanalysed.beet(*command)
        assert ran.code == 0, ran
    imported = set((tmp_path / "imported").read_text().split())
    assert set(declared()) - imported == RUN_AS_A_COMMAND


def test_what_alpine_linux_is_told_to_install_is_all_but_what_it_cannot_have() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^    pip install (av .*)", page, re.MULTILINE)
    assert line.split() == [name for name in declared() if name not in {"beets", "pip", *LOSSES}]
