"""Each list has a file or a name of its own: none is written over another, or over what somebody made."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from user_home import BELLS, Home

from cfaudio_core.clients.mpd import MpdClient
from cfaudio_core.targets.m3u import M3uFolder, file_name
from cfaudio_core.targets.mpd import MpdServer
from cfaudio_core.targets.subsonic import SubsonicAccount

PAIRS = [
    ("AC/DC", "AC-DC"),
    ("AC\\DC", "AC/DC"),
    ("Chill.", "Chill"),
    (" .Chill", "Chill"),
    ("Chill", "CHILL"),
    ("Mix.m3u", "Mix"),
    ("Straße", "STRASSE"),
    (unicodedata.normalize("NFC", "Été"), unicodedata.normalize("NFD", "Été")),
    ("a\tb", "a b"),
    ("...", "."),
    ("Mix: 1", "Mix- 1"),
    ("x" * 300 + "1", "x" * 300 + "2"),
]


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    return tmp_path / "lists"


def configure(home: Home, *playlists: dict[str, Any], **more: Any) -> None:
    folder = str(home.folder.parent / "lists")
    home.configure({"playlist_dir": folder, "playlists": [{"fresh_days": 0, **one} for one in playlists], **more})


def artists(file: Path) -> set[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return {line.split("/")[-2] for line in lines if not line.startswith("#")}


def by(name: str, artist: str) -> dict[str, Any]:
    return {"name": name, "query": f"artist:{artist}"}


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_of_two_lists_that_would_be_one_file_the_second_is_an_error(
    placed: Home, lists: Path, first: str, second: str
) -> None:
    configure(placed, by(first, BELLS[0]), by(second, BELLS[1]), by("Third", BELLS[2]))
    ran = placed.beet_here("cfplaylists")
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran
    assert ran.err.startswith("cfaudio: m3u: ")
    files = sorted(lists.iterdir())
    assert [artists(file) for file in files if file.name != "Third.m3u"] == [{BELLS[0]}]
    assert artists(lists / "Third.m3u") == {BELLS[2]}


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_it_is_so_too_where_only_the_second_is_written(placed: Home, lists: Path, first: str, second: str) -> None:
    configure(placed, by(first, BELLS[0]))
    placed.beet_here("cfplaylists").fine  # noqa: B018
    configure(placed, by(first, BELLS[0]), by(second, BELLS[1]))
    ran = placed.beet_here("cfplaylists", second)
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran
    (file,) = lists.iterdir()
    assert artists(file) == {BELLS[0]}


def test_the_line_names_both_and_what_they_would_be(placed: Home, lists: Path) -> None:
    configure(placed, by("AC/DC", BELLS[0]), by("AC-DC", BELLS[1]))
    assert placed.beet_here("cfplaylists").err == (
        "cfaudio: m3u: AC/DC and AC-DC would both be AC-DC: rename one of them\n"
    )


def test_a_list_of_another_listener_is_not_replaced(placed: Home, lists: Path) -> None:
    users = {"anna": ["play_count", "skip_count"], "ben": "his_count"}
    placed.set("his_count", dict.fromkeys(placed.ids("artist LIKE 'Drum%'"), 5))
    placed.set("cf_score_ben", {i: 100.0 - i for i in placed.ids("1")})
    mine, theirs = {"kind": "rediscover", "name": "Old"}, {"kind": "rediscover", "name": "old", "user": "BEN"}
    configure(placed, mine, theirs, users=users)
    ran = placed.beet_here("cfplaylists")
    assert (ran.code, ran.err) == (1, "cfaudio: m3u: two playlists are called old, and only the first one is there\n")
    assert artists(lists / "Old.m3u") <= set(BELLS)


def test_a_kind_of_several_lists_keeps_its_first(placed: Home, lists: Path) -> None:
    configure(placed, {"kind": "daily mix", "name": "%if{$number,Mix}%if{$tags,}"})
    ran = placed.beet_here("cfplaylists")
    assert set(map(str.strip, ran.err.splitlines())) <= {
        "cfaudio: m3u: two playlists are called Mix, and only the first one is there"
    }
    assert [file.name for file in lists.iterdir()] == ["Mix.m3u"]


def test_a_name_that_is_free_again_can_be_taken(placed: Home, lists: Path) -> None:
    configure(placed, by("Chill.", BELLS[0]))
    placed.beet_here("cfplaylists").fine  # noqa: B018
    configure(placed, by("Chill", BELLS[1]))
    placed.beet_here("cfplaylists").fine  # noqa: B018
    assert [file.name for file in lists.iterdir()] == ["Chill.m3u"]
    assert artists(lists / "Chill.m3u") == {BELLS[1]}


def test_a_folder_that_gets_another_name_keeps_its_lists(placed: Home, lists: Path) -> None:
    configure(placed, by("One", BELLS[0]))
    placed.beet_here("cfplaylists").fine  # noqa: B018
    (lists.parent / "link").symlink_to(lists)
    configure(placed, by("One", BELLS[0]), playlist_dir=str(lists.parent / "link"))
    placed.beet_here("cfplaylists").fine  # noqa: B018
    assert artists(lists / "One.m3u") == {BELLS[0]}


def test_names_are_made_alike_for_files_and_for_mpd() -> None:
    m3u, mpd = M3uFolder(Path("x"), "auto", b""), MpdServer(MpdClient("localhost", 6600, b"/music"))
    for name in ("AC/DC", "Chill.", "...", "E\u0301te\u0301", "Mix: 1", "nul"):
        assert m3u.name_of(name) == mpd.name_of(name) == file_name(name)
    assert SubsonicAccount("http://x", b"").name_of("AC/DC ") == "AC/DC"
    assert file_name("E\u0301") == "É"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Daily Mix 1: ambient", "Daily Mix 1- ambient"),
        ('<"Who?"|*>', "--Who-----"),
        ("Nul", "_Nul"),
        ("con.fusion", "_con.fusion"),
        ("Console", "Console"),
        ("Ends with a dot.", "Ends with a dot"),
    ],
)
def test_no_file_has_a_name_that_windows_smb_or_exfat_refuse(name: str, file: str) -> None:
    assert file_name(name) == file


def test_recommend_writes_over_no_file_that_cfaudio_did_not_make(placed: Home, tmp_path: Path) -> None:
    for name, content in {
        "a.m3u": "#EXTM3U\nmine.mp3\n",
        "b.m3u8": "",
        "c.txt": "x",
        "d.m3u": "#EXTM3U\n# after a list with #CFAUDIO in it\nmine.mp3\n",
    }.items():
        file = tmp_path / name
        file.write_text(content)
        complaint = placed.beet_here("cfrecommend", "-n", "2", "-m", str(file)).complaint
        assert complaint == f"error: {file}: is there already, and cfaudio did not make it (--force replaces it)"
        assert file.read_text() == content
        assert placed.beet_here("cfrecommend", "-n", "2", "--force", "-m", str(file)).fine
        assert file.read_text().startswith("#EXTM3U\n#CFAUDIO")


def test_recommend_replaces_no_device_folder_or_link(placed: Home, tmp_path: Path) -> None:
    for name, make in {"null.m3u": os.mkfifo, "folder.m3u": os.mkdir}.items():
        make(tmp_path / name)
        complaint = placed.beet_here("cfrecommend", "-n", "2", "--force", "-m", str(tmp_path / name)).complaint
        assert complaint == f"error: {tmp_path / name}: is there already, and no regular file"
    (tmp_path / "link.m3u").symlink_to(tmp_path / "list.m3u")
    for _ in range(2):
        assert placed.beet_here("cfrecommend", "-n", "2", "-m", str(tmp_path / "link.m3u")).fine
    assert (tmp_path / "link.m3u").is_symlink()
    assert (tmp_path / "list.m3u").read_text().startswith("#EXTM3U\n#CFAUDIO")


def test_recommend_writes_over_its_own_and_over_no_configured_list(placed: Home, lists: Path) -> None:
    configure(placed, by("One", BELLS[0]))
    placed.beet_here("cfplaylists").fine  # noqa: B018
    complaint = placed.beet_here("cfrecommend", "-n", "2", "-m", "One.m3u").complaint
    assert complaint == f"error: {lists / 'One.m3u'}: is the playlist One of the configuration (--force replaces it)"
    other = lists / ".." / lists.name / "One.m3u"
    complaint = placed.beet_here("cfrecommend", "-n", "2", "-m", str(other)).complaint
    assert complaint == f"error: {other}: is the playlist One of the configuration (--force replaces it)"
    for n in ("2", "3"):
        assert placed.beet_here("cfrecommend", "-n", n, "-m", "Two.m3u").fine
    assert len([line for line in (lists / "Two.m3u").read_text().splitlines() if line[0] != "#"]) == 3


def test_the_page_is_written_over_no_page_of_somebody_else(placed: Home, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<h1>Mine</h1>")
    complaint = placed.beet_here("cfreport", "-o", str(tmp_path)).complaint
    assert complaint == f"error: {page}: is there already, and cfaudio did not make it"
    assert page.read_text() == "<h1>Mine</h1>"


def test_one_of_two_listeners_lists_can_be_named(placed: Home, lists: Path) -> None:
    users = {"anna": ["play_count", "skip_count"], "ben": "his_count"}
    placed.set("his_count", dict.fromkeys(placed.ids("artist LIKE 'Drum%'"), 5))
    placed.set("cf_score_ben", {i: 100.0 - i for i in placed.ids("1")})
    configure(placed, {"name": "Mix"}, {"name": "Mix", "user": "ben"}, users=users)
    placed.beet_here("cfplaylists", "Mix [ben]").fine  # noqa: B018
    state = (placed.beetsdir / "cfaudio" / "playlists.json").read_text()
    assert "Mix [ben]" in state and '"Mix":' not in state
