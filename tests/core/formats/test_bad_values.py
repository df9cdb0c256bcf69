"""A bad value costs that value: not the row, and not the file."""

import json

import pytest
from format_contract import collect, write_json

from cfaudio_core.history.records import Listen, Tally, TrackText

NOON = 1_700_000_000
DESERT = TrackText("OurR", "Desert")


def library(*tracks: str) -> str:
    """A library of iTunes."""
    dicts = "".join(f"<key>{at}</key><dict>{track}</dict>" for at, track in enumerate(tracks))
    head = '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>'
    return f"{head}<key>Tracks</key><dict>{dicts}</dict></dict></plist>"


def track(title: str, comment: str = "", plays: str = "5") -> str:
    return (
        f"<key>Name</key><string>{title}</string><key>Artist</key><string>OurR</string>"
        f"<key>Comments</key><string>{comment}</string><key>Play Count</key><integer>{plays}</integer>"
    )


@pytest.mark.parametrize(
    "odd",
    [
        "a\x0bb",
        "\0",
        "\x1b[31m",
        "\ufffe",
        "&#11;",
        "&#x0;",
        "&#xFFFF;",
        "&#1114112;",
        "&#55357;",
        "Q & A",
        "&nbsp;",
        "&;",
    ],
)
def test_a_letter_that_xml_forbids_costs_that_letter(tmp_path, odd):
    (tmp_path / "Library.xml").write_text(library(track("Desert", odd), track("Other")))
    assert collect("itunes", tmp_path / "Library.xml")[0] == [Tally(DESERT, 5), Tally(TrackText("OurR", "Other"), 5)]


@pytest.mark.parametrize("filling", [0, 65_400, 65_530])
def test_halves_of_an_emoji_are_joined_and_allowed_references_stay(tmp_path, filling):
    text = library(track("x", "y" * filling), track("&#55357;&#56846; &amp; &#60;b&#x3e;"))
    (tmp_path / "Library.xml").write_text(text)
    assert collect("itunes", tmp_path / "Library.xml")[0][1].track.title == "\U0001f60e & <b>"


def test_references_over_the_ends_of_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("cfaudio_core.history.formats.itunes._CHUNK", 3)
    (tmp_path / "Library.xml").write_text(library(track("&#55357;&#56846; &#60; Q & A &amp; \x0b")))
    assert collect("itunes", tmp_path / "Library.xml")[0][0].track.title == "\U0001f60e < Q & A &"


def test_a_byte_that_is_no_utf8_costs_a_letter_of_xml(tmp_path):
    (tmp_path / "Library.xml").write_bytes(library(track("Sæglópur"), track("Desert")).encode("cp1252"))
    assert [tally.track.title for tally in collect("itunes", tmp_path / "Library.xml")[0]] == ["Sæglópur", "Desert"]


def test_a_count_that_is_no_number_costs_that_count(tmp_path):
    (tmp_path / "Library.xml").write_text(library(track("Desert"), track("Other", plays="many")))
    assert collect("itunes", tmp_path / "Library.xml")[0] == [Tally(DESERT, 5)]


@pytest.mark.parametrize("odd", [b"\xe9", b"\xff\xfe", b"\x01", b"\x1f", b"\n", b"\t", b"\xc3"])
def test_a_byte_that_json_forbids_costs_a_letter(tmp_path, odd):
    scrobbles = [{"time": NOON + k, "track": {"artists": ["OurR"], "title": "Desert", "x": "@"}} for k in range(3)]
    content = json.dumps({"scrobbles": scrobbles}).encode().replace(b"@", odd)
    (tmp_path / "m.json").write_bytes(content)
    assert collect("maloja", tmp_path / "m.json")[0] == [Listen(DESERT, NOON + k) for k in range(3)]


def test_a_control_letter_in_json_lines_costs_nothing(tmp_path):
    about = {"artist_name": "OurR", "track_name": "Desert", "release_name": "@"}
    line = json.dumps({"listened_at": NOON, "track_metadata": about}).replace("@", "\x01\xe9")
    (tmp_path / "lb.jsonl").write_bytes(line.encode("cp1252") + b"\n")
    assert collect("listenbrainz", tmp_path / "lb.jsonl")[0] == [Listen(DESERT._replace(album="\x01é"), NOON)]


def test_a_byte_that_is_no_utf8_costs_a_letter_of_a_table(tmp_path):
    rows = b"artist,title,time\nOurR,Desert,1700000000\nSigur R\xf3s,x,1700000300\n\x81,y,1700000600\n"
    (tmp_path / "plays.csv").write_bytes(rows)
    records, skips = collect("csv", tmp_path / "plays.csv")
    assert [record.track.artist for record in records] == ["OurR", "Sigur Rós", "\ufffd"]
    assert not skips


