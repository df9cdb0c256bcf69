"""What a typing error in the configuration leads to: one line that names the key."""

from __future__ import annotations

import contextlib
from dataclasses import fields

import confuse
import pytest
from beets.exceptions import UserError
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from user_home import Home

from beetsplug.cfaudio.config.nets import BACKBONES
from beetsplug.cfaudio.config.playlists import Playlist, read_playlists
from beetsplug.cfaudio.config.settings import DEFAULTS, read_settings
from cfaudio_core.backbones import registry

WRONG = {
    "auto": ["maybe", 3, None, []],
    "users": [5, ["anna"], {"anna": 5}, {"anna": [1]}, {"an na": "play_count"}, {1: "play_count"}],
    "history": [3, "history.db", "mysql://me@localhost/music", ["sqlite://"]],
    "session_gap": [0, 100_001, "long", 0.5, None],
    "factorizer": ["als", 3, None],
    "factors": [0, 1, 513, 40.5, "40", True, None],
    "backbone": [
        "resnet",
        "vgg",
        3,
        None,
        {},
        [],
        ["musicnn", "resnet"],
        ["musicnn", 3],
        [["musicnn"]],
        ["musicnn", "musicnn_mtt", "musicnn"],
        "x.pt",
    ],
    "fine_tune": ["tail", 3, None, True, ["head"]],
    "loss": ["hinge", "wpe", 3, None, True],
    "layers": [0, 11, 1.5, "two", True, [2]],
    "cache_size": [0, 1_000_001, "big", 0.5, True, None],
    "windows": [0, 1001, "ten", False, "All", None],
    "jobs": [-1, 1025, 1.5, "all"],
    "executor": ["dask", "http://nas:8786", "tcp://nas", "tcp://:8786", 3, None, ["loky"], "threads"],
    "weights": [3, True, ["x.whl"]],
    "playlist_dir": [3, {"a": "b"}],
    "relative_to": [3, ["/music"]],
    "taste": ["median", 3, None],
    "unplayed": [-0.1, 1.1, "half", True, None, float("nan")],
    "per_artist": [0, -1, 2.5, "two"],
    "diversity": [-0.1, 1.1, "much", True, None],
    "fresh_days": [-1, 0.5, "week", None],
    "exclude": [3, {"length": "20:00.."}, [3], [["a"]]],
    "similar": [0, -1, "many", None],
    "playlists": [3, {"name": "a"}, ["a"], [{}], [{"kind": "polka"}], [{"name": "a", "n": "many"}]],
    "subsonic": [
        3,
        {"url": "music.example.org"},
        {"user": "anna", "password": "x"},
        {"url": "https://x", "user": "anna"},
        {"url": "https://x", "pasword": "x"},
        {"url": "https://anna:x@y", "token": "x"},
        {"url": "https://x", "users": ["anna"]},
        {"url": "https://x", "users": {"anna": {"user": "anna"}}},
        {"url": "https://x", "users": {"anna": "secret"}},
    ],
    "jellyfin": [
        3,
        {"url": "nas:8096", "token": "x"},
        {"url": "https://x", "user": "anna"},
        {"url": "https://x", "apikey": "x"},
        {"url": "https://x?api_key=x"},
        {"url": "https://x", "users": {"anna": {}, "ben": {"password": "x"}}},
    ],
    "plex": [
        3,
        {"token": "x"},
        {"url": "http://nas:32400", "user": "anna", "password": "x"},
        {"url": "http://nas:32400", "users": {"ben": {"user": "ben"}}},
        {"url": "http://nas:32400/?X-Plex-Token=x"},
    ],
    "mpd": [3, {"port": "many"}, {"port": 0}, {"hots": "x"}, {"host": ["x"]}],
}


def test_every_setting_is_tried() -> None:
    assert WRONG.keys() == DEFAULTS.keys()


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_a_wrong_value_is_one_line_that_names_the_key(home: Home, key: str, value: object) -> None:
    home.configure({key: value})
    for command in ("cfembed", "cfrecommend"):
        assert f"cfaudio.{key}" in home.beet_here(command).complaint


@pytest.mark.parametrize("key", ["per_artists", "Auto", "3"])
def test_an_unknown_key_is_one_line_that_lists_the_known_ones(home: Home, key: str) -> None:
    home.configure({key: 3})
    complaint = home.beet_here("cfembed").complaint
    assert f"cfaudio.{key}: there is no such setting" in complaint
    assert all(known in complaint for known in DEFAULTS)


