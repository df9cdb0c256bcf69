import shutil
import sqlite3
import stat
from typing import ClassVar

import pytest
from format_contract import (
    MBID,
    OTHER_MBID,
    FormatContract,
    assert_one_line,
    collect,
    collect_until_error,
    write_database,
)
from needs import not_root

from cfaudio_core.history.records import Listen, Opinion, Tally, TrackText

SCHEMA = """
    CREATE TABLE user (id VARCHAR(255) PRIMARY KEY, user_name VARCHAR(255), name VARCHAR(255));
    CREATE TABLE media_file (id VARCHAR(255) PRIMARY KEY, path VARCHAR(255), title VARCHAR(255), album VARCHAR(255),
        artist VARCHAR(255), album_artist VARCHAR(255), duration REAL, mbz_recording_id VARCHAR(255),
        mbz_release_track_id VARCHAR(255), library_id INTEGER);
    CREATE TABLE annotation (user_id VARCHAR(255), item_id VARCHAR(255), item_type VARCHAR(255), play_count INTEGER,
        play_date DATETIME, rating INTEGER, starred BOOL, UNIQUE (user_id, item_id, item_type));
"""
SCROBBLES = """
    CREATE TABLE scrobbles (id INTEGER PRIMARY KEY, media_file_id VARCHAR(255), user_id VARCHAR(255),
        submission_time INTEGER);
"""
CONTENT = {
    "user": [("u1", "alice", "Alice"), ("u2", "bob", "Bob"), ("u3", "idle", "Nobody")],
    "media_file": [
        ("m1", "OurR/Desert.flac", "Desert", "Desert EP", "OurR", "Various", 245.5, MBID, OTHER_MBID, 1),
        ("m2", "OurR/Stranger.flac", "Stranger", "", "OurR", "OurR", 180.0, "", "", 1),
    ],
    "annotation": [
        ("u1", "m1", "media_file", 12, "2023-11-14 22:13:20.25+00:00", 0, 0),
        ("u1", "m2", "media_file", 1, "2023-11-14T22:13:20Z", 0, 0),
        ("u1", "gone", "media_file", 2, None, 0, 0),
        ("u1", "a1", "album", 13, "2023-11-14 22:13:20+00:00", 0, 0),
        ("u2", "m2", "media_file", 3, "2023-11-14 22:18:20+00:00", 0, 0),
        ("u3", "m2", "media_file", 0, None, 0, 0),
    ],
}
PLAYS = {
    "scrobbles": [
        (1, "m2", "u1", 1_700_000_300),
        (2, "m1", "u1", 1_700_000_000),
        (3, "gone", "u1", 1_700_000_000),
        (4, "m1", "u1", 0),
    ]
}
DESERT = TrackText("OurR", "Desert", "Desert EP", "Various", MBID, OTHER_MBID, "OurR/Desert.flac", 245.5)
STRANGER = TrackText("OurR", "Stranger", "", "OurR", "", "", "OurR/Stranger.flac", 180.0)


class TestScrobbles(FormatContract):
    name = "navidrome"
    options: ClassVar = {"user": "alice"}
    expected: ClassVar = [
        Listen(DESERT, 0, user="alice"),
        Listen(DESERT, 1_700_000_000, user="alice"),
        Listen(STRANGER, 1_700_000_300, user="alice"),
        Tally(DESERT, 12, 0, 1_700_000_000, "alice"),  # also from before there were scrobbles
        Tally(STRANGER, 1, 0, 1_700_000_000, "alice"),
    ]
    left_out: ClassVar = {"no artist and title": 2}

    def make(self, folder):
        return write_database(folder / "navidrome.db", SCHEMA + SCROBBLES, CONTENT | PLAYS)


class TestAnnotations(FormatContract):
    name = "navidrome"
    options: ClassVar = {"user": "ALICE"}
    expected: ClassVar = [
        Tally(DESERT, 12, 0, 1_700_000_000, "alice"),
        Tally(STRANGER, 1, 0, 1_700_000_000, "alice"),
    ]
    left_out: ClassVar = {"no artist and title": 1}

    def make(self, folder):
        return write_database(folder / "navidrome.db", SCHEMA, CONTENT)


@pytest.fixture
def database(tmp_path):
    return write_database(tmp_path / "navidrome.db", SCHEMA + SCROBBLES, CONTENT | PLAYS)


def test_a_user_without_scrobbles_has_counts(database):
    assert collect("navidrome", database, user="bob")[0] == [Tally(STRANGER, 3, 0, 1_700_000_300, "bob")]


def test_several_users_must_be_distinguished(database):
    _, error = collect_until_error("navidrome", database)
    assert_one_line(error, "navidrome.db: holds several accounts, say which is yours with --account: alice, bob")


def test_a_user_who_played_nothing_is_refused_with_those_who_did(database):
    _, error = collect_until_error("navidrome", database, user="idle")
    assert_one_line(error, "no plays of an account 'idle', say which with --account: alice, bob")


