"""Playlists on a Subsonic server that answers as the real ones do, or as it should not."""

import logging
import threading

import pytest
from waiting import LONG_SECONDS
from web_double import Answer, serving

from cfaudio_core.clients.subsonic import _length
from cfaudio_core.errors import CfAudioError, ServiceError, StoreError
from cfaudio_core.targets.base import Entry
from cfaudio_core.targets.subsonic import COMMENT, SubsonicAccount

MUSIC = b"/music"
PASSWORD = "hunter2"
SONGS = [
    {"id": "a", "path": "Björk/Debut/01 Crying.flac", "artist": "Björk", "title": "Crying", "duration": 289},
    {"id": "b", "path": "x/y/z.flac", "artist": "The Beatles", "title": "Help!", "album": "Help!", "duration": 140},
    {"id": "p", "path": "pod/cast.mp3", "artist": "Pod", "title": "Cast", "type": "podcast"},
]
CRYING = Entry("/music/Björk/Debut/01 Crying.flac".encode(), 289, "Björk - Crying")
HELP = Entry(b"/music/help.mp3", 140, "Beatles - Help", "Beatles", "Help!", "Help! (Remastered)")
NOWHERE = Entry(b"/music/nowhere.mp3", 200, "Nobody - Nowhere", "Nobody", "Nowhere")
CAST = Entry(b"/music/pod/cast.mp3", 0, "Pod - Cast", "Pod", "Cast")


class Server:
    """Keeps the playlists of alice and bob; `tells` whether createPlaylist gives the playlist back."""

    def __init__(self, tells=True):
        self.lists = {}
        self.asked = []
        self._tells = tells
        self._made = 0

    def __call__(self, request):
        name, query = request.path.removeprefix("/rest/").removesuffix(".view"), request.query
        self.asked.append((name, request.method))
        user = "alice" if query.get("apiKey") == "sesame" else query.get("u", "").lower()
        if user not in ("alice", "bob"):
            return bad(40, f"wrong {query}")
        if name == "tokenInfo":
            return good(tokenInfo={"username": user})
        if name == "search3":
            return good(searchResult3={"song": SONGS if query["songOffset"] == "0" else []})
        if name == "getPlaylists":
            return good(playlists={"playlist": [{"id": key, **one} for key, one in self.lists.items()]})
        known = self.lists.get(query.get("playlistId") or query.get("id"))
        if name == "createPlaylist":
            songs = [value for key, value in request.pairs if key == "songId"]
            if known:
                known["songs"] = songs  # and the name stays, as on some servers
                return good()
            self._made += 1
            key = f"pl{self._made}"
            self.lists[key] = {"name": query["name"], "owner": user, "songs": songs}
            return good(playlist={"id": key}) if self._tells else good()
        if name in ("updatePlaylist", "deletePlaylist") and known is None:
            return bad(70, "not found")
        if name == "updatePlaylist":
            known |= {key: query[key] for key in ("name", "comment") if key in query}
        if name == "deletePlaylist":
            del self.lists[query["id"]]
        return good()

    def songs(self, name, owner="alice"):
        (found,) = [one["songs"] for one in self.lists.values() if (one["name"], one["owner"]) == (name, owner)]
        return found


def good(**content):
    return Answer({"subsonic-response": {"status": "ok", **content}})


def bad(code, message):
    return Answer({"subsonic-response": {"status": "failed", "error": {"code": code, "message": message}}})


def account(double, user="alice"):
    return SubsonicAccount(double.address, MUSIC, user=user, password=PASSWORD)


@pytest.mark.parametrize("tells", [True, False])
def test_a_list_is_created_and_the_next_time_replaced_by_its_number(tells):
    server = Server(tells)
    with serving(server) as double:
        made = account(double).write("Discover", [CRYING, HELP]).made
        assert server.songs("Discover") == ["a", "b"]
        again = account(double).write("Discover", [HELP, CRYING], made).made
    assert again == made
    assert server.songs("Discover") == ["b", "a"]
    assert server.lists[made]["comment"] == COMMENT
    assert len(server.lists) == 1


