"""`beet cfstatus`: what is there and what is next, from an empty library to a damaged store."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from user_home import BELLS, Home

weights = pytest.mark.weights


def status(home: Home) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(home.beet_here("cfstatus", "--json").fine.out)
    return found


def parts(home: Home) -> dict[str, list[str]]:
    """The lines of each part."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in home.beet_here("cfstatus").fine.lines:
        name = line[:9].strip() or name
        found.setdefault(name, []).append(line[10:])
    return found


def test_an_empty_library_says_so_and_nothing_is_written(home: Home) -> None:
    home.beet_here("ls").fine  # noqa: B018 (beets makes the library)
    before = home.files()
    assert home.beet_here("cfstatus").fine.lines == [
        "Library   empty",
        "Plays     none known",
        "Model     none in use yet",
        "Lists     none in the configuration",
        "Next      beet import",
    ]
    assert home.files() == before


def test_before_the_first_run_all_is_left_and_the_next_step_is_cfembed(unanalysed: Home) -> None:
    found = parts(unanalysed)
    assert found["Library"] == ["40 tracks: 0 analysed, 40 left"]
    assert found["Plays"] == ["me: 176 plays of 16 tracks by play_count", "me: 56 skips of 16 tracks by skip_count"]
    assert found["Next"] == ["beet cfembed, which analyses what is left (-p says how long that takes)"]


def test_without_plays_the_three_ways_on_are_named(unanalysed: Home) -> None:
    unanalysed.sql("DELETE FROM item_attributes")
    found = parts(unanalysed)
    assert found["Plays"] == ["none known"]
    assert "`beet cfimport`" in found["Next"][1] and "mpdstats" in found["Next"][1] and "--like" in found["Next"][1]


@weights
def test_after_a_run_there_are_a_model_with_figures_and_lists_with_their_next_change(analysed: Home) -> None:
    lists = analysed.folder / "lists"
    entries = [{"kind": "discover", "n": 4, "refresh": "never"}, {"kind": "daily mix", "n": 4}]
    analysed.configure({"playlist_dir": str(lists), "playlists": entries})
    before = parts(analysed)
    assert before["Lists"] == ["Discover: not written yet", "daily mix: not written yet"]
    assert before["Next"] == ["beet cfplaylists"]
    analysed.beet_here("cfplaylists").fine  # noqa: B018
    files = analysed.files()
    after = parts(analysed)
    assert after["Library"] == ["40 tracks: 40 analysed, 0 left"]
    assert after["Lists"][0] == f"Discover: 4 tracks, 4 new; stays as it is -> {lists / 'Discover.m3u'}"
    assert "; changes tomorrow -> " in after["Lists"][1]
    assert "Next" not in after
    found = status(analysed)
    assert found["model"]["id"] == analysed.field("cf_model")[1]
    assert found["model"]["listeners"][0]["tracks"] == 32
    assert found["library"] == {"tracks": 40, "analysed": 40, "left": 0, "failed": 0}
    assert [one["due"] for one in found["playlists"]] == [False, False]
    assert analysed.files() == files


@weights
def test_what_was_analysed_by_a_run_that_was_stopped_is_not_left(unanalysed: Home) -> None:
    assert unanalysed.embed(f"artist:{BELLS[0]}").code == 0
    unanalysed.sql("DELETE FROM item_attributes WHERE key = 'cf_key'")  # as if it had not got to writing fields
    assert status(unanalysed)["library"]["analysed"] == 4


@weights
@pytest.mark.parametrize("store", ["features.db", "history.db", "playlists.json"])
def test_a_damaged_store_is_one_line_and_the_rest_is_shown(analysed: Home, store: str) -> None:
    analysed.configure({"playlist_dir": str(analysed.folder), "playlists": [{"kind": "discover"}]})
    (analysed.store.parent / store).write_bytes(b"this is no store of cfaudio's" * 99)
    found = parts(analysed)
    (problem,) = found["Problems"]
    assert store in problem
    assert found["Library"][0].startswith("40 tracks: ")
    assert found["Model"][0].startswith(analysed.field("cf_model")[1])


@weights
def test_a_store_that_another_program_writes_to_is_read_or_named(analysed: Home) -> None:
    connection = sqlite3.connect(analysed.store, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")  # of a file in WAL mode one may read on
    assert status(analysed)["library"]["analysed"] == 40
    connection.execute("ROLLBACK")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("BEGIN EXCLUSIVE")
    (problem,) = status(analysed)["problems"]
    assert problem == f"{analysed.store}: database is locked"
    connection.close()


@weights
def test_neither_torch_nor_librosa_is_loaded(analysed: Home, tmp_path: Path) -> None:
    probe = (
        "import sys; from beets.ui import main; main(['cfstatus']); "
        "print(sorted({'torch', 'librosa'} & sys.modules.keys()))"
    )
    assert analysed.beet(python=("-c", probe)).fine.lines[-1] == "[]"


def test_it_takes_no_query(home: Home) -> None:
    assert home.beet_here("cfstatus", "artist:Can").complaint == "error: cfstatus takes no query: artist:Can"


@weights
def test_models_are_listed_with_date_and_figures_the_one_in_use_first(analysed: Home) -> None:
    old = analysed.field("cf_model")[1]
    analysed.set("play_count", dict.fromkeys(analysed.ids("artist LIKE 'Drum%'"), 30))
    analysed.embed().fine  # noqa: B018
    new = analysed.field("cf_model")[1]
    first, second, _ = analysed.embed("--model").fine.lines
    assert first.startswith(f"* {new}  20") and " played tracks: right " in first
    assert second.startswith(f"  {old}  20") and "32 played tracks: right " in second
    dates = {line[2:15]: line[17:33] for line in (first, second)}
    analysed.embed(f"--model={old}").fine  # noqa: B018
    again = analysed.embed("--model").fine.lines
    assert again[0].startswith(f"* {old}")
    assert {line[2:15]: line[17:33] for line in again[:2]} == dates  # as trained, not as put in use


def test_before_the_first_model_the_list_says_so(home: Home) -> None:
    assert home.embed("--model").fine.lines == ["There is no model yet: `beet cfembed` trains one."]
