"""A real MPD takes the playlists: it drops what it cannot read without a word, so that its count is what counts."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import pytest
from mpd_server import Mpd, running_mpd
from needs import needs
from user_home import BELLS, DRUMS, Home, bells
from waiting import LONG_SECONDS, wait_until

from cfaudio_core.clients.mpd import MpdClient, _Socket, find_files
from cfaudio_core.targets.m3u import file_name
from cfaudio_core.targets.mpd import MpdQueue

pytestmark = needs("mpd")


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
        f'cfaudio: mpd 127.0.0.1:{mpd.port}: has a playlist "a" that cfaudio did not put there; left alone. '
        "(If playlist_dir is MPD's own folder, drop the target mpd.)\n",
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


def test_files_are_asked_for_in_lists_of_limited_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfaudio_core.clients.mpd.BATCH_COMMANDS", 2)
    mpd = Mock()
    mpd.command_list_end.side_effect = [[[{"file": "a"}], []], [[{"file": "c"}], [{"file": "d"}]], [[{"file": "e"}]]]
    queries = [("title", name) for name in "abcde"]
    assert find_files(mpd, [*queries, ()]) == ["a", "", "c", "d", "e", ""]
    assert mpd.find.call_args_list == [call(*query) for query in queries]


def test_an_answer_may_be_as_long_as_the_limit() -> None:
    ours, theirs = socket.socketpair()
    with theirs, _Socket(fileno=ours.detach()) as receiver:
        receiver.left = 3
        theirs.sendall(b"OK\nOK\n")
        assert receiver.recv_into(bytearray(3)) == 3
        with pytest.raises(OverflowError):
            receiver.recv_into(bytearray(1))


@pytest.mark.parametrize("greeting", [b"", b"OK MPD 0.23.5\n"])
@pytest.mark.parametrize("part", [b"x" * 65536, b"playlist: x\n" * 5000], ids=["a line", "a list"])
def test_an_answer_without_end_is_one_line(
    library: Home, monkeypatch: pytest.MonkeyPatch, greeting: bytes, part: bytes
) -> None:
    monkeypatch.setattr("cfaudio_core.clients.mpd._Socket.left", 1 << 20)
    monkeypatch.setattr("cfaudio_core.clients.mpd._MAX_ANSWER_BYTES", 1 << 20)
    sent = 0

    def serve() -> None:
        nonlocal sent
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(greeting)
            while sent < 64 << 20:
                connection.sendall(part)
                sent += len(part)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LONG_SECONDS)
        port = server.getsockname()[1]
        library.configure(
            {"mpd": {"host": "127.0.0.1", "port": port}, "playlists": [{"name": "a", "targets": ["mpd"]}]}
        )
        thread = threading.Thread(target=serve)
        thread.start()
        ran = library.beet_here("cfplaylists")
        thread.join()
    assert ran.code == 1
    assert ran.err.count(f"mpd 127.0.0.1:{port}: ") == ran.err.count("\n") == 1
    assert not greeting or "an answer of more than 1 MiB" in ran.err
    assert sent < 32 << 20


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


@pytest.fixture
def near(placed: Home, lists: Path, tmp_path: Path) -> Iterator[tuple[Home, Mpd]]:
    """A library with vectors, and an MPD that plays its music with no end."""
    with running_mpd(tmp_path / "mpd", placed.music, lists) as client:
        yield placed, client


def queued(mpd: Mpd) -> list[str]:
    return [line.removeprefix("file: ") for line in mpd.ask("playlistinfo") if line.startswith("file: ")]


def playing(mpd: Mpd) -> str:
    return next(line.removeprefix("state: ") for line in mpd.ask("status") if line.startswith("state: "))


def at(mpd: Mpd, **more: object) -> dict[str, object]:
    return {"mpd": {"host": "127.0.0.1", "port": mpd.port}, "per_artist": 99, "diversity": 0, **more}


def test_play_puts_the_list_in_place_of_the_queue_and_plays_it(near: tuple[Home, Mpd]) -> None:
    home, mpd = near
    mpd.ask(f'add "{BELLS[0]}/1 Stück.wav"')
    home.configure(at(mpd))
    paths = home.beet_here("cfrecommend", "-n", "6", "-p", "--play").fine.lines
    assert [str(home.music / file) for file in queued(mpd)] == paths
    assert len(paths) == 6
    assert playing(mpd) == "play"


def test_queue_appends_what_is_not_in_it_and_leaves_the_rest_alone(near: tuple[Home, Mpd]) -> None:
    home, mpd = near
    home.configure(at(mpd))
    first = home.beet_here("cfrecommend", "-n", "4", "-p", "--queue").fine.lines
    second = home.beet_here("cfrecommend", "-n", "4", "-p", "--queue").fine.lines
    assert [str(home.music / file) for file in queued(mpd)] == first + second
    assert len(set(first + second)) == 8
    assert playing(mpd) == "stop"


def test_now_with_the_queue_goes_on_from_it_and_not_from_the_last_session(near: tuple[Home, Mpd]) -> None:
    home, mpd = near
    rows = [f"{BELLS[0]},Stück {k},{1_700_000_000 + 60 * k}" for k in (1, 2)]
    (home.folder / "plays.csv").write_text("\n".join(["artist,title,time", *rows]), encoding="utf-8")
    home.beet_here("cfimport", "csv", str(home.folder / "plays.csv")).fine  # noqa: B018
    mpd.ask(f'add "{DRUMS[0]}/1 Stück.ogg"')
    home.configure(at(mpd))
    added = home.beet_here("cfrecommend", "-n", "4", "--unplayed", "1", "-f", "$artist", "--now", "--queue").fine.lines
    assert added == [DRUMS[-1]] * 4
    without = home.beet_here("cfrecommend", "-n", "4", "--unplayed", "1", "-f", "$artist", "--now").fine.lines
    assert without == [BELLS[-1]] * 4


def test_tracks_that_mpd_lacks_are_named_and_none_at_all_is_an_error(near: tuple[Home, Mpd]) -> None:
    home, mpd = near
    home.add(home.write("later.wav", bells(99)), artist="New", cf_score=100.0)
    home.configure(at(mpd))
    ran = home.beet_here("cfrecommend", "--queue", "title:later", ",", "artist:Drum")
    assert (ran.code, ran.err) == (
        0,
        f"cfaudio: mpd 127.0.0.1:{mpd.port}: 1 track of the list not there: New - later\n",
    )
    ran = home.beet_here("cfrecommend", "--play", "title:later")
    assert ran.code == 1
    assert ran.err.startswith(f"error: mpd 127.0.0.1:{mpd.port}: has none of the tracks")
    assert len(queued(mpd)) == 20  # and what was in the queue is there


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--play", "--queue"], "error: --play and --queue: choose one of them"),
        (["--follow"], "error: --follow needs --now, and --queue or --play"),
        (["--follow", "--queue"], "error: --follow needs --now, and --queue or --play"),
        (["--follow", "--now"], "error: --follow needs --now, and --queue or --play"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(scored: Home, args: list[str], complaint: str) -> None:
    assert scored.beet_here("cfrecommend", *args).complaint == complaint


def test_an_mpd_that_is_not_there_is_one_line(scored: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    scored.configure({"mpd": {"host": "127.0.0.1", "port": port}})
    for args in (["--play"], ["--queue"], ["--now", "--queue"], ["--now", "--queue", "--follow"]):
        ran = scored.beet_here("cfrecommend", *args)
        assert (ran.code, ran.err) == (1, f"error: mpd 127.0.0.1:{port}: cannot be reached\n")


def follow(near: tuple[Home, Mpd], n: int, steps: Iterable[tuple[Callable[[], object], int]]) -> list[str]:
    """Follow with n never played tracks ahead of a drum, after each step until the queue is so long; what it prints."""
    home, mpd = near
    mpd.ask(f'add "{DRUMS[0]}/1 Stück.ogg"')
    mpd.ask("play 0")
    mpd.ask("pause 1")
    home.configure(at(mpd))
    printed = home.folder / "printed"
    command = [sys.executable, "-u", "-m", "beets", "cfrecommend", "--now", "--queue", "--follow", "-f", "$artist"]
    command += ["-n", str(n), "--unplayed", "1"]

    def added(length: int) -> bool:
        """Whether the queue is so long, and all but the first of it is printed."""
        return len(queued(mpd)) == length == 1 + printed.read_text().count("\n")

    pipes: Any = {"stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
    with (
        printed.open("w") as out,
        subprocess.Popen(command, env=home.environment, cwd=home.folder, stdout=out, **pipes) as beet,
    ):
        for step, length in steps:
            step()
            wait_until(lambda: beet.poll() is not None or added(length), lambda: str(queued(mpd)))  # noqa: B023
            assert beet.poll() is None
        beet.send_signal(signal.SIGINT)
        err = beet.communicate(timeout=LONG_SECONDS)[1]
    assert (beet.returncode, err) == (0, "")
    return printed.read_text().splitlines()


def test_follow_keeps_tracks_ahead_as_they_are_played_until_ctrl_c(near: tuple[Home, Mpd]) -> None:
    _, mpd = near
    lines = follow(
        near,
        3,
        [
            (lambda: None, 4),
            (lambda: mpd.ask("next"), 5),
            (lambda: [mpd.ask("next") for _ in range(3)], 8),
        ],
    )
    assert lines[:4] == [DRUMS[-1]] * 4  # of the four there are of those never played, as drums are on
    assert lines[-1] == "Stopped. The queue stays as it is."
    assert len(set(queued(mpd))) == 8


def test_what_is_banned_while_it_follows_is_added_no_more(near: tuple[Home, Mpd]) -> None:
    home, mpd = near

    def ban() -> None:
        home.beet_here("cfban", f"artist:{DRUMS[-1]}").fine  # noqa: B018
        mpd.ask("next")

    lines = follow(near, 1, [(lambda: None, 2), (ban, 3)])
    assert lines[0] == DRUMS[-1]
    assert lines[1] not in (DRUMS[-1], "Stopped. The queue stays as it is.")


def test_the_queue_is_waited_for_without_asking_again_and_again(near: tuple[Home, Mpd]) -> None:
    _, mpd = near
    changes = MpdQueue(MpdClient("127.0.0.1", mpd.port, b"/music")).changes()
    next(changes)
    mpd.ask(f'add "{BELLS[0]}/1 Stück.wav"')
    next(changes)
    seen = threading.Event()
    thread = threading.Thread(target=lambda: (next(changes), seen.set()), daemon=True)
    thread.start()
    assert not seen.wait(0.5)  # nothing has changed
    mpd.ask("clear")
    assert seen.wait(LONG_SECONDS)


def test_follow_ends_with_a_line_where_nothing_is_left_or_mpd_goes(near: tuple[Home, Mpd]) -> None:
    home, mpd = near
    mpd.ask(f'add "{DRUMS[0]}/1 Stück.ogg"')
    home.configure(at(mpd))
    ran = home.beet_here("cfrecommend", "--now", "--queue", "--follow", "-n", "9", f"artist:{DRUMS[1]}")
    assert ran.code == 1
    assert "all that could be chosen is excluded" in ran.err


@pytest.mark.parametrize("order", [["m3u", "mpd"], ["mpd", "m3u"]])
def test_m3u_and_mpd_in_one_folder_is_one_list_that_both_read_every_night(
    library: Home, mpd: Mpd, lists: Path, order: list[str]
) -> None:
    server = {"host": "127.0.0.1", "port": mpd.port}
    elsewhere(library, mpd, {"name": "Quiet", "n": 5})  # at first for MPD alone
    assert library.beet_here("cfplaylists").fine
    for n in (5, 6, 6):
        both = {"name": "Quiet", "n": n, "query": "^title:#1", "targets": order}
        library.configure({"mpd": server, "playlist_dir": str(lists), "playlists": [both]})
        assert library.beet_here("cfplaylists").fine
        assert len(mpd.load("Quiet")) == n
        assert [file.name for file in lists.iterdir()] == ["Quiet.m3u"]
        assert "#CFAUDIO" in (lists / "Quiet.m3u").read_text()
    library.configure({"mpd": server, "playlist_dir": str(lists), "playlists": [{"name": "Other", "targets": order}]})
    assert library.beet_here("cfplaylists").fine
    assert mpd.playlists() == ["Other"]


def test_m3u_and_mpd_in_two_folders_are_two_lists(library: Home, mpd: Mpd, tmp_path: Path) -> None:
    both = {"name": "Quiet", "n": 5, "query": "^title:#1", "targets": ["m3u", "mpd"]}
    server = {"host": "127.0.0.1", "port": mpd.port}
    library.configure({"mpd": server, "playlist_dir": str(tmp_path / "files"), "playlists": [both]})
    assert library.beet_here("cfplaylists").fine
    assert len(mpd.load("Quiet")) == 5
    assert [file.name for file in (tmp_path / "files").iterdir()] == ["Quiet.m3u"]


@needs("mpv")
def test_a_list_elsewhere_plays_in_mpv_and_in_mpd_from_the_same_settings(library: Home, mpd: Mpd, lists: Path) -> None:
    paths = library.beet("cfrecommend", "-n", "20", "-p", "-m", "Für dich.m3u").fine.lines
    assert [str(library.music / file) for file in mpd.load("Für dich")] == paths
    played = mpv(lists / "Für dich.m3u")
    assert played == paths
    assert len(played) == 20


@needs("mpv")
@pytest.mark.parametrize("style", ["auto", "playlist", "absolute"])
def test_mpv_plays_a_list_in_the_music_folder(library: Home, style: str) -> None:
    library.configure({"relative_to": style})
    file = library.music / "Lists" / "Für dich.m3u"
    paths = library.beet_here("cfrecommend", "-n", "20", "-p", "-m", str(file)).fine.lines
    assert [os.path.normpath(one) for one in mpv(file)] == paths


def mpv(playlist: Path) -> list[str]:
    """The files that mpv opens and plays of a playlist."""
    quiet = ["--no-config", "--no-video", "--ao=null", "--untimed", "--length=0.1", "--msg-level=all=no,term-msg=info"]
    ran = subprocess.run(
        ["mpv", *quiet, "--term-playing-msg=playing ${working-directory}::${path}", str(playlist)],
        capture_output=True,
        check=True,
        text=True,
        cwd=playlist.parent,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    opened = [line.removeprefix("playing ").split("::") for line in ran.stdout.splitlines() if "::" in line]
    return [os.path.join(folder, path) for folder, path in opened]  # noqa: PTH118


def test_a_file_whose_name_is_no_text_has_no_name_in_mpd() -> None:
    client = MpdClient("127.0.0.1", 6600, b"/music")
    assert client.file_of("/music/Björk/1.mp3".encode()) == "Björk/1.mp3"
    assert client.file_of(b"/music/\xff.mp3") == ""
    assert client.path_of("Björk/1.mp3") == "/music/Björk/1.mp3".encode()
