"""Playlists on a Jellyfin and a Plex that answer as their documents say, or as they should not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import jellyfin_double
import plex_double
import pytest
from jellyfin_double import Jellyfin
from plex_double import Plex
from waiting import LONG_SECONDS
from web_double import Answer, Double, Request, serving

from cfaudio_core.errors import ServiceError, StoreError
from cfaudio_core.targets.account import Account
from cfaudio_core.targets.base import Entry
from cfaudio_core.targets.jellyfin import JellyfinAccount
from cfaudio_core.targets.plex import PlexAccount

MUSIC = b"/music"
CRYING = Entry("/music/Björk/Debut/01 Crying.flac".encode(), 289, "Björk - Crying")
HELP = Entry(b"/music/help.mp3", 140, "Beatles - Help", "Beatles", "Help!", "Help! (Remastered)")
NOWHERE = Entry(b"/music/nowhere.mp3", 200, "Nobody - Nowhere", "Nobody", "Nowhere")
SECRETS = ("hunter2", "sesame", "ben-token", "login-token", jellyfin_double.API_KEY)

Server = Jellyfin | Plex


def account(server: object, address: str, user: str = "anna") -> Account:
    """Anna's or Ben's account on a double."""
    token = {"anna": plex_double.TOKEN, "ben": "ben-token"}[user]
    if isinstance(server, Plex):
        return PlexAccount(address, MUSIC, token=token, listener=user)
    return JellyfinAccount(address, MUSIC, token=token, listener=user)


@pytest.fixture(params=[Jellyfin, Plex])
def server(request: pytest.FixtureRequest) -> Server:
    made: Server = request.param()
    return made


def test_a_list_is_created_and_the_next_time_replaced_by_its_number(server: Server) -> None:
    with serving(server) as double:
        made = account(server, double.address).write("Discover", [CRYING, HELP]).made
        assert server.songs("Discover") == ["a", "b"]
        again = account(server, double.address).write("Discover", [HELP, CRYING], made).made
    assert again == made
    assert server.songs("Discover") == ["b", "a"]
    assert len(server.lists) == 1


def test_a_track_that_is_not_there_is_left_out_and_named(server: Server) -> None:
    with serving(server) as double:
        written = account(server, double.address).write("x", [NOWHERE, HELP])
    assert server.songs("x") == ["b"]
    assert written.left_out == [NOWHERE]


@pytest.mark.parametrize(("seconds", "song"), [(140, "b"), (300, "long")])
def test_of_two_songs_of_one_name_the_one_as_long_is_meant(
    server: Server, seconds: float, song: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for double, number, length in ((plex_double, "ratingKey", "duration"), (jellyfin_double, "Id", "RunTimeTicks")):
        short = double.SONGS[1]
        longer = {**short, number: "long", length: short[length] * 300 // 140}
        monkeypatch.setattr(double, "SONGS", [short, longer])
    with serving(server) as serves:
        account(server, serves.address).write("x", [HELP._replace(seconds=seconds)])
    assert server.songs("x") == [song]


def test_a_list_whose_name_has_changed_is_renamed_and_none_stays_behind(server: Server) -> None:
    with serving(server) as double:
        made = account(server, double.address).write("Monday", [CRYING]).made
        for name in ("Tuesday", "Monday", "Tuesday"):
            made = account(server, double.address).write(name, [CRYING], made).made
            assert server.names() == [name]
    assert server.songs("Tuesday") == ["a"]


def test_nothing_to_write_empties_a_list_or_makes_an_empty_one(server: Server) -> None:
    with serving(server) as double:
        made = account(server, double.address).write("x", [CRYING]).made
        account(server, double.address).write("x", [], made)
        account(server, double.address).write("y", [NOWHERE])
        assert account(server, double.address).write("z", [CRYING, HELP]).left_out == []
    assert server.songs("x") == server.songs("y") == []


def test_a_list_that_was_deleted_on_the_server_is_made_anew(server: Server) -> None:
    with serving(server) as double:
        made = account(server, double.address).write("x", [CRYING]).made
        del server.lists[made]
        assert account(server, double.address).write("x", [CRYING], made).made != made
    assert server.songs("x") == ["a"]


def test_a_list_that_somebody_made_is_not_touched(server: Server) -> None:
    server.by_hand("Discover")
    before = {**server.lists["hand"]}
    with (
        serving(server) as double,
        pytest.raises(StoreError, match=r'has a playlist "Discover" that cfaudio did not put there'),
    ):
        account(server, double.address).write("Discover", [CRYING])
    assert server.lists == {"hand": before}


def test_two_users_have_lists_of_one_name_each_and_do_not_see_the_other_s(server: Server) -> None:
    with serving(server) as double:
        anna, ben = account(server, double.address), account(server, double.address, "ben")
        anna.write("Discover", [CRYING])
        ben.write("Discover", [HELP])
        server.by_hand("Mix", "ben")
        anna.write("Mix", [CRYING])
    assert server.songs("Discover", "anna") == server.songs("Mix", "anna") == ["a"]
    assert server.songs("Discover", "ben") == server.songs("Mix", "ben") == ["b"]


def test_what_is_gone_already_can_be_removed(server: Server) -> None:
    with serving(server) as double:
        made = account(server, double.address).write("x", [CRYING]).made
        account(server, double.address).remove(made)
        account(server, double.address).remove(made)
    assert not server.lists


@pytest.mark.parametrize("status", [400, 403, 405, 409])
def test_what_cannot_be_removed_is_one_line(server: Server, status: int) -> None:
    def refusing(request: Request) -> Answer:
        return Answer(b"", status) if request.method == "DELETE" else server(request)

    with serving(refusing) as double:
        made = account(server, double.address).write("x", [CRYING]).made
        with pytest.raises(ServiceError, match=f"error {status}|not allowed"):
            account(server, double.address).remove(made)


def test_any_name_comes_through(server: Server) -> None:
    with serving(server) as double:
        account(server, double.address).write('AC/DC "live" \\ & 100% 😀 #1\n', [CRYING])
    assert server.names() == ['AC/DC "live" \\ & 100% 😀 #1']


def test_a_long_list_and_a_large_library_come_through(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfaudio_core.clients.jellyfin._PAGE_ITEMS", 1)
    monkeypatch.setattr("cfaudio_core.clients.plex._PAGE_ITEMS", 1)
    with serving(server) as double:
        made = account(server, double.address).write("x", [CRYING, HELP] * 400).made
        assert server.songs("x") == ["a", "b"] * 400
        account(server, double.address).write("x", [HELP] * 300, made)
    assert server.songs("x") == ["b"] * 300


def test_a_list_is_not_created_twice_where_the_server_is_busy(server: Server) -> None:
    def busy(request: Request) -> Answer:
        making = request.method == "POST" and request.path.lower() == "/playlists"
        return Answer(b"", 503) if making else server(request)

    with serving(busy) as double:
        with pytest.raises(ServiceError, match="error 503"):
            account(server, double.address).write("x", [CRYING])
        assert sum(request.method == "POST" for request in double.requests) == 1


WRONG: list[tuple[Callable[[Request], Answer], str]] = [
    (lambda r: Answer(f"no {r.query} {dict(r.headers)}".encode(), 401), r"wrong"),
    (lambda r: Answer({"error": f"{dict(r.headers)}"}, 403), r"not allowed"),
    (lambda r: Answer(f"<html>Log in {dict(r.headers)}</html>".encode()), "not the JSON object"),
    (lambda r: Answer(b"", 302, {"Location": "https://elsewhere.example/?t=sesame"}), "moved to elsewhere.example"),
    (lambda r: Answer(f"{dict(r.headers)}".encode(), 500), "error 500"),
    (lambda r: Answer({"hello": 1}), r"not a (?:Plex Media Server|server that speaks Jellyfin's API)"),
    (lambda r: Answer(b"", 404), r"error 404|not a server that speaks Jellyfin's API"),
]


@pytest.mark.parametrize(("answer", "why"), WRONG)
def test_a_server_that_does_not_do_it_is_one_line_without_secrets(
    server: Server, answer: Callable[[Request], Answer], why: str
) -> None:
    with serving(answer) as double, pytest.raises(ServiceError, match=why) as error:
        account(server, double.address).write("x", [CRYING])
    assert str(error.value).isprintable()
    assert double.address in str(error.value)
    assert not any(secret in str(error.value) for secret in SECRETS)


def test_a_server_that_is_down_is_one_line(server: Server) -> None:
    with serving(server) as double:
        pass
    with pytest.raises(ServiceError, match="cannot be reached"):
        account(server, double.address).write("x", [CRYING])


@pytest.mark.parametrize("drip_s", [0.0, 0.05])
def test_a_server_that_is_slow_or_drips_is_not_waited_for_for_ever(
    server: Server, drip_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Dripping, each byte comes within the timeout, and the answer would take LONG_SECONDS.
    for kind in ("jellyfin", "plex"):
        monkeypatch.setattr(f"cfaudio_core.targets.{kind}._TIMEOUT_S", 0.2)
    enough = threading.Event()

    def answer(request: Request) -> Answer:
        if not drip_s:
            enough.wait(LONG_SECONDS)
        return Answer(b" " * round(LONG_SECONDS / 0.05))

    with serving(answer, drip_s=drip_s, until=enough) as double:
        try:
            with pytest.raises(ServiceError, match="no answer in time"):
                account(server, double.address).write("x", [CRYING])
        finally:
            enough.set()


def test_secrets_are_in_no_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serving(server) as double:
        account(server, double.address).write("x", [CRYING])
    assert "POST /" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)


@pytest.mark.parametrize("make", [JellyfinAccount, PlexAccount])
def test_an_address_with_a_password_in_it_is_refused_without_telling_it(make: Callable[..., Any]) -> None:
    with pytest.raises(ServiceError) as error:
        make("https://anna:hunter2@music.example.org", MUSIC, token="x")
    assert "hunter2" not in str(error.value)


def test_a_plex_list_is_known_by_its_summary_when_its_number_is_forgotten() -> None:
    plex = Plex()
    with serving(plex) as double:
        made = account(plex, double.address).write("x", [CRYING]).made
        assert account(plex, double.address).write("x", [HELP]).made == made
    assert plex.songs("x") == ["b"]


def test_a_plex_list_that_cannot_be_filled_is_as_it_was() -> None:
    plex = Plex()
    with serving(plex) as double:
        made = account(plex, double.address).write("x", [CRYING]).made
        plex.refuses_to_add = {"b"}
        with pytest.raises(ServiceError, match=r": playlists: error 400$"):
            account(plex, double.address).write("x", [HELP], made)
        assert plex.songs("x") == ["a"]
        with pytest.raises(ServiceError, match="error 400"):
            account(plex, double.address).write("y", [HELP] * 201)  # more than it is created with
    assert plex.names() == ["x"]


def login(double: Double, **how: str) -> JellyfinAccount:
    return JellyfinAccount(double.address, MUSIC, **how)


def test_jellyfin_takes_a_password_and_is_not_sent_it_again() -> None:
    jellyfin = Jellyfin()
    with serving(jellyfin) as double:
        login(double, user="anna", password=jellyfin_double.PASSWORD).write("x", [CRYING])
        assert sum(b"hunter2" in request.body for request in double.requests) == 1
    assert jellyfin.songs("x") == ["a"]


def test_a_wrong_password_of_jellyfin_is_one_line_without_it() -> None:
    with serving(Jellyfin()) as double, pytest.raises(ServiceError, match="wrong user, password or token") as error:
        login(double, user="anna", password="swordfish").write("x", [CRYING])
    assert "swordfish" not in str(error.value)


@pytest.mark.parametrize("old", [False, True])
def test_an_api_key_of_jellyfin_and_an_old_one_have_lists_made_anew_and_none_left(old: bool) -> None:
    jellyfin = Jellyfin(old=old)
    with serving(jellyfin) as double:
        how = {"token": jellyfin_double.TOKEN} if old else {"token": jellyfin_double.API_KEY, "user": "BEN"}
        made = login(double, **how).write("x", [CRYING]).made
        again = login(double, **how).write("y", [HELP], made).made
    assert again != made
    assert jellyfin.names() == ["y"]
    assert jellyfin.songs("y", "anna" if old else "ben") == ["b"]


@pytest.mark.parametrize("user", ["", "carl"])
def test_an_api_key_without_a_user_who_is_there_is_one_line(user: str) -> None:
    with serving(Jellyfin()) as double, pytest.raises(ServiceError, match="an API key needs a user to act for"):
        login(double, token=jellyfin_double.API_KEY, user=user).write("x", [CRYING])


def test_jellyfin_s_lists_are_private() -> None:
    jellyfin = Jellyfin()
    with serving(jellyfin) as double:
        made = login(double, token=jellyfin_double.TOKEN).write("x", [CRYING]).made
    assert jellyfin.lists[made]["public"] is False
