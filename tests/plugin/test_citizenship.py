"""A good neighbour: what cfaudio costs everybody else, and how it gets on with other plugins."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
from beets.library import Library
from test_choosing import NOWHERE
from user_home import Home

from beetsplug.cfaudio.errors import guarded

HEAVY = ("torch", "librosa", "numba", "scipy", "sqlalchemy", "soundfile", "av")


def _modules(home: Home, *args: str) -> set[str]:
    """Top-level modules that a beet command has loaded at its end."""
    probe = (
        "import sys\nfrom beets.ui import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    print(' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    return set(home.beet(*args, python=("-c", probe)).fine.lines[-1].split())


def test_other_commands_load_nothing_that_takes_time(scored: Home) -> None:
    assert not _modules(scored, "ls").intersection([*HEAVY, "cfaudio_core"])


def test_recommending_loads_neither_a_net_nor_a_decoder(scored: Home) -> None:
    modules = _modules(scored, "cfrecommend", "-n", "3")
    assert "cfaudio_core" in modules
    assert not modules.intersection(HEAVY)


@pytest.mark.parametrize("also", ["types", "smartplaylist", "mpdstats"])
def test_gets_on_with_other_plugins(scored: Home, also: str) -> None:
    if also == "mpdstats":
        pytest.importorskip("mpd")
    scored.configure(plugins=(also, "cfaudio"), types={"play_count": "int", "cf_note": "int"})
    scored.set("play_count", dict.fromkeys(scored.ids("1"), 3))
    if also != "smartplaylist":  # which gives play_count no type
        assert len(scored.beet("ls", "play_count:3..", "cf_score:50..").fine.lines) == 20
    assert len(scored.beet("cfrecommend", "-n", "3").fine.lines) == 3


def test_scores_make_smart_playlists(scored: Home, tmp_path: Path) -> None:
    playlists = [{"name": "best.m3u", "query": "cf_score:80.. cf_score-"}]
    scored.configure(
        plugins=("smartplaylist", "cfaudio"),
        smartplaylist={"playlist_dir": str(tmp_path), "relative_to": str(scored.music), "playlists": playlists},
    )
    assert scored.beet("splupdate").code == 0
    best = [item for item, score in scored.field("cf_score").items() if float(score) >= 80]
    assert len((tmp_path / "best.m3u").read_text(encoding="utf-8").splitlines()) == len(best) > 0


def test_scores_of_another_listener_have_a_type_too(scored: Home) -> None:
    scored.configure({"users": {"anna": "play_count", "ben": "skip_count"}})
    scored.set("cf_score_ben", {1: "9.5", 2: "10.5", 3: "100.0"})
    assert scored.beet("ls", "-f", "$id", "cf_score_ben:10..", "cf_score_ben-").fine.lines == ["3", "2"]


def test_fields_survive_an_export(scored: Home) -> None:
    scored.configure(plugins=("export", "cfaudio"))
    rows = json.loads(scored.beet("export", "-l", "-i", "cf_score,title", "id:40").fine.out)
    assert rows == [{"cf_score": "100.0", "title": "Stück 4"}]


def test_both_commands_are_in_the_help_of_beets(home: Home) -> None:
    commands = home.beet("help").fine.out
    assert "cfembed" in commands
    assert "cfrecommend" in commands
    assert home.beet("cfembed", "-h").out.splitlines()[0].endswith("cfembed [options] [QUERY]")
    assert home.beet("help", "cfrecommend").fine.out == home.beet("cfrecommend", "-h").fine.out


def test_a_warning_that_linear_algebra_gives_by_chance_is_not_for_the_user() -> None:
    def run(lib: Library) -> None:
        warnings.warn("invalid value encountered in matmul", RuntimeWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        guarded(run)(NOWHERE)
