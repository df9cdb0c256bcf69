import json

from format_contract import (
    MBID,
    OTHER_MBID,
    FormatContract,
    JsonContract,
    assert_one_line,
    collect,
    collect_until_error,
    write_json,
    write_zip,
)

from cfaudio_core.history.records import Listen, TrackText


def listen(time=1_700_000_000, title="Desert", mapping=MBID, **more):
    return {
        "inserted_at": 1_700_000_001.5,
        "listened_at": time,
        "track_metadata": {
            "track_name": title,
            "artist_name": "OurR ",
            "release_name": "Desert EP",
            "recording_msid": "7ae12054-b489-41c7-9367-f53893a1990d",
            "mbid_mapping": {"recording_mbid": mapping} if mapping else None,
            "additional_info": {"duration_ms": 245_500} | more,
        },
    }


LISTENS = [
    listen(),
    listen(1_700_000_300, "Stranger", None, recording_mbid=OTHER_MBID.upper(), duration_ms=None, duration=180),
    listen(1_700_000_600, "Third", mapping=MBID, recording_mbid=OTHER_MBID, track_mbid=OTHER_MBID),
    listen(0, "Never"),
    listen(1_700_000_900, " "),
]
BOTH = f"{OTHER_MBID} {MBID}"
"""The submitted recording, and the mapped one."""

RECORDS = [
    Listen(TrackText("OurR", "Desert", "Desert EP", recording_mbid=MBID, duration=245.5), 1_700_000_000),
    Listen(TrackText("OurR", "Stranger", "Desert EP", recording_mbid=OTHER_MBID, duration=180.0), 1_700_000_300),
    Listen(
        TrackText("OurR", "Third", "Desert EP", recording_mbid=BOTH, track_mbid=OTHER_MBID, duration=245.5),
        1_700_000_600,
    ),
    Listen(TrackText("OurR", "Never", "Desert EP", recording_mbid=MBID, duration=245.5), 0),
]
LEFT_OUT = {"no artist and title": 1}


def lines(listens):
    return "".join(json.dumps(listen) + "\n" for listen in listens)


class TestExport(FormatContract):
    name = "listenbrainz"
    expected = RECORDS
    left_out = LEFT_OUT

    def make(self, folder):
        return write_zip(
            folder / "listenbrainz_somebody_1700000000.zip",
            {
                "user.json": '{"user_id": 1, "username": "somebody"}',
                "listens/2023/10.jsonl": lines(LISTENS[1:]),
                "listens/2023/9.jsonl": lines(LISTENS[:1]),
                "listens/2024/1.jsonl": "",
                "feedback.jsonl": '{"recording_mbid": null, "score": 1}\n',
            },
        )


class TestJsonLines(FormatContract):
    name = "listenbrainz"
    expected = RECORDS
    left_out = LEFT_OUT

    def make(self, folder):
        path = folder / "11.jsonl"
        path.write_text(lines(LISTENS))
        return path


class TestOlderExport(JsonContract):
    name = "listenbrainz"
    expected = RECORDS
    left_out = LEFT_OUT

    def make(self, folder):
        return write_json(folder / "somebody_lb-2023-11-14.json", LISTENS)


def test_an_error_names_the_line_in_the_archive(tmp_path):
    source = write_zip(tmp_path / "mine.zip", {"listens/2023/9.jsonl": lines(LISTENS[:2]) + '{"listened_at": 17'})
    records, error = collect_until_error("listenbrainz", source)
    assert records == RECORDS[:2]
    assert_one_line(error, "mine.zip: listens/2023/9.jsonl: line 3")


def test_an_archive_of_something_else_is_refused(tmp_path):
    source = write_zip(tmp_path / "photos.zip", {"photo.jpg": "x"})
    assert_one_line(collect_until_error("listenbrainz", source)[1], "photos.zip: holds no listens/*.jsonl")


def test_an_unpacked_export_is_read_too(tmp_path):
    (tmp_path / "listens" / "2023").mkdir(parents=True)
    (tmp_path / "listens" / "2023" / "9.jsonl").write_text(lines(LISTENS))
    assert collect("listenbrainz", tmp_path)[0] == RECORDS


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "lb.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(LISTENS).encode())
    (tmp_path / "9.jsonl").write_bytes(b"\xef\xbb\xbf" + lines(LISTENS).encode())
    assert collect("listenbrainz", tmp_path / "lb.json")[0] == RECORDS
    assert collect("listenbrainz", tmp_path / "9.jsonl")[0] == RECORDS