def test_stars_and_ratings_are_read_also_of_a_user_who_played_nothing(tmp_path):
    rows = [
        ("u1", "m1", "media_file", 0, None, 2, 1),
        ("u1", "m2", "media_file", 0, None, 1, 0),
        ("u1", "a1", "album", 0, None, 5, 1),
    ]
    path = write_database(tmp_path / "navidrome.db", SCHEMA, CONTENT | {"annotation": rows})
    assert collect("navidrome", path)[0] == [Opinion(DESERT, 1.0, 0, "alice"), Opinion(STRANGER, -1.0, 0, "alice")]


def test_the_only_user_need_not_be_named(tmp_path):
    content = CONTENT | {"annotation": CONTENT["annotation"][:1]}
    path = write_database(tmp_path / "navidrome.db", SCHEMA, content)
    assert collect("navidrome", path)[0] == [Tally(DESERT, 12, 0, 1_700_000_000, "alice")]


def test_a_hostile_user_name_is_only_a_name(database):
    _, error = collect_until_error("navidrome", database, user="x' OR '1'='1")
    assert_one_line(error, "no plays of an account")


def test_a_folder_is_searched_for_the_database(database):
    assert collect("navidrome", database.parent, user="alice") == collect("navidrome", database, user="alice")


def test_an_older_schema_without_ids_is_read(tmp_path):
    schema = SCHEMA.replace("mbz_recording_id VARCHAR(255),", "").replace("mbz_release_track_id VARCHAR(255),", "")
    files = [(*row[:7], row[9]) for row in CONTENT["media_file"]]
    path = write_database(tmp_path / "navidrome.db", schema, CONTENT | {"media_file": files})
    records, _ = collect("navidrome", path, user="alice")
    assert records[0].track == DESERT._replace(recording_mbid="", track_mbid="")


def test_a_database_that_is_locked_is_read_from_a_copy(database, monkeypatch):
    monkeypatch.setattr("cfaudio_core.history.readers.sqlite._LOCK_WAIT_S", 0.05)
    owner = sqlite3.connect(database, isolation_level=None)
    owner.execute("BEGIN EXCLUSIVE")
    owner.execute("UPDATE media_file SET title = 'Changed'")  # in memory until it is committed
    records, _ = collect("navidrome", database, user="alice")
    owner.rollback()
    owner.close()
    assert records == TestScrobbles.expected


def test_writes_in_the_log_of_a_running_server_are_seen(database):
    owner = sqlite3.connect(database)
    owner.execute("PRAGMA journal_mode = WAL")
    owner.execute("INSERT INTO scrobbles VALUES (9, 'm1', 'u1', 1700000900)")
    owner.commit()
    records, _ = collect("navidrome", database, user="alice")
    assert Listen(DESERT, 1_700_000_900, user="alice") in records
    owner.execute("INSERT INTO scrobbles VALUES (10, 'm1', 'u1', 1700000901)")  # nobody is in its way
    owner.commit()
    owner.close()


def test_a_log_without_its_index_is_read_from_a_copy(tmp_path, database):
    owner = sqlite3.connect(database)
    owner.execute("PRAGMA journal_mode = WAL")
    owner.execute("INSERT INTO scrobbles VALUES (9, 'm1', 'u1', 1700000900)")
    owner.commit()
    backup = tmp_path / "backup"
    backup.mkdir()
    for name in ("navidrome.db", "navidrome.db-wal"):
        shutil.copyfile(tmp_path / name, backup / name)
    owner.close()
    before = {path.name: path.read_bytes() for path in backup.iterdir()}
    records, _ = collect("navidrome", backup, user="alice")
    assert records[-3].time == 1_700_000_900
    assert {path.name: path.read_bytes() for path in backup.iterdir()} == before


def test_the_log_beside_the_file_that_a_link_points_to_is_read(tmp_path, database):
    owner = sqlite3.connect(database)
    owner.execute("PRAGMA journal_mode = WAL")
    owner.execute("INSERT INTO scrobbles VALUES (9, 'm1', 'u1', 1700000900)")
    owner.commit()
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(database)
    assert collect("navidrome", link, user="alice")[0][-3].time == 1_700_000_900
    owner.close()


def test_a_log_that_was_taken_in_leaves_nothing_beside(database):
    owner = sqlite3.connect(database)
    owner.execute("PRAGMA journal_mode = WAL")
    owner.close()
    assert collect("navidrome", database, user="alice")[0] == TestScrobbles.expected
    assert [path.name for path in database.parent.iterdir()] == ["navidrome.db"]


@not_root
def test_a_database_one_may_not_read_is_named(database):
    database.chmod(stat.S_IWUSR)
    assert_one_line(collect_until_error("navidrome", database)[1], "navidrome.db: ")


def test_a_schema_with_bytes_that_are_no_text_is_refused(database):
    database.write_bytes(database.read_bytes().replace(b"CREATE TABLE annotation", b"CREATE \x80ABLE annotation"))
    assert_one_line(collect_until_error("navidrome", database, user="alice")[1], "navidrome.db: damaged")
