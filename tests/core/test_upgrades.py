"""Stores as every schema version since 0.1.0 has written them are read by this one, with all that is in them.

`history-*.sql` and `features-*.sql` in `tests/golden` were written by `python tests/core/test_upgrades.py`. A new
version of a schema gets a file of its own beside them, and these stay.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cfaudio_core.features.feature_store import SCHEMA as FEATURES
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import FeatureResult, FileState
from cfaudio_core.history.count_growth import CountSnapshot, CountState
from cfaudio_core.history.records import Listen, Opinion, Record, Tally, TrackText
from cfaudio_core.history.schema import SCHEMA as HISTORY
from cfaudio_core.history.store import ListenStore

GOLDEN = Path(__file__).parents[1] / "golden"
NOON = 1_700_000_000
SONG = TrackText("Café", "Ünd", "Best of", "Various", path="a/\udcff.mp3", duration=245.0)
OTHER = TrackText("Can", "Halleluhwah")


def write_history(file: Path) -> None:
    with ListenStore(f"sqlite:///{file}") as store:
        records: list[Record] = [
            Listen(SONG, NOON, 240.0, False),
            Listen(OTHER, NOON + 300, skipped=True),
            Tally(OTHER, 7, 2, NOON),
        ]
        records.append(Opinion(SONG, 1.0, NOON))
        store.add(records, source="csv", listener_of=lambda _: "anna")
        store.keep_matches({next(iter(store.texts())): (4, "key")})
        store.keep_counts(NOON, {"play_count": {4: CountState(1, 9)}})


def write_features(file: Path) -> None:
    state = FileState(b"/music/\xff.mp3", 12345, 1_700_000_000_123_456_789)
    result = FeatureResult(state.path, state, "key", np.arange(6, dtype=np.float16).reshape(2, 3))
    silent = FileState(b"/music/none.mp3", 3, 1)
    with FeatureStore(file) as store:
        store.add("net", 10, [result, FeatureResult(silent.path, silent, problem="silent")])
        store.note("placed", "digest")


def restored(name: str, folder: Path) -> Path:
    """A database made of a file of SQL."""
    file = folder / f"{name}.db"
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.executescript((GOLDEN / f"{name}.sql").read_text(encoding="utf-8"))
    return file


@pytest.mark.parametrize("version", range(1, HISTORY + 1))
def test_a_history_of_any_version_is_read(tmp_path: Path, version: int) -> None:
    with ListenStore(f"sqlite:///{restored(f'history-{version}', tmp_path)}") as store:
        listens, tallies = store.listens(), store.tallies()
        assert set(store.texts().values()) == {SONG, OTHER}
        assert [(h.listener, h.source, h.listens, h.tallies) for h in store.overview()] == [("anna", "csv", 2, 1)]
        assert len(listens) == 2
        assert len(tallies) == 1
        assert [(one.text, one.value, one.time) for one in store.feedback()] == [(0, 1.0, NOON)] * (version > 2)
        assert list(store.matches().values()) == [(4, "key")]
        assert store.last_counts() == CountSnapshot(NOON, {"play_count": {4: CountState(1, 9)}})
        again = store.add([Listen(OTHER, NOON + 300, skipped=True)], source="csv", listener_of=lambda _: "anna")
        assert again.listens_new == 0


@pytest.mark.parametrize("version", range(1, FEATURES + 1))
def test_features_of_any_version_are_read(tmp_path: Path, version: int) -> None:
    with FeatureStore(restored(f"features-{version}", tmp_path)) as store:
        assert store.keys("net", 10) == {"key"}
        assert {state: (result.key, result.problem) for state, result in store.files().items()} == {
            FileState(b"/music/\xff.mp3", 12345, 1_700_000_000_123_456_789): ("key", ""),
            FileState(b"/music/none.mp3", 3, 1): ("", "silent"),
        }
        ((key, features),) = store.read("net", ["key"])
        assert key == "key"
        np.testing.assert_array_equal(features, np.arange(6).reshape(2, 3))
        assert store.noted("placed") == "digest"


@pytest.mark.parametrize("version", range(1, FEATURES))
def test_older_features_come_to_the_tables_of_a_new_store(tmp_path: Path, version: int) -> None:
    def tables(file: Path) -> set[tuple[str, str]]:
        FeatureStore(file).close()
        with contextlib.closing(sqlite3.connect(file)) as database:
            return set(database.execute("SELECT name, sql FROM sqlite_master"))

    assert tables(restored(f"features-{version}", tmp_path)) == tables(tmp_path / "new.db")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, version, write in (("history", HISTORY, write_history), ("features", FEATURES, write_features)):
            write(file := Path(folder) / f"{name}.db")
            with contextlib.closing(sqlite3.connect(file)) as database:
                (GOLDEN / f"{name}-{version}.sql").write_text("\n".join(database.iterdump()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
