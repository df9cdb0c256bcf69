"""`beet cfplays`: plays and skips as the model is fitted to them, and where they are known from."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from user_home import BELLS, Home

T0 = 1_700_000_000


@pytest.fixture
def played(home: Home) -> Home:
    """Three songs of a minute; the first was counted seven times by mpdstats, last on 2024-01-01."""
    files = [home.music / f"{name}.wav" for name in ("One", "Two", "Three")]
    for file in files:
        file.touch()
    home.add(*files, artist="Somebody", length=60.0)
    home.set("play_count", {1: 7})
    home.set("last_played", {1: 1_704_067_200})
    return home


def import_listens(home: Home, listens: Iterable[tuple[str, int]], *args: str, name: str = "plays") -> None:
    rows = [f"Somebody,{title},{time}" for title, time in listens]
    file = home.folder / f"{name}.csv"
    file.write_text("\n".join(["artist,title,time", *rows]))
    home.beet_here("cfimport", *args, "csv", str(file)).fine  # noqa: B018


def plays(home: Home, *args: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(home.beet_here("cfplays", "--json", *args).fine.out)
    return told


def by_title(told: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {track["title"]: (track["plays"], track["skips"]) for track in told["tracks"]}


def test_every_track_has_its_plays_skips_and_last_time(played: Home) -> None:
    import_listens(played, [("Two", T0), ("Two", T0 + 300)])
    told = plays(played)
    assert (told["listener"], told["sessions"]) == ("me", 1)
    assert by_title(told) == {"One": (7, 0), "Two": (2, 0), "Three": (0, 0)}
    assert [track["last"] for track in told["tracks"]] == [
        "2024-01-01T00:00:00+00:00",
        "2023-11-14T22:18:20+00:00",
        None,
    ]


def test_the_table_has_what_was_played_the_most_played_first(played: Home) -> None:
    import_listens(played, [("Two", T0), ("Two", T0 + 300)])
    lines = played.beet_here("cfplays").fine.lines
    assert [line.split("  ")[-1] for line in lines[1:3]] == ["Somebody - One", "Somebody - Two"]
    assert lines[3] == "me: 9 plays and 0 skips of 2 of 3 tracks; 1 session in all."
    assert "Three" not in "".join(lines)


def test_a_query_limits_the_tracks(played: Home) -> None:
    assert by_title(plays(played, "title:Two")) == {"Two": (0, 0)}
    assert played.beet_here("cfplays", "title:Nothing").complaint == "error: no track matches title:Nothing"


def test_each_source_has_its_listens_and_those_that_do_not_count(played: Home) -> None:
    played.configure({"session_gap": 30})
    import_listens(played, [("Two", T0), ("Two", T0 + 300), ("Unknown", T0 + 600)])
    played.beet_here("cfimport", "csv", str(played.folder / "plays.csv")).fine  # noqa: B018
    told = plays(played)["sources"]
    assert told == [
        {"source": "play_count", "listens": 0, "unmatched": 0, "doubles": 0, "undated": 7},
        {"source": "csv", "listens": 3, "unmatched": 1, "doubles": 0, "undated": 0},
    ]


def test_each_listener_has_plays_of_their_own(played: Home) -> None:
    import_listens(played, [("Three", T0)], "-u", "kim")
    assert by_title(plays(played, "-u", "kim")) == {"One": (0, 0), "Two": (0, 0), "Three": (1, 0)}
    assert {track["last"] for track in plays(played, "-u", "kim")["tracks"]} == {None, "2023-11-14T22:13:20+00:00"}
    assert played.beet_here("cfplays").fine.lines[-1] == "Listeners: me, kim."
    assert (
        played.beet_here("cfplays", "-u", "nobody").complaint
        == "error: there is no listener nobody (there are: me, kim)"
    )


def test_nothing_is_written(played: Home) -> None:
    plays(played)
    assert not (played.beetsdir / "cfaudio").exists()
    import_listens(played, [("Two", T0)])
    before = played.files()
    plays(played)
    assert played.files() == before


def test_a_library_without_plays_says_so(home: Home) -> None:
    assert home.beet_here("cfplays").fine.lines == [
        "me: 0 plays and 0 skips of 0 of 0 tracks; 0 sessions in all.",
        "No plays known yet. Import a history (`beet cfimport`), let a player count (mpdstats does), "
        "or start from music you like: `beet cfrecommend --like artist:NAME`.",
    ]


def test_neither_torch_nor_librosa_is_loaded(played: Home, tmp_path: Path) -> None:
    import_listens(played, [("Two", T0)])
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom beets.ui import main\nmain(['cfplays', '--json'])\n"
        "assert not {'torch', 'librosa', 'numba'} & {name.split('.')[0] for name in sys.modules}\n"
    )
    done = subprocess.run([sys.executable, str(script)], env=played.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_import_of_many_doubles_says_so_and_every_later_cfembed_too(unanalysed: Home) -> None:
    rows = [f"{BELLS[0]},Stück 1,{T0 + 3600 * k}" for k in range(20)]
    home, file = unanalysed, unanalysed.folder / "plays.csv"
    file.write_text("\n".join(["artist,title,time", *rows]))
    assert "each play counts once" not in home.beet_here("cfimport", "csv", str(file)).fine.out
    twice = home.folder / "twice.jsonl"
    lines = [
        {"listened_at": T0 + 3600 * k + 1, "track_metadata": {"artist_name": BELLS[0], "track_name": "Stück 1"}}
        for k in range(20)
    ]
    twice.write_text("\n".join(map(json.dumps, lines)))
    said = "me: 20 of 40 listens (50%) are of a play that another one is of too; each play counts once."
    assert home.beet_here("cfimport", "listenbrainz", str(twice)).fine.lines[-1] == said
    assert said in home.embed().out.splitlines()
    shared = home.beet_here("cfplays", "artist:Anna").fine.lines[-1]
    assert shared == "20 listens of a play that another source has too: each play counts once."