def test_the_nets_that_may_be_named_are_those_there_are() -> None:
    assert set(BACKBONES) == registry.BACKBONES.keys()


@pytest.mark.parametrize("section", [5, [1], "on", False])
def test_a_section_that_is_none_is_one_line(home: Home, section: object) -> None:
    home.configure(section)
    assert home.beet("cfembed").complaint.startswith("error: cfaudio: must have settings below it")


def test_a_section_left_empty_is_one_line(home: Home) -> None:
    config = home.beetsdir / "config.yaml"
    config.write_text(config.read_text()[:-1] + ', "cfaudio": null}')
    assert home.beet("cfembed").complaint.startswith("error: cfaudio: must have settings below it")


@pytest.mark.parametrize("section", [5, {"auto": "maybe"}, {"users": 5}, {"nonsense": 1}])
def test_a_wrong_setting_does_not_keep_beets_from_its_other_work(home: Home, section: object) -> None:
    home.add(home.music / "a.wav")
    home.configure(section)
    assert home.beet("ls").fine.lines == [" -  - a"]


def test_a_field_that_no_track_has_is_named(home: Home) -> None:
    home.add(home.music / "a.wav")
    home.configure({"users": {"anna": ["play_count", "plya_count"]}})
    assert home.beet("cfembed").complaint == "error: cfaudio.users: anna: no track has a field plya_count"


def test_listeners_whom_only_capitals_tell_apart_are_refused(home: Home) -> None:
    home.configure({"users": {"anna": "play_count", "Anna": "skip_count"}})
    assert "cfaudio.users.Anna" in home.beet("cfembed").complaint


def test_a_single_field_needs_no_list(scored: Home) -> None:
    scored.configure({"users": {"anna": "play_count"}})
    assert len(scored.beet("cfrecommend", "-u", "anna").fine.lines) == 40


_plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates()
_words = st.sampled_from(["name", "kind", "n", "query", "targets", "url", "user", "password", "users", "anna", "host"])
_any = st.recursive(
    _plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words | _plain, inner, max_size=3),
    max_leaves=8,
)


@fuzz(300)
@given(st.dictionaries(st.sampled_from(list(DEFAULTS)), _any, min_size=1, max_size=3))
def test_any_section_is_settings_or_one_line(section: dict[str, object]) -> None:
    config = confuse.Configuration("test", read=False)
    config.add({"cfaudio": DEFAULTS})
    config.set({"cfaudio": section})
    try:
        read_settings(config["cfaudio"])
    except (UserError, confuse.ConfigError) as error:  # beets shows either as one line
        assert "\n" not in str(error)


_playlist_keys = st.sampled_from([field.name for field in fields(Playlist)] + ["targets", "n", "polka"])


@fuzz(300)
@given(st.lists(st.dictionaries(_playlist_keys, _any, max_size=4), max_size=3))
def test_any_playlists_are_settings_or_one_line(playlists: list[dict[str, object]]) -> None:
    with contextlib.suppress(UserError):
        read_playlists([{"name": str(at), **one} for at, one in enumerate(playlists)])


def test_a_wrong_account_is_said_without_what_is_in_it(home: Home) -> None:
    for account in ({"user": "anna", "pasword": "hunter2"}, {"password": "hunter2"}, {"token": ["hunter2"]}):
        home.configure({"subsonic": {"url": "https://x", "users": {"anna": account}}})
        assert "hunter2" not in home.beet_here("cfembed").complaint


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"backbone": "x.onnx", "fine_tune": "top"}, "fine_tune"),
        ({"backbone": ["musicnn", "musicnn_mtt"], "fine_tune": "all"}, "fine_tune"),
        ({"backbone": "spotify", "fine_tune": "top"}, "fine_tune"),
        ({"backbone": ["musicnn", "spotify"]}, "backbone"),
    ],
)
def test_settings_that_do_not_go_together_are_one_line(home: Home, settings: dict[str, object], key: str) -> None:
    home.configure(settings)
    assert f"cfaudio.{key}: " in home.beet("cfembed").complaint


@pytest.mark.parametrize("backbone", ["nowhere.onnx", ["musicnn", "nowhere.onnx"]])
def test_a_net_whose_file_is_not_there_is_one_line(scored: Home, backbone: object) -> None:
    scored.configure({"backbone": backbone})
    complaint = scored.beet("cfembed").complaint
    assert "cfaudio.backbone: " in complaint
    assert "nowhere.onnx: No such file" in complaint
