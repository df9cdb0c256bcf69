from typing import ClassVar

from format_contract import (
    MBID,
    FormatContract,
    JsonContract,
    assert_one_line,
    collect,
    collect_until_error,
    write_json,
)

from cfaudio_core.history.records import Listen, TrackText

RECORDS = [
    Listen(TrackText("OurR", "Desert", "Desert EP", recording_mbid=MBID), 1_700_000_000),
    Listen(TrackText("Sigur Rós", "Ágætis, byrjun"), 1_699_999_000),
]
PLAYING = {"playing just then": 1}


def track(artist, title, album, time, mbid=""):
    entry = {
        "artist": {"mbid": "", "#text": artist},
        "streamable": "0",
        "mbid": mbid,
        "album": {"mbid": "", "#text": album},
        "name": title,
        "url": "https://www.last.fm/music/x",
    }
    return entry | ({"date": {"uts": str(time), "#text": "x"}} if time else {"@attr": {"nowplaying": "true"}})


TRACKS = [
    track("OurR", "Playing", "", None),
    track("OurR", "Desert", "Desert EP", 1_700_000_000, MBID),
    track("Sigur Rós", "Ágætis, byrjun", "", 1_699_999_000),
]


class TestGhanJson(JsonContract):
    name = "lastfm"
    expected = RECORDS
    left_out = PLAYING

    def make(self, folder):
        # The API gives a page's only track without the list.
        pages = [{"track": TRACKS[:2]}, {"track": TRACKS[2]}]
        return write_json(folder / "recenttracks-somebody-1700000000.json", pages)


class TestAnswerOfTheApi(JsonContract):
    name = "lastfm"
    expected = RECORDS
    left_out = PLAYING

    def make(self, folder):
        content = {"recenttracks": {"track": TRACKS, "@attr": {"user": "somebody", "total": "2"}}}
        return write_json(folder / "recenttracks.json", content)


class TestGhanCsv(FormatContract):
    name = "lastfm"
    expected = RECORDS
    left_out = PLAYING
    open_end = True

    def make(self, folder):
        path = folder / "recenttracks-somebody-1700000000.csv"
        path.write_text(
            "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n"
            f'"1700000000","14 Nov 2023, 22:13","OurR","","Desert EP","","Desert","{MBID}"\n'
            '"","","OurR","","","","Playing",""\n'
            '"1699999000","14 Nov 2023, 21:56","Sigur Rós","","","","Ágætis, byrjun",""\n',
            encoding="utf-8",
        )
        return path


class TestLastfmToCsv(FormatContract):
    name = "lastfm"
    expected: ClassVar = [
        Listen(TrackText("OurR", "Desert", "Desert EP"), 1_699_999_980),
        Listen(TrackText("Sigur Rós", 'Ágætis "byrjun"'), 1_606_728_900),
    ]
    left_out = PLAYING
    open_end = True

    def make(self, folder):
        path = folder / "somebody.csv"
        path.write_text(
            "OurR,,Playing,\n"
            "OurR,Desert EP,Desert,14 Nov 2023 22:13\n"
            'Sigur Rós,,"Ágætis ""byrjun""",30 Nov 2020 09:35\n',
            encoding="utf-8",
        )
        return path


class TestLastexport(FormatContract):
    name = "lastfm"
    expected: ClassVar = [
        Listen(TrackText("OurR", "Desert", "Desert EP"), 1_700_000_000),
        Listen(TrackText("Sigur Rós", 'A "quoted" title'), 1_699_999_000),
        Listen(TrackText("OurR", "Clock"), 0),
    ]
    open_end = True

    def make(self, folder):
        path = folder / "exported_tracks.txt"
        path.write_text(
            f"1700000000\tDesert\tOurR\tDesert EP\t{MBID}\t\t\n"
            '1699999000\tA "quoted" title\tSigur Rós\t\t\t\t\n'
            "3600\tClock\tOurR\t\t\t\t\n",
            encoding="utf-8",
        )
        return path


class TestLibreFm(FormatContract):
    name = "lastfm"
    expected: ClassVar = [
        Listen(TrackText("OurR", "Desert", "Desert EP"), 1_700_000_000),
        Listen(TrackText("Sigur Rós", "Ágætis, byrjun"), 1_699_999_000),
    ]
    open_end = True

    def make(self, folder):
        path = folder / "librefm.csv"
        path.write_text(
            "# somebody's listens, exported by Libre.fm\n\n"
            "Time,Artist,Track,Album\n1700000000,OurR,Desert,Desert EP\n"
            '1699999000,Sigur Rós,"Ágætis, byrjun",\n',
            encoding="utf-8",
        )
        return path


def test_tables_of_other_exporters_by_their_headings(tmp_path):
    (tmp_path / "a.csv").write_text('utc_time,artist,album,track\n"14 Nov 2023, 22:13",OurR,,Desert\n')
    (tmp_path / "b.csv").write_text(
        "artist,artist_mbid,track,track_mbid,timestamp,datetime\n"
        f"OurR,,Desert,{MBID},1700000000,2023-11-14 22:13\n"
        f"OurR,,Desert,{MBID},0,1970-01-01 00:00\n"
    )
    assert collect("lastfm", tmp_path / "a.csv")[0] == [Listen(TrackText("OurR", "Desert"), 1_699_999_980)]
    desert = TrackText("OurR", "Desert", recording_mbid=MBID)
    assert collect("lastfm", tmp_path / "b.csv") == ([Listen(desert, 1_700_000_000), Listen(desert, 0)], {})


def test_a_table_without_a_time_is_refused(tmp_path):
    (tmp_path / "library.csv").write_text("artist,track,album\nOurR,Desert,\n")
    assert_one_line(collect_until_error("lastfm", tmp_path / "library.csv")[1], "library.csv: line 1 has no heading")


def test_a_row_with_too_few_columns_is_named(tmp_path):
    (tmp_path / "cut.csv").write_text("uts,artist,track\n1700000000,OurR,Desert\n1700000300,OurR\n")
    records, error = collect_until_error("lastfm", tmp_path / "cut.csv")
    assert len(records) == 1
    assert_one_line(error, "cut.csv: line 3 has 2 columns instead of 3")


def test_a_row_that_is_cut_of_a_table_without_headings_is_left_out(tmp_path):
    source = tmp_path / "scrobbles.tsv"
    source.write_text("A\tAlbum\tOne\t01 Jan 2026 12:00\nA\tAlbum\tTwo\nA\tAlbum\tThree\t01 Jan 2026 12:10\n")
    records, left_out = collect("lastfm", source)
    assert [record.track.title for record in records] == ["One", "Three"]
    assert sum(left_out.values()) == 1


def test_a_table_in_another_encoding_is_read(tmp_path):
    (tmp_path / "latin.csv").write_bytes("uts,artist,track\n1700000000,Sigur Rós,x\n".encode("cp1252"))
    assert collect("lastfm", tmp_path / "latin.csv")[0] == [Listen(TrackText("Sigur Rós", "x"), 1_700_000_000)]


def test_an_empty_history_is_no_error(tmp_path):
    assert collect("lastfm", write_json(tmp_path / "none.json", [])) == ([], {})
