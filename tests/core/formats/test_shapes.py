"""Exports in the shapes that systems, spreadsheets and other programs give them."""

import gzip
import json
import zipfile

import pytest
from format_contract import assert_one_line, collect, collect_until_error, write_database

from cfaudio_core.history.records import Listen, Tally, TrackText

NOON = 1_700_000_000
DESERT = TrackText("OurR", "Desert")
PLAYS = "artist,title,time\nOurR,Desert,1700000000\nSigur Rós,Sæglópur,1700000300\n"
BOTH = [Listen(DESERT, NOON), Listen(TrackText("Sigur Rós", "Sæglópur"), NOON + 300)]
SCROBBLES = json.dumps({"scrobbles": [{"time": NOON, "track": {"artists": ["OurR"], "title": "Desert"}}]})


def write(folder, content, name="plays.csv", encoding="utf-8"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return folder / name


def read(folder, text, **columns):
    return collect("csv", write(folder, text), columns=columns)[0]


# --- archives and encodings ----------------------------------------------------------------------------------


def test_what_systems_leave_beside_files_is_no_export(tmp_path):
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        for name in ("__MACOSX/._plays.csv", "__MACOSX/a/._plays.csv", "._plays.csv", ".DS_Store", "a/plays.csv"):
            archive.writestr(name, PLAYS if name == "a/plays.csv" else b"\0\5\x16\7")
    assert collect("csv", tmp_path / "mac.zip")[0] == BOTH
    write(tmp_path, b"\0\5\x16\7", "._plays.csv")
    write(tmp_path, PLAYS)
    (tmp_path / "mac.zip").unlink()
    assert collect("csv", tmp_path)[0] == BOTH


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_in_any_usual_encoding_and_with_any_ends_of_lines(tmp_path, encoding, end):
    assert collect("csv", write(tmp_path, PLAYS.replace("\n", end), encoding=encoding))[0] == BOTH


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_json_in_any_usual_encoding(tmp_path, encoding):
    assert collect("maloja", write(tmp_path, SCROBBLES, "m.json", encoding))[0] == [Listen(DESERT, NOON)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_packed_by_gzip(tmp_path, encoding):
    write(tmp_path, gzip.compress(PLAYS.encode(encoding)), "plays.csv.gz")
    assert collect("csv", tmp_path / "plays.csv.gz")[0] == collect("csv", tmp_path)[0] == BOTH
    write(tmp_path, gzip.compress(PLAYS.encode())[:-12], "cut.csv.gz")
    assert_one_line(collect_until_error("csv", tmp_path / "cut.csv.gz")[1], "cut.csv.gz: damaged or cut short")


# --- columns -------------------------------------------------------------------------------------------------


def test_a_column_of_numbers_is_no_title(tmp_path):
    table = "Artist;Album;Track;Name;Plays\nOurR;Live;1/12;Desert;12\nOurR;Live;02;1979;3\n"
    assert read(tmp_path, table) == [
        Tally(TrackText("OurR", "Desert", "Live"), 12),
        Tally(TrackText("OurR", "1979", "Live"), 3),
    ]


def test_titles_may_be_numbers_where_nothing_else_is_one(tmp_path):
    assert read(tmp_path, "artist,track,time\nOurR,1979,1700000000\n") == [Listen(TrackText("OurR", "1979"), NOON)]


def test_a_named_column_is_what_it_is_named_and_nothing_else(tmp_path):
    table = "Name,Song,Band,Time,Plays\nOurR,Desert,x,2023-11-14,7\n"
    assert read(tmp_path, table, artist="Name", plays="Plays") == [Tally(DESERT, 7)]
    assert read(tmp_path, table, artist="Name", time="Time") == [Listen(DESERT, 1_699_920_000)]


@pytest.mark.parametrize(
    "headings",
    [
        "Artist Name(s);Track Name;Play Count",
        "ARTIST_NAME;SONG-NAME;TIMES PLAYED",
        "Interpret;Titel;Wiedergaben",
        "Artiste;Titre;Écoutes",
        "Artista;Canción;Reproducciones",
    ],
)
def test_headings_in_other_spellings_and_languages(tmp_path, headings):
    assert read(tmp_path, f"{headings}\nOurR;Desert;7\n") == [Tally(DESERT, 7)]


def test_the_delimiter_line_of_excel_and_cells_of_several_lines(tmp_path):
    table = 'sep=;\r\nartist;title;time;comment\r\nOurR;Desert;1700000000;"one\r\ntwo; ""three"""\r\n'
    assert read(tmp_path, table) == [Listen(DESERT, NOON)]


def test_a_quote_in_a_table_with_tabs_is_a_letter(tmp_path):
    table = 'artist\ttitle\ttime\nOurR\t"45\t1700000000\nOurR\tDesert\t1700000300\n'
    assert [listen.track.title for listen in read(tmp_path, table)] == ['"45', "Desert"]


def test_a_row_that_is_too_short_costs_that_row(tmp_path):
    records, skips = collect("csv", write(tmp_path, PLAYS.replace("OurR", "torn\nOurR")))
    assert records == BOTH
    assert skips == {"row with too few columns": 1}


# --- dates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "November 14, 2023 at 10:13PM",
        "Nov 14, 2023, 10:13\u202fPM",
        "Tue, 14 Nov 2023 23:13:00 +0100",
        "14/11/2023 22:13",
        "11/14/2023 10:13 pm",
        "11/14/23 22:13",
        "2023-11-14 10:13:00 PM",
        "14.11.23 22:13",
    ],
)
def test_dates_as_people_and_services_write_them(tmp_path, written):
    assert read(tmp_path, f'artist,title,time\nOurR,Desert,"{written}"\n') == [Listen(DESERT, 1_699_999_980)]


