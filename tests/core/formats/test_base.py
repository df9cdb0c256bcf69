import json
import os
import subprocess
import sys
import time
import zipfile

import pytest
from format_contract import assert_one_line, collect, collect_until_error, write_zip
from test_listenbrainz_files import lines, listen

from cfaudio_core.errors import SourceError
from cfaudio_core.history.formats import FORMATS, Format, ReadOptions
from cfaudio_core.history.records import Listen, Tally, TrackText

TRACK = TrackText("OurR", "Desert")


def screen(*records):
    reasons = []
    options = ReadOptions(on_skip=reasons.append)
    return list(Format("x", "", "", lambda source, options: iter(records)).read("", options)), reasons


def test_every_source_is_listed_by_its_name_with_a_line_of_help():
    assert list(FORMATS) == [
        *("listenbrainz", "lastfm", "spotify", "navidrome", "jellyfin", "subsonic", "maloja", "koito", "rockbox"),
        *("itunes", "mpd", "lyrion", "tags", "csv"),
    ]
    for name, source in FORMATS.items():
        assert source.name == name
        assert source.summary.isprintable()
        assert source.example


def test_importing_the_sources_imports_neither_beets_nor_torch():
    code = "import sys, cfaudio_core.history.formats; sys.exit('beets' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_secrets_are_not_in_the_repr_of_options():
    assert "sesame" not in repr(ReadOptions(token="sesame", password="sesame"))


def test_the_message_of_an_error_is_one_line_whatever_it_quotes():
    assert str(SourceError("a\nb\r\x1b[31m\tc  d\u2028e")) == "a b [31m c d e"


@pytest.mark.parametrize(
    ("when", "dated"),
    [
        (0, False),
        (1, False),
        (-1_700_000_000, False),
        (631_151_999, False),
        (631_152_000, True),
        (int(time.time()) + 3600, True),
        (int(time.time()) + 7 * 86_400, False),
        (1_700_000_000_000, False),
    ],
)
def test_times_are_between_1990_and_tomorrow_and_other_plays_have_a_number(when, dated):
    records, reasons = screen(Listen(TRACK, when), Listen(TRACK, when))
    assert [record.time for record in records] == ([when, when] if dated else [0, 1])
    assert not reasons


@pytest.mark.parametrize(
    ("track", "kept"),
    [
        (TrackText(), False),
        (TrackText("OurR"), False),
        (TrackText(title="Desert"), False),
        (TrackText("OurR", " \t"), False),
        (TrackText("OurR", "\0"), False),
        (TrackText(path="a.mp3"), True),
        (TrackText("OurR", "x" * 1001), False),
        (TrackText("OurR", "x" * 1000), True),
    ],
)
def test_a_record_names_a_track(track, kept):
    records, reasons = screen(Listen(track, 1_700_000_000), Tally(track, 1))
    assert len(records) == 2 * kept
    assert len(reasons) == 2 * (not kept)


@pytest.mark.parametrize(
    ("plays", "skips", "kept", "reasons"),
    [(0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 1, 0), (-1, 0, 0, 1), (1, -1, 1, 0), (1_000_001, 0, 0, 1), (10**30, 0, 0, 1)],
)
def test_counts_are_possible(plays, skips, kept, reasons):
    records, given = screen(Tally(TRACK, plays, skips))
    assert (len(records), len(given)) == (kept, reasons)


def test_an_impossible_last_play_does_not_cost_the_count():
    assert screen(Tally(TRACK, 5, 0, 9_999_999_999))[0] == [Tally(TRACK, 5)]


def test_what_a_database_cannot_store_is_taken_out():
    odd = TrackText(" Our\0R ", "Des\ud800ert", recording_mbid="not-an-id", duration=float("nan"))
    assert screen(Listen(odd, 1_700_000_000, float("inf")))[0] == [Listen(TrackText("OurR", "Des?ert"), 1_700_000_000)]


def test_a_path_keeps_the_surrogates_that_stand_for_bytes(tmp_path):
    kept, other = TrackText(path="a\udcff.mp3"), TrackText(path="a\ud800\0.mp3")
    records, _ = screen(Tally(kept, 1, user="\udcff"), Tally(other, 1))
    assert records == [Tally(kept, 1, user="?"), Tally(TrackText(path="a?.mp3"), 1)]


def test_a_zip_cut_short_is_refused(tmp_path):
    source = write_zip(tmp_path / "lb.zip", {"listens/2023/1.jsonl": lines([listen()])})
    source.write_bytes(source.read_bytes()[:-30])
    assert_one_line(collect_until_error("listenbrainz", source)[1], "lb.zip: not a whole zip archive")


