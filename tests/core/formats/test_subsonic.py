import hashlib
from typing import Any

import pytest
from format_contract import MBID, assert_one_line, assert_sound, collect, collect_until_error
from web_double import Answer, serving

from cfaudio_core.history.records import Opinion, Tally, TrackText

# No server that can be installed here gives counts over this API. Songs are written as Navidrome and the specification
# of OpenSubsonic have them.
PASSWORD = "hunter2"
LOGIN: dict[str, Any] = {"user": "alice", "password": PASSWORD}


def song(i, **more):
    return {
        "id": f"s{i}",
        "isDir": False,
        "title": f"Song {i}",
        "artist": "OurR",
        "album": "Desert EP",
        "type": "music",
    } | more


SONGS = [
    song(
        1,
        playCount=12,
        played="2023-11-14T22:13:20.123Z",
        displayAlbumArtist="Various",
        musicBrainzId=MBID,
        path="OurR/Desert EP/01 - Song 1.flac",
        duration=245,
        userRating=5,
    ),
    song(2),
    song(3, playCount=1),
]
RECORDS = [
    Opinion(
        TrackText("OurR", "Song 1", "Desert EP", "Various", MBID, "", "OurR/Desert EP/01 - Song 1.flac", 245.0),
        1.0,
        user="alice",
    ),
    Tally(
        TrackText("OurR", "Song 1", "Desert EP", "Various", MBID, "", "OurR/Desert EP/01 - Song 1.flac", 245.0),
        12,
        0,
        1_700_000_000,
        "alice",
    ),
    Tally(TrackText("OurR", "Song 3", "Desert EP"), 1, user="alice"),
]


def good(**content):
    return Answer({"subsonic-response": {"status": "ok", "version": "1.16.1", **content}})


def bad(code, message="no"):
    return Answer({"subsonic-response": {"status": "failed", "error": {"code": code, "message": message}}})


def token_is_right(query):
    return (
        query.get("t") == hashlib.md5((PASSWORD + query.get("s", "")).encode()).hexdigest()
        and query.get("u") == "alice"
    )


def server(songs=SONGS, *, search=True, log_in=token_is_right):
    """Answer as a server does; albums are of two songs."""

    def answer(request):
        name, query = request.path.removeprefix("/rest/").removesuffix(".view"), request.query
        if not log_in(query):
            return bad(40, f"Wrong username or password {query}")
        if name == "ping":
            return good()
        if name == "search3":
            start, count = int(query["songOffset"]), int(query["songCount"])
            assert query["query"] == ""
            return good(searchResult3={"song": songs[start : start + count]} if search else {})
        albums = [songs[i : i + 2] for i in range(0, len(songs), 2)]
        if name == "getAlbumList2":
            start, count = int(query["offset"]), int(query["size"])
            page = [{"id": f"a{i}", "name": "x"} for i in range(len(albums))][start : start + count]
            return good(albumList2={"album": page})
        if name == "getAlbum":
            return good(album={"id": query["id"], "song": albums[int(query["id"][1:])]})
        return bad(0)

    return answer


@pytest.mark.parametrize("search", [True, False], ids=["by search", "by albums"])
def test_counts_of_all_songs(search):
    with serving(server(search=search)) as double:
        records, skips = collect("subsonic", double.address, **LOGIN)
    assert records == RECORDS
    assert not skips
    for record in records:
        assert_sound(record)


@pytest.mark.parametrize("n", [499, 500, 501, 1203])
@pytest.mark.parametrize("search", [True, False], ids=["by search", "by albums"])
def test_no_song_is_lost_between_pages(n, search):
    with serving(server([song(i, playCount=i + 1) for i in range(n)], search=search)) as double:
        records, _ = collect("subsonic", double.address + "/rest/", **LOGIN)
    assert [record.plays for record in records] == list(range(1, n + 1))


