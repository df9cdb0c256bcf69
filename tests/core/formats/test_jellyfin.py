import time
import uuid
from typing import ClassVar

import pytest
from format_contract import FormatContract, assert_one_line, collect, collect_until_error, write_database

from cfaudio_core.history.records import Listen, Tally, TrackText

AUDIO = "MediaBrowser.Controller.Entities.Audio.Audio"
MOVIE = "MediaBrowser.Controller.Entities.Movies.Movie"
ALICE, BOB = (uuid.UUID(int=n) for n in (0xA11CE, 0xB0B))
DESERT_ID, STRANGER_ID, MOVIE_ID = (uuid.UUID(int=n << 96 | n) for n in (1, 2, 3))
DESERT = TrackText("OurR feat. Someone", "Desert", "Desert EP", "OurR", path="/music/OurR/Desert.flac", duration=245.5)
STRANGER = TrackText("OurR", "Stranger", path="/music/OurR/Stranger.flac")
USERS = "CREATE TABLE Users (Id TEXT PRIMARY KEY, Username TEXT, InternalId INTEGER);"
USER_ROWS = [(str(ALICE).upper(), "alice", 1), (str(BOB).upper(), "bob", 2)]
ITEMS = """
    CREATE TABLE BaseItems (Id TEXT PRIMARY KEY, Type TEXT, Path TEXT, Name TEXT, Album TEXT, Artists TEXT,
                            AlbumArtists TEXT, RunTimeTicks INTEGER);
"""
ITEM_ROWS = [
    (str(DESERT_ID).upper(), AUDIO, DESERT.path, "Desert", "Desert EP", "OurR|Someone", "OurR", 2_455_000_000),
    (str(STRANGER_ID).upper(), AUDIO, STRANGER.path, "Stranger", None, "OurR", None, None),
    (str(MOVIE_ID).upper(), MOVIE, "/films/x.mkv", "X", None, None, None, None),
]
USER_DATA = """
    CREATE TABLE UserData (ItemId TEXT, UserId TEXT, CustomDataKey TEXT, Rating REAL, PlaybackPositionTicks INTEGER,
                           PlayCount INTEGER, IsFavorite INTEGER, LastPlayedDate TEXT, Played INTEGER);
"""


def user_data(item, user, key, plays, last=None):
    return str(item).upper(), str(user).upper(), key, None, 0, plays, 0, last, 1


class TestCurrentCounts(FormatContract):
    name = "jellyfin"
    options: ClassVar = {"user": "alice"}
    expected: ClassVar = [Tally(DESERT, 12, 0, 1_700_000_000, "alice"), Tally(STRANGER, 1, 0, 0, "alice")]

    def make(self, folder):
        rows = [
            user_data(DESERT_ID, ALICE, "OurR-Desert EP-0001Desert", 12, "2023-11-14 22:13:20.1234567"),
            user_data(DESERT_ID, ALICE, str(DESERT_ID), 11, "2023-11-13 22:13:20"),
            user_data(STRANGER_ID, ALICE, "x", 1),
            user_data(STRANGER_ID, BOB, "x", 7),
            user_data(MOVIE_ID, ALICE, "m", 2),
        ]
        content = {"Users": USER_ROWS, "BaseItems": ITEM_ROWS, "UserData": rows}
        return write_database(folder / "jellyfin.db", USERS + ITEMS + USER_DATA, content)


FORMER = """
    CREATE TABLE TypedBaseItems (guid GUID PRIMARY KEY, type TEXT, Path TEXT, Name TEXT, UserDataKey TEXT, Album TEXT,
                                 Artists TEXT, AlbumArtists TEXT, RunTimeTicks BIGINT);
    CREATE TABLE UserDatas (key NVARCHAR, userId INT, rating FLOAT, played BIT, playCount INT, isFavorite BIT,
                            playbackPositionTicks BIGINT, lastPlayedDate DATETIME NULL);
"""
FORMER_ITEMS = [
    (
        DESERT_ID.bytes_le,
        AUDIO,
        DESERT.path,
        "Desert",
        "OurR-Desert EP-0001Desert",
        "Desert EP",
        "OurR|Someone",
        "OurR",
        2_455_000_000,
    ),
    (STRANGER_ID.bytes_le, AUDIO, STRANGER.path, "Stranger", "OurR--Stranger", None, "OurR", None, None),
]
FORMER_DATA = [
    ("OurR-Desert EP-0001Desert", 1, None, 1, 12, 0, 0, "2023-11-14 22:13:20Z"),
    ("OurR--Stranger", 1, None, 1, 1, 0, 0, None),
    ("OurR--Stranger", 2, None, 1, 5, 0, 0, None),
    ("OurR--Stranger", 3, None, 0, 0, 1, 0, None),
]


class TestFormerCounts(FormatContract):
    name = "jellyfin"
    options: ClassVar = {"user": "alice"}
    expected: ClassVar = [Tally(STRANGER, 1, 0, 0, "alice"), Tally(DESERT, 12, 0, 1_700_000_000, "alice")]

    def make(self, folder):
        write_database(folder / "jellyfin.db", USERS, {"Users": USER_ROWS})
        content = {"TypedBaseItems": FORMER_ITEMS, "UserDatas": FORMER_DATA}
        return write_database(folder / "library.db", FORMER, content)


