"""A real MPD takes the playlists: it drops what it cannot read without a word, so that its count is what counts."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mpd_server import Mpd, running_mpd
from user_home import BELLS, Home, bells

from cfaudio_core.targets.m3u import file_name

pytestmark = pytest.mark.skipif(not shutil.which("mpd"), reason="mpd is not installed")


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "playlists"
    folder.mkdir()
    return folder


@pytest.fixture
def library(scored: Home, lists: Path) -> Home:
    """The collection, and an artist with all that makes file names hard."""
    names = [
        "#1 hits/#1.wav",
        "a b/c  d.wav",
        "Ärger & Öl/100% «ß».wav",
        "日本/音楽.wav",
        "a%20b/x.wav",
        "'q' \"q\".wav",
    ]
    files = []
    for name in names:
        file = scored.music / name
        file.parent.mkdir(exist_ok=True)
        shutil.copy(scored.music / BELLS[0] / "1 Stück.wav", file)
        files.append(file)
    scored.add(*files, artist="")
    scored.set("cf_score", dict.fromkeys(scored.ids("id > 40"), "99.0"))
    scored.configure({"playlist_dir": str(lists)})
    return scored


@pytest.fixture
def mpd(library: Home, lists: Path, tmp_path: Path) -> Iterator[Mpd]:
    with running_mpd(tmp_path / "mpd", library.music, lists) as client:
        yield client


def test_mpd_plays_every_track_of_a_playlist_in_its_order(library: Home, mpd: Mpd) -> None:
    paths = library.beet("cfrecommend", "-n", "20", "-p", "-m", "Für dich.m3u").fine.lines
    loaded = mpd.load("Für dich")
    assert [str(library.music / file) for file in loaded] == paths
    assert len(loaded) == 20
    assert sum("Stück" not in file for file in loaded) == 6  # all the hard names, since their scores are the highest


def test_mpd_sees_a_playlist_that_was_written_anew(library: Home, mpd: Mpd) -> None:
    library.beet_here("cfrecommend", "-n", "4", "-m", "a.m3u")
    first = mpd.load("a")
    library.beet_here("cfrecommend", "-n", "9", "--seed", "3", "-m", "a.m3u")
    assert (len(first), len(mpd.load("a"))) == (4, 9)
    assert mpd.playlists() == ["a"]


def elsewhere(library: Home, mpd: Mpd, *playlists: dict[str, object], **more: object) -> None:
    """Configure lists that go to an MPD by its protocol; without what it cannot have in any list."""
    targets = {"targets": ["mpd"]}
    playlists = tuple({"query": "^title:#1", **one} for one in playlists)
    server = {"host": "127.0.0.1", "port": mpd.port, **more}
    library.configure({"mpd": server, "playlists": [{**one, **targets} for one in playlists]})


@pytest.mark.parametrize("name", ["Für dich", 'AC/DC "live" \\ 100%', "😀 #1"])
def test_a_remote_mpd_gets_every_track_in_its_order(library: Home, mpd: Mpd, name: str) -> None:
    elsewhere(library, mpd, {"name": name, "n": 20, "per_artist": 20})
    (said,) = library.beet("cfplaylists").fine.lines
    (stored,) = mpd.playlists()
    assert stored == file_name(name)
    loaded = mpd.load(stored)
    assert len(loaded) == 20
    assert ": 20 tracks" in said
    assert sum("Stück" not in file for file in loaded) > 0


def test_a_remote_list_is_replaced_renamed_emptied_and_taken_away(library: Home, mpd: Mpd) -> None:
    elsewhere(library, mpd, {"name": "$artist", "query": f"artist:{BELLS[0]}"}, {"name": "b"})
    library.beet_here("cfplaylists")
    assert mpd.playlists() == [BELLS[0], "b"]
    elsewhere(library, mpd, {"name": "$artist", "query": f"artist:{BELLS[1]}"})
    library.beet_here("cfplaylists")
    assert mpd.playlists() == [BELLS[1]]
    assert len(mpd.load(BELLS[1])) == 4
    elsewhere(library, mpd, {"name": "$artist", "query": "artist:Nobody"})
    assert library.beet_here("cfplaylists").fine
    assert mpd.playlists() == [BELLS[1]]
    assert mpd.load(BELLS[1]) == []


def test_what_a_remote_mpd_lacks_is_named_and_the_rest_is_there(library: Home, mpd: Mpd) -> None:
    library.add(library.write("later.wav", bells(99)), artist="New", cf_score=100.0)
    elsewhere(library, mpd, {"name": "a", "n": 50, "per_artist": 50})
    ran = library.beet("cfplaylists")
    assert (ran.code, ran.err) == (
        0,
        f"cfaudio: mpd 127.0.0.1:{mpd.port}: 1 track of a not there: New - later\n",
    )
    assert len(mpd.load("a")) == 45


def test_a_name_that_a_list_of_mpd_takes_for_a_comment_is_said_to_be_missing(library: Home, mpd: Mpd) -> None:
    elsewhere(library, mpd, {"name": "a", "query": "path::#1 , title:x"})
    ran = library.beet("cfplaylists")
    assert ran.err == f"cfaudio: mpd 127.0.0.1:{mpd.port}: 1 track of a not there:  - #1\n"
    assert mpd.load("a") == ["a%20b/x.wav"]


def test_a_playlist_that_somebody_saved_is_not_touched(library: Home, mpd: Mpd) -> None:
    mpd.ask(f'playlistadd a "{BELLS[0]}/1 Stück.wav"')
    elsewhere(library, mpd, {"name": "a"}, {"name": "b", "n": 3})
    ran = library.beet("cfplaylists")
    assert (ran.code, ran.err) == (
        1,
        f"cfaudio: mpd 127.0.0.1:{mpd.port}: a: is there already, and not by cfaudio\n",
    )
    assert (len(mpd.load("a")), len(mpd.load("b"))) == (1, 3)


def test_a_wrong_password_is_one_line_that_does_not_tell_it(library: Home, lists: Path, tmp_path: Path) -> None:
    guarded = 'password "sesame@read,add,control,admin"\ndefault_permissions "read"'
    with running_mpd(tmp_path / "mpd", library.music, lists, guarded, "sesame") as mpd:
        for password, complaint in (("swordfish", "password: incorrect"), (None, "playlistadd: you don't have")):
            elsewhere(library, mpd, {"name": "a"}, {"name": "b"}, password=password)
            ran = library.beet("cfplaylists")
            assert ran.code == 1
            assert ran.err.count("\n") == 1
            assert complaint in ran.err
            assert "swordfish" not in ran.err
        assert mpd.playlists() == []
        elsewhere(library, mpd, {"name": "a"}, password="sesame")
        assert library.beet("cfplaylists").fine
        assert mpd.playlists() == ["a"]


@pytest.mark.parametrize("answer", [b"<html>\r\n\r\n", b"", b"\xff\xfe\n", None])
def test_what_is_no_mpd_is_one_line_and_the_other_targets_are_written(
    library: Home, lists: Path, answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cfaudio_core.clients.mpd._TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        both = {"targets": ["mpd", "m3u"]}
        lists_of = [{"name": "a", **both}, {"name": "b", **both}]
        library.configure(
            {"mpd": {"host": "127.0.0.1", "port": port}, "playlist_dir": str(lists), "playlists": lists_of}
        )

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if answer is not None:
                    connection.sendall(answer)
                else:
                    time.sleep(1)  # longer than it is waited for

        thread = threading.Thread(target=serve)
        thread.start()
        ran = library.beet_here("cfplaylists")
        thread.join()
    assert ran.code == 1
    assert ran.err.count(f"mpd 127.0.0.1:{port}: ") == ran.err.count("\n") == 1
    assert sorted(file.name for file in lists.iterdir()) == ["a.m3u", "b.m3u"]


def test_now_goes_on_from_what_mpd_has_played_of_its_queue(library: Home, mpd: Mpd) -> None:
    played, next_one = (f"{BELLS[0]}/{name}" for name in ("1 Stück.wav", "2 Stück.flac"))
    for file in (played, next_one, "日本/音楽.wav"):
        mpd.ask(f'add "{file}"')
    mpd.ask("play 0")
    mpd.ask("pause 1")
    library.configure({"mpd": {"host": "127.0.0.1", "port": mpd.port}, "per_artist": 99, "diversity": 0})
    paths = library.beet_here("cfrecommend", "-n", "40", "-p", "--now").fine.lines
    assert str(library.music / played) not in paths
    assert str(library.music / next_one) in paths


def test_an_empty_queue_is_one_line(library: Home, mpd: Mpd) -> None:
    mpd.ask("clear")
    library.configure({"mpd": {"host": "127.0.0.1", "port": mpd.port}})
    ran = library.beet_here("cfrecommend", "--now")
    assert ran.complaint == "error: --now: there are no tracks in MPD's queue to go on from"
