import struct
import tracemalloc
from itertools import pairwise
from typing import ClassVar

import pytest
from format_contract import MBID, FormatContract, assert_one_line, collect, collect_until_error, write_database

from cfaudio_core.history.readers.sqlite import read_only
from cfaudio_core.history.records import Listen, Tally, TrackText

STICKERS = """
    CREATE TABLE sticker (type VARCHAR NOT NULL, uri VARCHAR NOT NULL, name VARCHAR NOT NULL, value VARCHAR NOT NULL);
    CREATE UNIQUE INDEX sticker_value ON sticker (type, uri, name);
"""


class TestStickers(FormatContract):
    name = "mpd"
    expected: ClassVar = [
        Tally(TrackText(path="OurR/Desert.flac"), 12, 3, 1_700_000_000),
        Tally(TrackText(path="OurR/Stranger.flac"), 7),
    ]
    left_out: ClassVar = {"impossible count": 1}

    def make(self, folder):
        return write_database(
            folder / "sticker.sql",
            STICKERS,
            {
                "sticker": [
                    ("song", "OurR/Stranger.flac", "playCount", "5"),
                    ("song", "OurR/Stranger.flac", "playcount", "7"),
                    ("song", "OurR/Desert.flac", "playCount", "000000000012"),
                    ("song", "OurR/Desert.flac", "skipCount", "3"),
                    ("song", "OurR/Desert.flac", "lastPlayed", "1700000000"),
                    ("song", "OurR/Desert.flac", "like", "2"),
                    ("song", "OurR/Rated.flac", "rating", "8"),
                    ("song", "OurR/Broken.flac", "playCount", "4000000"),
                    ("Artist", "OurR", "playCount", "40"),
                ]
            },
        )


COMPUTED = {
    "a value of 400 MB": (
        "CREATE VIEW sticker AS"
        " SELECT 'song' AS type, hex(zeroblob(200000000)) AS uri, 'playCount' AS name, '1' AS value"
    ),
    "rows without end": (
        "CREATE VIEW sticker AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
        " SELECT 'song' AS type, 'a/' || n AS uri, 'playCount' AS name, '1' AS value FROM r"
    ),
    "a generated column": (
        "CREATE TABLE sticker (type, name, value, uri AS (hex(zeroblob(200000000))));"
        "INSERT INTO sticker VALUES ('song', 'playCount', '1')"
    ),
    "a view of a generated column": (
        "CREATE TABLE t (a, b AS (hex(zeroblob(200000000)))); INSERT INTO t VALUES (1);"
        "CREATE VIEW sticker AS SELECT 'song' AS type, b AS uri, 'playCount' AS name, '1' AS value FROM t"
    ),
}