def test_whether_the_month_comes_first_is_told_by_the_column_as_a_whole(tmp_path):
    rows = "OurR,Desert,05/06/2023\n" * 2000
    for last, expected in (("13/06/2023", 1_685_923_200), ("06/13/2023", 1_683_331_200)):
        records = read(tmp_path, f"artist,title,time\n{rows}OurR,Other,{last}\n")
        assert {record.time for record in records if record.track == DESERT and record.time > 1e6} == {expected}


def test_where_nothing_tells_it_is_said(tmp_path):
    _, error = collect_until_error("csv", write(tmp_path, "artist,title,time\nOurR,Desert,05/06/2023\n"))
    assert_one_line(error, "plays.csv: line 2: '05/06/2023' may have the day or the month first")


def test_midnight_and_noon_in_twelve_hours(tmp_path):
    table = "artist,title,time\nOurR,Desert,2023-11-14 12:05 AM\nOurR,Desert,2023-11-14 12:05 PM\n"
    assert [record.time for record in read(tmp_path, table)] == [1_699_920_300, 1_699_963_500]


# --- programs and services -----------------------------------------------------------------------------------

ITUNES = "Name\tArtist\tAlbum\tTime\tTrack Number\tPlays\tLast Played\tSkips\tLocation\r"


@pytest.mark.parametrize("format_name", ["itunes", "csv"])
@pytest.mark.parametrize("length", ["245", "4:05"])
def test_the_text_that_itunes_exports_has_counts_and_lengths(tmp_path, format_name, length):
    row = f"Desert\tOurR\tLive\t{length}\t3\t12\t11/14/23 10:13 PM\t2\tHD:Music:Desert.mp3\r"
    path = write(tmp_path, ITUNES + row, "Music.txt", "utf-16")
    track = TrackText("OurR", "Desert", "Live", duration=245.0)
    assert collect(format_name, path)[0] == [Tally(track, 12, 2, 1_699_999_980)]


def test_apples_play_activity_needs_no_named_columns(tmp_path):
    table = (
        "Album Name,Container Artist Name,Event End Timestamp,Event Start Timestamp,Event Type,"
        "Media Duration In Milliseconds,Media Type,Play Duration Milliseconds,Song Name\n"
        "Live,,2023-11-14T22:14:20.1Z,2023-11-14T22:13:20.1Z,PLAY_END,200000,AUDIO,60000,Desert\n"
        "Live,,2023-11-14T22:14:20.1Z,2023-11-14T22:13:20.1Z,LYRIC_DISPLAY,200000,AUDIO,,Desert\n"
        "Film,,2023-11-14T22:14:20.1Z,2023-11-14T22:13:20.1Z,PLAY_END,200000,VIDEO,60000,Clip\n"
        ",,,,,,,,\n"
    )
    records, skips = collect("csv", write(tmp_path, table, "Apple Music Play Activity.csv"))
    assert [(record.track.title, record.time, record.seconds) for record in records] == [("Desert", NOON, 60.0)]
    assert records[0].track.duration == 200.0
    assert skips == {"not music": 2}


def test_lastfmstats_in_both_its_forms(tmp_path):
    table = f'\ufeffArtist;Album;AlbumId;Track;Date#me\n"OurR";"";"";"Desert";"{NOON * 1000}"\n'
    play = {"track": "Desert", "artist": "OurR", "album": "", "albumId": "", "date": NOON * 1000}
    content = json.dumps({"username": "me", "scrobbles": [play]})
    for format_name, path in (
        ("lastfm", write(tmp_path, table)),
        ("csv", tmp_path / "plays.csv"),
        ("lastfm", write(tmp_path, content, "s.json")),
    ):
        assert collect(format_name, path)[0] == [Listen(DESERT, NOON)]


