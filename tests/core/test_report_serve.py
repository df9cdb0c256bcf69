"""The server is for this machine and for who has the address: everything else is refused."""

import contextlib
import os
import socket
import threading
import urllib.error
import urllib.request

import pytest

from cfaudio_core.errors import StoreError
from cfaudio_core.report.page import SERVED_NO
from cfaudio_core.report.serving.lists import ListPreview
from cfaudio_core.report.serving.map_lists import MapList
from cfaudio_core.report.serving.server import make_app, open_server

TOKEN, PORT = "a-secret", 8338
HERE = {"Host": f"127.0.0.1:{PORT}"}


class Lists:
    """One playlist that can be written and one that cannot."""

    def __init__(self):
        self.written = []
        self.pictures = {}

    def names(self):
        return ["Good / one", "Bad"]

    def about(self, name):
        return f"About {name}."

    def preview(self, name):
        return [ListPreview(name, [1], reasons={1: 'sounds like "B"'}, plays={1: 3}, covers=(1,))]

    def draw(self, name, seed):
        return [ListPreview(f"{name} {seed}", [2])]

    def write(self, name, seed):
        if name == "Bad":
            raise StoreError("no space left")
        self.written.append((name, seed))
        return [ListPreview(name, [1, 2], texts={2: ("Title", "Artist")})]

    def cover(self, number):
        return self.pictures.get(number)


@pytest.fixture
def lists():
    return Lists()


@pytest.fixture
def client(tmp_path, lists):
    (tmp_path / "one.ogg").write_bytes(bytes(range(100)))
    (tmp_path / "secret.txt").write_text("secret")
    no_text = tmp_path / os.fsdecode(b"\xff\xfe.mp3")
    no_text.write_bytes(b"sound")
    files = {1: bytes(tmp_path / "one.ogg"), 2: bytes(tmp_path / "gone.ogg"), 4: bytes(no_text)}
    page = f"<html {SERVED_NO}>".encode()
    return make_app(page, files, TOKEN, PORT, lists).test_client()


def test_the_page_knows_that_it_is_served(client):
    answer = client.get(f"/{TOKEN}/", headers=HERE)
    assert answer.status_code == 200
    assert b'data-served="yes"' in answer.data
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_part_of_a_track_can_be_asked_for(client):
    answer = client.get(f"/{TOKEN}/audio/1", headers={**HERE, "Range": "bytes=10-19"})
    assert answer.status_code == 206
    assert answer.data == bytes(range(10, 20))
    answer.close()
    assert answer.headers["Content-Range"] == "bytes 10-19/100"
    assert answer.content_type == "audio/ogg"


def test_a_file_name_need_not_be_text(client):
    answer = client.get(f"/{TOKEN}/audio/4", headers=HERE)
    assert (answer.status_code, answer.data, answer.content_type) == (200, b"sound", "audio/mpeg")
    answer.close()