def test_a_server_that_ignores_offsets_is_no_trap():
    inner = server()

    def answer(request):
        return inner(request._replace(query=request.query | {"songOffset": "0"}))

    with serving(answer) as double:
        assert collect("subsonic", double.address, **LOGIN)[0] == RECORDS


def test_the_password_is_not_sent_to_a_server_that_takes_tokens():
    with serving(server()) as double:
        collect("subsonic", double.address, **LOGIN)
        assert all("p" not in request.query for request in double.requests)
        assert all(PASSWORD not in repr(request.query) for request in double.requests)


@pytest.mark.parametrize("code", [10, 41, 42])
def test_the_password_is_sent_where_tokens_are_not_known(code):
    inner = server(log_in=lambda query: query.get("p") == "enc:" + PASSWORD.encode().hex())
    with serving(lambda request: inner(request) if "p" in request.query else bad(code)) as double:
        assert collect("subsonic", double.address, **LOGIN)[0] == RECORDS


def test_an_api_key_needs_no_user():
    with serving(server(log_in=lambda query: query.get("apiKey") == "key" and "u" not in query)) as double:
        records, _ = collect("subsonic", double.address, token="key")
    assert records == [record._replace(user="") for record in RECORDS]


@pytest.mark.parametrize("options", [{"user": "alice", "password": "wrong-one"}, {"token": "wrong-one"}])
def test_wrong_secrets_are_refused_and_not_shown(options):
    with serving(server()) as double:
        _, error = collect_until_error("subsonic", double.address, **options)
    assert_one_line(error, "wrong user or password")
    assert "wrong-one" not in str(error)


def test_a_message_that_quotes_the_request_is_not_shown():
    with serving(lambda request: bad(0, f"cannot do {request.query}")) as double:
        _, error = collect_until_error("subsonic", double.address, token="sesame")
    assert_one_line(error, "error 0")
    assert "sesame" not in str(error)


@pytest.mark.parametrize("options", [{}, {"user": "alice"}, {"password": "x"}])
def test_what_is_missing_is_reported_before_anything_is_sent(options):
    with serving(server()) as double:
        _, error = collect_until_error("subsonic", double.address, **options)
        assert not double.requests
    assert_one_line(error, "needs a user and a password, or a token")


def test_a_server_without_counts_is_named_as_such():
    with serving(server([song(1), song(2)])) as double:
        _, error = collect_until_error("subsonic", double.address, **LOGIN)
    assert_one_line(error, "none of its 2 songs has a count of plays")


def test_podcasts_and_audiobooks_are_left_out():
    songs = [song(1, playCount=1), song(2, playCount=4, type="podcast"), song(3, playCount=2, type="audiobook")]
    with serving(server(songs)) as double:
        records, skips = collect("subsonic", double.address, **LOGIN)
    assert len(records) == 1
    assert skips == {"not music": 2}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>nginx</html>"),
        Answer({"hello": 1}),
        Answer({"subsonic-response": 3}),
        Answer(b"", 404),
        Answer(b"", 500),
        Answer({"subsonic-response": {"status": "failed"}}),
        Answer({"subsonic-response": {"status": "failed", "error": {"code": "x", "message": ["a"]}}}),
        Answer(b'{"subsonic-response": '),
    ],
)
def test_what_is_no_server_is_refused_in_one_line(answer):
    with serving(lambda _: answer) as double:
        records, error = collect_until_error("subsonic", double.address, **LOGIN)
    assert records == []
    assert_one_line(error, double.address)
    assert PASSWORD not in str(error)


def test_an_error_half_way_comes_after_what_was_read():
    inner = server([song(i, playCount=1) for i in range(600)])
    with serving(lambda request: bad(70) if request.query.get("songOffset") == "500" else inner(request)) as double:
        records, error = collect_until_error("subsonic", double.address, **LOGIN)
    assert len(records) == 500
    assert_one_line(error, "search3: error 70")


def test_a_file_is_no_server(tmp_path):
    assert_one_line(collect_until_error("subsonic", tmp_path, **LOGIN)[1], "not the address of a server")
