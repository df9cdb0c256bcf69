"""The whole way, with the real parts: a player plays, counts are kept, and lists come back to where music is played."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests
import soundfile
from mpd_server import Mpd, running_mpd
from needs import needs
from subsonic_servers import maneki, supysonic
from user_home import BELLS, DRUMS, RATE, Home
from waiting import LONG_SECONDS, wait_until

pytestmark = pytest.mark.weights


@pytest.fixture
def silent(analysed: Home) -> Home:
    """The collection, analysed by cfaudio and played by nobody."""
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count', 'cf_score')")
    return analysed


@contextmanager
def counting(home: Home) -> Iterator[Path]:
    """`beet mpdstats` at work; the file with what it says."""
    said = home.folder / "mpdstats.txt"
    command = [sys.executable, "-u", "-m", "beets", "-v", "mpdstats"]
    with said.open("w") as out:
        process = subprocess.Popen(command, env=home.environment, stdout=out, stderr=out)
        try:
            wait_for(said, "mpdstats: stop", 1)
            yield said
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(LONG_SECONDS)


def wait_for(said: Path, what: str, times: int) -> None:
    def text() -> str:
        return said.read_text(errors="replace")

    wait_until(lambda: text().count(what) >= times, lambda: f"not {times} times {what}:\n{text()[-2000:]}")


def play(mpd: Mpd, files: list[str], said: Path) -> None:
    """Play the files to their ends; all but the last moment of each is passed over once mpdstats has seen it begin.

    The first one follows the last, and is stopped: at the end of a queue MPD may still name its last track when it says
    that it has stopped, and mpdstats does not count that as played.
    """
    for file in [*files, files[0]]:
        mpd.ask(f'add "{file}"')
    mpd.ask("play")
    for number in range(1, len(files) + 1):
        wait_for(said, "mpdstats: playing ", number)
        mpd.ask(f"seekcur {LONG_SECONDS - 0.1}")
        wait_for(said, "mpdstats: played ", number)
    mpd.ask("stop")


@needs("mpd")
@pytest.mark.parametrize("loved", [BELLS, DRUMS], ids=["bells", "drums"])
def test_what_mpd_plays_decides_what_mpd_is_given_to_play(silent: Home, tmp_path: Path, loved: list[str]) -> None:
    pytest.importorskip("mpd")
    lists = tmp_path / "lists"
    files = [f"{artist}/{k} Stück" for artist in loved[:-1] for k in (1, 2)]
    below = (str(file.relative_to(silent.music)) for file in silent.music.rglob("*.*"))
    known = {file.rsplit(".", 1)[0]: file for file in below}
    # What MPD plays lasts longer than mpdstats can take to see it.
    music = Path(shutil.copytree(silent.music, tmp_path / "music"))
    for file in files:
        with soundfile.SoundFile(music / known[file], "w", RATE, 1) as written:
            for _ in range(round(LONG_SECONDS)):
                written.write(np.zeros(RATE))
    with running_mpd(tmp_path / "mpd", music, lists) as mpd:
        server = {"host": "127.0.0.1", "port": mpd.port}
        silent.configure(
            {
                "playlist_dir": str(lists),
                "relative_to": "library",  # MPD's music folder is another one
                "mpd": server,
                "playlists": [
                    {"kind": "discover", "n": 10, "per_artist": 9, "targets": ["m3u"]},
                    {"name": "Both", "n": 12, "unplayed": 0.5, "fresh_days": 0, "targets": ["mpd"]},
                ],
            },
            plugins=("mpdstats", "cfaudio"),
            mpd={**server, "music_directory": str(silent.music), "rating": False, "played_ratio_threshold": 0.0},
        )
        with counting(silent) as said:
            play(mpd, [known[file] for file in files], said)
        assert [int(count) for count in silent.field("play_count").values()] == [1] * len(files)

        assert silent.embed().code == 0
        ran = silent.beet("cfplaylists", "--seed", "1").fine
        assert ran.lines == [
            f"Discover: 10 tracks, all new to you -> {lists / 'Discover.m3u'}",
            f"Both: 12 tracks, 6 new to you -> mpd 127.0.0.1:{mpd.port}",
        ]
        discover, both = mpd.load("Discover"), mpd.load("Both")
        assert (len(discover), len(both)) == (10, 12)
        assert not {known[file] for file in files}.intersection(discover)
        # 12 of the 32 tracks that were never played are by those who were played; a list is a draw, the best are not.
        assert share(discover, loved) >= 0.5
        best = silent.beet("cfrecommend", "-n", "10", "--unplayed", "1", "-f", "$artist").fine.lines
        assert share(best, loved) >= 0.8
        assert {known[file] for file in files}.intersection(both)


def share(files: list[str], artists: list[str]) -> float:
    """How many of some files (or names) are by some artists."""
    return sum(file.split("/")[0] in artists for file in files) / len(files)


def songs(url: str, user: str, password: str) -> dict[str, list[str]]:
    """Name to songs of the playlists in an account, as another client sees them."""
    common = {"u": user, "p": password, "v": "1.8.0", "c": "test", "f": "json"}

    def ask(name: str, **more: str) -> dict[str, dict[str, list[dict[str, str]]]]:
        answer = requests.get(f"{url}/rest/{name}.view", params={**common, **more}, timeout=LONG_SECONDS).json()
        content: dict[str, dict[str, list[dict[str, str]]]] = answer["subsonic-response"]
        return content

    found = {}
    for one in ask("getPlaylists")["playlists"].get("playlist", []):
        entries = ask("getPlaylist", id=one["id"])["playlist"].get("entry", [])
        found[one["name"]] = [song["path"] for song in entries]
    return found


SERVERS = [
    supysonic,
    pytest.param(maneki, marks=needs("maneki")),
]


@pytest.mark.parametrize("server", SERVERS)
def test_a_subsonic_server_has_each_listener_s_lists_and_they_are_replaced(
    scored: Home, tmp_path: Path, server: Callable[[Path, Path, dict[str, str]], AbstractContextManager[str]]
) -> None:
    passwords = {"anna": "p√ss w&rd", "ben": "geheim"}
    users = {"anna": ["play_count", "skip_count"], "ben": ["his_count"]}
    scored.set("cf_score_ben", {i: 100.0 - i for i in scored.ids("1")})
    scored.set("his_count", dict.fromkeys(scored.ids("artist = ?", DRUMS[0]), 5))
    with server(tmp_path / "server", scored.music, passwords) as url:
        accounts = {user: {"user": user, "password": password} for user, password in passwords.items()}

        def configure(n: int, **more: object) -> None:
            playlists = [{"name": "Für dich/😀", "user": user, "n": n, "targets": ["subsonic"]} for user in users]
            subsonic = {"url": url, "users": accounts | more}
            above = {"relative_to": str(scored.folder)}  # maneki has the music folder's name in its paths
            scored.configure({"users": users, "playlists": playlists, "subsonic": subsonic, **above})

        configure(6)
        assert len(scored.beet("cfplaylists").fine.lines) == 2
        first = {user: songs(url, user, password) for user, password in passwords.items()}
        assert {user: {name: len(paths) for name, paths in lists.items()} for user, lists in first.items()} == {
            "anna": {"Für dich/😀": 6},
            "ben": {"Für dich/😀": 6},
        }
        assert first["anna"] != first["ben"]

        configure(9)
        assert scored.beet("cfplaylists").fine
        second = {user: songs(url, user, password) for user, password in passwords.items()}
        assert [[len(paths) for paths in lists.values()] for lists in second.values()] == [[9], [9]]

        configure(4, ben={"user": "ben", "password": "wrong-one"})
        ran = scored.beet("cfplaylists")
        assert (ran.code, ran.err) == (1, f"cfaudio: {url}: ping: wrong user or password (ben)\n")
        assert [len(paths) for paths in songs(url, "anna", passwords["anna"]).values()] == [4]
        assert songs(url, "ben", passwords["ben"]) == second["ben"]
