"""Servers of the configuration: which MPD is meant, and lists in accounts on Jellyfin and Plex."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jellyfin_double
import plex_double
import pytest
from jellyfin_double import Jellyfin
from plex_double import Plex
from user_home import Home
from web_double import serving

from beetsplug.cfaudio.config.checks import Section
from beetsplug.cfaudio.config.servers import read_servers

OWN = {"host": "own", "port": 1, "password": "of-own"}
BEETS = {"host": "beets", "port": 2, "password": "of-beets", "music_directory": "/srv/music", "rating": False}


def mpd(own: dict[str, object], beets: dict[str, object]) -> tuple[str, int, str]:
    """Host, port and password of the MPD that is meant."""
    keys = ("subsonic", "jellyfin", "plex", "mpd")
    servers = read_servers(Section({"mpd": own}, "cfaudio", keys), beets)
    return servers.mpd_host, servers.mpd_port, servers.mpd_password


@pytest.mark.parametrize(
    ("own", "of_beets", "environment", "meant"),
    [
        (OWN, BEETS, "env", ("own", 1, "of-own")),
        ({}, BEETS, "env", ("beets", 2, "of-beets")),
        ({"port": 7}, BEETS, "env", ("localhost", 7, "")),  # no password goes where it is not for
        ({}, {}, "env", ("env", 3, "")),
        ({}, {}, "sesame@env", ("env", 3, "sesame")),
        ({}, {}, "@socket", ("@socket", 3, "")),
        ({}, {}, "/run/mpd/socket", ("/run/mpd/socket", 3, "")),
        ({}, {}, "", ("localhost", 3, "")),
    ],
)
def test_mpd_is_where_cfaudio_says_or_else_beets_or_else_the_environment(
    own: dict[str, object],
    of_beets: dict[str, object],
    environment: str,
    meant: tuple[str, int, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MPD_HOST", environment)
    monkeypatch.setenv("MPD_PORT", "3")
    assert mpd(own, of_beets) == meant


def test_without_any_of_it_mpd_is_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MPD_HOST", "MPD_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert mpd({}, {}) == ("localhost", 6600, "")


def test_a_wrong_port_is_one_line_that_says_where_it_is(scored: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    scored.configure({}, mpd={"port": "many"})
    assert scored.beet_here("cfrecommend", "--play").complaint.startswith("error: mpd.port: must be a whole number")
    monkeypatch.setenv("MPD_PORT", "many")
    scored.configure({})
    assert scored.beet_here("cfrecommend", "--play").complaint.startswith("error: MPD_PORT: must be a whole number")


@pytest.fixture(params=["jellyfin", "plex"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str, scored: Home) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A double that has the library's tracks, and its section of the configuration with two accounts."""
    tracks = scored.sql("SELECT id, path, title, artist FROM items ORDER BY id")
    with pytest.MonkeyPatch.context() as patch:
        if kind == "jellyfin":
            songs: list[dict[str, Any]] = [
                {"Id": str(i), "Path": f"/data/{path.decode()}", "Name": title, "Artists": [artist]}
                for i, path, title, artist in tracks
            ]
            patch.setattr(jellyfin_double, "SONGS", songs)
            double: Any = Jellyfin()
            login = {"user": "anna", "password": jellyfin_double.PASSWORD, "users": {"ben": {"token": "ben-token"}}}
        else:
            songs = [
                {
                    "ratingKey": str(i),
                    "title": title,
                    "grandparentTitle": artist,
                    "Media": [{"Part": [{"file": f"/data/{path.decode()}"}]}],
                }
                for i, path, title, artist in tracks
            ]
            patch.setattr(plex_double, "SONGS", songs)
            double = Plex()
            login = {"token": plex_double.TOKEN, "users": {"ben": {"token": "ben-token"}}}
        with serving(double) as served:
            yield double, {"url": served.address, **login}


def configure(home: Home, kind: str, section: dict[str, Any], *lists: dict[str, Any]) -> None:
    users = {"anna": ["play_count", "skip_count"], "ben": ["his_count"]}
    home.set("his_count", dict.fromkeys(home.ids("artist LIKE 'Drum%'"), 5))
    home.configure({"users": users, kind: section, "playlists": [{"targets": [kind], **one} for one in lists]})


def test_lists_go_into_each_listener_s_account_and_are_replaced_renamed_and_removed(
    kind: str, server: tuple[Any, dict[str, Any]], scored: Home
) -> None:
    double, section = server
    scored.set("cf_score_ben", {i: 100.0 - i for i in scored.ids("1")})
    both = [{"name": "Für dich", "n": 5}, {"name": "Für dich", "n": 4, "user": "ben", "unplayed": 1}]
    configure(scored, kind, section, *both)
    assert scored.beet_here("cfplaylists").fine
    first = double.songs("Für dich", "anna")
    assert (len(first), len(double.songs("Für dich", "ben"))) == (5, 4)
    numbers = set(double.lists)
    configure(scored, kind, section, {**both[0], "n": 6}, both[1])
    assert scored.beet_here("cfplaylists").fine
    assert len(double.songs("Für dich", "anna")) == 6
    assert set(double.lists) == numbers
    configure(scored, kind, section, {"name": "Other", "n": 3})
    assert scored.beet_here("cfplaylists").fine
    assert double.names() == ["Other"]


def test_an_old_name_with_tags_in_it_is_renamed_in_place(
    kind: str, server: tuple[Any, dict[str, Any]], placed: Home
) -> None:
    double, section = server
    placed.set("cf_tags", {i: "mellow" if i < 20 else "rock" for i in placed.ids("1")})
    mixes = {"kind": "daily mix", "n": 5}
    configure(placed, kind, section, {**mixes, "name": "Daily Mix $number%if{$tags,: $tags}"})
    assert placed.beet_here("cfplaylists").fine
    numbers = set(double.lists)
    assert "Daily Mix 1: mellow" in double.names()
    configure(placed, kind, section, mixes)
    assert placed.beet_here("cfplaylists").fine
    assert double.names() == [f"Daily Mix {at}" for at in range(1, len(numbers) + 1)]
    assert set(double.lists) == numbers


def test_a_listener_without_an_account_and_a_server_without_an_address_are_one_line(
    kind: str, server: tuple[Any, dict[str, Any]], scored: Home
) -> None:
    _, section = server
    scored.set("cf_score_ben", dict.fromkeys(scored.ids("1"), 50.0))
    configure(scored, kind, {**section, "users": {}}, {"name": "One", "user": "ben"})
    assert f"cfaudio.{kind}: has no account for ben" in scored.beet_here("cfplaylists").complaint
    configure(scored, kind, {}, {"name": "One"})
    assert f"cfaudio.{kind}.url: is missing" in scored.beet_here("cfplaylists").complaint
