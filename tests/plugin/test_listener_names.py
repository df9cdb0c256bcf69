"""Names of listeners: what an import takes is a listener everywhere, and one person whatever the case."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from user_home import Home

from cfaudio_core.data.listeners import find_name

T0 = 1_700_000_000


@pytest.fixture
def songs(home: Home) -> Home:
    """Six songs with scores, none of which was ever played."""
    for k in range(6):
        home.add(home.music / f"Song {k}.wav", artist=f"Artist {k}", length=60.0)
    home.set("cf_score", {k + 1: 10.0 * k for k in range(6)})
    home.set("cf_model", dict.fromkeys(range(1, 7), "cf-0123456789"))
    return home


def table(home: Home, *songs: int) -> str:
    file = home.folder / "plays.csv"
    rows = [f"Artist {k},Song {k},{T0 + 300 * at}" for at, k in enumerate(songs)]
    file.write_text("\n".join(["artist,title,time", *rows]))
    return str(file)


def navidrome(home: Home) -> str:
    """A server's database with the accounts kim, who plays songs 0 and 1, and sam, who plays songs 2 and 3."""
    file = home.folder / "navidrome.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(
            "CREATE TABLE user(id TEXT, user_name TEXT); INSERT INTO user VALUES ('u0', 'kim'), ('u1', 'sam');"
            "CREATE TABLE media_file(id TEXT, path TEXT, title TEXT, artist TEXT, album TEXT, album_artist TEXT);"
            "CREATE TABLE annotation(user_id TEXT, item_id TEXT, item_type TEXT, play_count INTEGER, play_date TEXT)"
        )
        for k in range(4):
            media = f"m{k}", f"x{k}.mp3", f"Song {k}", f"Artist {k}", "", ""
            database.execute("INSERT INTO media_file VALUES (?, ?, ?, ?, ?, ?)", media)
            row = f"u{k // 2}", f"m{k}", 3
            database.execute("INSERT INTO annotation VALUES (?, ?, 'media_file', ?, '2026-01-05 10:00:00')", row)
    return str(file)


def played(home: Home, *args: str) -> set[str]:
    told = json.loads(home.beet_here("cfplays", "--json", *args).fine.out)
    return {track["title"] for track in told["tracks"] if track["plays"]}


@pytest.mark.parametrize("name", ["anna-maria", "anna maria", "anna.maria", "1anna", "anna@home", "✨", "", "-"])
def test_a_name_that_cannot_be_a_listeners_is_refused_before_anything_is_read(songs: Home, name: str) -> None:
    complaint = songs.beet_here("cfimport", "--user", name, "csv", table(songs, 0)).complaint
    assert complaint.startswith(f"error: --user {name}: a listener's name is letters, digits and _")
    assert not (songs.beetsdir / "cfaudio").exists()


def test_the_name_that_is_advised_instead_is_taken(songs: Home) -> None:
    complaint = songs.beet_here("cfimport", "-u", "anna-maria", "csv", table(songs, 0)).complaint
    assert complaint.endswith("as in: --user anna_maria --account anna-maria")
    songs.beet_here("cfimport", "--user", "anna_maria", "--account", "anna-maria", "csv", table(songs, 0)).fine  # noqa: B018
    assert played(songs, "-u", "anna_maria") == {"Song 0"}


@pytest.mark.parametrize("name", ["kim", "Kim", "José", "KIM_2", "小林"])
def test_whoever_is_imported_is_a_listener_of_every_command(songs: Home, name: str) -> None:
    songs.beet_here("cfimport", "-u", name, "csv", table(songs, 0, 1)).fine  # noqa: B018
    songs.set(f"cf_score_{name.lower()}", {1: 80.0, 2: 70.0})
    assert sorted(songs.beet_here("cfrecommend", "-u", name, "-f", "$title").fine.lines) == ["Song 0", "Song 1"]
    assert songs.beet_here("cfplays", "-u", name).fine.lines[-1] == f"Listeners: me, {name}."


def test_case_and_the_form_of_accents_make_no_second_person(songs: Home) -> None:
    for k, name in enumerate(("José", "jose\u0301", "JOSÉ")):
        songs.beet_here("cfimport", "-u", name, "csv", table(songs, k)).fine  # noqa: B018
    assert played(songs, "-u", "josé") == played(songs, "-u", "JOSE\u0301") == {"Song 0", "Song 1", "Song 2"}
    assert [line.split()[0] for line in songs.beet_here("cfimport").fine.lines[-1:]] == ["José"]


