"""Arrays that are kept until what they were made of changes, and what tells that a database has been written to."""

from __future__ import annotations

import json
import os
import sqlite3
import time

import numpy as np
import pytest

from cfaudio_core.history.store import ListenStore
from cfaudio_core.util import shelf
from cfaudio_core.util.shelf import Shelf, file_state, is_settled


def made(number):
    return lambda: {"numbers": np.array([number]), "none": np.zeros((0, 3), np.float32)}


def got(folder, key, number, name="a"):
    """The number that a new shelf gives under a key, where `number` is made if there is none."""
    one = Shelf(folder)
    arrays = one.get(name, key, made(number))
    assert arrays["none"].shape == (0, 3)
    one.keep()
    return int(arrays["numbers"][0])


def test_arrays_are_kept_under_their_key(tmp_path):
    assert [got(tmp_path, key, number) for number, key in enumerate(["x", "x", "y", "y", "x"])] == [0, 0, 2, 2, 4]


def test_nothing_is_kept_without_a_key_or_a_folder(tmp_path):
    assert [got(tmp_path / "f", None, number) for number in (0, 1)] == [0, 1]
    assert [got(None, "x", number) for number in (0, 1)] == [0, 1]
    assert not (tmp_path / "f").exists()


def test_what_nobody_asks_for_any_more_is_dropped(tmp_path):
    got(tmp_path, "x", 1, "a")
    got(tmp_path, "x", 2, "b")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.safetensors", "index.json"]


def test_a_file_of_another_shelf_is_not_taken_for_ones_own(tmp_path):
    got(tmp_path / "one", "x", 1)
    got(tmp_path / "other", "x", 2)
    (tmp_path / "other" / "a.safetensors").replace(tmp_path / "one" / "a.safetensors")
    assert got(tmp_path / "one", "x", 3) == 3


def test_what_another_version_has_kept_is_not_read(tmp_path, monkeypatch):
    got(tmp_path, "x", 1)
    monkeypatch.setattr(shelf, "FORMAT", "1 99.0")
    assert got(tmp_path, "x", 2) == 2
    assert json.loads((tmp_path / "index.json").read_text())["format"] == "1 99.0"


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "wal"])
def test_whatever_is_written_to_a_database_changes_its_state(tmp_path, mode):
    file = tmp_path / "library.db"
    assert file_state(file) == "none none"
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    states = [file_state(file)]
    for statement in ("INSERT INTO t VALUES (1)", "UPDATE t SET x = 2", "DELETE FROM t"):
        os.utime(file, (0, 0))  # as if long ago
        states.append(file_state(file))
        connection.execute(statement)
        connection.commit()
        states.append(file_state(file))
    connection.close()
    assert len(set(states)) == len(states)
    after = file_state(file)
    reader = sqlite3.connect(file)
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
    reader.close()
    assert file_state(file) == after, "reading has changed it"


def test_a_file_that_was_written_to_a_moment_ago_may_change_unseen(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "SETTLED", 3600)
    monkeypatch.setattr(shelf, "FINE", 3600)
    file = tmp_path / "library.db"
    file.write_bytes(b"x")
    assert not is_settled(file)
    os.utime(file, (0, 0))
    assert is_settled(file)
    (tmp_path / "library.db-wal").write_bytes(b"x")
    assert not is_settled(file)


def test_a_clock_that_shows_fractions_of_a_second_settles_sooner(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "SETTLED", 3600)
    file = tmp_path / "library.db"
    file.write_bytes(b"x")
    second = int(time.time()) - 1800
    os.utime(file, (second, second))
    assert not is_settled(file)
    os.utime(file, (second, second + 0.25))
    assert is_settled(file)


def test_to_look_at_a_history_is_not_to_change_it(tmp_path):
    file = tmp_path / "history.db"
    ListenStore(f"sqlite:///{file}").close()
    before = file_state(file)
    with ListenStore(f"sqlite:///{file}") as store:
        assert len(store.listens()) == 0
        assert [len(column) for column in store.durations_and_items()] == [0, 0]
    assert file_state(file) == before