@pytest.mark.parametrize("path", ["audio/2", "audio/3", "audio/-1", "audio/one.ogg", "nothing"])
def test_what_is_not_of_the_library_is_not_found(client, path):
    assert client.get(f"/{TOKEN}/{path}", headers=HERE).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["audio/../secret.txt", "audio/%2e%2e/secret.txt", "audio/..%2fsecret.txt", "../etc/passwd", "audio/1/../../x"],
)
def test_no_path_leads_out_of_the_library(client, path):
    answer = client.get(f"/{TOKEN}/{path}", headers=HERE)
    assert answer.status_code in {403, 404}
    assert b"secret" not in answer.data


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/audio/1", "/audio/1", "/a-secret-/audio/1", "/ä/audio/1"])
def test_without_the_secret_there_is_nothing(client, path):
    assert client.get(path, headers=HERE).status_code == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8338", "127.0.0.1", "127.0.0.1:80", "localhost.evil:8338"]
)
def test_another_host_is_refused(client, host):
    assert client.get(f"/{TOKEN}/audio/1", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_origin_is_refused(client, lists, header):
    assert client.get(f"/{TOKEN}/audio/1", headers={**HERE, **header}).status_code == 403
    assert client.post(f"/{TOKEN}/playlists/0", headers={**HERE, **header}).status_code == 403
    assert lists.written == []


def test_playlists_can_be_looked_at_and_written(client, lists):
    shown = client.get(f"/{TOKEN}/playlists", headers=HERE).get_json()["playlists"]
    assert [one["name"] for one in shown] == ["Good / one", "Bad"]
    assert shown[0]["about"] == "About Good / one."
    assert shown[0]["lists"][0]["reasons"] == {"1": 'sounds like "B"'}
    assert lists.written == []
    answer = client.post(f"/{TOKEN}/playlists/0", headers={**HERE, "Origin": f"http://127.0.0.1:{PORT}"})
    (written,) = answer.get_json()["lists"]
    assert written["tracks"] == [1, 2]
    assert written["texts"] == {"2": ["Title", "Artist"]}
    assert lists.written == [("Good / one", None)]
    failed = client.post(f"/{TOKEN}/playlists/1", headers=HERE)
    assert (failed.status_code, failed.get_json()["error"]) == (409, "no space left")
    assert client.post(f"/{TOKEN}/playlists/2", headers=HERE).status_code == 404
    assert client.get(f"/{TOKEN}/playlists/0", headers=HERE).status_code in {404, 405}


def test_what_was_drawn_is_what_is_saved(client, lists):
    drawn = client.post(f"/{TOKEN}/playlists/0/draw", headers=HERE).get_json()
    assert drawn["lists"][0]["name"] == f"Good / one {drawn['seed']}"
    assert lists.written == []
    client.post(f"/{TOKEN}/playlists/0?seed={drawn['seed']}", headers=HERE)
    assert lists.written == [("Good / one", drawn["seed"])]
    assert client.get(f"/{TOKEN}/playlists/0/draw", headers=HERE).status_code in {404, 405}
    assert client.post(f"/{TOKEN}/playlists/9/draw", headers=HERE).status_code == 404


def test_covers_are_pictures_and_nothing_else(client, lists, tmp_path):
    contents = {1: b"\xff\xd8\xff picture", 2: b"<svg onload=alert(1)>", 3: b"RIFF1234WEBP picture"}
    for number, content in contents.items():
        (tmp_path / f"cover{number}").write_bytes(content)
        lists.pictures[number] = bytes(tmp_path / f"cover{number}")
    lists.pictures[4] = bytes(tmp_path / "gone")
    answers = [client.get(f"/{TOKEN}/cover/{number}", headers=HERE) for number in (1, 2, 3, 4, 5)]
    assert [answer.status_code for answer in answers] == [200, 204, 200, 204, 204]
    assert (answers[0].content_type, answers[0].data) == ("image/jpeg", contents[1])
    assert answers[2].content_type == "image/webp"


def test_a_real_server_listens_on_this_machine_alone_and_has_another_secret_each_time():
    secrets = set()
    for _ in range(2):
        server, address = open_server(f"<html {SERVED_NO}>".encode(), {}, 0, Lists())
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert server.server_address[0] == "127.0.0.1"
            with urllib.request.urlopen(address) as answer:
                assert b"yes" in answer.read()
            with pytest.raises(urllib.error.HTTPError, match="404") as refused:
                urllib.request.urlopen(address.rsplit("/", 2)[0] + "/")
            refused.value.close()
            secrets.add(address.split("/")[-2])
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
    assert len(secrets) == 2
    assert min(map(len, secrets)) >= 32


def test_a_port_that_is_taken_is_an_error():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken, pytest.raises(OSError, match="in use"):
        open_server(b"", {}, taken.getsockname()[1], Lists())


@pytest.fixture
def stated():
    return []


class Judged:
    """Feedback on track 1 alone."""

    def __init__(self, stated):
        self.stated = stated

    def read(self):
        return {1: self.stated[-1]} if self.stated else {}

    def state(self, number, kind):
        if number != 1:
            raise StoreError("no such track")
        self.stated.append(kind)
        return "" if kind == "clear" else kind


@pytest.fixture
def judging(lists, stated):
    """A client of a server that takes feedback on track 1 alone."""

    return make_app(b"", {}, TOKEN, PORT, lists, Judged(stated)).test_client()


def test_tracks_can_be_liked_banned_and_cleared(judging, stated):
    for kind, then in (("like", "like"), ("ban", "ban"), ("clear", "")):
        answer = judging.post(f"/{TOKEN}/feedback/1/{kind}", headers=HERE)
        assert (answer.status_code, answer.json) == (200, {"feedback": then})
    assert stated == ["like", "ban", "clear"]
    judging.post(f"/{TOKEN}/feedback/1/ban", headers=HERE)
    assert judging.get(f"/{TOKEN}/feedback", headers=HERE).json == {"1": "ban"}
    assert judging.get("/another/feedback", headers=HERE).status_code == 404
    answer = judging.post(f"/{TOKEN}/feedback/2/like", headers=HERE)
    assert (answer.status_code, answer.json) == (409, {"error": "no such track"})


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/{TOKEN}/feedback/1/love", HERE, 404),
        ("/another/feedback/1/ban", HERE, 404),
        (f"/{TOKEN}/feedback/1/ban", {"Host": "evil.example"}, 403),
        (f"/{TOKEN}/feedback/1/ban", {**HERE, "Origin": "http://evil.example"}, 403),
        (f"/{TOKEN}/feedback/1/ban", {**HERE, "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_nobody_else_gives_feedback(judging, stated, path, headers, status):
    assert judging.post(path, headers=headers).status_code == status
    assert judging.get(path, headers=headers).status_code in {403, 404, 405}
    assert stated == []


class Made:
    """Lists of a map: radio of track 1 alone."""

    def __init__(self):
        self.saved = []

    def radio(self, number):
        if number != 1:
            raise StoreError("no such track")
        return MapList([1, 2], texts={2: ("Title", "Artist")})

    def path(self, begin, end):
        return MapList([begin, end])

    def save(self, name, tracks):
        self.saved.append((name, tracks))
        return ["m3u"]

    def m3u(self, name, tracks):
        return b"".join([b"#EXTM3U\n#PLAYLIST:", name.encode(), *[b"\n/music/%d" % track for track in tracks]])


@pytest.fixture
def made():
    return Made()


@pytest.fixture
def mapping(lists, made):
    return make_app(b"", {}, TOKEN, PORT, lists, None, made).test_client()


def test_lists_are_made_from_tracks_of_the_map(mapping):
    radio = mapping.get(f"/{TOKEN}/map/radio/1", headers=HERE).get_json()
    assert radio == {"tracks": [1, 2], "why": "", "texts": {"2": ["Title", "Artist"]}}
    assert mapping.get(f"/{TOKEN}/map/path/3/4", headers=HERE).get_json()["tracks"] == [3, 4]
    refused = mapping.get(f"/{TOKEN}/map/radio/2", headers=HERE)
    assert (refused.status_code, refused.get_json()) == (409, {"error": "no such track"})


def test_a_list_is_saved_by_its_name(mapping, made):
    answer = mapping.post(f"/{TOKEN}/map/save", headers=HERE, json={"name": " My\nlist ", "tracks": [2, 1]})
    assert answer.get_json() == {"written": ["m3u"]}
    assert made.saved == [("My list", [2, 1])]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"name": "x", "tracks": []}, 409),
        ({"name": " ", "tracks": [1]}, 409),
        ({"name": "x" * 201, "tracks": [1]}, 409),
        ({"name": "x", "tracks": ["1"]}, 400),
        ({"name": "x", "tracks": [True]}, 400),
        ({"name": 3, "tracks": [1]}, 400),
        ([], 400),
    ],
)
def test_what_is_no_list_is_not_saved(mapping, made, content, status):
    assert mapping.post(f"/{TOKEN}/map/save", headers=HERE, json=content).status_code == status
    assert made.saved == []