EMBY = (
    "2023-11-14 22:13:20.1",
    "abc",
    "123",
    "Audio",
    "OurR - Desert (Live)",
    "Direct",
    "Web",
    "PC",
    200,
    0,
    "::1",
    "",
)


def test_embys_table_has_more_columns_than_jellyfins(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    write(tmp_path, "\t".join(map(str, EMBY)) + "\n", "emby.tsv")
    columns = "DateCreated, UserId, ItemId, ItemType, ItemName, PlaybackMethod, ClientName, DeviceName, PlayDuration"
    schema = f"CREATE TABLE PlaybackActivity ({columns}, PauseDuration, RemoteAddress, TranscodeReasons)"
    database = write_database(tmp_path / "playback_reporting.db", schema, {"PlaybackActivity": [EMBY]})
    for path in (tmp_path / "emby.tsv", database):
        [play] = collect("jellyfin", path)[0]
        assert (play.track, play.seconds, play.user) == (TrackText("OurR", "Desert", "Live"), 200.0, "abc")


# --- what is wrong with a file --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_name", "content", "message"),
    [
        ("listenbrainz", [{"listened_at": 5}], "entry 1 is not a listen of ListenBrainz: it has no 'track_metadata'"),
        (
            "spotify",
            [{"endTime": "2023-11-14 22:13"}],
            "entry 1 is not a play of Spotify's streaming history: it has no 'msPl",
        ),
        ("lastfm", [{"track": [{"name": "x"}]}], "entry 1 is not an export of Last.fm: it has no 'artist'"),
        ("maloja", {"listens": []}, "not an export of Maloja: it has no list 'scrobbles'"),
        (
            "koito",
            {"listens": [{"listened_at": "", "track": 5}]},
            "entry 1 is not a listen of Koito: a value is no object",
        ),
    ],
)
def test_the_key_that_is_missing_is_named(tmp_path, format_name, content, message):
    path = write(tmp_path, json.dumps(content), "x.json")
    assert_one_line(collect_until_error(format_name, path)[1], f"x.json: {message}")


def test_of_what_apple_sends_one_table_is_read_and_empty_files_are_none(tmp_path):
    with zipfile.ZipFile(tmp_path / "apple.zip", "w") as archive:
        archive.writestr("Apple/Apple Music - Top Content.csv", "Rank,Name\n1,x\n")
        archive.writestr("Apple/Apple Music Play Activity.csv", PLAYS)
    assert collect("csv", tmp_path / "apple.zip")[0] == BOTH
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("1.csv", "")
        archive.writestr("2.csv", PLAYS)
    assert collect("csv", tmp_path / "empty.zip")[0] == BOTH


def test_a_table_of_lastfm_may_have_any_usual_headings(tmp_path):
    assert collect("lastfm", write(tmp_path, PLAYS))[0] == BOTH


# --- and their brothers ---------------------------------------------------------------------------------------

LISTEN = json.dumps({"listened_at": NOON, "track_metadata": {"artist_name": "OurR", "track_name": "Desert"}})


@pytest.mark.parametrize("name", ["listens\\2023\\11.jsonl", "11.jsonl", "2023/11.jsonl", "me_lb-2023-11-14.json"])
def test_listens_wherever_an_archive_has_them(tmp_path, name):
    info = zipfile.ZipInfo("x")
    info.filename = name  # as Windows packs it
    with zipfile.ZipFile(tmp_path / "lb.zip", "w") as archive:
        archive.writestr(info, f"[{LISTEN}]" if name.endswith("json") else LISTEN)
        archive.writestr("user.json", "{}")
    assert collect("listenbrainz", tmp_path / "lb.zip")[0] == [Listen(DESERT, NOON)]


def test_the_text_of_itunes_in_a_folder(tmp_path):
    write(tmp_path, ITUNES + "Desert\tOurR\tLive\t245\t3\t12\t\t2\t\r", "Music.txt")
    assert [tally.plays for tally in collect("itunes", tmp_path)[0]] == [12]


@pytest.mark.parametrize("written", [NOON * 1000, NOON * 1_000_000, str(NOON), NOON + 0.5, "2023-11-14T22:13:20Z"])
def test_times_in_any_unit(tmp_path, written):
    about = {"artist_name": "OurR", "track_name": "Desert"}
    path = write(tmp_path, json.dumps([{"listened_at": written, "track_metadata": about}]), "lb.json")
    assert collect("listenbrainz", path)[0] == [Listen(DESERT, NOON)]
    path = write(
        tmp_path, json.dumps({"scrobbles": [{"time": written, "track": {"title": "Desert", "artists": ["OurR"]}}]})
    )
    assert collect("maloja", path)[0] == [Listen(DESERT, NOON)]