def test_a_track_is_found_by_its_file_or_else_by_its_tags():
    server = Server()
    with serving(server) as double:
        account(double).write("x", [CRYING, HELP])
    assert server.songs("x") == ["a", "b"]


def test_a_track_that_is_not_there_is_left_out_and_named():
    server = Server()
    with serving(server) as double:
        written = account(double).write("x", [NOWHERE, HELP, CAST])
    assert server.songs("x") == ["b"]
    assert written.left_out == [NOWHERE, CAST]


def test_a_list_whose_name_has_changed_is_renamed_and_none_stays_behind():
    server = Server()
    with serving(server) as double:
        made = account(double).write("Monday", [CRYING]).made
        for name in ("Tuesday", "Monday", "Tuesday"):
            account(double).write(name, [HELP], made)
            assert [one["name"] for one in server.lists.values()] == [name]


def test_a_list_that_was_deleted_on_the_server_is_made_anew():
    server = Server()
    with serving(server) as double:
        made = account(double).write("x", [CRYING]).made
        del server.lists[made]
        assert account(double).write("x", [CRYING], made).made != made
    assert server.songs("x") == ["a"]


def test_a_list_that_somebody_made_is_not_touched():
    server = Server()
    by_hand = {"name": "Discover", "owner": "alice", "songs": ["b"], "comment": f"not {COMMENT}"}
    server.lists["hand"] = {**by_hand}
    with serving(server) as double, pytest.raises(StoreError, match='has a playlist "Discover" that cfaudio did not'):
        account(double).write("Discover", [CRYING])
    assert server.lists == {"hand": by_hand}


@pytest.mark.parametrize("login", [{"token": "sesame"}, {"user": "ALICE", "password": PASSWORD}])
def test_lists_of_others_are_not_taken_for_one_s_own(login):
    server = Server()
    server.lists["hers"] = {"name": "Discover", "owner": "bob", "songs": ["b"], "comment": COMMENT, "public": True}
    with serving(server) as double:
        made = SubsonicAccount(double.address, MUSIC, **login).write("Discover", [CRYING]).made
        assert SubsonicAccount(double.address, MUSIC, **login).write("Discover", [HELP]).made == made != "hers"
    assert server.songs("Discover") == server.songs("Discover", "bob") == ["b"]


def test_a_list_is_known_by_its_comment_when_its_number_is_forgotten():
    server = Server()
    with serving(server) as double:
        made = account(double).write("x", [CRYING]).made
        assert account(double).write("x", [HELP]).made == made
    assert server.songs("x") == ["b"]


def test_two_users_have_lists_of_one_name_each():
    server = Server()
    with serving(server) as double:
        for user, entries in (("alice", [CRYING]), ("bob", [HELP])):
            account(double, user).write("Discover", entries)
    assert server.songs("Discover", "alice") == ["a"]
    assert server.songs("Discover", "bob") == ["b"]


@pytest.mark.parametrize("name", ['AC/DC "live" \\ & 100% 😀 #1', "a\nb"])
def test_any_name_comes_through(name):
    server = Server()
    with serving(server) as double:
        account(double).write(name, [CRYING])
    assert server.songs(name.replace("\n", " ")) == ["a"]


def test_nothing_to_write_empties_the_list():
    server = Server()
    with serving(server) as double:
        made = account(double).write("x", [CRYING]).made
        account(double).write("x", [], made)
    assert server.songs("x") == []


def test_a_long_list_goes_as_a_form():
    server = Server()
    with serving(server) as double:
        account(double).write("x", [CRYING, HELP] * 400)
    assert server.songs("x") == ["a", "b"] * 400
    assert ("createPlaylist", "POST") in server.asked


