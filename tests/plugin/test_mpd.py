"""A real MPD takes the playlists: it drops what it cannot read without a word, so that its count is what counts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_home import BELLS, Home

pytestmark = pytest.mark.skipif(not shutil.which("mpd"), reason="mpd is not installed")

CONFIG = """\
music_directory "{music}"
playlist_directory "{lists}"
db_file "{folder}/db"
state_file "{folder}/state"
pid_file "{folder}/pid"
log_file "{folder}/log"
bind_to_address "127.0.0.1"
port "{port}"
zeroconf_enabled "no"
auto_update "no"
audio_output {{
    type "null"
    name "nobody listens"
}}
"""


class Mpd:
    """A connection that speaks MPD's protocol: a line of question, lines of answer, and OK."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._stream = self._socket.makefile("rw", encoding="utf-8")
        assert self._stream.readline().startswith("OK MPD")

    def ask(self, question: str) -> list[str]:
        self._stream.write(question + "\n")
        self._stream.flush()
        answer = []
        while (line := self._stream.readline().rstrip("\n")) != "OK":
            assert line, "MPD has hung up"
            assert not line.startswith("ACK"), line
            answer.append(line)
        return answer

    def load(self, playlist: str) -> list[str]:
        """The files that a stored playlist puts into the queue."""
        self.ask("clear")
        self.ask(f'load "{playlist}"')
        return [line.removeprefix("file: ") for line in self.ask("playlistinfo") if line.startswith("file: ")]

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "mpd"
    folder.mkdir()
    config = folder / "mpd.conf"
    config.write_text(CONFIG.format(music=library.music, lists=lists, folder=folder, port=port))
    process = subprocess.Popen(
        ["mpd", "--no-daemon", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_utf8()
    )
    try:
        client = _connect(port, process)
        client.ask("update")
        while any(line.startswith("updating_db") for line in client.ask("status")):
            time.sleep(0.02)
        yield client
        client.close()
    finally:
        process.terminate()
        process.wait(timeout=20)


def _utf8() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _connect(port: int, process: subprocess.Popen[bytes]) -> Mpd:
    for _ in range(500):
        assert process.poll() is None, "mpd has not started"
        try:
            return Mpd(port)
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError("mpd does not answer")


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
    assert mpd.ask("listplaylists")[0] == "playlist: a"
    assert len([line for line in mpd.ask("listplaylists") if line.startswith("playlist: ")]) == 1