@pytest.mark.parametrize("number", ["1-05", "1.05", "A1", "Track 3", "#4", "3 of 12", ""])
def test_numbers_of_tracks_as_programs_write_them(tmp_path, number):
    table = f"Artist,Track,Song,Time\nOurR,{number},Desert,1700000000\n"
    assert read(tmp_path, table) == [Listen(DESERT, NOON)]


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("20231114", "22:13"),
        ("2023-11-14 00:00:00", "22:13:00"),
        ("14. Nov. 2023", "22h13"),
        ("2023-11-14", "22:13 Uhr"),
        ("2023-11-14", "23:13:00+01:00"),
        ("14 novembre 2023", "22:13Z"),
    ],
)
def test_dates_and_times_apart_in_more_forms(tmp_path, day, clock):
    for table in (f"date;time\nOurR;Desert;{day};{clock}", f"start time;start date\nOurR;Desert;{clock};{day}"):
        assert read(tmp_path, f"artist;title;{table}\n") == [Listen(DESERT, 1_699_999_980)]


@pytest.mark.parametrize(
    "written", ["14. M\u00e4rz 2023", "14 mars 2023", "14 marzo 2023", "14 maart 2023", "14 March 2023"]
)
def test_names_of_months_in_other_languages(tmp_path, written):
    assert read(tmp_path, f"artist;title;date\nOurR;Desert;{written}\n") == [Listen(DESERT, 1_678_752_000)]


@pytest.mark.parametrize("written", ["200,5", "200.5", "3:20.5", "PT3M20.5S"])
def test_durations_as_programs_write_them(tmp_path, written):
    [listen] = read(tmp_path, f"artist;title;time;seconds\nOurR;Desert;1700000000;{written}\n")
    assert listen.seconds == 200.5


@pytest.mark.parametrize("written", ["1,234", "1.234", "1 234", "1\u202f234", "1234", "1234.0"])
def test_counts_with_a_sign_between_thousands(tmp_path, written):
    assert read(tmp_path, f"artist;title;plays\nOurR;Desert;{written}\n") == [Tally(DESERT, 1234)]


@pytest.mark.parametrize(
    ("heading", "cell", "skipped"),
    [
        ("skipped", "1.0", True),
        ("Skip", "skip", True),
        ("Was Skipped", "not skipped", False),
        ("End Reason Type", "TRACK_SKIPPED_FORWARDS", True),
        ("End Reason Type", "NATURAL_END_OF_TRACK", False),
        ("End Reason Type", "PLAYBACK_MANUALLY_PAUSED", None),
        ("reason_end", "trackdone", False),
        ("reason_end", "fwdbtn", None),
    ],
)
def test_skips_as_programs_write_them(tmp_path, heading, cell, skipped):
    assert read(tmp_path, f"artist;title;time;{heading}\nOurR;Desert;1700000000;{cell}\n")[0].skipped is skipped


def test_counts_up_to_a_date_or_of_a_day_are_counts(tmp_path):
    table = "Artist,Title,Date,Plays\nOurR,Desert,2023-11-14,{}\nOurR,Desert,2023-11-15,{}\nOurR,Other,2023-11-15,3\n"
    assert [tally.plays for tally in read(tmp_path, table.format(1, 2))] == [1, 2, 3]
    # The same number beside each play is that of all of them.
    assert all(isinstance(listen, Listen) for listen in read(tmp_path, table.format(2, 2)))


def test_of_plays_without_a_date_only_the_first_was_playing_just_then(tmp_path):
    rows = "Now,", "Desert,14 Nov 2023 22:13", "Now,", "Lost,", "Now,01 Jan 1970 00:00"
    records, skips = collect("lastfm", write(tmp_path, "".join(f"OurR,Live,{row}\n" for row in rows)))
    assert [record.track.title for record in records] == ["Desert", "Lost", "Now"]
    assert skips == {"playing just then": 2}


def test_a_name_of_koito_is_the_first_that_there_is(tmp_path):
    track = {"aliases": [{"alias": None, "is_primary": True}, {"alias": "Desert"}]}
    listen = {"listened_at": "2023-11-14T22:13:20Z", "track": track, "artists": [{"aliases": [{"alias": "OurR"}]}]}
    path = write(tmp_path, json.dumps({"listens": [listen]}), "koito.json")
    assert collect("koito", path)[0] == [Listen(DESERT, NOON)]
