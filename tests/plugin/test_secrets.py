"""What a command prints with all of its debugging on has no password, token, or anything that serves as one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from user_home import Home
from web_double import Answer, Double, Request, serving

PASSWORD, TOKEN = "hunter2 ünd", "5ebe2294-sesame"


def refusing(_: Request) -> Answer:
    error = {"code": 40, "message": f"wrong password {PASSWORD}"}
    return Answer({"subsonic-response": {"status": "failed", "error": error}, "code": 401, "error": f"no {TOKEN}"})


def broken(request: Request) -> Answer:
    return Answer(f"Traceback: {request.query} {dict(request.headers)} {PASSWORD} {TOKEN}".encode(), 500)


def talking(request: Request) -> Answer:
    return Answer(f"<html>{request.query} {PASSWORD} {TOKEN}</html>".encode())


def moved(request: Request) -> Answer:
    return Answer(b"", 302, {"Location": f"https://elsewhere.example/?p={PASSWORD.encode().hex()}&token={TOKEN}"})


def unknowing(request: Request) -> Answer:
    """An old server, that takes the password itself alone."""
    if "p" in request.query:
        return Answer({"subsonic-response": {"status": "ok"}})
    return Answer({"subsonic-response": {"status": "failed", "error": {"code": 41, "message": "no tokens"}}})


ANSWERS = [refusing, broken, talking, moved, unknowing]


@pytest.fixture(params=ANSWERS)
def service(request: pytest.FixtureRequest) -> Iterator[Double]:
    with serving(request.param) as double:
        yield double


def assert_silent(said: str, service: Double) -> None:
    assert service.requests, said
    sent = {request.query.get(name, "") for request in service.requests for name in ("t", "s", "p", "apiKey")}
    secrets = {PASSWORD, PASSWORD.encode().hex(), "hunter2", TOKEN, "sesame"} | sent - {""}
    assert not [secret for secret in secrets if secret in said], said
    assert "Traceback (most recent" not in said


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfaudio_core.clients.http._PAUSE_S", 0.0)


@pytest.mark.parametrize("credentials", [("--password", PASSWORD, "-u", "anna"), ("--token", TOKEN)])
def test_an_import_tells_no_secret(home: Home, service: Double, credentials: tuple[str, ...]) -> None:
    ran = home.beet_here("-vv", "cfimport", "subsonic", service.address, *credentials)
    assert_silent(ran.out + ran.err, service)


def test_neither_does_one_that_asks_the_environment(
    home: Home, service: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFAUDIO_TOKEN", TOKEN)
    ran = home.beet_here("-vv", "cfimport", "listenbrainz", f"{service.address}/user/anna")
    assert_silent(ran.out + ran.err, service)


@pytest.mark.parametrize(
    ("kind", "account"),
    [
        ("subsonic", {"user": "anna", "password": PASSWORD}),
        ("subsonic", {"token": TOKEN}),
        ("jellyfin", {"user": "anna", "password": PASSWORD}),
        ("jellyfin", {"user": "anna", "token": TOKEN}),
        ("plex", {"token": TOKEN}),
    ],
)
def test_neither_do_playlists(scored: Home, service: Double, kind: str, account: dict[str, str]) -> None:
    playlists = [{"name": "One", "n": 3, "targets": [kind]}]
    scored.configure({kind: {"url": service.address, **account}, "playlists": playlists})
    ran = scored.beet_here("-vv", "cfplaylists")
    assert_silent(ran.out + ran.err, service)
    assert ran.code == 1


def test_nor_do_they_where_nobody_answers(scored: Home) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    playlists = [{"name": "One", "n": 3, "targets": ["subsonic"]}]
    scored.configure({"subsonic": {"url": address, "user": "anna", "password": PASSWORD}, "playlists": playlists})
    ran = scored.beet("-vv", "cfplaylists")
    assert ran.code == 1
    assert "cannot be reached" in ran.err
    assert "hunter2" not in ran.out + ran.err
