"""The store of listens, on SQLite and on a real PostgreSQL server alike."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from needs import missing
from postgres_server import PASSWORD, Server, programs

from cfaudio_core.errors import SettingError, StoreError
from cfaudio_core.history import merge, schema
from cfaudio_core.history.count_growth import CountState
from cfaudio_core.history.merge import ImportResult
from cfaudio_core.history.records import Listen, Opinion, Tally, TrackText
from cfaudio_core.history.store import ListenStore
from cfaudio_core.history.summaries import OriginSummary
from cfaudio_core.util.database import parse_url

BLUE = TrackText("Anna", "Blue", "Colours", duration=181.0)
RED = TrackText("Anna", "Red", "Colours", "Various", "0b0d", "77aa", "Anna/Colours/Red.flac")
NOON = 1_600_000_000
Record = Listen | Tally | Opinion


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    found = programs()
    if found is None:
        pytest.skip(missing("initdb"))
    running = Server(found)
    yield running
    running.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/cfaudio/history.db"
    return str(request.getfixturevalue("server").new_database())


@pytest.fixture
def store(url: str) -> Iterator[ListenStore]:
    with ListenStore(url) as opened:
        yield opened


def add(store: ListenStore, records: Iterable[Record], source: str = "csv", listener: str = "me") -> ImportResult:
    return store.add(records, source=source, listener_of=lambda _: listener)


def listens(n: int, start: int = NOON) -> Iterator[Listen]:
    for i in range(n):
        yield Listen(TrackText("Artist", f"Title {i % 700}"), start + 60 * i)


def held(store: ListenStore) -> list[tuple[str, str, int, int]]:
    return [(h.listener, h.source, h.listens, h.tallies) for h in store.overview()]


class TestAdding:
    def test_a_rating_is_no_play(self, store: ListenStore) -> None:
        added = add(store, [Listen(BLUE, NOON), Opinion(BLUE, 1.0), Opinion(RED, -1.0)])
        assert dict(zip(added.texts, added.plays.tolist(), strict=True)) == {BLUE: 1, RED: 0}

    def test_of_several_recordings_the_last_one_tells_texts_apart(self, store: ListenStore) -> None:
        ids = ["r1", "r0 r1", "r0 r2"]  # as mapped, with the submitted one, and as mapped to another
        added = add(store, [Listen(BLUE._replace(recording_mbid=each), NOON + k) for k, each in enumerate(ids)])
        assert (added.texts_new, added.listens_new) == (2, 3)
        texts = list(store.texts().values())
        assert [texts[text].recording_mbid.split()[-1] for text in store.listens().text] == ["r1", "r1", "r2"]

    def test_a_listen_comes_back_as_it_was_recorded(self, store: ListenStore) -> None:
        add(store, [Listen(RED, NOON + 9, 12.5, True), Listen(BLUE, NOON), Listen(RED, NOON + 1, skipped=False)])
        texts, columns = list(store.texts().values()), store.listens()
        assert [texts[t] for t in columns.text] == [BLUE, RED, RED]
        assert columns.time.tolist() == [NOON, NOON + 1, NOON + 9]
        np.testing.assert_array_equal(columns.seconds, np.array([np.nan, np.nan, 12.5], np.float32))
        assert columns.skipped.tolist() == [-1, 0, 1]
        assert (columns.listeners, columns.sources) == (("me",), ("csv",))
        assert columns.text.dtype == columns.time.dtype == np.int64
        assert (columns.listener.dtype, columns.source.dtype) == (np.int32, np.int32)
        assert (columns.seconds.dtype, columns.skipped.dtype) == (np.float32, np.int8)

    def test_an_empty_store_gives_empty_columns(self, store: ListenStore) -> None:
        assert (len(store.listens()), len(store.tallies()), len(list(store.texts().values()))) == (0, 0, 0)
        assert store.overview() == []
        assert add(store, [])[:4] == (0, 0, 0, 0)

    def test_importing_again_adds_nothing(self, store: ListenStore) -> None:
        assert add(store, listens(25_000))[:4] == (25_000, 0, 0, 700)
        assert add(store, listens(25_000))[:4] == (0, 25_000, 0, 0)
        assert add(store, listens(25_001))[:4] == (1, 25_000, 0, 0)
        assert held(store) == [("me", "csv", 25_001, 0)]

    def test_a_listen_twice_in_one_source_is_one(self, store: ListenStore) -> None:
        again = Listen(BLUE._replace(duration=0.0), NOON, 30.0)
        assert add(store, [Listen(BLUE, NOON), again, Listen(BLUE, NOON + 1)])[:4] == (2, 1, 0, 1)
        assert len(store.listens()) == 2

    def test_another_source_and_another_listener_are_another_listen(self, store: ListenStore) -> None:
        for source, listener in (("csv", "me"), ("lastfm", "me"), ("csv", "ben")):
            assert add(store, [Listen(BLUE, NOON)], source, listener).listens_new == 1
        assert held(store) == [("ben", "csv", 1, 0), ("me", "csv", 1, 0), ("me", "lastfm", 1, 0)]
        found = store.listens()
        assert found.sources == ("csv", "lastfm")
        assert found.is_from(["me"], found.sources).tolist() == [False, True, True]
        assert found.is_from(["ben", "me"], ["csv"]).tolist() == [True, True, False]
        assert not found.is_from(["nobody"], found.sources).any()

    def test_columns_are_sorted_by_listener_then_by_time_across_sources(self, store: ListenStore) -> None:
        for start, source, listener in ((0, "csv", "zoe"), (1, "lastfm", "zoe"), (2, "csv", "anna"), (3, "csv", "zoe")):
            add(store, [Listen(BLUE, NOON + start), Listen(RED, NOON + start + 60)], source, listener)
        columns = store.listens()
        assert [columns.listeners[k] for k in columns.listener] == ["anna"] * 2 + ["zoe"] * 6
        assert (columns.time - NOON).tolist() == [2, 62, 0, 1, 3, 60, 61, 63]
        assert [columns.sources[k] for k in columns.source] == ["csv"] * 3 + ["lastfm"] + ["csv"] * 2 + [
            "lastfm",
            "csv",
        ]

    def test_known_texts_use_up_no_ids(self, store: ListenStore) -> None:
        for _ in range(3):
            add(store, listens(700))
        add(store, [Listen(RED, NOON)])
        assert list(store.texts()) == list(range(1, 702))

    @pytest.mark.parametrize("name", TrackText._fields[:7])
    def test_tracks_that_differ_in_any_text_are_two(self, store: ListenStore, name: str) -> None:
        add(store, [Listen(RED, NOON), Listen(RED._replace(**{name: "other"}), NOON)])
        assert len(list(store.texts().values())) == len(store.listens()) == 2

    def test_texts_no_database_likes_are_kept_as_far_as_possible(self, store: ListenStore) -> None:
        odd = TrackText("Nul\0l", "half \ud83d and whole \U0001f3b5", "x" * 9000, path="a/\udcff\udcfe.mp3")
        assert add(store, [Listen(odd, NOON)]).listens_new == 1
        assert add(store, [Listen(odd, NOON)]).listens_new == 0
        [found] = list(store.texts().values())
        assert (found.artist, found.title) == ("Null", "half ? and whole \U0001f3b5")
        assert (found.album, found.path) == (odd.album, odd.path)

    def test_accounts_are_asked_for_once_each_and_after_all_was_read(self, store: ListenStore) -> None:
        asked: list[str] = []
        read: list[int] = []

        def records() -> Iterator[Listen]:
            for i in range(30):
                read.append(i)
                yield Listen(BLUE, NOON + i, user="ab"[i % 2])

        def listener_of(account: str) -> str:
            assert len(read) == 30
            asked.append(account)
            return "one"

        assert store.add(records(), source="csv", listener_of=listener_of).listens_new == 30
        assert asked == ["a", "b"]
        assert held(store) == [("one", "csv", 30, 0)]

    def test_progress_adds_up_to_the_records(self, store: ListenStore) -> None:
        calls: list[int] = []
        store.add(listens(25_000), source="csv", listener_of=lambda _: "me", on_progress=calls.append)
        assert sum(calls) == 25_000
        assert len(calls) > 1

    def test_pretending_counts_and_keeps_nothing(self, store: ListenStore) -> None:
        add(store, [Listen(BLUE, NOON)])
        records = [Listen(BLUE, NOON), Listen(RED, NOON), Listen(RED, NOON + 9, skipped=True), Tally(RED, 4)]
        added = store.add(records, source="csv", listener_of=lambda _: "me", pretend=True)
        assert added[:4] == (2, 1, 1, 1)
        assert dict(zip(added.texts, added.plays.tolist(), strict=True)) == {BLUE: 1, RED: 5}
        assert held(store) == [("me", "csv", 1, 0)]
        assert list(store.texts().values()) == [BLUE]

    def test_more_texts_than_are_remembered_are_still_distinguished(
        self, store: ListenStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(merge, "_MAX_DIGESTS", 100)
        assert add(store, listens(25_000))[:4] == (25_000, 0, 0, 700)


class TestTallies:
    def test_a_newer_count_takes_the_place_of_the_older(self, store: ListenStore) -> None:
        add(store, [Tally(BLUE, 5, 1, NOON), Tally(RED, 2)])
        assert add(store, [Tally(BLUE, 6, 2, NOON + 5)]).tallies == 1
        tallies, texts = store.tallies(), list(store.texts().values())
        rows = zip(tallies.text, tallies.plays, tallies.skips, tallies.last, strict=True)
        assert sorted((texts[t].title, p, s, last) for t, p, s, last in rows) == [
            ("Blue", 6, 2, NOON + 5),
            ("Red", 2, 0, 0),
        ]
        assert tallies.plays.dtype == tallies.last.dtype == np.int64

    def test_rows_of_one_track_in_one_source_add_up(self, store: ListenStore) -> None:
        add(store, [Tally(BLUE, 5, 1, NOON), Tally(BLUE, 2, 0, NOON + 7)])
        tallies = store.tallies()
        assert (tallies.plays.tolist(), tallies.skips.tolist(), tallies.last.tolist()) == ([7], [1], [NOON + 7])

    def test_the_overview_has_listens_and_counts(self, store: ListenStore) -> None:
        add(store, [Listen(BLUE, NOON), Listen(RED, NOON + 60)])
        add(store, [Tally(BLUE, 5), Tally(RED, 2)], "itunes")
        assert store.overview() == [
            OriginSummary("me", "csv", 2, NOON, NOON + 60, 0, 0),
            OriginSummary("me", "itunes", 0, 0, 0, 2, 7),
        ]


def test_positions_hold_where_ids_have_gaps(store: ListenStore) -> None:
    add(store, [Listen(BLUE, NOON)], "lastfm")
    add(store, [Listen(RED, NOON)])
    with store._database.write() as connection:
        first = sa.select(sa.func.min(schema.texts.c.id)).scalar_subquery()
        connection.execute(schema.listens.delete().where(schema.listens.c.text_id == first))
        connection.execute(schema.texts.delete().where(schema.texts.c.id == first))
    add(store, [Listen(BLUE, NOON + 1)])
    texts = list(store.texts().values())
    assert [texts[t] for t in store.listens().text] == [RED, BLUE]


def test_matches_are_replaced_as_a_whole(store: ListenStore) -> None:
    add(store, [Listen(BLUE, NOON), Listen(RED, NOON)])
    one, two = list(store.texts())
    store.keep_matches({one: (7, "")})
    store.keep_matches({two: (8, "key")})
    assert store.matches() == {two: (8, "key")}
    store.keep_matches({})
    assert store.matches() == {}


def test_snapshots_change_where_counts_have_changed(store: ListenStore) -> None:
    assert store.last_counts() is None
    store.keep_counts(NOON, {"play_count": {1: CountState(2, 2), 2: CountState(0, 1)}})
    store.keep_counts(NOON + 5, {"play_count": {2: CountState(1, 4)}, "skip_count": {1: CountState(0, 1)}})
    snapshot = store.last_counts()
    assert snapshot is not None
    assert snapshot.time == NOON + 5
    assert snapshot.counts == {
        "play_count": {1: CountState(2, 2), 2: CountState(1, 4)},
        "skip_count": {1: CountState(0, 1)},
    }


class TestWholeOrNotAtAll:
    def test_a_source_that_breaks_off_changes_nothing(self, store: ListenStore) -> None:
        add(store, [Listen(BLUE, NOON)])

        def broken() -> Iterator[Record]:
            yield from listens(25_000)
            raise OSError("cut short")

        with pytest.raises(OSError, match="cut short"):
            add(store, broken())
        assert held(store) == [("me", "csv", 1, 0)]
        assert list(store.texts().values()) == [BLUE]
        assert add(store, listens(10)).listens_new == 10

    def test_an_account_that_is_refused_changes_nothing(self, store: ListenStore) -> None:
        def refuse(account: str) -> str:
            raise SettingError(f"who is {account}?")

        with pytest.raises(SettingError, match=r"who is x\?"):
            store.add([Listen(BLUE, NOON, user="x")], source="csv", listener_of=refuse)
        assert list(store.texts().values()) == []

    @pytest.mark.parametrize("record", [Listen(BLUE, 2**80), Tally(BLUE, 2**70)])
    def test_a_number_without_bounds_is_refused_in_one_line(self, store: ListenStore, record: Record) -> None:
        with pytest.raises(StoreError) as caught:
            add(store, [Listen(RED, NOON), record])
        assert "\n" not in str(caught.value)
        assert held(store) == []

    def test_two_imports_at_once_both_succeed(self, url: str, store: ListenStore) -> None:
        results: list[ImportResult] = []

        def run(start: int) -> None:
            with ListenStore(url) as mine:
                results.append(add(mine, listens(30_000, start)))

        threads = [threading.Thread(target=run, args=(NOON + 60 * 10_500 * k,)) for k in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # 30,000 minutes each, 10,500 minutes apart: 51,000 in all.
        assert sum(r.listens_new for r in results) == len(store.listens()) == 51_000
        assert len(list(store.texts().values())) == 700

    def test_opening_at_once_makes_one_store(self, url: str) -> None:
        assert open_at_once(url) == []

    def test_no_first_opener_of_a_file_trips_over_another(self, tmp_path: Path) -> None:
        assert [problem for k in range(50) for problem in open_at_once(f"sqlite:///{tmp_path}/{k}.db")] == []


def open_at_once(url: str) -> list[StoreError]:
    """Errors of six threads that open a store at the same time."""
    problems: list[StoreError] = []

    def run() -> None:
        try:
            ListenStore(url).close()
        except StoreError as error:
            problems.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


KILLED = """
import os, signal, sys
from cfaudio_core.history import merge
from cfaudio_core.util.database import parse_url
from cfaudio_core.history.records import Listen, TrackText
from cfaudio_core.history.store import ListenStore

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def records():
    for i in range(60_000):
        if i == 50_000 and sys.argv[2] == "reading":
            die()
        yield Listen(TrackText("Artist", f"Title {i}"), 1_700_000_000 + i)