@pytest.mark.parametrize("schema", COMPUTED.values(), ids=COMPUTED)
def test_what_a_database_would_compute_is_not_read(tmp_path, schema):
    source = write_database(tmp_path / "sticker.sql", schema, {})
    tracemalloc.start()
    records, error = collect_until_error("mpd", source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not records
    assert_one_line(error, str(source))
    assert peak < 16 << 20


def test_a_foreign_database_is_not_trusted_and_cannot_be_written_to(tmp_path):
    with read_only(write_database(tmp_path / "a.db", "CREATE TABLE a (b)", {})) as connection:
        assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
        assert connection.execute("PRAGMA query_only").fetchone() == (1,)


def test_a_long_value_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("cfaudio_core.history.readers.sqlite._MAX_VALUE_BYTES", 1000)
    long = {"sticker": [("song", "a" * 2000, "playCount", "1")]}
    source = write_database(tmp_path / "sticker.sql", STICKERS, long)
    records, error = collect_until_error("mpd", source)
    assert not records
    assert_one_line(error, str(source))


def interior_page(child: int, size: int = 1024, cells: int = 50) -> bytes:
    """A page of a table of which all parts are one other page."""
    places = range(size - 5 * cells, size, 5)
    head = struct.pack(">BHHHBI", 5, 0, cells, places[0], 0, child) + struct.pack(f">{cells}H", *places)
    return head.ljust(places[0], b"\0") + struct.pack(">IB", child, 1) * cells


def test_pages_that_name_each_other_again_and_again_come_to_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr("cfaudio_core.history.readers.sqlite._MAX_STEPS", 1_000_000)
    monkeypatch.setattr("cfaudio_core.history.readers.sqlite._MAX_STEPS_A_BYTE", 10)
    schema = "PRAGMA page_size = 1024; CREATE TABLE sticker (type, uri, name, value); CREATE TABLE filler (a)"
    rows = {"sticker": [("song", "a", "other", "1")], "filler": [(bytes(12_000),)]}
    source = write_database(tmp_path / "sticker.sql", schema, rows)
    content = bytearray(source.read_bytes())
    leaf = content[1024:2048]
    for page, child in pairwise([2, *range(4, 15)]):  # 50 to the power of 11 rows
        content[1024 * (page - 1) : 1024 * page] = interior_page(child)
    content[1024 * 13 : 1024 * 14] = leaf
    source.write_bytes(content)
    records, error = collect_until_error("mpd", source)
    assert not records
    assert "do not end" in str(error)


PERSIST = """
    CREATE TABLE tracks_persistent (id INTEGER PRIMARY KEY, urlmd5 TEXT, url TEXT, musicbrainz_id TEXT, added INTEGER,
                                    rating INTEGER, playcount INTEGER, lastplayed INTEGER);
"""
ALTERNATIVE = """
    CREATE TABLE alternativeplaycount (url TEXT, playCount INTEGER, lastPlayed INTEGER, skipCount INTEGER,
                                       lastSkipped INTEGER, dynPSval INTEGER, remote INTEGER, urlmd5 TEXT,
                                       musicbrainz_id TEXT);
"""
TRACKSTAT = "CREATE TABLE track_history (url TEXT, musicbrainz_id TEXT, played INTEGER, rating INTEGER);"
DESERT = "file:///music/OurR/Desert%20%231.flac"
OWN = {
    "tracks_persistent": [
        (1, "a", DESERT, MBID, 1, 80, 12, 1_700_000_000),
        (2, "b", "http://radio.example.org/stream", None, 1, None, 5, 1_700_000_000),
        (3, "c", "file:///music/unplayed.flac", None, 1, None, None, None),
    ]
}
TRACK = TrackText(path="/music/OurR/Desert #1.flac", recording_mbid=MBID)


class TestOwnCounts(FormatContract):
    name = "lyrion"
    expected: ClassVar = [Tally(TRACK, 12, 0, 1_700_000_000)]
    left_out: ClassVar = {"not a local file": 1}

    def make(self, folder):
        return write_database(folder / "persist.db", PERSIST, OWN)


class TestAlternativePlayCount(FormatContract):
    name = "lyrion"
    expected: ClassVar = [Tally(TRACK, 9, 4, 1_700_000_300)]
    left_out: ClassVar = {"not a local file": 1}

    def make(self, folder):
        rows = [(DESERT, 9, 1_700_000_300, 4, 1_700_000_400, 0, 0, "a", MBID)]
        return write_database(folder / "persist.db", PERSIST + ALTERNATIVE, OWN | {"alternativeplaycount": rows})


class TestTrackStat(FormatContract):
    name = "lyrion"
    expected: ClassVar = [
        Listen(TRACK, 1_699_990_000),
        Listen(TRACK, 1_700_000_000),
        Tally(TRACK, 12, 0, 1_700_000_000),  # also from before the plugin was installed
    ]
    left_out: ClassVar = {"not a local file": 1}

    def make(self, folder):
        rows = [(DESERT, MBID, 1_700_000_000, None), (DESERT, MBID, 1_699_990_000, 80)]
        return write_database(folder / "persist.db", PERSIST + TRACKSTAT, OWN | {"track_history": rows})


def test_an_unused_plugin_does_not_hide_the_servers_own_counts(tmp_path):
    path = write_database(tmp_path / "persist.db", PERSIST + ALTERNATIVE + TRACKSTAT, OWN)
    assert collect("lyrion", path)[0] == TestOwnCounts.expected


def test_another_database_is_refused(tmp_path):
    path = write_database(tmp_path / "other.db", "CREATE TABLE things (id INTEGER)", {})
    for name in ("mpd", "lyrion", "navidrome", "jellyfin"):
        assert_one_line(collect_until_error(name, path)[1], "other.db: not ")


@pytest.mark.parametrize(
    ("plugin", "expected"), [((2, 0), (12, 0)), ((9, 3), (9, 3)), ((9, 8), (9, 8)), ((20, 1), (20, 1))]
)
def test_what_the_server_counted_before_the_plugin_is_kept(tmp_path, plugin, expected):
    rows = [(DESERT, plugin[0], 1_700_000_300, plugin[1], 0, 0, 0, "a", MBID)]
    path = write_database(tmp_path / "persist.db", PERSIST + ALTERNATIVE, OWN | {"alternativeplaycount": rows})
    [tally] = collect("lyrion", path)[0]
    assert (tally.plays, tally.skips) == expected