PLAYBACK = """
    CREATE TABLE PlaybackActivity (DateCreated DATETIME NOT NULL, UserId TEXT, ItemId TEXT, ItemType TEXT,
                                   ItemName TEXT, PlaybackMethod TEXT, ClientName TEXT, DeviceName TEXT,
                                   PlayDuration INT);
"""


def activity(date, user, item, name, seconds, kind="Audio"):
    return date, user.hex, item.hex, kind, name, "DirectPlay", "Finamp", "phone", seconds


ACTIVITIES = [
    activity("2023-11-14 22:13:20.1234567", ALICE, DESERT_ID, "OurR - Desert (Desert EP)", 240),
    activity("2023-11-14 22:18:20", ALICE, uuid.UUID(int=99), "AC/DC - Thunder (live) (The (Best) Of)", 12),
    activity("2023-11-14 22:20:00", ALICE, uuid.UUID(int=98), "Not Known - Lost (Not Known)", 100),
    activity("2023-11-14 22:21:00", ALICE, MOVIE_ID, "X", 5000, "Movie"),
    activity("2023-11-14 22:22:00", BOB, STRANGER_ID, "OurR - Stranger (Not Known)", 100),
]
GONE = TrackText("AC/DC", "Thunder (live)", "The (Best) Of")


@pytest.fixture(autouse=True)
def in_new_york(monkeypatch):
    """The plugin writes the server's local time."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


NEW_YORK = 5 * 3600


class TestPlaybackReporting(FormatContract):
    name = "jellyfin"
    options: ClassVar = {"user": "alice"}
    expected: ClassVar = [
        Listen(DESERT, 1_700_000_000 + NEW_YORK, 240.0, None, "alice"),
        Listen(GONE, 1_700_000_300 + NEW_YORK, 12.0, None, "alice"),
    ]
    left_out: ClassVar = {"no artist and title": 1}

    def make(self, folder):
        write_database(folder / "jellyfin.db", USERS + ITEMS, {"Users": USER_ROWS, "BaseItems": ITEM_ROWS})
        return write_database(folder / "playback_reporting.db", PLAYBACK, {"PlaybackActivity": ACTIVITIES})


class TestExportOfPlaybackReporting(FormatContract):
    name = "jellyfin"
    options: ClassVar = {"user": ALICE.hex}
    expected: ClassVar = [
        Listen(TrackText("OurR", "Desert", "Desert EP"), 1_700_000_000 + NEW_YORK, 240.0, None, ALICE.hex),
        Listen(GONE, 1_700_000_300 + NEW_YORK, 12.0, None, ALICE.hex),
    ]
    left_out: ClassVar = {"no artist and title": 1}
    open_end = True

    def make(self, folder):
        path = folder / "PlaybackReportingBackup.tsv"
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in ACTIVITIES))
        return path


def test_plays_of_10_10_find_their_tracks_by_binary_ids(tmp_path):
    write_database(tmp_path / "jellyfin.db", USERS, {"Users": USER_ROWS})
    write_database(tmp_path / "library.db", FORMER, {"TypedBaseItems": FORMER_ITEMS})
    write_database(tmp_path / "playback_reporting.db", PLAYBACK, {"PlaybackActivity": ACTIVITIES})
    assert collect("jellyfin", tmp_path, user="alice")[0] == TestPlaybackReporting.expected


def test_users_have_numbers_where_their_names_are_not_known(tmp_path):
    content = {"TypedBaseItems": FORMER_ITEMS, "UserDatas": FORMER_DATA}
    path = write_database(tmp_path / "library.db", FORMER, content)
    _, error = collect_until_error("jellyfin", path)
    assert_one_line(error, "library.db: holds several accounts, say which with --user: user 1, user 2")
    assert [tally.plays for tally in collect("jellyfin", path, user="user 2")[0]] == [5]


def test_a_folder_has_the_plays_and_the_counts_from_before(tmp_path):
    TestCurrentCounts().make(tmp_path)
    write_database(tmp_path / "playback_reporting.db", PLAYBACK, {"PlaybackActivity": ACTIVITIES})
    expected = [*TestPlaybackReporting.expected, *TestCurrentCounts.expected]
    assert collect("jellyfin", tmp_path, user="alice")[0] == expected


def test_the_counts_beside_are_those_of_the_account_of_the_plays(tmp_path):
    TestCurrentCounts().make(tmp_path)
    write_database(tmp_path / "playback_reporting.db", PLAYBACK, {"PlaybackActivity": ACTIVITIES[-1:]})
    records, _ = collect("jellyfin", tmp_path)  # Alice has counts as well
    assert [(type(record), record.user) for record in records] == [(Listen, "bob"), (Tally, "bob")]


def test_an_account_without_counts_beside_its_plays_is_no_error(tmp_path):
    TestFormerCounts().make(tmp_path)
    stranger = activity("2023-11-14 22:22:00", uuid.UUID(int=77), STRANGER_ID, "OurR - Stranger (Not Known)", 100)
    write_database(tmp_path / "playback_reporting.db", PLAYBACK, {"PlaybackActivity": [stranger]})
    assert [type(record) for record in collect("jellyfin", tmp_path)[0]] == [Listen]
