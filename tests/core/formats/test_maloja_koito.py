from typing import ClassVar

import pytest
from format_contract import MBID, JsonContract, assert_one_line, collect, collect_until_error, write_json
from web_double import Answer, serving

from cfaudio_core.history.records import Listen, TrackText


def scrobble(time, artists, title, **more):
    about = {"artists": artists, "title": title, "album": None, "length": None} | more
    return {"time": time, "track": about, "duration": None, "origin": "client:default"}


class TestMaloja(JsonContract):
    name = "maloja"
    expected: ClassVar = [
        Listen(TrackText("OurR feat. Someone, Another", "Desert", "Desert EP", "OurR", duration=245.0), 1_700_000_000),
        Listen(TrackText("OurR", "Stranger"), 1_700_000_300),
    ]
    left_out: ClassVar = {"no artist and title": 1}

    def make(self, folder):
        album = {"artists": ["OurR"], "albumtitle": "Desert EP"}
        scrobbles = [
            scrobble(1_700_000_000, ["OurR", "Someone", "Another"], "Desert", album=album, length=245),
            scrobble(1_700_000_300, ["OurR"], "Stranger"),
            scrobble(1_700_000_600, [], "Nobody's"),
        ]
        content = {"maloja": {"export_time": 1_748_738_994}, "scrobbles": scrobbles}
        return write_json(folder / "maloja_export_1748738994.json", content)


def named(*names, **more):
    aliases = [{"alias": name, "source": "Canonical", "is_primary": name == names[-1]} for name in names]
    return {"mbid": None, "aliases": aliases} | more


class TestKoito(JsonContract):
    name = "koito"
    expected: ClassVar = [
        Listen(
            TrackText("OurR feat. Someone", "Desert", "Desert EP", recording_mbid=MBID, duration=245.0), 1_700_000_000
        ),
        Listen(TrackText("Sigur Rós", "Svefn-g-englar"), 1_700_003_600 - 7200),
        Listen(TrackText("OurR", "Never"), 0),
    ]

    def make(self, folder):
        artists = [named("Someone", is_primary=False), named("아월", "OurR", is_primary=True)]
        listens = [
            {
                "listened_at": "2023-11-14T22:13:20Z",
                "client": "a client",
                "track": named("디저트", "Desert", mbid=MBID, duration=245),
                "album": named("Desert EP", various_artists=False),
                "artists": artists,
            },
            {
                "listened_at": "2023-11-14T23:13:20.25+02:00",
                "client": "",
                "track": named("Svefn-g-englar", duration=0),
                "album": None,
                "artists": [named("Sigur Rós", is_primary=True)],
            },
            {"listened_at": "", "track": named("Never"), "album": None, "artists": [named("OurR", is_primary=True)]},
        ]
        content = {"version": "1", "exported_at": "2025-06-18T12:56:53Z", "user": "koito", "listens": listens}
        return write_json(folder / "koito_export.json", content)


def test_an_entry_that_is_no_scrobble_is_named(tmp_path):
    content = {"scrobbles": [{"time": 5}, scrobble(1_700_000_000, ["OurR"], "Desert")]}
    records, error = collect_until_error("maloja", write_json(tmp_path / "m.json", content))
    assert records == []
    assert_one_line(error, "m.json: entry 1")


def test_among_scrobbles_it_is_left_out_and_counted(tmp_path):
    content = {"scrobbles": [scrobble(1_700_000_000 + k, ["OurR"], "Desert") for k in range(3)]}
    content["scrobbles"][1] = {"time": 5}
    records, skips = collect("maloja", write_json(tmp_path / "m.json", content))
    assert len(records) == 2
    assert skips == {"entry of another kind": 1}


def maloja(scrobbles):
    """Answer as Maloja's API does, which leaves out what is older than the server's start unless asked otherwise."""

    def answer(request):
        assert request.path == "/apis/mlj_1/scrobbles"
        assert int(request.query["since"]) <= 1990
        page, size = int(request.query["page"]), int(request.query["perpage"])
        found = scrobbles[page * size : (page + 1) * size]
        return Answer({"status": "ok", "list": found, "pagination": {"page": page, "perpage": size}})

    return answer


@pytest.mark.parametrize("n", [0, 1, 999, 1000, 1001, 2500])
def test_all_pages_of_a_server_are_read(n):
    scrobbles = [scrobble(1_700_000_000 - i, ["OurR"], f"t{i}") for i in range(n)]
    with serving(maloja(scrobbles)) as double:
        records, _ = collect("maloja", double.address + "/")
    assert [record.track.title for record in records] == [f"t{i}" for i in range(n)]


@pytest.mark.parametrize("content", [{"status": "error"}, {"list": [5]}, {"list": [{"time": 3}]}])
def test_odd_answers_of_a_server_are_one_line(content):
    with serving(lambda _: Answer(content)) as double:
        records, error = collect_until_error("maloja", double.address, token="sesame")
    assert records == []
    assert_one_line(error, double.address)
    assert "sesame" not in str(error)
