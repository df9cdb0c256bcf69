from typing import ClassVar

import pytest
from format_contract import MBID, FormatContract, assert_one_line, collect, collect_until_error

from cfaudio_core.errors import SourceError
from cfaudio_core.history.records import Listen, Tally, TrackText

DESERT = TrackText("OurR", "Desert")


def write(folder, text, name="plays.csv", encoding="utf-8"):
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


class TestPlays(FormatContract):
    name = "csv"
    options: ClassVar = {"columns": {"artist": "Performer", "title": "Song name", "time": "When", "seconds": "Heard"}}
    expected: ClassVar = [
        Listen(TrackText("OurR", "Desert; live", "Desert EP", recording_mbid=MBID), 1_700_000_000, 200.5, None),
        Listen(TrackText("OurR", "Stranger"), 1_700_000_300, None, None),
        Listen(TrackText("OurR", "Fourth"), 0, None, None),
        Listen(TrackText("OurR", "Third"), 0, None, None),  # "yesterday"
    ]
    open_end = True

    def make(self, folder):
        return write(
            folder,
            "Song name;Performer;Album;When;recording_mbid;Heard\n"
            f'"Desert; live";OurR;Desert EP;2023-11-14T22:13:20Z;{MBID};200.5\n'
            "Stranger;OurR;;1700000300;;\n"
            "Third;OurR;;yesterday;;\n"
            "Fourth;OurR;;;;\n",
        )


class TestCounts(FormatContract):
    name = "csv"
    expected: ClassVar = [Tally(TrackText("OurR", "Desert", path="OurR/Desert.flac"), 12, 3, 1_700_000_000)]
    open_end = True

    def make(self, folder):
        return write(
            folder,
            "artist,title,path,play_count,skip_count,last_played\n"
            "OurR,Desert,OurR/Desert.flac,12,3,2023-11-14 22:13:20\n"
            "OurR,Unplayed,OurR/Unplayed.flac,0,,\n",
        )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1700000000", 1_700_000_000),
        ("1700000000.75", 1_700_000_000),
        ("1700000000123", 1_700_000_000),
        ("1700000000123456", 1_700_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000),
        ("2023-11-14 22:13:20.1234567", 1_700_000_000),
        ("2023-11-14 22:13:20 UTC", 1_700_000_000),
        ("2023-11-14 23:13:20.5 +0100 CET", 1_700_000_000),
        ("2023/11/14 22:13:20", 1_700_000_000),
        ("2023-11-14", 1_699_920_000),
        ("14 Nov 2023 22:13", 1_699_999_980),
        ("14 Nov 2023, 22:13", 1_699_999_980),
        ("14 November 2023 22:13:20", 1_700_000_000),
        ("14.11.2023 22:13:20", 1_700_000_000),
    ],
)
def test_times_in_many_forms(tmp_path, written, expected):
    records, skips = collect("csv", write(tmp_path, f'artist,title,time\nOurR,Desert,"{written}"\n'))
    assert records == [Listen(DESERT, expected)]
    assert not skips


@pytest.mark.parametrize("written", ["Tuesday", "32 Nov 2023 22:13", "14 Foo 2023", "2023-13-45"])
def test_where_no_time_is_understood_the_first_is_shown(tmp_path, written):
    records, error = collect_until_error("csv", write(tmp_path, f"artist,title,time\nOurR,Desert,{written}\n"))
    assert records == []
    assert_one_line(error, f"plays.csv: line 2: a time in an unknown form: '{written}'")


