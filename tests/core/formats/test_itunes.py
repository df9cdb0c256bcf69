import plistlib
from datetime import datetime
from typing import ClassVar

from format_contract import FormatContract, assert_one_line, collect, collect_until_error

from cfaudio_core.history.records import Opinion, Tally, TrackText

TRACKS = {
    "1001": {
        "Track ID": 1001,
        "Name": "Desert & dunes",
        "Artist": "OurR",
        "Album Artist": "Various",
        "Album": "Desert EP",
        "Total Time": 245_500,
        "Play Count": 12,
        "Play Date": 3_782_844_800,
        "Play Date UTC": datetime(2023, 11, 14, 22, 13, 20),
        "Skip Count": 2,
        "Loved": True,
        "Location": "file:///Users/me/Music/OurR/01%20Desert%20%E2%99%A5.m4a",
    },
    "1002": {"Track ID": 1002, "Name": "Unplayed", "Artist": "OurR", "Location": "file:///x.mp3"},
    "1003": {"Track ID": 1003, "Name": "Talk", "Artist": "Host", "Podcast": True, "Play Count": 3},
    "1004": {
        "Track ID": 1004,
        "Name": "Stranger",
        "Artist": "OurR",
        "Skip Count": 1,
        "Location": "file://localhost/C:/M/s.mp3",
    },
    "1005": {"Track ID": 1005, "Name": "Broken", "Artist": "OurR", "Play Count": 2**40},
}
LIBRARY = {
    "Major Version": 1,
    "Music Folder": "file:///Users/me/Music/",
    "Tracks": TRACKS,
    "Playlists": [{"Name": "Library", "Playlist Items": [{"Track ID": 1001}]}],
}


class TestLibrary(FormatContract):
    name = "itunes"
    expected: ClassVar = [
        Tally(
            TrackText(
                "OurR",
                "Desert & dunes",
                "Desert EP",
                "Various",
                path="/Users/me/Music/OurR/01 Desert ♥.m4a",
                duration=245.5,
            ),
            12,
            2,
            1_700_000_000,
        ),
        Opinion(
            TrackText(
                "OurR",
                "Desert & dunes",
                "Desert EP",
                "Various",
                path="/Users/me/Music/OurR/01 Desert ♥.m4a",
                duration=245.5,
            ),
            1.0,
        ),
        Tally(TrackText("OurR", "Stranger", path="C:/M/s.mp3"), 0, 1),
    ]
    left_out: ClassVar = {"not music": 1, "impossible count": 1}

    def make(self, folder):
        path = folder / "Library.xml"
        path.write_bytes(plistlib.dumps(LIBRARY, sort_keys=False))
        return path


def test_counts_of_playlists_are_not_taken_for_those_of_tracks(tmp_path):
    library = {"Playlists": [{"Tracks": {"Name": "x", "Play Count": 4}}], "Tracks": {}}
    (tmp_path / "Library.xml").write_bytes(plistlib.dumps(library))
    assert collect("itunes", tmp_path / "Library.xml") == ([], {})


def test_entities_are_refused(tmp_path):
    (tmp_path / "bomb.xml").write_text(
        '<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        "<plist><dict><key>Tracks</key><dict><key>1</key><dict><key>Name</key><string>&b;</string></dict></dict></dict></plist>"
    )
    assert_one_line(collect_until_error("itunes", tmp_path / "bomb.xml")[1], "bomb.xml: declares XML entities")


def test_a_binary_property_list_is_refused_with_advice(tmp_path):
    (tmp_path / "Library.xml").write_bytes(plistlib.dumps(LIBRARY, fmt=plistlib.FMT_BINARY))
    assert_one_line(collect_until_error("itunes", tmp_path / "Library.xml")[1], "export the library as XML")


def test_another_property_list_is_refused(tmp_path):
    (tmp_path / "other.xml").write_bytes(plistlib.dumps({"CFBundleName": "x"}))
    assert_one_line(collect_until_error("itunes", tmp_path / "other.xml")[1], "other.xml: not a library of iTunes")


def test_a_library_cut_short_is_named_with_its_line(tmp_path):
    whole = plistlib.dumps(LIBRARY, sort_keys=False)
    (tmp_path / "Library.xml").write_bytes(whole[: whole.index(b"1004")])
    records, error = collect_until_error("itunes", tmp_path / "Library.xml")
    assert records == TestLibrary.expected[:2]
    assert_one_line(error, "Library.xml: line")