def test_damage_inside_a_zip_names_the_member_and_follows_the_records_before_it(tmp_path):
    months = {f"listens/2023/{month}.jsonl": lines([listen(title=str(month))]) for month in (1, 2)}
    source = write_zip(tmp_path / "lb.zip", months)
    content = bytearray(source.read_bytes())
    place = content.index(b"listens/2023/2.jsonl") + 40
    content[place : place + 4] = b"\xff\xff\xff\xff"
    source.write_bytes(content)
    records, error = collect_until_error("listenbrainz", source)
    assert [record.track.title for record in records] == ["1"]
    assert_one_line(error, "lb.zip: listens/2023/2.jsonl")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    source = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("listens/1.jsonl", "w", force_zip64=True) as file,
    ):
        for _ in range(300):
            file.write(b"\n" * (1 << 20))
    assert_one_line(collect_until_error("listenbrainz", source)[1], "bomb.zip: would unpack to 0.3 GB")


def test_an_encrypted_zip_is_refused(tmp_path):
    source = write_zip(tmp_path / "lb.zip", {"listens/2023/1.jsonl": lines([listen()])})
    content = bytearray(source.read_bytes())
    content[6] |= 1  # in the member's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    source.write_bytes(content)
    assert_one_line(collect_until_error("listenbrainz", source)[1], "lb.zip: the zip archive is encrypted")


def test_a_line_without_end_is_not_read_to_its_end(tmp_path):
    (tmp_path / "1.jsonl").write_bytes(b'{"listened_at": "' + b"x" * (3 << 20))
    assert_one_line(collect_until_error("listenbrainz", tmp_path / "1.jsonl")[1], "1.jsonl: line 1 has no end")


@pytest.mark.parametrize("opening", ["[" * 100_000, '[{"a":' * 50_000, '[{"x": ' + "9" * 10_000])
def test_json_of_any_depth_is_one_line(tmp_path, opening):
    (tmp_path / "deep.json").write_text(opening)
    (tmp_path / "deep.jsonl").write_text('{"a": ' + opening + "\n")
    assert_one_line(collect_until_error("spotify", tmp_path / "deep.json")[1], "deep.json")
    assert_one_line(collect_until_error("listenbrainz", tmp_path / "deep.jsonl")[1], "deep.jsonl: line 1")


def test_a_huge_entry_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("cfaudio_core.history.readers.json_stream._MAX_ENTRY_BYTES", 1 << 20)
    entries = [{"time": 1_700_000_000, "track": {"title": "a", "artists": ["b"]}}] * 40_000
    (tmp_path / "fine.json").write_text(json.dumps({"scrobbles": entries}))
    assert len(collect("maloja", tmp_path / "fine.json")[0]) == 40_000
    (tmp_path / "huge.json").write_text(json.dumps({"scrobbles": [entries[0], {"x": "y" * (3 << 20)}]}))
    assert_one_line(collect_until_error("maloja", tmp_path / "huge.json")[1], "huge.json: an entry of more than 1 MiB")


def test_a_device_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("listenbrainz", "navidrome", "jellyfin", "csv"):
        assert_one_line(collect_until_error(name, tmp_path / "pipe")[1], "neither a file nor a folder")


@pytest.mark.parametrize("source", ["nul\0nul.json", "x" * 5000 + ".json", "~nobody-of-that-name/x.json", ""])
def test_names_that_are_none_are_one_line(source, tmp_path, monkeypatch):
    (tmp_path / "music.mp3").write_bytes(b"")
    monkeypatch.chdir(tmp_path)  # which no name stands for
    for name in FORMATS:
        _, error = collect_until_error(name, source)
        assert error is not None
        assert str(error).isprintable()


def test_memory_stays_flat_over_a_large_array(tmp_path):
    entry = json.dumps(listen())
    with (tmp_path / "lb.json").open("w") as file:
        file.write("[" + ",".join([entry] * 100) + "".join(("," + entry) * 1000 for _ in range(150)) + "]")
    code = (
        "import resource, sys\n"
        "from cfaudio_core.history.formats import FORMATS, ReadOptions\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "records = FORMATS['listenbrainz'].read(sys.argv[1], ReadOptions())\n"
        "for _ in range(100): next(records)\n"
        "before = used()\n"
        "n = sum(1 for _ in records)\n"
        "print(n, (used() - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "lb.json"], capture_output=True, text=True, check=True
    )
    n, grown = map(int, done.stdout.split())
    assert n == 150_000
    assert (tmp_path / "lb.json").stat().st_size > 40 << 20
    assert grown < 8  # MiB
