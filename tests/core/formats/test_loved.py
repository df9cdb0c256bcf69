"""Loved and hated tracks, and ratings in the tags of files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from format_contract import MBID, assert_one_line, collect, collect_until_error, write_json, write_zip
from mutagen.flac import FLAC
from mutagen.id3 import ID3, POPM
from test_listenbrainz_api import listen, service
from web_double import Answer, serving

from cfaudio_core.history.records import Listen, Opinion, TrackText

NOON = 1_700_000_000
DESERT = TrackText("OurR", "Desert", "Desert EP")
LOVED = {"recording_mbid": MBID, "score": 1, "created": NOON, "track_metadata": None}
HATED = {
    "score": -1,
    "created": NOON + 1,
    "track_metadata": {"artist_name": "OurR", "track_name": "Desert", "release_name": "Desert EP"},
}


def test_an_export_of_listenbrainz_has_what_is_loved_and_hated(tmp_path: Path) -> None:
    lines = "".join(json.dumps(entry) + "\n" for entry in (LOVED, HATED, {"score": 1}, {**HATED, "score": "many"}))
    path = write_zip(tmp_path / "lb.zip", {"feedback.jsonl": lines, "listens/2023/11.jsonl": json.dumps(listen())})
    opinions = [record for record in collect("listenbrainz", path)[0] if isinstance(record, Opinion)]
    assert opinions[0] == Opinion(TrackText(recording_mbid=MBID), 1.0, NOON)
    assert Opinion(DESERT, -1.0, NOON + 1) in opinions


def test_the_service_is_asked_for_what_is_loved_page_by_page() -> None:
    listens = service([listen()])

    def answer(request):  # type: ignore[no-untyped-def]
        if request.path != "/1/feedback/user/somebody/get-feedback":
            return listens(request)
        at = int(request.query["offset"])
        return Answer({"feedback": [[LOVED], [HATED]][at], "count": 1, "offset": at, "total_count": 2})

    with serving(answer) as double:
        records, _ = collect("listenbrainz", f"{double.address}/1/user/somebody")
    assert [record.value for record in records if isinstance(record, Opinion)] == [1, -1]


def test_a_file_of_loved_tracks_of_last_fm_has_no_plays(tmp_path: Path) -> None:
    track = {"name": "Desert", "artist": {"name": "OurR", "mbid": ""}, "date": {"uts": str(NOON)}}
    path = write_json(tmp_path / "page.json", {"lovedtracks": {"track": [track], "@attr": {"total": "1"}}})
    assert collect("lastfm", path)[0] == [Opinion(DESERT._replace(album=""), 1.0, NOON)]


def test_a_table_is_of_loved_tracks_by_its_name(tmp_path: Path) -> None:
    for name, kind in (("lovedtracks-me.csv", Opinion), ("recenttracks-me.csv", Listen), ("beloved.csv", Listen)):
        (tmp_path / name).write_text(f"uts,utc_time,artist,track\n{NOON},x,OurR,Desert\n")
        [record] = collect("lastfm", tmp_path / name)[0]
        assert type(record) is kind


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Five files: rated by POPM, by two fields, not rated, and one that is no music."""
    folder = tmp_path / "music"
    folder.mkdir()
    soundfile.write(folder / "c none.flac", np.zeros(2205), 22050)
    soundfile.write(folder / "a popm.mp3", np.zeros(22050), 22050)
    tags = ID3()
    tags.add(POPM(email="me@home", rating=255))
    tags.add(POPM(email="other", rating=1))
    tags.save(folder / "a popm.mp3")
    for name, field, value in (("b stars.flac", "RATING", "1"), ("d share.flac", "FMPS_RATING", "0.8")):
        shutil.copy(folder / "c none.flac", folder / name)
        file = FLAC(folder / name)
        file[field] = value
        file.save()
    (folder / "e broken.flac").write_bytes(b"no music")
    return folder


def test_ratings_are_read_from_the_tags_of_files(music: Path) -> None:
    records, skips = collect("tags", music)
    assert {Path(record.track.path).name: record.value for record in records} == {  # type: ignore[union-attr]
        "a popm.mp3": 1,
        "b stars.flac": -1,
        "d share.flac": 0.5,
    }
    assert skips == {"file whose tags cannot be read": 1}


def test_of_several_raters_of_a_file_the_named_one_counts(music: Path) -> None:
    records, _ = collect("tags", music / "a popm.mp3", user="other")
    assert [record.value for record in records] == [-1]  # type: ignore[union-attr]


def test_a_folder_without_music_is_refused(tmp_path: Path) -> None:
    assert_one_line(collect_until_error("tags", tmp_path)[1], "holds no music files")
