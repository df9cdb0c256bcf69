"""Playlists made by hand are found as other programs write them; entries that are no tracks are counted in one line."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from urllib.parse import quote

import pytest
from user_home import Home

from beetsplug.cfaudio import CfAudioPlugin
from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.pipeline import load

NAMES = ["Sigur Rós/Á/01 Ýta.mp3", "Plain/Album/02 #1 & 50% + more.mp3", "ド/ガ/03.mp3", "Single/04.mp3"]


@pytest.fixture
def lists(home: Home) -> Path:
    """Folder of beets' playlist plugin; the library has the four tracks."""
    folder = home.folder / "lists"
    folder.mkdir()
    home.configure(plugins=("cfaudio", "playlist"), playlist={"playlist_dir": str(folder)})
    for name in NAMES:
        home.add(home.music / name)
    return folder


def read(home: Home) -> tuple[dict[str, list[int]], list[str]]:
    """List the tracks of each playlist by their numbers from 0, and the lines that are said about them."""
    lines: list[str] = []
    with home.library() as lib:
        tracks, _ = load(lib, read_settings(CfAudioPlugin().config), on_problem=lines.append)
    found: dict[str, list[int]] = {}
    for at, names in enumerate(tracks.playlists):
        for name in names:
            found.setdefault(name, []).append(at)
    return found, lines


SPELLINGS: dict[str, Callable[[str, Path], str]] = {
    "relative": lambda name, music: name,
    "absolute": lambda name, music: f"{music}/{name}",
    "relative to the list": lambda name, music: f"../music/./{name}",
    "decomposed": lambda name, music: unicodedata.normalize("NFD", name),
    "decomposed and relative to the list": lambda name, music: unicodedata.normalize("NFD", f"../music/{name}"),
    "backslashes": lambda name, music: str(PureWindowsPath(name)),
    "backslashes relative to the list": lambda name, music: f"..\\music\\{PureWindowsPath(name)}",
    "a drive": lambda name, music: f"D:\\My Music\\{PureWindowsPath(name)}",
    "a share": lambda name, music: f"\\\\NAS\\music\\{PureWindowsPath(name)}",
    "another root": lambda name, music: f"/mnt/nas/music/{name}",
    "another case": lambda name, music: name.upper(),
    "a file URL": lambda name, music: f"file://{quote(f'{music}/{name}')}",
    "a file URL of a host": lambda name, music: f"file://localhost{quote(f'{music}/{name}')}",
    "a file URL of a drive": lambda name, music: f"FILE:///C:/Music/{quote(name)}",
    "a bare file URL": lambda name, music: f"file://{music}/{name}".replace("50%", "50%25"),
    "a URL of a share": lambda name, music: f"smb://nas/music/{quote(name)}",
    "in quotes": lambda name, music: f'"{name}"',
    "encoded": lambda name, music: quote(name),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_entry_is_found_however_it_is_spelt(home: Home, lists: Path, spelling: str) -> None:
    entries = [SPELLINGS[spelling](name, home.music) for name in NAMES]
    (lists / "a.m3u8").write_text("#EXTM3U\r\n" + "\r\n#EXTINF:1,x\r\n".join(entries))
    assert read(home) == ({"a.m3u8": [0, 1, 2, 3]}, [])


@pytest.mark.parametrize(
    ("encoding", "tracks"),
    [
        *(("latin-1", [0, 1, 3]), ("cp1250", [0, 1, 3]), ("cp850", [0, 1, 3]), ("shift-jis", [1, 2, 3])),
        *((encoding, [0, 1, 2, 3]) for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig")),
    ],
)
def test_a_list_is_read_in_its_encoding(home: Home, lists: Path, encoding: str, tracks: list[int]) -> None:
    (lists / "a.m3u").write_bytes("\n".join(NAMES[at] for at in tracks).encode(encoding))
    assert read(home) == ({"a.m3u": tracks}, [])


def test_what_is_not_there_is_counted_in_one_line(home: Home, lists: Path) -> None:
    (lists / "a.m3u").write_text("\n".join([*NAMES, "No/Such/track.mp3", "gone.mp3"]))
    (lists / "b.m3u").write_text("/mnt/other/Sigur Rós/Other/01 Ýta.mp3\nhttp://radio.example.org/live\n")
    assert read(home) == (
        {"a.m3u": [0, 1, 2, 3]},
        ["3 entries of playlists made by hand are no track of the library (a.m3u: 2, b.m3u: 1)"],
    )


def test_many_lists_are_not_all_named(home: Home, lists: Path) -> None:
    for k in range(9):
        (lists / f"{k}.m3u").write_text("gone.mp3")
    (line,) = read(home)[1]
    assert line.endswith("(0.m3u: 1, 1.m3u: 1, 2.m3u: 1, 3.m3u: 1, 4.m3u: 1, ...)")


def test_no_other_folder_s_track_of_one_name_is_taken(home: Home, lists: Path) -> None:
    home.add(home.music / "One" / "CD 1" / "01 Intro.mp3", home.music / "Two" / "CD 1" / "01 Intro.mp3")
    (lists / "a.m3u").write_text("D:\\Music\\Three\\CD 1\\01 Intro.mp3\nTwo\\CD 1\\01 Intro.mp3\n")
    assert read(home)[0] == {"a.m3u": [5]}
