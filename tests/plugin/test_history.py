"""A listening history beside the library: whose it is, what it adds to the counts, and what is trained on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import beets
import numpy as np
import pytest
from beets.library import Item, Library

from beetsplug.cfaudio import CfAudioPlugin
from beetsplug.cfaudio.commands import cfembed, cfrecommend
from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.pipeline import load, open_store
from cfaudio_core.backbones.registry import backbone_id
from cfaudio_core.data.listeners import Listener
from cfaudio_core.features.jobs import FeatureResult
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.history.store import ListenStore
from cfaudio_core.targets.base import Entry
from cfaudio_core.targets.m3u import write_m3u

N = 60
DAY = 86_400
T0 = 1_700_000_001


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CfAudioPlugin]:
    monkeypatch.setenv("BEETSDIR", str(tmp_path))
    beets.config.clear()
    beets.config.read()
    yield CfAudioPlugin()
    beets.config.clear()
    beets.config.read(user=False)


@pytest.fixture
def lib(plugin: CfAudioPlugin, tmp_path: Path) -> Iterator[Library]:
    """60 tracks of no shared album or artist, the first 40 of which were played once; no files."""
    beets.config["create_backup_before_migrations"].set(False)
    library = Library(str(tmp_path / "library.db"), str(tmp_path / "music"))
    settings = read_settings(plugin.config)
    settings.folder.mkdir()
    rng = np.random.default_rng(0)
    with open_store(settings) as store:
        store.add(
            backbone_id("musicnn"),
            settings.windows,
            [FeatureResult(b"", None, f"key{i}", rng.normal(size=(2, 68)).astype(np.float16)) for i in range(N)],
        )
    for i in range(N):
        item = Item(
            path=bytes(tmp_path / "music" / f"{i}.mp3"), title=f"T{i}", artist=f"A{i}", album=f"L{i}", length=200
        )
        library.add(item)
        item["cf_key"] = f"key{i}"
        if i < 40:
            item["play_count"] = 1
        item.store()
    yield library
    library._close()


def text(i: int) -> TrackText:
    return TrackText(f"A{i}", f"T{i}", duration=200)


def keep(tmp_path: Path, *records: Listen | Tally, listener: str = "me", source: str = "test") -> None:
    with ListenStore(f"sqlite:///{tmp_path}/cfaudio/history.db") as store:
        store.add(records, source=source, listener_of=lambda account: listener)


def people_of(plugin: CfAudioPlugin, lib: Library) -> list[Listener]:
    return load(lib, read_settings(plugin.config))[1]


def sessions(*members: tuple[int, ...]) -> list[Listen]:
    return [Listen(text(i), T0 + day * DAY + 200 * k) for day, row in enumerate(members) for k, i in enumerate(row)]


@pytest.fixture
def embed(plugin: CfAudioPlugin, lib: Library, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    def run() -> str:
        command = cfembed.command(plugin)
        command.func(lib, command.parser.parse_args([])[0], [])
        return capsys.readouterr().out

    beets.config["verbose"].set(1)
    return run


def test_without_a_history_counts_are_all_and_no_store_is_made(
    plugin: CfAudioPlugin, lib: Library, tmp_path: Path
) -> None:
    (me,) = people_of(plugin, lib)
    assert me.plays.sum() == 40
    assert len(me.sessions) == 0
    assert not (tmp_path / "cfaudio" / "history.db").exists()


def test_of_count_listens_and_tallies_the_largest_is_taken(plugin: CfAudioPlugin, lib: Library, tmp_path: Path) -> None:
    keep(tmp_path, *sessions((0, 1), (0, 2), (0, 50)), Listen(text(2), T0 + 9 * DAY, 5.0))
    keep(tmp_path, Tally(text(1), 7, skips=2), Tally(text(0), 2), source="server")
    (me,) = people_of(plugin, lib)
    assert me.plays[[0, 1, 2, 3, 50]].tolist() == [3, 7, 1, 1, 1]
    assert me.skips[[0, 1, 2]].tolist() == [0, 2, 1]
    assert len(me.sessions) == 4


def test_a_count_of_a_source_has_its_listens_in_it_and_growth_has_not(
    plugin: CfAudioPlugin, lib: Library, tmp_path: Path
) -> None:
    keep(tmp_path, *sessions((0, 1)), Tally(text(0), 4), source="server")
    assert people_of(plugin, lib)[0].plays[[0, 1]].tolist() == [4, 1]
    keep(tmp_path, *sessions((2, 3)), Tally(text(2), 4), source="snapshot")
    assert people_of(plugin, lib)[0].plays[[2, 3]].tolist() == [5, 1]


def test_nobodys_listens_are_the_first_listeners_and_other_names_are_further_listeners(
    plugin: CfAudioPlugin, lib: Library, tmp_path: Path
) -> None:
    plugin.config["users"].set({"anna": ["play_count"], "ben": ["plex_viewcount"]})
    keep(tmp_path, *sessions((45, 46)))
    keep(tmp_path, *sessions((46, 47)), listener="anna")
    keep(tmp_path, *sessions((48, 49)), listener="carla")
    keep(tmp_path, Listen(TrackText("Nobody", "Nothing"), T0), listener="dora")
    keep(tmp_path, *sessions((50, 51)), listener="not a name")
    people = people_of(plugin, lib)
    assert [p.name for p in people] == ["anna", "ben", "carla"]
    assert np.flatnonzero(people[0].plays[40:]).tolist() == [5, 6, 7]
    assert np.flatnonzero(people[2].plays).tolist() == [48, 49]
    assert not people[1].known.any()


def test_a_listener_called_like_nobody_keeps_their_listens(plugin: CfAudioPlugin, lib: Library, tmp_path: Path) -> None:
    plugin.config["users"].set({"anna": ["play_count"], "me": ["plex_viewcount"]})
    keep(tmp_path, *sessions((45, 46)))
    assert np.flatnonzero(people_of(plugin, lib)[1].plays).tolist() == [45, 46]


def test_a_stored_play_of_a_clock_that_was_wrong_is_a_play_without_a_time(
    plugin: CfAudioPlugin, lib: Library, tmp_path: Path
) -> None:
    keep(tmp_path, Listen(text(1), T0), Listen(text(1), 2_114_380_800), Listen(text(2), 9_999_999_999))
    [me] = people_of(plugin, lib)
    assert me.plays[[1, 2]].tolist() == [2, 1]
    assert me.sessions.time.tolist() == [T0]


def test_the_gap_between_sessions_is_the_settings(plugin: CfAudioPlugin, lib: Library, tmp_path: Path) -> None:
    keep(tmp_path, Listen(text(0), T0), Listen(text(1), T0 + 200 + 40 * 60))
    assert len(people_of(plugin, lib)[0].sessions) == 2
    plugin.config["session_gap"].set(40)
    assert len(people_of(plugin, lib)[0].sessions) == 1


def test_cfembed_trains_on_sessions_and_says_so(embed: Callable[[], str], lib: Library, tmp_path: Path) -> None:
    assert "No played tracks share" in embed()
    first = {item.cf_model for item in lib.items()}
    keep(tmp_path, *sessions(*[(2 * k, 2 * k + 1) for k in range(15)], (0,)))
    assert "Factors come from 31 listens in 15 sessions." in embed()
    second = {item.cf_model for item in lib.items()}
    assert first.isdisjoint(second)
    assert "Nothing new" in embed()
    keep(tmp_path, Listen(text(30), T0 + 100 * DAY), Listen(text(31), T0 + 100 * DAY + 200))
    assert "was trained, your history has changed by " in embed()  # too little to train again
    assert second == {item.cf_model for item in lib.items()}


def test_tracks_played_together_come_to_lie_together(embed: Callable[[], str], lib: Library, tmp_path: Path) -> None:
    from cfaudio_core.util.vector_codec import decode

    keep(tmp_path, *sessions(*[tuple(range(0, 20, 2)), tuple(range(1, 20, 2))] * 8))
    embed()
    vectors = np.stack([decode(item.cf_embedding) for item in sorted(lib.items(), key=lambda item: item.id)])[:20]
    cosine = vectors @ vectors.T
    together = np.equal.outer(np.arange(20) % 2, np.arange(20) % 2) & ~np.eye(20, dtype=bool)
    assert cosine[together].mean() > cosine[~together & ~np.eye(20, dtype=bool)].mean() + 0.3, (
        cosine[together].mean(),
        cosine[~together & ~np.eye(20, dtype=bool)].mean(),
    )


def test_what_the_history_knows_as_played_is_not_recommended_as_new(
    plugin: CfAudioPlugin, embed: Callable[[], str], lib: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, *sessions(tuple(range(40, 59))))
    embed()
    command = cfrecommend.command(plugin)
    opts, _ = command.parser.parse_args(["-n", "1", "--unplayed", "1"])
    command.func(lib, opts, [])
    assert "T59" in capsys.readouterr().out


def test_playlists_made_by_hand_are_contexts_and_those_of_cfaudio_are_not(
    plugin: CfAudioPlugin, embed: Callable[[], str], lib: Library, tmp_path: Path
) -> None:
    folder, music = tmp_path / "lists", tmp_path / "music"
    folder.mkdir()
    (folder / "mine.m3u").write_bytes(
        b"\xef\xbb\xbf#EXTM3U\r\n#EXTINF:1,x\r\n../music/0.mp3\r\n1.mp3\r\nnowhere.mp3\r\n"
    )
    (folder / "more.M3U8").write_bytes(bytes(music / "1.mp3") + b"\n2.mp3\n")
    (folder / "smart.m3u").write_bytes(b"3.mp3\n4.mp3\n")
    (folder / "notes.txt").write_bytes(b"5.mp3\n6.mp3\n")
    write_m3u(folder / "ours.m3u", [Entry(bytes(music / f"{i}.mp3"), 1, "x") for i in (7, 8)], "auto", bytes(music))
    beets.config["playlist"]["playlist_dir"].set(str(folder))
    beets.config["smartplaylist"]["playlists"].set([{"name": "smart.m3u", "query": "x"}])
    tracks, _ = load(lib, read_settings(plugin.config))
    assert tracks.playlists[:9] == [("mine.m3u",), ("mine.m3u", "more.M3U8"), ("more.M3U8",), *[()] * 6]
    assert "Factors come from 2 playlists. A listening history adds" in embed()