if sys.argv[2] == "writing":
    merge.plays_by_text = die  # all rows are written, none is committed
with ListenStore(sys.argv[1]) as opened:
    opened.add(records(), source="csv", listener_of=lambda _: "me")
"""


@pytest.mark.parametrize("when", ["reading", "writing"])
def test_a_killed_import_leaves_the_store_as_it_was(url: str, store: ListenStore, when: str) -> None:
    add(store, listens(2000))
    run = subprocess.run([sys.executable, "-c", KILLED, url, when], check=False)
    assert run.returncode == -signal.SIGKILL
    assert held(store) == [("me", "csv", 2000, 0)]
    assert len(list(store.texts().values())) == 700
    assert add(store, listens(2001)).listens_new == 1


class TestPostgres:
    @pytest.mark.parametrize("when", ["reading", "asking", "writing"])
    def test_a_server_that_goes_leaves_the_store_as_it_was(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, when: str
    ) -> None:
        url = server.new_database()
        plays_by_text = merge.plays_by_text

        def stop_and_ask(connection: sa.Connection) -> object:
            server.stop()
            return plays_by_text(connection)

        def records() -> Iterator[Listen]:
            for i, listen in enumerate(listens(40_000)):
                if i == 30_000 and when == "reading":
                    server.stop()
                yield listen

        def listener_of(_: str) -> str:
            if when == "asking":
                server.stop()
            return "me"

        if when == "writing":
            monkeypatch.setattr(merge, "plays_by_text", stop_and_ask)
        with ListenStore(url) as store:
            try:
                with pytest.raises(StoreError) as caught:
                    store.add(records(), source="csv", listener_of=listener_of)
            finally:
                server.start()
            message = str(caught.value)
            assert message.startswith(f"postgresql+psycopg://tester:***@127.0.0.1:{server.port}/")
            assert "\n" not in message
            assert "hunter" not in message
            assert held(store) == []
            assert list(store.texts().values()) == []
            monkeypatch.setattr(merge, "plays_by_text", plays_by_text)
            assert add(store, listens(40_000)).listens_new == 40_000

    def test_no_server_is_reported_in_one_line_without_the_password(self) -> None:
        with pytest.raises(StoreError) as caught:
            ListenStore("postgresql://tester:hunter-2@127.0.0.1:1/music?application_name=secret")
        message = str(caught.value)
        assert message.startswith("postgresql+psycopg://tester:***@127.0.0.1:1/music: ")
        assert "\n" not in message
        assert "hunter" not in message
        assert "secret" not in message

    def test_a_wrong_password_is_reported_without_it(self, server: Server) -> None:
        url = server.new_database().replace("hunter-2", "hunter-3")
        with pytest.raises(StoreError, match="password authentication failed") as caught:
            ListenStore(url)
        assert "hunter" not in str(caught.value)

    def test_a_password_with_signs_in_it_is_used_as_it_is(self, server: Server) -> None:
        assert sa.make_url(server.new_database()).password == PASSWORD

    def test_tables_of_other_programs_do_not_matter(self, server: Server) -> None:
        url = server.new_database()
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE texts (id int)")
        with ListenStore(url) as store:
            assert add(store, [Listen(BLUE, NOON)]).listens_new == 1

    def test_without_its_driver_the_error_names_the_way_to_install_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(StoreError, match=r"needs psycopg: pip install 'beets-cfaudio\[postgres\]'"):
            ListenStore("postgresql+psycopg://me:pw@localhost/music")


class TestFile:
    def test_the_file_is_its_owners_alone_and_in_wal_mode(self, tmp_path: Path) -> None:
        file = tmp_path / "made" / "for it" / "history.db"
        with ListenStore(f"sqlite:///{file}") as store:
            add(store, listens(10))
            for path in file.parent.iterdir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with sqlite3.connect(file) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()

    def test_garbage_is_reported_in_one_line(self, tmp_path: Path) -> None:
        file = tmp_path / "history.db"
        file.write_bytes(b"not a database, but long enough to be applied for one\n" * 100)
        with pytest.raises(StoreError) as caught:
            ListenStore(f"sqlite:///{file}")
        assert str(caught.value) == f"{file}: file is not a database"
        assert file.read_bytes().startswith(b"not a database")

    def test_the_database_of_something_else_is_left_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "library.db"
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE items (id INTEGER)")
        connection.close()
        with pytest.raises(StoreError, match=r"library\.db is the database of something else \(it has a table items\)"):
            ListenStore(f"sqlite:///{file}")
        with sqlite3.connect(file) as connection:
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("items",)]
        connection.close()

    def test_a_folder_that_cannot_be_made_is_reported(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreError, match=r"file/history\.db: (File exists|Not a directory)"):
            ListenStore(f"sqlite:///{tmp_path}/file/history.db")

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root can write to")
    def test_an_unwritable_folder_is_reported(self) -> None:
        with pytest.raises(StoreError, match=r"^/proc/self/history\.db: "):
            ListenStore("sqlite:////proc/self/history.db")

    def test_a_writer_waits_for_another_program(self, tmp_path: Path) -> None:
        with ListenStore(f"sqlite:///{tmp_path}/history.db") as store:
            other = sqlite3.connect(tmp_path / "history.db", check_same_thread=False, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            end = threading.Timer(0.5, lambda: other.execute("COMMIT"))

            def records() -> Iterator[Record]:
                yield from listens(10)
                end.start()

            assert add(store, records()).listens_new == 10
            end.join()
            other.close()

    def test_a_program_that_never_ends_its_writing_is_reported(self, tmp_path: Path) -> None:
        with ListenStore(f"sqlite:///{tmp_path}/history.db", lock_wait_s=0.2) as store:
            add(store, listens(10))
            other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with ListenStore(f"sqlite:///{tmp_path}/history.db", lock_wait_s=0.2) as reader:
                assert len(reader.listens()) == 10  # readers do not wait, not even to open it
            with pytest.raises(StoreError, match=r"history\.db: database is locked"):
                add(store, listens(20))
            other.execute("COMMIT")
            other.close()
            assert held(store) == [("me", "csv", 10, 0)]

    def test_reading_a_source_keeps_no_one_from_writing(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/history.db"

        def slow() -> Iterator[Record]:
            yield from listens(20_001)
            with ListenStore(url, lock_wait_s=0.1) as other:
                assert add(other, [Listen(BLUE, NOON)], "lastfm").listens_new == 1

        with ListenStore(url) as store:
            assert add(store, slow()).listens_new == 20_001
            assert held(store) == [("me", "csv", 20_001, 0), ("me", "lastfm", 1, 0)]


class TestSchema:
    def test_a_newer_store_is_refused_in_one_line(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema, "SCHEMA", 99)
        ListenStore(url).close()
        monkeypatch.undo()
        with pytest.raises(StoreError, match=r"was written by a newer version of cfaudio \(schema 99\)$"):
            ListenStore(url)

    def test_an_older_store_is_brought_up_step_by_step(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with ListenStore(url) as store:
            add(store, [Listen(BLUE, NOON)])
        later = schema.SCHEMA + 2
        applied: list[int] = []

        def step(number: int) -> Callable[[sa.Connection], None]:
            return lambda connection: (
                applied.append(number),
                connection.execute(sa.text(f"CREATE TABLE cf_extra{number} (id INTEGER)")),
            )[0]

        monkeypatch.setattr(schema, "MIGRATIONS", {schema.SCHEMA: step(1), schema.SCHEMA + 1: step(2)})
        monkeypatch.setattr(schema, "SCHEMA", later)
        for _ in range(2):
            with ListenStore(url) as store:
                assert held(store) == [("me", "csv", 1, 0)]
        assert applied == [1, 2]

    def test_a_step_that_fails_leaves_the_older_store(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        ListenStore(url).close()

        def fail(connection: sa.Connection) -> None:
            connection.execute(sa.text("CREATE TABLE cf_extra (id INTEGER)"))
            connection.execute(sa.text("SELECT * FROM cf_nowhere"))

        monkeypatch.setattr(schema, "MIGRATIONS", {schema.SCHEMA: fail})
        monkeypatch.setattr(schema, "SCHEMA", schema.SCHEMA + 1)
        with pytest.raises(StoreError, match="cf_nowhere"):
            ListenStore(url)
        monkeypatch.undo()
        with ListenStore(url) as store, store._database.read() as connection:
            assert "cf_extra" not in sa.inspect(connection).get_table_names()


class TestAddress:
    @pytest.mark.parametrize(
        "text", ["history.db", "", "mysql://me:pw@host/db", "sqlite://", "sqlite:///:memory:", "postgresql://h:pw/x"]
    )
    def test_what_is_no_address_is_refused_without_repeating_it(self, text: str) -> None:
        with pytest.raises(SettingError, match=r"^must ") as caught:
            parse_url(text)
        assert "pw" not in str(caught.value)

    def test_another_driver_is_refused(self) -> None:
        with pytest.raises(SettingError, match=r"must begin with postgresql\+psycopg://, not postgresql\+psycopg2://"):
            parse_url("postgresql+psycopg2://me@host/db")

    def test_files_are_found_in_the_folder_and_at_home(self) -> None:
        assert parse_url("sqlite:///x/y.db", Path("/conf")).database == "/conf/x/y.db"
        assert parse_url("sqlite:////x/y.db", Path("/conf")).database == "/x/y.db"
        assert parse_url("sqlite:///~/y.db", Path("/conf")).database == str(Path.home() / "y.db")


def test_a_reader_sees_the_store_as_it_began(url: str, store: ListenStore) -> None:
    add(store, listens(100))
    with store._database.read() as connection:
        before = connection.scalar(sa.select(sa.func.count()).select_from(schema.listens))
        with ListenStore(url) as other:
            add(other, listens(200))
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.listens)) == before == 100
    assert len(store.listens()) == 200