def test_a_listener_of_the_configuration_is_meant_whatever_the_case(songs: Home) -> None:
    songs.configure({"users": {"Anna": "play_count", "ben": "plex_viewcount"}})
    songs.set("play_count", {1: 1})
    songs.beet_here("cfimport", "-u", "BEN", "csv", table(songs, 2)).fine  # noqa: B018
    assert played(songs, "-u", "Ben") == {"Song 2"}
    assert played(songs, "-u", "anna") == played(songs, "-u", "me") == {"Song 0"}


def test_a_listener_of_no_track_in_the_library_is_told_from_nobody(songs: Home) -> None:
    songs.beet_here("cfimport", "-u", "dora", "csv", table(songs, 9)).fine  # noqa: B018
    complaint = songs.beet_here("cfrecommend", "-u", "dora").complaint
    assert complaint == "error: dora has not played a track of the library yet"
    assert "there is no listener eva" in songs.beet_here("cfrecommend", "-u", "eva").complaint


@pytest.mark.parametrize("configured", [False, True])
def test_scores_of_every_listener_are_numbers(songs: Home, *, configured: bool) -> None:
    if configured:
        songs.configure({"users": {"anna": "play_count", "Kim": "plex_viewcount"}})
    else:
        songs.beet_here("cfimport", "-u", "Kim", "csv", table(songs, 0)).fine  # noqa: B018
    songs.set("cf_score_kim", {1: 9.0, 2: 10.0, 3: 100.0})
    found = songs.beet_here("ls", "-f", "$title", "cf_score_kim:9.5..", "cf_score_kim-").fine.lines
    assert found == ["Song 2", "Song 1"]


def test_the_account_that_is_advised_is_ones_own(songs: Home) -> None:
    complaint = songs.beet_here("cfimport", "navidrome", navidrome(songs)).complaint
    assert complaint.endswith("holds several accounts, say which is yours with --account: kim, sam")
    songs.beet_here("cfimport", "--account", "sam", "navidrome", navidrome_file(songs)).fine  # noqa: B018
    assert played(songs) == {"Song 2", "Song 3"}
    assert set(songs.beet_here("cfrecommend", "--unplayed", "0", "-n", "2", "-f", "$title").fine.lines) == played(songs)


def navidrome_file(home: Home) -> str:
    return str(home.folder / "navidrome.db")


def test_another_listener_than_the_first_is_said_to_be_one(songs: Home) -> None:
    ran = songs.beet_here("cfimport", "--user", "Sam", "navidrome", navidrome(songs)).fine
    assert ran.lines[-1].startswith("These are plays of Sam, not of me: `beet cfrecommend -u Sam`")
    ran = songs.beet_here("cfrecommend", "-n", "2")
    assert (ran.code, ran.err) == (0, "cfaudio: no plays of me are known, but some of Sam: try -u Sam\n")
    assert songs.beet_here("cfrecommend", "-n", "2", "-u", "sam").code == 1  # before cfembed there are no scores


def test_a_name_means_the_main_listener_only_where_nobody_else_has_it() -> None:
    assert find_name("ME", ["anna", "ben"]) == "anna"
    assert find_name("me", ["anna", "Me"]) == "Me"
    assert find_name("BEN ", ["anna", "ben"]) == "ben"
    assert find_name("carla", ["anna", "ben"]) is None


def test_a_damaged_file_of_names_does_not_keep_beets_from_working(songs: Home, tmp_path: Path) -> None:
    songs.beet_here("cfimport", "-u", "kim", "csv", table(songs, 0)).fine  # noqa: B018
    for content in ("", "{", "3", "[1, null]"):
        (songs.beetsdir / "cfaudio" / "listeners.json").write_text(content)
        assert len(songs.beet_here("ls").fine.lines) == 6


def test_listens_that_an_earlier_version_took_for_an_impossible_name_are_said_not_to_count(songs: Home) -> None:
    songs.beet_here("cfimport", "-u", "kim", "csv", table(songs, 0)).fine  # noqa: B018
    with closing(sqlite3.connect(songs.beetsdir / "cfaudio" / "history.db")) as database, database:
        database.execute("UPDATE cf_origins SET listener = 'kim-anna'")
    said = songs.beet_here("cfimport").fine.out
    assert "Not counted: what is kept for kim-anna; import it again with another --user." in said
