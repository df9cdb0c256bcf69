"""The store: features by content key, the files they came from, and clear messages when it cannot be read."""

import contextlib
import sqlite3
import stat
import subprocess
import sys

import numpy as np
import pytest
import sqlalchemy as sa
from synthetic import NET

from cfaudio_core.audio.descriptors import N_DESCRIPTORS, PARTS
from cfaudio_core.errors import StoreError
from cfaudio_core.features import feature_store
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.features.jobs import FeatureResult, FileState, file_state


def analysed(name, value=1.0, windows=2):
    path = b"/music/" + name.encode()
    return FeatureResult(path, FileState(path, 10, 20), f"key of {name}", np.full((windows, 3), value, np.float16))


def failed(name):
    path = b"/music/" + name.encode()
    return FeatureResult(path, FileState(path, 10, 20), problem="it is silent")


def outcomes(store):
    """Content key and problem of every file."""
    return {state: (result.key, result.problem) for state, result in store.files().items()}


def read(store, *keys, net=NET):
    return dict(store.read(net, keys))


def refused(path):
    with pytest.raises(StoreError) as caught:
        FeatureStore(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_features_come_back_as_they_went_in(store):
    given = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float16)
    sevens = np.full((2, 5), 7, np.float16)
    store.add(NET, 10, [analysed("a")._replace(features=given), analysed("b")._replace(features=sevens)])
    back = read(store, "key of a", "key of b", "key of c")
    assert back.keys() == {"key of a", "key of b"}
    np.testing.assert_array_equal(back["key of a"], given)
    assert back["key of a"].dtype == np.float16
    assert (back["key of b"] == 7).all()


def test_summaries_have_the_descriptors_beside_the_net_s_features_and_nan_where_there_are_none(store):
    features = np.ones((2, 50), np.float16)
    descriptors = np.full((2, N_DESCRIPTORS), 4, np.float16)
    described = analysed("a")._replace(features=features, descriptors=descriptors)
    store.add(NET, 10, [described, analysed("b")._replace(features=features)])
    summaries = store.summaries(NET, ["key of b", "key of a"])
    assert dict(summaries.parts) == {"net": 2, "stereo": 48, **dict(PARTS)}
    assert summaries.means.shape == (2, sum(width for _, width in summaries.parts))
    timbre = summaries.columns()["timbre"]
    assert (summaries.means[1, timbre] == 2).all()  # the root
    assert np.isnan(summaries.means[0, timbre]).all()
    assert np.isfinite(summaries.within).all()


def test_thousands_of_keys_are_read_each_once(store):
    store.add(NET, 10, [analysed(str(i), i) for i in range(1200)])
    wanted = [f"key of {i}" for i in range(1200)]
    back = list(store.read(NET, wanted + wanted))
    assert sorted(key for key, _ in back) == sorted(wanted)
    assert all((features == float(key.split()[-1])).all() for key, features in back)


def test_a_store_closed_and_opened_again_still_knows(tmp_path):
    with FeatureStore(tmp_path / "f.db") as store:
        store.add(NET, 10, [analysed("a"), failed("b")])
        store.note("placed", "x")
    with FeatureStore(tmp_path / "f.db") as store:
        assert store.keys(NET, 10) == {"key of a"}
        assert outcomes(store) == {
            FileState(b"/music/a", 10, 20): ("key of a", ""),
            FileState(b"/music/b", 10, 20): ("", "it is silent"),
        }
        assert store.noted("placed") == "x"


def test_features_of_another_net_or_another_number_of_windows_are_not_these(store):
    store.add(NET, 10, [analysed("a")])
    assert store.keys(NET, 20) == store.keys("MTT_musicnn-1", 10) == set()
    assert read(store, "key of a", net="MTT_musicnn-1") == {}


def test_analysing_again_replaces_the_features(store):
    store.add(NET, 10, [analysed("a", 1)])
    store.add(NET, 20, [analysed("a", 2, windows=5)])
    assert store.keys(NET, 10) == set()
    assert store.keys(NET, 20) == {"key of a"}
    assert read(store, "key of a")["key of a"].shape == (5, 3)


def test_a_file_that_is_analysed_at_last_has_no_problem_any_more(store):
    store.add(NET, 10, [failed("a")])
    store.add(NET, 10, [analysed("a")])
    assert list(outcomes(store).values()) == [("key of a", "")]