def test_an_entry_of_another_kind_costs_that_entry(tmp_path):
    play = {"endTime": "2023-11-14 22:15", "artistName": "OurR", "trackName": "Desert", "msPlayed": 100_000}
    records, skips = collect("spotify", write_json(tmp_path / "StreamingHistory0.json", [play, {"endTime": 5}, play]))
    assert len(records) == 2
    assert skips == {"entry of another kind": 1}


@pytest.mark.parametrize("written", ["2096-01-01", "9999-12-31T23:59:59Z", "253402300799000", "99999999999999999999"])
def test_a_last_play_in_the_future_costs_that_date(tmp_path, written):
    (tmp_path / "plays.csv").write_text(f"artist,title,plays,last\nOurR,Desert,5,{written}\n")
    assert collect("csv", tmp_path / "plays.csv")[0] == [Tally(DESERT, 5)]


def test_an_impossible_count_costs_that_count(tmp_path):
    rows = "OurR,Desert,5,-1\nOurR,Other,5,4294967295\nOurR,Third,-1,2\nOurR,Fourth,-1,-1\n"
    (tmp_path / "plays.csv").write_text(f"artist,title,plays,skips\n{rows}")
    records, skips = collect("csv", tmp_path / "plays.csv")
    assert [(record.plays, record.skips) for record in records] == [(5, 0), (5, 0), (0, 2)]
    assert skips == {"impossible count": 1}


def test_an_album_that_is_too_long_costs_the_album(tmp_path):
    (tmp_path / "plays.csv").write_text(f"artist,title,album,time\nOurR,Desert,{'x' * 1001},{NOON}\n")
    assert collect("csv", tmp_path / "plays.csv")[0] == [Listen(DESERT, NOON)]


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "null", '"NaN"'])
@pytest.mark.parametrize("before", [0, *range(65_395, 65_415), 65_500, 65_530])  # the ends of chunks
def test_a_number_that_json_has_not_costs_that_number(tmp_path, odd, before):
    scrobble = (
        f'{{"time": {NOON}, "duration": {odd}, "track": {{"artists": ["OurR"], "title": "Desert", "length":{odd}}}}}'
    )
    filling = json.dumps({"x": "y" * before})
    (tmp_path / "m.json").write_text(f'{{"filling": {filling}, "scrobbles": [{scrobble}]}}')
    assert collect("maloja", tmp_path / "m.json")[0] == [Listen(DESERT, NOON)]


@pytest.mark.parametrize("odd", ["{", "[1]", "5", "\x00", "<html>"])
def test_a_line_of_json_that_is_none_costs_that_line(tmp_path, odd):
    line = json.dumps({"listened_at": NOON, "track_metadata": {"artist_name": "OurR", "track_name": "Desert"}})
    (tmp_path / "lb.jsonl").write_text(f"{line}\n{odd}\n{line}\n")
    records, skips = collect("listenbrainz", tmp_path / "lb.jsonl")
    assert records == [Listen(DESERT, NOON)] * 2
    assert skips == {"entry of another kind": 1}


@pytest.mark.parametrize("odd", [5, None, [], "x"])
@pytest.mark.parametrize(
    ("format_name", "entry", "content"),
    [
        ("lastfm", {"name": "Desert", "artist": "OurR", "date": NOON}, lambda rows: rows),
        ("maloja", {"time": NOON, "track": {"artists": ["OurR"], "title": "Desert"}}, lambda rows: {"scrobbles": rows}),
    ],
)
def test_a_value_in_place_of_an_entry_costs_that_entry(tmp_path, odd, format_name, entry, content):
    path = write_json(tmp_path / "x.json", content([entry, odd, entry]))
    assert collect(format_name, path) == ([Listen(DESERT, NOON)] * 2, {"entry of another kind": 1})


@pytest.mark.parametrize("flag", [1, "1", "true", "True", True])
def test_a_skip_that_was_written_as_another_type(tmp_path, flag):
    about = {"master_metadata_track_name": "Desert", "master_metadata_album_artist_name": "OurR"}
    play = {"ts": "2023-11-14T22:15:00Z", "ms_played": 150_000, "reason_end": "fwdbtn", "skipped": flag, **about}
    error = {"ts": "2023-11-14T22:16:00Z", "ms_played": 0, "reason_end": "trackerror", "skipped": False, **about}
    records, skips = collect("spotify", write_json(tmp_path / "endsong_0.json", [play, error]))
    assert [record.skipped for record in records] == [True]
    assert skips == {"track that could not be played": 1}
