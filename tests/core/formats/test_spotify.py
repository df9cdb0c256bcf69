import json
from typing import ClassVar

import pytest
from format_contract import JsonContract, assert_one_line, collect, collect_until_error, write_json, write_zip

from cfaudio_core.history.records import Listen, TrackText


def extended(**changes):
    return {
        "ts": "2023-11-14T22:13:20Z",
        "username": "somebody",
        "platform": "linux",
        "ms_played": 200_000,
        "conn_country": "US",
        "ip_addr_decrypted": "192.0.2.1",
        "user_agent_decrypted": "unknown",
        "master_metadata_track_name": "Desert ",
        "master_metadata_album_artist_name": " OurR",
        "master_metadata_album_album_name": "Desert EP",
        "spotify_track_uri": "spotify:track:0",
        "episode_name": None,
        "episode_show_name": None,
        "spotify_episode_uri": None,
        "reason_start": "trackdone",
        "reason_end": "trackdone",
        "shuffle": False,
        "skipped": None,
        "offline": False,
        "offline_timestamp": 0,
        "incognito_mode": False,
    } | changes


PODCAST = {
    "master_metadata_track_name": None,
    "master_metadata_album_artist_name": None,
    "episode_name": "Episode 1",
    "spotify_episode_uri": "spotify:episode:0",
}
TRACK = TrackText("OurR", "Desert", "Desert EP", "OurR")


class TestExtended(JsonContract):
    name = "spotify"
    expected: ClassVar = [
        Listen(TRACK, 1_700_000_000 - 200, 200.0, False),
        Listen(TRACK, 1_700_000_100 - 12, 12.25, None),
        Listen(TRACK, 1_700_000_200 - 20, 20.0, False),
        Listen(TRACK, 0, 1.0, False),
        Listen(TRACK, 1_700_000_000, None, False),  # the length alone is impossible
    ]
    left_out: ClassVar = {"not music": 1, "private session": 1, "no artist and title": 1}

    def make(self, folder):
        return write_json(
            folder / "Streaming_History_Audio_2023_0.json",
            [
                extended(),
                extended(ts="2023-11-14T22:15:00Z", ms_played=12_250, reason_end="fwdbtn"),
                extended(ts="2023-11-14T22:16:40Z", ms_played=20_000),
                extended(**PODCAST),
                extended(incognito_mode=True),
                extended(master_metadata_track_name=""),
                extended(ts="1970-01-01T00:03:20Z", ms_played=1000),
                extended(ms_played=-5),
            ],
        )


class TestAccountData(JsonContract):
    name = "spotify"
    expected: ClassVar = [
        Listen(TrackText("OurR", "Desert"), 1_699_999_980 - 200, 200.0, None),
        Listen(TrackText("OurR", "Stranger"), 1_699_999_980 - 3, 3.0, None),
        Listen(TrackText("OurR", "Desert"), 0, 200.0, None),
    ]

    def make(self, folder):
        row = {"endTime": "2023-11-14 22:13", "artistName": "OurR", "trackName": "Desert", "msPlayed": 200_000}
        return write_json(
            folder / "StreamingHistory0.json",
            [row, row | {"trackName": "Stranger", "msPlayed": 3000}, row | {"endTime": ""}],
        )


@pytest.fixture
def files():
    video = extended(master_metadata_track_name="A film")
    return {
        "Spotify Extended Streaming History/Streaming_History_Audio_2023_10.json": json.dumps(
            [extended(master_metadata_track_name="third")]
        ),
        "Spotify Extended Streaming History/Streaming_History_Audio_2023_9.json": json.dumps(
            [extended(master_metadata_track_name="second")]
        ),
        "Spotify Extended Streaming History/Streaming_History_Audio_2022_1.json": json.dumps(
            [extended(master_metadata_track_name="first")]
        ),
        "Spotify Extended Streaming History/Streaming_History_Video_2023.json": json.dumps([video]),
        "Spotify Extended Streaming History/ReadMe.pdf": "%PDF",
    }


def test_a_zip_is_read_in_the_order_of_its_numbers_and_without_videos(tmp_path, files):
    records, _ = collect("spotify", write_zip(tmp_path / "my_spotify_data.zip", files))
    assert [record.track.title for record in records] == ["first", "second", "third"]


def test_a_folder_gives_what_its_zip_gives(tmp_path, files):
    archive = write_zip(tmp_path / "my_spotify_data.zip", files)
    for name, content in files.items():
        path = tmp_path / "unpacked" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert collect("spotify", tmp_path / "unpacked") == collect("spotify", archive)


def test_account_data_beside_the_extended_history_does_not_count_twice(tmp_path, files):
    row = {"endTime": "2023-11-14 22:13", "artistName": "OurR", "trackName": "first", "msPlayed": 200_000}
    files["Spotify Account Data/StreamingHistory_music_0.json"] = json.dumps([row])
    records, skips = collect("spotify", write_zip(tmp_path / "both.zip", files))
    assert len(records) == 3
    assert list(skips) == ["file of account data beside the extended history, which has the same plays"]


def test_nothing_of_address_and_device_is_kept(tmp_path):
    records, _ = collect("spotify", write_json(tmp_path / "endsong_0.json", [extended()]))
    assert "192.0.2.1" not in repr(records)
    assert "unknown" not in repr(records)


def test_an_error_names_the_file_in_the_zip_and_the_entry(tmp_path, files):
    files["Spotify Extended Streaming History/Streaming_History_Audio_2023_9.json"] = '[{"ts": "2023"}]'
    records, error = collect_until_error("spotify", write_zip(tmp_path / "mine.zip", files))
    assert len(records) == 1
    assert_one_line(error, "mine.zip: Spotify Extended Streaming History/Streaming_History_Audio_2023_9.json: entry 1")


@pytest.mark.parametrize(
    ("skipped", "reason", "expected"),
    [
        (True, "fwdbtn", True),
        (True, "trackdone", False),  # played to its end
        (False, "endplay", False),
        (False, "fwdbtn", None),  # how much was played decides
        (None, "endplay", None),
        (None, "trackdone", False),
    ],
)
def test_what_the_export_says_of_a_skip_is_believed(tmp_path, skipped, reason, expected):
    play = extended(ms_played=45_000, skipped=skipped, reason_end=reason)
    records, _ = collect("spotify", write_json(tmp_path / "endsong_0.json", [play]))
    assert [record.skipped for record in records] == [expected]
