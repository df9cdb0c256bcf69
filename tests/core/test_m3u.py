"""Playlists as files that MPD and everything else takes."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.errors import StoreError
from cfaudio_core.targets.base import Entry
from cfaudio_core.targets.m3u import M3uFolder, file_name, m3u, made_by_cfaudio, write_m3u

MUSIC = b"/music"

part = (
    st.binary(min_size=1, max_size=12)
    .map(lambda raw: raw.translate(None, b"/\0\n\r"))
    .filter(lambda raw: raw not in (b"", b".", b".."))
)
paths = st.tuples(st.sampled_from([b"/music/", b"/music2/", b"/", b"/music/.."]), st.lists(part, min_size=1)).map(
    lambda it: it[0].replace(b"..", b"..a/") + b"/".join(it[1])
)


def lines(entries, folder=MUSIC):
    return m3u(entries, folder).split(b"\n")


def read_back(text, folder):
    """What a player makes of a playlist."""
    return [
        line if line.startswith(b"/") else folder.rstrip(b"/") + b"/" + line
        for line in text.split(b"\n")
        if line and not line.startswith(b"#")
    ]


def test_a_playlist_is_extended_m3u_with_paths_below_the_music_folder():
    entries = [Entry("/music/Björk/Jóga.flac".encode(), 305.4, "Björk - Jóga"), Entry(b"/music/b.mp3", 10, "b")]
    assert m3u(entries, MUSIC).decode() == (
        "#EXTM3U\n#CFAUDIO\n#EXTINF:305,Björk - Jóga\nBjörk/Jóga.flac\n#EXTINF:10,b\nb.mp3\n"
    )


def test_its_title_is_inside_in_one_line():
    assert m3u([], MUSIC, title="AC/DC:\nthe best") == b"#EXTM3U\n#CFAUDIO\n#PLAYLIST:AC/DC: the best\n"


def written(list_file, style, music, *tracks):
    """The entries of a list of some tracks of a music folder."""
    write_m3u(list_file, [Entry(os.fsencode(music / track), 1, track) for track in tracks], style, bytes(music))
    return [line for line in list_file.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    ("where", "style", "entry"),
    [
        ("music/lists", "auto", "../A/b.mp3"),  # both move together, onto a card or into a container
        ("music", "auto", "A/b.mp3"),
        ("elsewhere", "auto", "{}/music/A/b.mp3"),  # MPD takes no `..`, and every player takes this
        ("elsewhere", "playlist", "../music/A/b.mp3"),
        ("music/lists", "playlist", "../A/b.mp3"),
        ("music/lists", "library", "A/b.mp3"),
        ("elsewhere", "library", "A/b.mp3"),
        ("music/lists", "absolute", "{}/music/A/b.mp3"),
    ],
)
def test_entries_are_relative_or_absolute_as_the_style_has_it(tmp_path, where, style, entry):
    found = written(tmp_path / where / "list.m3u", style, tmp_path / "music", "A/b.mp3")
    assert found == [entry.format(tmp_path)]


@pytest.mark.parametrize("style", ["auto", "playlist"])
def test_a_list_behind_a_link_leads_to_its_tracks(tmp_path, style):
    (tmp_path / "disk/deep/music/lists").mkdir(parents=True)
    (tmp_path / "music").symlink_to("disk/deep/music")
    (tmp_path / "disk/deep/music/a.mp3").touch()
    (tmp_path / "lists").symlink_to("disk/deep/music/lists")
    for folder in ("lists", "music/lists"):
        (entry,) = written(tmp_path / folder / "list.m3u", style, tmp_path / "music", "a.mp3")
        assert entry == "../a.mp3"
        assert (tmp_path / folder / entry).is_file()


def test_the_root_as_the_music_folder_makes_absolute_entries(tmp_path):
    assert lines([Entry(b"/a/b.mp3", 1, "b")], b"/")[3] == b"/a/b.mp3"


def test_an_empty_playlist_is_still_one():
    assert m3u([], MUSIC) == b"#EXTM3U\n#CFAUDIO\n"


@given(st.lists(paths), st.sampled_from([b"/music", b"/music/", b"/"]))
def test_every_path_without_a_line_break_comes_back(files, folder):
    text = m3u([Entry(path, 1, "x") for path in files], folder)
    assert read_back(text, folder) == files
    assert not text.startswith(b"\xef\xbb\xbf")
    assert not any(line.startswith(b"../") for line in text.split(b"\n"))


@given(st.lists(st.tuples(paths, st.text(st.characters()))))
def test_a_label_is_one_line_whatever_is_in_it(entries):
    text = m3u([Entry(path, 1, label) for path, label in entries], MUSIC)
    assert text.count(b"\n") == 2 + 2 * len(entries)


def test_a_track_outside_the_folder_keeps_its_whole_path():
    assert b"/other/a.mp3" in lines([Entry(b"/other/a.mp3", 1, "a")])
    assert b"/music2/a.mp3" in lines([Entry(b"/music2/a.mp3", 1, "a")])


def test_nothing_is_url_encoded_and_spaces_inside_names_stay():
    assert b"50% off & #1.mp3" in lines([Entry(b"/music/50% off & #1.mp3", 1, "a")])


@pytest.mark.parametrize("name", [b"#1.mp3", b" Intro.mp3", b"Outro.mp3 "])
def test_a_name_that_would_be_a_comment_or_be_stripped_keeps_its_whole_path(name):
    assert lines([Entry(b"/music/" + name, 1, "a")])[3] == b"/music/" + name


@pytest.mark.parametrize("path", [b"/music/a\nb.mp3", b"/music/a\rb.mp3"])
def test_a_name_with_a_line_break_is_left_out_and_counted(tmp_path, path):
    entries = [Entry(b"/music/a.mp3", 1, "a"), Entry(path, 1, "#EXTINF:"), Entry(b"/music/#EXTINF:1", 1, "c")]
    assert read_back(m3u(entries, MUSIC), MUSIC) == [b"/music/a.mp3", b"/music/#EXTINF:1"]
    assert write_m3u(tmp_path / "list.m3u", entries, "library", MUSIC) == 1


def test_names_that_are_no_text_are_written_as_they_are():
    assert b"\xff\xfe.mp3" in lines([Entry(b"/music/\xff\xfe.mp3", 1, os.fsdecode(b"\xff"))])


def test_a_playlist_is_written_in_place_of_the_old_one_in_a_folder_made_for_it(tmp_path):
    file = tmp_path / "lists" / "new.m3u8"
    assert write_m3u(file, [Entry(b"/music/a.mp3", 1, "a")], "library", MUSIC) == 0
    assert write_m3u(file, [Entry(b"/music/b.mp3", 1, "b")], "library", MUSIC) == 0
    assert file.read_bytes() == b"#EXTM3U\n#CFAUDIO\n#EXTINF:1,b\nb.mp3\n"
    assert list(file.parent.iterdir()) == [file]
    assert made_by_cfaudio(file)


def test_a_link_that_somebody_put_there_outlives_the_list_that_it_leads_to(tmp_path):
    folder = M3uFolder(tmp_path / "lists", "absolute", MUSIC)
    (tmp_path / "lists").mkdir()
    link = tmp_path / "lists" / "a.m3u"
    link.symlink_to(tmp_path / "shared.m3u")
    made = folder.write("a", [Entry(b"/music/a.mp3", 1, "a")]).made
    assert made == str(link)
    assert b"/music/a.mp3" in (tmp_path / "shared.m3u").read_bytes()
    folder.remove(made)
    assert link.is_symlink()
    assert not link.exists()


def test_a_link_to_somebody_else_s_file_is_left_alone(tmp_path):
    folder = M3uFolder(tmp_path, "absolute", MUSIC)
    (tmp_path / "notes.txt").write_text("by hand\n")
    (tmp_path / "a.m3u").symlink_to("notes.txt")
    with pytest.raises(StoreError, match="did not make it"):
        folder.write("a", [Entry(b"/music/a.mp3", 1, "a")])
    folder.remove(str(tmp_path / "a.m3u"))
    assert (tmp_path / "a.m3u").read_text() == "by hand\n"


def test_a_playlist_that_cannot_be_written_is_a_store_error_naming_it(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"file/list\.m3u: "):
        write_m3u(tmp_path / "file" / "list.m3u", [], "library", MUSIC)


HAND_MADE = b"#EXTM3U\n# made by hand\n/music/a.mp3\n"


def folder_of_lists(tmp_path):
    return M3uFolder(tmp_path / "lists", "absolute", MUSIC)


def test_a_list_that_cfaudio_did_not_make_is_neither_replaced_nor_removed(tmp_path):
    lists = folder_of_lists(tmp_path)
    made = lists.write("mine", [Entry(b"/music/b.mp3", 1, "b")]).made
    file = tmp_path / "lists" / "mine.m3u"
    file.write_bytes(HAND_MADE)
    with pytest.raises(StoreError, match=r"mine\.m3u: is there already, and cfaudio did not make it; left alone"):
        lists.write("mine", [Entry(b"/music/b.mp3", 1, "b")])
    lists.remove(made)
    assert file.read_bytes() == HAND_MADE


def test_a_list_of_cfaudio_s_is_replaced_and_removed_and_no_other(tmp_path):
    lists = folder_of_lists(tmp_path)
    other = lists.write("other", [Entry(b"/music/c.mp3", 1, "c")]).made
    for track in ("a", "b"):
        made = lists.write("mine", [Entry(f"/music/{track}.mp3".encode(), 1, track)]).made
    assert (tmp_path / "lists" / "mine.m3u").read_bytes().endswith(b"\n/music/b.mp3\n")
    lists.remove(made)
    lists.remove(made)  # which is gone already
    assert [str(path) for path in (tmp_path / "lists").iterdir()] == [other]


def test_a_folder_in_a_list_s_place_is_left_alone(tmp_path):
    lists = folder_of_lists(tmp_path)
    (tmp_path / "lists" / "mine.m3u").mkdir(parents=True)
    with pytest.raises(StoreError, match="left alone"):
        lists.write("mine", [])
    lists.remove(str(tmp_path / "lists" / "mine.m3u"))
    assert (tmp_path / "lists" / "mine.m3u").is_dir()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("AC/DC: live?", "AC-DC- live-"),
        ("..", "playlist"),
        (" . ", "playlist"),
        ("night.m3u", "night"),
        ("CON", "_CON"),
        ("com1.x", "_com1.x"),
        ("console", "console"),
        ("ü" * 150, "ü" * 100),
    ],
)
def test_a_name_becomes_a_file_on_any_system(name, file):
    assert file_name(name) == file


def test_a_list_that_cannot_be_removed_is_named(tmp_path, monkeypatch):
    folder = M3uFolder(tmp_path, "absolute", MUSIC)
    made = folder.write("a", [Entry(b"/music/a.mp3", 1, "a")]).made

    def refuse(file):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match=r"a\.m3u: Read-only file system"):
        folder.remove(made)
