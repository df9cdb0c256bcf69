import time
from typing import ClassVar

import pytest
from format_contract import MBID, FormatContract, assert_one_line, collect, collect_until_error

from cfaudio_core.history.records import Listen, TrackText

HEADER = (
    "#AUDIOSCROBBLER/1.1\n#TZ/UTC\n#CLIENT/Rockbox ipodvideo 1.0\n"
    "#ARTIST #ALBUM #TITLE #TRACKNUM #LENGTH #RATING #TIMESTAMP #MUSICBRAINZ_TRACKID\n"
)
DESERT = f"OurR\tDesert EP\tDesert\t1\t245\tL\t1700000000\t{MBID}\n"


@pytest.fixture
def in_new_york(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class TestScrobblerLog(FormatContract):
    name = "rockbox"
    expected: ClassVar = [
        Listen(
            TrackText("OurR", "Desert", "Desert EP", recording_mbid=MBID, duration=245.0), 1_700_000_000, None, False
        ),
        Listen(TrackText("OurR", "Stranger", duration=180.0), 1_700_000_300, None, True),
        Listen(TrackText("OurR", "Timeless", duration=180.0), 0, None, False),
    ]
    left_out: ClassVar = {"torn line": 1, "no artist and title": 1}
    open_end = True

    def make(self, folder):
        path = folder / ".scrobbler.log"
        path.write_text(
            HEADER
            + DESERT
            + "# FAILED - /Music/x.mp3\n"
            + "OurR\t\tStranger\t2\t180\tS\t1700000300\t\n"
            + "OurR\t\tTo\0\0\0\n"
            + "OurR\t\tTimeless\t3\t180\tL\t0\t\n"
            + "<Untagged>\t<Untagged>\tSomething\t0\t9\tL\t1700000900\t\n"
        )
        return path


class TestPlaybackLog(FormatContract):
    name = "rockbox"
    left_out: ClassVar = {"torn line": 1}
    open_end = True

    @property
    def expected(self):
        zone = time.mktime(time.gmtime(1_700_000_000)) - 1_700_000_000  # this machine's
        return [
            Listen(
                TrackText(path="Music/OurR/Desert: a song.flac", duration=245.5), 1_700_000_000 + zone, 245.0, False
            ),
            Listen(TrackText(path="Music/b.mp3", duration=180.0), 1_700_000_300 + zone, 3.0, True),
            Listen(TrackText(path="Music/c.mp3", duration=180.0), 0, 3.0, True),
        ]

    def make(self, folder):
        path = folder / "playback.log"
        path.write_text(
            "# playback log\n"
            "1700000000:245000:245500:/Music/OurR/Desert: a song.flac\n"
            "1700000300:3000:180000:/<microSD1>/Music/b.mp3\n"
            "0:3000:180000:/Music/c.mp3\n"
            "17000004\n"
        )
        return path


def test_a_clock_without_zone_is_local_time(tmp_path, in_new_york):
    (tmp_path / "log").write_text(HEADER.replace("UTC", "UNKNOWN") + DESERT)
    assert collect("rockbox", tmp_path / "log")[0][0].time == 1_700_000_000 + 5 * 3600


def test_a_clock_in_utc_is_left_alone(tmp_path, in_new_york):
    (tmp_path / "log").write_text(HEADER + DESERT)
    assert collect("rockbox", tmp_path / "log")[0][0].time == 1_700_000_000


def test_summer_time_is_that_of_the_day_of_the_play(tmp_path, in_new_york):
    (tmp_path / "log").write_text("1690000000:9000:9000:/a.mp3\n")
    assert collect("rockbox", tmp_path / "log")[0][0].time == 1_690_000_000 + 4 * 3600


def test_a_folder_gives_its_playback_logs_and_not_the_log_made_from_them(tmp_path):
    (tmp_path / ".scrobbler.log").write_text(HEADER + DESERT)
    (tmp_path / ".rockbox").mkdir()
    (tmp_path / ".rockbox" / "playback.log").write_text("1700000000:9000:9000:/newer.mp3\n")
    (tmp_path / ".rockbox" / "playback_0001.log").write_text("1600000000:9000:9000:/older.mp3\n")
    records, _ = collect("rockbox", tmp_path)
    assert {record.track.path for record in records} == {"newer.mp3", "older.mp3"}


def test_paths_that_are_no_utf8_keep_their_bytes(tmp_path):
    (tmp_path / "playback.log").write_bytes(b"1700000000:9000:9000:/Bj\xf6rk.mp3\n")
    assert collect("rockbox", tmp_path / "playback.log")[0][0].track.path == "Bj\udcf6rk.mp3"


def test_another_log_is_refused_by_line(tmp_path):
    (tmp_path / "playback.log").write_text("12:00 started\n")
    assert_one_line(collect_until_error("rockbox", tmp_path / "playback.log")[1], "playback.log: line 1")
