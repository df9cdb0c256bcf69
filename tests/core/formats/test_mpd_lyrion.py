from typing import ClassVar

import pytest
from format_contract import MBID, FormatContract, assert_one_line, collect, collect_until_error, write_database

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
