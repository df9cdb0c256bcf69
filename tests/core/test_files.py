"""Files that are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from cfaudio_core.util.files import write_whole


def test_a_file_is_written_in_a_folder_made_for_it_and_nothing_beside_it(tmp_path):
    file = tmp_path / "a" / "b" / "c.txt"
    write_whole(file, b"one")
    write_whole(file, b"two")
    assert file.read_bytes() == b"two"
    assert list(file.parent.iterdir()) == [file]


def test_a_private_file_and_the_folders_made_for_it_are_their_owner_s_alone(tmp_path):
    tmp_path.chmod(0o755)
    file = tmp_path / "a" / "b" / "c.txt"
    write_whole(file, b"one", private=True)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (file, file.parent, tmp_path / "a", tmp_path)]
    assert modes == [0o600, 0o700, 0o700, 0o755]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_files_are_replaced_and_no_device_or_folder(tmp_path, make):
    make(tmp_path / "null")
    before = (tmp_path / "null").stat()
    with pytest.raises(OSError, match="no regular file"):
        write_whole(tmp_path / "null", b"one")
    assert (tmp_path / "null").stat() == before


def test_what_a_link_leads_to_is_replaced_and_not_the_link(tmp_path):
    (tmp_path / "link").symlink_to("a/file")
    for content in (b"one", b"two"):
        write_whole(tmp_path / "link", content)
        assert (tmp_path / "link").readlink() == Path("a/file")
        assert (tmp_path / "a" / "file").read_bytes() == content


def test_a_link_to_itself_and_one_to_a_device_are_left_alone(tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "null").symlink_to("/dev/null")
    for name in ("circle", "null"):
        with pytest.raises(OSError, match="no regular file"):
            write_whole(tmp_path / name, b"one")
        assert (tmp_path / name).is_symlink()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("failing", ["chmod", "replace"])
def test_what_was_there_stays_when_writing_fails(tmp_path, monkeypatch, failing):
    file = tmp_path / "c.txt"
    write_whole(file, b"before")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, failing, fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"after")
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_ctrl_c_leaves_nothing_half_written(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "c.txt", b"after")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_never_seen_half_written(tmp_path, monkeypatch):
    file, seen = tmp_path / "c.txt", []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (seen.append((to.exists(), self.read_bytes())), replace(self, to))[1]
    )
    write_whole(file, b"whole")
    assert seen == [(False, b"whole")]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_other_programs_may_read_it_as_far_as_the_umask_allows(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "c.txt", b"")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "c.txt").stat().st_mode) == 0o666 & ~mask