def test_another_origin_saves_nothing(mapping, made):
    headers = {**HERE, "Origin": "http://evil.example"}
    answer = mapping.post(f"/{TOKEN}/map/save", headers=headers, json={"name": "x", "tracks": [1]})
    assert (answer.status_code, made.saved) == (403, [])


def test_a_server_without_a_map_makes_no_lists(client):
    assert client.get(f"/{TOKEN}/map/radio/1", headers=HERE).status_code == 404


def test_an_m3u_needs_a_name_and_tracks_and_the_secret(mapping):
    good = {"name": "A", "tracks": [3]}
    assert mapping.post(f"/{TOKEN}/map/m3u", json=good, headers=HERE).data == b"#EXTM3U\n#PLAYLIST:A\n/music/3"
    for bad, code in (({"name": "A"}, 400), ({**good, "tracks": ["/etc/passwd"]}, 400), ({**good, "name": " "}, 409)):
        assert mapping.post(f"/{TOKEN}/map/m3u", json=bad, headers=HERE).status_code == code
    assert mapping.post("/wrong/map/m3u", json=good, headers=HERE).status_code == 404
    refused = mapping.post(f"/{TOKEN}/map/m3u", json=good, headers={**HERE, "Origin": "http://evil.example"})
    assert refused.status_code == 403


def test_the_page_can_be_saved_as_the_file_that_it_is_when_not_served(client):
    answer = client.get(f"/{TOKEN}/cfaudio.html", headers=HERE)
    assert answer.data == f"<html {SERVED_NO}>".encode()
    assert answer.headers["Content-Disposition"] == "attachment; filename=cfaudio.html"
    assert client.get("/wrong/cfaudio.html", headers=HERE).status_code == 404