@pytest.mark.parametrize("time", ["5", "3600", "631151999", "99999999999", "-1700000000"])
def test_plays_with_impossible_times_are_numbered_instead(tmp_path, time):
    records, skips = collect("csv", write(tmp_path, "artist,title,time\n" + f"OurR,Desert,{time}\n" * 3))
    assert records == [Listen(DESERT, 0), Listen(DESERT, 1), Listen(DESERT, 2)]
    assert not skips


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_usual_delimiter(tmp_path, delimiter):
    text = "artist,title,time\nOurR,Desert,1700000000\n".replace(",", delimiter)
    assert collect("csv", write(tmp_path, text))[0] == [Listen(DESERT, 1_700_000_000)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_save(tmp_path, encoding):
    path = write(tmp_path, "artist,title,time\r\nSigur Rós,Sæglópur,1700000000\r\n", encoding=encoding)
    assert collect("csv", path)[0] == [Listen(TrackText("Sigur Rós", "Sæglópur"), 1_700_000_000)]


TWO_PEOPLE = "user_name,artist,title,time\nBob,OurR,Desert,1700000000\namy,OurR,Stranger,1700000300\n"


@pytest.mark.parametrize(("account", "title"), [("Bob", "Desert"), ("AMY", "Stranger")])
def test_of_several_people_in_a_table_one_is_read(tmp_path, account, title):
    found, _ = collect("csv", write(tmp_path, TWO_PEOPLE), user=account)
    assert [listen.track.title for listen in found] == [title]


def test_a_table_of_several_people_asks_whose_plays_are_meant(tmp_path):
    with pytest.raises(SourceError, match="holds several accounts, say which is yours with --account: Bob, amy"):
        collect("csv", write(tmp_path, TWO_PEOPLE))
    named = write(tmp_path, TWO_PEOPLE.replace("user_name", "who"))
    assert len(collect("csv", named)[0]) == 2
    assert len(collect("csv", named, user="amy", columns={"user": "who"})[0]) == 1


def test_the_only_account_of_a_table_is_whoever_is_meant(tmp_path):
    assert len(collect("csv", write(tmp_path, TWO_PEOPLE.replace("amy", "Bob")), user="anna")[0]) == 2


def test_columns_by_number_where_there_are_no_headings(tmp_path):
    path = write(tmp_path, "1700000000,x,OurR,Desert\n")
    records, _ = collect("csv", path, columns={"time": "1", "artist": "3", "title": "4"})
    assert records == [Listen(DESERT, 1_700_000_000)]


@pytest.mark.parametrize(("cell", "skipped"), [("true", True), ("1", True), ("No", False), ("", None), ("?", None)])
def test_skips(tmp_path, cell, skipped):
    path = write(tmp_path, f"artist,title,time,skipped\nOurR,Desert,1700000000,{cell}\n")
    assert collect("csv", path)[0][0].skipped is skipped


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"singer": "artist"}, "no such field as 'singer'; there are: artist, title,"),
        ({"album": "Record"}, "plays.csv: no column 'Record' for album; there are: artist, title, when"),
        ({}, "plays.csv: say with --columns which column is the time (or the number of plays)"),
        ({"artist": "0", "title": "1", "time": "2"}, "plays.csv: columns are counted from 1"),
    ],
)
def test_columns_that_are_not_there(tmp_path, columns, message):
    path = write(tmp_path, "artist,title,when\nOurR,Desert,1700000000\n")
    assert_one_line(collect_until_error("csv", path, columns=columns)[1], message)


def test_a_quote_that_is_never_closed_is_refused(tmp_path):
    path = write(tmp_path, 'artist,title,time\nOurR,"Desert,1700000000\n' + "OurR,Desert,1700000000\n" * 10_000)
    assert_one_line(collect_until_error("csv", path)[1], "plays.csv: line")


def test_a_date_and_a_time_in_two_columns_are_put_together(tmp_path):
    path = write(tmp_path, "2023-11-14,22:13:20,OurR,Desert\n2023-11-14,23:13:20,OurR,Desert\n")
    records, _ = collect("csv", path, columns={"time": "1", "artist": "3", "title": "4"})
    assert records == [Listen(DESERT, 1_700_000_000), Listen(DESERT, 1_700_003_600)]
    path = write(tmp_path, "Artist;Title;Time;Date\nOurR;Desert;22:13;14.11.2023\n")
    assert collect("csv", path)[0] == [Listen(DESERT, 1_699_999_980)]


def test_plays_of_a_day_are_all_kept_where_there_are_days_alone(tmp_path):
    path = write(tmp_path, "artist,title,date\n" + "OurR,Desert,2023-11-14\n" * 3 + "OurR,Desert,2023-11-15\n")
    times = [record.time for record in collect("csv", path)[0]]
    assert times == [1_699_920_000, 0, 1, 1_700_006_400]


@pytest.mark.parametrize(
    ("heading", "written", "seconds"),
    [
        ("Play Duration Milliseconds", ["60000", "1500"], [60.0, 1.5]),
        ("ms_played", ["5000", "4000"], [5.0, 4.0]),
        ("played", ["200000", "180000", "5000"], [200.0, 180.0, 5.0]),
        ("played", ["200000000", "180000000"], [200.0, 180.0]),
        ("played", ["200", "180", "3"], [200.0, 180.0, 3.0]),
        ("played", ["200.5", "", "7000"], [200.5, None, 7000.0]),
    ],
)
def test_durations_in_milliseconds_are_converted(tmp_path, heading, written, seconds):
    rows = [f"OurR,Desert,{1_700_000_000 + 1000 * k},{value}\n" for k, value in enumerate(written)]
    path = write(tmp_path, f"artist,title,time,{heading}\n" + "".join(rows))
    assert [record.seconds for record in collect("csv", path, columns={"seconds": heading})[0]] == seconds
