"""Arrays in one file that is there as it was written, or not at all."""

from __future__ import annotations

import pickle
import stat

import numpy as np
import pytest
from safetensors.numpy import save

from cfaudio_core.util.array_file import read_arrays, write_arrays

ARRAYS = {
    "b/ids": np.arange(3, dtype=np.int64),
    "a": np.array([[0.5, np.nan], [-1, 2]], np.float32),
    "marks": np.array([2**64 - 1], np.uint64),
    "none": np.zeros((0, 3), np.float32),
}
ABOUT = {"format": "1 0.0", "digests": [[0, "ä", "b"]]}


@pytest.fixture
def file(tmp_path):
    write_arrays(tmp_path / "folder" / "arrays.safetensors", ARRAYS, ABOUT)
    return tmp_path / "folder" / "arrays.safetensors"


def test_arrays_come_back_to_the_bit(file):
    arrays, about = read_arrays(file)
    assert about == ABOUT
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes()


def test_an_array_that_lies_across_memory_is_written_as_it_reads(tmp_path):
    array = np.arange(12, dtype=np.int64).reshape(3, 4).T[::2]
    write_arrays(tmp_path / "f", {"a": array}, {})
    assert np.array_equal(read_arrays(tmp_path / "f")[0]["a"], array)


def test_it_is_for_its_owner_alone_and_leaves_nothing_beside_it(file):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    write_arrays(file, {"a": np.zeros(1, np.int64)}, {})
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_any_other_bit_anywhere_is_damage(file):
    content = file.read_bytes()
    for at in range(len(content)):
        for bit in (at % 8, (at + 3) % 8):
            file.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
            assert read_arrays(file) is None, (at, bit)


def test_a_file_cut_short_anywhere_is_damage(file):
    content = file.read_bytes()
    for end in range(len(content)):
        file.write_bytes(content[:end])
        assert read_arrays(file) is None, end
    file.write_bytes(content + b"\0")
    assert read_arrays(file) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not arrays at all",
        pickle.dumps(ARRAYS),
        save(ARRAYS),
        save(ARRAYS, {"about": "{}"}),
        save(ARRAYS, {"about": "{}", "crc32": "00000000"}),
        save({}, {"about": "[" * 5000, "crc32": "00000000"}),
    ],
)
def test_what_another_program_has_written_is_passed_over(tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    assert read_arrays(tmp_path / "f") is None


def test_a_missing_file_or_a_folder_holds_no_arrays(tmp_path):
    assert read_arrays(tmp_path / "missing") is None
    assert read_arrays(tmp_path) is None


def test_what_is_there_stays_where_nothing_can_be_written(file):
    write_arrays(file, ARRAYS, ABOUT)
    with pytest.raises(OSError):
        write_arrays(file / "below", ARRAYS, ABOUT)
    assert read_arrays(file)[1] == ABOUT