DAMAGES = [
    "windows = 7",
    "windows = 1",
    "windows = -2",
    "windows = 'two'",
    "data = substr(data, 1, 5)",
    "data = cast(x'007e' || substr(data, 3) as blob)",
    "data = 'text'",
    "data = x''",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_one_line_and_costs_that_row(store, damage):
    store.add(NET, 10, [analysed(name) for name in "abcd"])
    with contextlib.closing(sqlite3.connect(store.path)) as database, database:
        database.execute(f"UPDATE features SET {damage} WHERE cf_key = 'key of b'")
    with pytest.raises(StoreError, match=r"features\.db: features are damaged; `beet cfembed --retrain`"):
        read(store, "key of a", "key of b")
    assert store.drop_damaged() == 1
    assert (
        store.keys(NET, 10)
        == read(store, *(f"key of {name}" for name in "abcd")).keys()
        == {
            "key of a",
            "key of c",
            "key of d",
        }
    )
    assert store.drop_damaged() == 0


@pytest.mark.parametrize("damage", ["path = 'text'", "size = x'00'", "mtime_ns = 'yesterday'", "cf_key = x'ff'"])
def test_a_damaged_row_of_a_file_is_as_if_it_were_not_there(store, damage):
    store.add(NET, 10, [analysed("a"), analysed("b")])
    with contextlib.closing(sqlite3.connect(store.path)) as database, database:
        database.execute(f"UPDATE files SET {damage} WHERE cf_key = 'key of b'")
    assert [state.path for state in store.files()] == [b"/music/a"]


def test_a_file_that_is_not_there_leaves_no_trace(store):
    store.add(NET, 10, [FeatureResult(b"/music/gone", None, problem="no such file")])
    assert store.files() == {}


def test_file_names_need_not_be_text(store):
    path = b"/music/\xff\x00\n.flac"
    store.add(NET, 10, [analysed("a")._replace(path=path, state=FileState(path, 1, 2**62))])
    assert list(store.files()) == [FileState(path, 1, 2**62)]


def test_a_note_is_the_last_one_left(store):
    assert store.noted("placed") == ""
    store.note("placed", "one")
    store.note("placed", "two")
    assert store.noted("placed") == "two"
    assert store.noted("else") == ""


def test_what_fails_half_way_leaves_nothing_behind(store):
    broken = analysed("b")._replace(state=FileState(b"/music/b", 10, None))
    with pytest.raises(StoreError):
        store.add(NET, 10, [analysed("a"), broken])
    assert store.keys(NET, 10) == set()
    assert store.files() == {}


def test_the_store_is_readable_by_its_owner_alone(tmp_path):
    with FeatureStore(tmp_path / "new" / "f.db") as store:
        store.add(NET, 10, [analysed("a")])
        for file in (tmp_path / "new").iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("schema", [str(feature_store.SCHEMA + 1), "99", "two", "0"])
def test_a_store_of_a_newer_version_is_refused(tmp_path, schema):
    path = tmp_path / "f.db"
    FeatureStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value = ? WHERE name = 'schema'", [schema])
    connection.close()
    assert f"newer version of cfaudio (schema {schema})" in refused(path)


@pytest.mark.parametrize("garbage", [b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path, garbage):
    path = tmp_path / "f.db"
    path.write_bytes(garbage)
    refused(path)
    assert path.read_bytes() == garbage


def test_a_folder_or_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    refused(tmp_path)
    refused(tmp_path / "file" / "f.db")


def test_a_store_that_another_program_has_locked_is_a_store_error(tmp_path, monkeypatch):
    path = tmp_path / "f.db"
    create = sa.create_engine
    monkeypatch.setattr(feature_store.sa, "create_engine", lambda url, **_: create(url, connect_args={"timeout": 0.01}))
    with FeatureStore(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"f\.db: database is locked"):
            store.add(NET, 10, [analysed("a")])
        other.execute("ROLLBACK")
        other.close()
        store.add(NET, 10, [analysed("a")])
        assert store.keys(NET, 10) == {"key of a"}


def test_another_process_reads_while_this_one_writes(tmp_path):
    path = tmp_path / "f.db"
    script = (
        "import sys; from pathlib import Path; from cfaudio_core.features.feature_store import FeatureStore\n"
        f"with FeatureStore(Path(sys.argv[1])) as store: print(sorted(store.keys({NET!r}, 10)))"
    )
    with FeatureStore(path) as store:
        store.add(NET, 10, [analysed("a")])
        with store._database.write() as connection:
            connection.execute(sa.text("INSERT INTO about VALUES ('half', 'done')"))
            command = [sys.executable, "-c", script, str(path)]
            found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['key of a']"


def test_reading_may_stop_half_way_and_writing_go_on_meanwhile(store):
    store.add(NET, 10, [analysed("a"), analysed("b")])
    for _key, _ in store.read(NET, ["key of a", "key of b"]):
        store.add(NET, 10, [analysed("c")])
        break
    assert "key of c" in store.keys(NET, 10)


def test_a_files_state_is_its_size_and_time(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    path = bytes(file)
    state = file_state(path)
    assert state == FileState(path, 5, file.stat().st_mtime_ns)
    assert file_state(path + b"b") is None
    assert file_state(b"a\0b") is None


def test_features_of_an_older_schema_are_migrated_once_and_kept(tmp_path, monkeypatch):
    FeatureStore(tmp_path / "features.db").close()
    steps = []
    monkeypatch.setattr(feature_store, "MIGRATIONS", {feature_store.SCHEMA: steps.append})
    monkeypatch.setattr(feature_store, "SCHEMA", feature_store.SCHEMA + 1)
    for _ in range(2):
        FeatureStore(tmp_path / "features.db").close()
    assert len(steps) == 1


def test_which_features_there_are_is_read_from_an_index_alone(store):
    store.add(NET, 10, [analysed("a")])
    query = "EXPLAIN QUERY PLAN SELECT cf_key FROM features WHERE net = ? AND wanted = ?"
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        ((*_, plan),) = connection.execute(query, (NET, 10))
    assert "USING COVERING INDEX features_there" in plan
