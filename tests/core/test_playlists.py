"""Playlists made by hand are contexts; those that programs made are not."""

from __future__ import annotations

from pathlib import Path

from cfaudio_core.data.playlists import read_playlists
from cfaudio_core.targets.base import Entry
from cfaudio_core.targets.m3u import write_m3u

PATHS = [b"/music/a.mp3", b"/music/b c.mp3", b"/music/d.mp3"]
MUSIC = [b"/music"]


def test_a_playlist_is_read_by_relative_and_absolute_entries(tmp_path: Path) -> None:
    (tmp_path / "party.m3u").write_text("#EXTM3U\n#EXTINF:1,A\na.mp3\n/music/b c.mp3\nnot there.mp3\n")
    assert read_playlists(tmp_path, PATHS, MUSIC, []) == [("party.m3u",), ("party.m3u",), ()]


def test_what_cfaudio_wrote_itself_is_passed_over(tmp_path: Path) -> None:
    write_m3u(tmp_path / "ours.m3u", [Entry(path, 1, "x") for path in PATHS], "auto", b"/music")
    assert read_playlists(tmp_path, PATHS, MUSIC, []) == [(), (), ()]


def test_what_smartplaylist_makes_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "new.m3u").write_text("a.mp3\n")
    assert read_playlists(tmp_path, PATHS, MUSIC, ["new.m3u"]) == [(), (), ()]


def test_a_folder_that_is_not_there_holds_no_playlists(tmp_path: Path) -> None:
    assert read_playlists(tmp_path / "nowhere", PATHS, MUSIC, []) == [(), (), ()]