def test_a_name_that_is_longer_than_an_address_may_be_is_sent_as_a_form():
    server = Server()
    with serving(server) as double:
        account(double).write("x" * 5000, [CRYING])
    assert ("createPlaylist", "POST") in server.asked


def test_a_list_of_the_name_of_ours_that_somebody_made_beside_it_is_not_touched():
    server = Server()
    with serving(server) as double:
        account(double).write("Discover", [CRYING])
        server.lists["hand"] = {"name": "Discover", "owner": "alice", "songs": ["b"]}
        with pytest.raises(StoreError, match="did not put there"):
            account(double).write("Discover", [HELP])
    assert server.lists["hand"]["songs"] == ["b"]


@pytest.mark.parametrize("code", [50, 101])
def test_a_list_that_cannot_be_removed_is_named(code):
    def answer(request):
        return bad(code, "no") if "deletePlaylist" in request.path else good()

    with serving(answer) as double, pytest.raises(ServiceError, match="deletePlaylist"):
        account(double).remove("pl1")


def test_the_length_of_an_address_is_that_of_all_its_parameters():
    assert _length({"id": ["x", "yy"], "c": 1}) == len("&id=x&id=yy&c=1")


def test_what_is_gone_already_can_be_removed():
    server = Server()
    with serving(server) as double:
        made = account(double).write("x", [CRYING]).made
        account(double).remove(made)
        account(double).remove(made)
    assert not server.lists


def test_a_list_is_not_created_twice_where_the_server_is_busy():
    inner = Server()
    busy = Answer(b"", 503)
    with serving(lambda request: busy if "createPlaylist" in request.path else inner(request)) as double:
        with pytest.raises(ServiceError, match="error 503"):
            account(double).write("x", [CRYING])
        assert sum("createPlaylist" in request.path for request in double.requests) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (bad(40, f"no {PASSWORD}"), "wrong user or password"),
        (bad(0, f"cannot {PASSWORD}"), "error 0"),
        (Answer(b"<html>Log in</html>"), "not the JSON object"),
        (Answer(b"", 302, {"Location": "https://elsewhere.example/?p=secret"}), "moved to elsewhere.example"),
        (Answer(b"", 500), "error 500"),
        (Answer({"hello": 1}), "not a server that speaks Subsonic's API"),
    ],
)
def test_a_server_that_does_not_do_it_is_one_line_without_the_password(answer, why):
    with serving(lambda _: answer) as double, pytest.raises(ServiceError, match=why) as error:
        account(double).write("x", [CRYING])
    assert str(error.value).isprintable()
    assert double.address in str(error.value)
    assert PASSWORD not in str(error.value)
    assert "secret" not in str(error.value)


def test_a_server_that_is_down_is_one_line():
    with serving(Server()) as double:
        pass
    with pytest.raises(ServiceError, match="cannot be reached"):
        account(double).write("x", [CRYING])


def test_a_slow_server_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr("cfaudio_core.targets.subsonic._TIMEOUT_S", 0.2)
    asleep = threading.Event()

    def answer(request):
        asleep.wait(LONG_SECONDS)
        return good()

    with serving(answer) as double:
        try:
            with pytest.raises(ServiceError, match="no answer in time"):
                account(double).write("x", [CRYING])
        finally:
            asleep.set()


def test_secrets_are_in_no_log(caplog):
    with caplog.at_level(logging.DEBUG), serving(Server()) as double:
        account(double).write("x", [CRYING])
    assert "createPlaylist" in caplog.text
    assert all(mark not in caplog.text for mark in ("t=", "s=", PASSWORD, PASSWORD.encode().hex()))


def test_an_address_with_a_password_in_it_is_refused_without_telling_it():
    with pytest.raises(CfAudioError) as error:
        SubsonicAccount(f"https://alice:{PASSWORD}@music.example.org", MUSIC)
    assert PASSWORD not in str(error.value)
