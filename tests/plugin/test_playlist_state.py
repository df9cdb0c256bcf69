"""The state of playlists between runs: whatever the file holds is a state that can be written, or one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from beets.exceptions import UserError
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

from beetsplug.cfaudio.playlists.state import ChosenList, PlaylistState, read_state, write_state
from cfaudio_core.data.tracks import TrackMarks

MARKS = TrackMarks(np.arange(1, 4), np.arange(4, 7).astype(np.uint64), np.arange(7, 10).astype(np.uint64))
STATE = PlaylistState("n: 3", "2026-W48", [ChosenList("Mine", [1, 2], [2], "Mine")], [3], {"m3u": ["/a.m3u"]})

_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


def read_or_refuse(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        state = read_state(file, MARKS)
    except UserError as error:
        assert str(error).isprintable()
        assert str(file) in str(error)
    else:
        write_state(file, state, MARKS)


def test_a_state_comes_back_as_it_was_and_tracks_that_are_gone_are_none(tmp_path: Path) -> None:
    file = tmp_path / "playlists.json"
    write_state(file, {"mine": STATE}, MARKS)
    assert read_state(file, MARKS) == {"mine": STATE}
    first = TrackMarks(MARKS.ids[:1], MARKS.sounds[:1], MARKS.names[:1])
    assert read_state(file, first)["mine"].lists == [ChosenList("Mine", [1, 0], [], "Mine")]


def test_any_value_in_the_file_is_a_state_or_one_line(tmp_path: Path) -> None:
    file = tmp_path / "playlists.json"
    write_state(file, {"mine": STATE}, MARKS)
    whole = file.read_text()
    values = list(re.finditer(r'"[^"]*"|-?\d+|\[[^][]*\]', whole))

    @fuzz(200)
    @given(st.sampled_from(values), _anything)
    def check(value: re.Match[str], other: object) -> None:
        read_or_refuse(file, f"{whole[: value.start()]}{json.dumps(other)}{whole[value.end() :]}".encode())

    check()


def test_any_bytes_in_the_file_are_a_state_or_one_line(tmp_path: Path) -> None:
    file = tmp_path / "playlists.json"
    write_state(file, {"mine": STATE}, MARKS)
    whole = file.read_bytes()

    @fuzz(100)
    @given(st.integers(0, len(whole)), st.integers(0, 20), st.binary(max_size=6))
    def check(at: int, length: int, other: bytes) -> None:
        read_or_refuse(file, whole[:at] + other + whole[at + length :])

    check()
