"""Stores with any value in any column, and with any damage to their bytes: read, or one line."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz
from hypothesis import example, given
from hypothesis import strategies as st
from synthetic import NET

from cfaudio_core.audio.descriptors import N_DESCRIPTORS
from cfaudio_core.errors import StoreError
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import FeatureResult, FileState
from cfaudio_core.history.count_growth import CountState
from cfaudio_core.history.records import Listen, Opinion, Tally, TrackText
from cfaudio_core.history.store import ListenStore

NOON = 1_700_000_000
KEYS = ("a", "b", "c")

VALUES = st.tuples(
    st.just("?"), st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5) | st.binary()
) | st.tuples(st.just("CAST(? AS TEXT)"), st.binary(max_size=9))
"""What SQLite may have in any column, whatever its type: text that is no UTF-8, too."""


def fill_features(path: Path) -> None:
    features, descriptors = np.ones((2, 60), np.float16), np.ones((2, N_DESCRIPTORS), np.float16)
    with FeatureStore(path) as store:
        results = [
            FeatureResult(key.encode(), FileState(key.encode(), 1, 2), key, features, "", descriptors) for key in KEYS
        ]
        store.add(NET, 10, [*results, FeatureResult(b"d", FileState(b"d", 1, 2), problem="it is silent")])
        store.note("placed", "one")


def read_features(path: Path) -> None:
    with FeatureStore(path) as store:
        store.files(), store.nets(), store.noted("placed")
        store.drop_damaged()
        there = sorted(store.keys(NET, 10).intersection(dict(store.read(NET, KEYS))))
        if there:
            assert len(store.summaries(NET, there).means) == len(there)
        store.forget_problems()


def fill_history(path: Path) -> None:
    with ListenStore(f"sqlite:///{path}") as store:
        for title in KEYS:
            text = TrackText("A", title, duration=200)
            records = [Listen(text, NOON, 99.0, False), Tally(text, 7, 2, NOON), Opinion(text, 1.0, NOON)]
            store.add(records, source="csv", listener_of=lambda _: "anna")
        store.keep_matches({text: (text, f"key {text}") for text in store.texts()})
        store.keep_counts(NOON, {"play_count": {1: CountState(1, 9), 2: CountState(2, 5)}})


def read_history(path: Path) -> None:
    with ListenStore(f"sqlite:///{path}", read_only=True) as store:
        store.texts(), store.listens(), store.tallies(), store.feedback(), store.overview(), store.listeners()
        store.count_matched(), store.matches(), store.matches_are_of("x"), store.last_counts(), store.last_counts("x")
        store.durations_and_items(), store.durations_and_items("x")
    with ListenStore(f"sqlite:///{path}") as store:
        store.add([Listen(TrackText("A", "d"), NOON)], source="csv", listener_of=lambda _: "anna")
        store.keep_counts(NOON + 1, {"play_count": {1: CountState(1, 10)}})
        store.keep_matches({text: (text, f"key {text}") for text in store.texts()})


STORES = {"features": (fill_features, read_features), "history": (fill_history, read_history)}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Callable[[Path], None]]:
    """The file of a store, and a function that reads all that is in it."""
    fill, read = STORES[request.param]
    fill(tmp_path / "store.db")
    read_or_refuse(tmp_path / "store.db", read)
    (tmp_path / "store.db").unlink()
    fill(tmp_path / "store.db")
    return tmp_path / "store.db", read


def read_or_refuse(path: Path, read: Callable[[Path], None]) -> None:
    try:
        read(path)
    except StoreError as error:
        assert "\n" not in str(error)
        assert str(path) in str(error)


def put(path: Path, content: bytes) -> None:
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.write_bytes(content)


def test_any_value_in_any_column_is_read_or_one_line(store):
    path, read = store
    whole = path.read_bytes()
    with contextlib.closing(sqlite3.connect(path)) as database:
        columns = database.execute(
            "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'"
        ).fetchall()

    @fuzz(60)
    @given(st.sampled_from(columns), VALUES, st.integers(0, 2))
    @example(("about", "value"), ("?", 0), 0)
    @example(("files", "cf_key"), ("CAST(? AS TEXT)", b"\xff"), 0)
    @example(("cf_texts", "title"), ("CAST(? AS TEXT)", b"\xff"), 0)
    def check(column, value, row):
        put(path, whole)
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            table, name = column
            some = f"rowid IN (SELECT rowid FROM {table} LIMIT -1 OFFSET {row})"
            with contextlib.suppress(sqlite3.Error):  # no such value in a key, or no rowid
                database.execute(f"UPDATE OR IGNORE {table} SET {name} = {value[0]} WHERE {some}", [value[1]])
        read_or_refuse(path, read)

    check()


def test_any_damage_to_the_file_is_read_past_or_one_line(store):
    path, read = store
    whole = path.read_bytes()
    places = st.floats(0, 1, exclude_max=True).map(lambda share: int(share**2 * len(whole)))

    @fuzz(40)
    @given(st.lists(st.tuples(places, st.binary(min_size=1, max_size=8)), min_size=1, max_size=6), st.booleans())
    def check(changes, cut):
        content = bytearray(whole)
        for at, new in changes:
            content[at : at + len(new)] = new
        put(path, bytes(content[: changes[0][0]] if cut else content))
        read_or_refuse(path, read)

    check()


def test_tables_that_are_not_described_in_text_are_one_line(store):
    path, read = store
    put(path, path.read_bytes().replace(b"CREATE TABLE", b"CREATE \x80ABLE"))
    with pytest.raises(StoreError, match=r"store\.db: .*malformed"):
        read(path)
