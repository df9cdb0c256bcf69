"""Item ids that are given again, and those of another library: what is kept beside beets knows tracks otherwise."""

from __future__ import annotations

import json
import time
from unittest.mock import patch

import pytest
from beets.library import Item, Library
from test_cfimport import NOON, HistoryTest
from user_home import Home

from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.library.history import record_growth
from beetsplug.cfaudio.library.listeners import read_listeners
from beetsplug.cfaudio.library.snapshot import read_library
from beetsplug.cfaudio.library.tracks import read_tracks


class TestIdsGivenAgain(HistoryTest):
    def replaced(self, old: Item, title: str, **values: object) -> Item:
        """Remove an item, and add another that gets its id."""
        old.remove()
        new = self.track("Ben", title, **values)
        assert new.id == old.id
        return new

    def snapshot(self, lib: Library | None = None) -> None:
        settings, lib = read_settings(self.config["cfaudio"]), lib or self.lib
        problems: list[str] = []
        record_growth(lib, settings, read_tracks(lib, settings.count_fields), problems.append)
        assert problems == []

    def grown(self) -> list[tuple[int, int]]:
        with self.store() as store:
            return [(one.listens, one.plays) for one in store.overview()]

    def plays(self, lib: Library | None = None, *, match: bool = False) -> list[float]:
        settings, lib = read_settings(self.config["cfaudio"]), lib or self.lib
        tracks = read_tracks(lib, settings.count_fields)
        lists = read_library(lib, settings).listeners[0].plays.tolist()
        assert match or lists == read_listeners(lib, tracks, settings, match=False)[0].plays.tolist()
        return read_listeners(lib, tracks, settings, match=True)[0].plays.tolist() if match else lists

    @pytest.mark.parametrize(("before", "after"), [(50, 3), (3, 50), (3, 3)])
    @pytest.mark.parametrize("key", ["", "key"])
    def test_a_count_that_another_track_had_grows_by_nothing(self, before: int, after: int, key: str) -> None:
        old = self.track("Anna", "Blue", play_count=before, **({"cf_key": f"{key}1"} if key else {}))
        self.snapshot()
        values = {"play_count": after, "last_played": int(time.time()), **({"cf_key": f"{key}2"} if key else {})}
        self.replaced(old, "Red", **values)
        self.snapshot()
        assert self.grown() == []
        assert self.plays() == [after]
        item = self.lib.get_item(old.id)
        item["play_count"] = after + 2
        item.store()
        self.snapshot()
        assert sum(listens + plays for listens, plays in self.grown()) == 2

    def test_an_item_with_a_new_id_keeps_its_count(self) -> None:
        old = self.track("Anna", "Blue", play_count=50)
        last = self.track("Cy", "Green")
        self.snapshot()
        old.remove()
        self.track("Dan", "White")
        again = self.track("Anna", "Blue", play_count=51)
        assert again.id > last.id
        self.snapshot()
        assert self.grown() == [(0, 1)]

    @pytest.mark.parametrize("key", ["", "key"])
    def test_plays_of_a_removed_track_are_not_those_of_the_next_one(self, key: str) -> None:
        old = self.track("Anna", "Blue", cf_key=key)
        self.run("csv", self.table(("Anna", "Blue", NOON)))
        assert self.plays() == [1]
        self.replaced(old, "Red", cf_key=key and "other")
        assert self.plays() == [0]
        assert self.plays(match=True) == [0]

    def test_plays_go_with_a_track_to_its_new_id(self) -> None:
        old = self.track("Anna", "Blue", cf_key="key")
        self.run("csv", self.table(("Anna", "Blue", NOON)))
        old.remove()
        self.track("Ben", "Red")
        self.track("Anna", "Blue (new tags)", cf_key="key")
        assert self.plays() == [0, 1]

    def test_another_library_has_ids_of_its_own(self) -> None:
        blue = self.track("Anna", "Blue", play_count=5)
        self.snapshot()
        self.run("csv", self.table(("Anna", "Blue", NOON), ("Cy", "Green", NOON + 999)))
        other = Library(str(self.temp_path / "other.db"), str(self.temp_path / "other"))
        for artist, title, plays in (("Ben", "Red", 50), ("Cy", "Green", 0)):
            path = self.temp_path / "other" / f"{title}.flac"
            other.add(Item(artist=artist, title=title, length=200.0, path=path, play_count=plays))
        self.snapshot(other)
        assert self.grown() == [(2, 0)]
        assert self.plays(other) == [50, 1]
        assert self.plays() == [5]
        blue["play_count"] = 6
        blue.store()
        for lib in (None, other, None):
            self.snapshot(lib)
        assert self.grown() == [(2, 0), (0, 1)]
        other._close()


def state(home: Home) -> dict[str, list[int]]:
    """The ids on the lists that are kept."""
    content = json.loads((home.beetsdir / "cfaudio" / "playlists.json").read_text())
    return {one["name"]: one["ids"] for entry in content["playlists"].values() for one in entry["lists"]}


@pytest.fixture
def library(scored: Home) -> Home:
    scored.configure({"playlist_dir": str(scored.folder.parent / "lists"), "playlists": [{"kind": "discover", "n": 6}]})
    assert scored.beet_here("cfplaylists").fine
    return scored


def test_a_kept_list_has_no_track_that_got_the_id_of_another(library: Home) -> None:
    [listed] = state(library).values()
    library.sql("UPDATE item_attributes SET entity_id = -1 WHERE entity_id = ?", listed[0])
    library.sql("UPDATE items SET title = 'Another', artist = 'Somebody', album = '' WHERE id = ?", listed[0])
    out = library.beet_here("cfplaylists").fine.out
    assert "unchanged until" not in out
    [now] = state(library).values()
    assert listed[0] not in now
    assert len(now) == 6


def test_a_kept_list_stays_where_its_tracks_have_other_ids(library: Home) -> None:
    [listed] = state(library).values()
    new = 10_000 + listed[0]
    library.sql("UPDATE item_attributes SET entity_id = ? WHERE entity_id = ?", new, listed[0])
    library.sql("UPDATE items SET id = ? WHERE id = ?", new, listed[0])
    assert "unchanged until" in library.beet_here("cfplaylists").fine.out
    assert list(state(library).values()) == [[new, *listed[1:]]]


def test_lists_that_0_1_0_kept_stay_for_their_period(library: Home) -> None:
    file = library.beetsdir / "cfaudio" / "playlists.json"
    content = json.loads(file.read_text())
    del content["tracks"]
    file.write_text(json.dumps(content))
    assert "unchanged until" in library.beet_here("cfplaylists").fine.out
    assert json.loads(file.read_text())["tracks"].keys() >= {str(i) for ids in state(library).values() for i in ids}


def test_a_damaged_table_of_tracks_is_one_line(library: Home) -> None:
    file = library.beetsdir / "cfaudio" / "playlists.json"
    content = json.loads(file.read_text())
    for damaged in ({"x": [1, 2]}, {"1": 5}, {"1": [2**70, 0]}, [1]):
        file.write_text(json.dumps({**content, "tracks": damaged}))
        assert str(file) in library.beet_here("cfplaylists").complaint


class TestMatchesThatAreKept(HistoryTest):
    def plays(self) -> dict[str, float]:
        settings = read_settings(self.config["cfaudio"])
        tracks = read_tracks(self.lib, settings.count_fields)
        listener = read_listeners(self.lib, tracks, settings, match=True)[0]
        return {title: n for title, n in zip(tracks.titles, listener.plays.tolist(), strict=True) if n}

    def test_texts_and_tracks_that_are_as_they_were_are_not_matched_again(self) -> None:
        self.track("Anna", "Blue")
        self.run("csv", self.table(("Anna", "Blue", NOON), ("Anna", "Red", NOON + 300)))
        with patch("cfaudio_core.history.matching.LibraryIndex.match", side_effect=AssertionError("matched again")):
            assert self.plays() == {"Blue": 1}

    def test_a_track_that_is_tagged_anew_gets_its_plays(self) -> None:
        item = self.track("Anna", "Blu")
        self.run("csv", self.table(("Anna", "Blue", NOON)))
        assert self.plays() == {}
        item["title"] = "Blue"
        item.store()
        assert self.plays() == {"Blue": 1}

    def test_plays_of_a_track_that_is_added_later_are_found(self) -> None:
        self.track("Anna", "Blue")
        self.run("csv", self.table(("Anna", "Blue", NOON), ("Anna", "Red", NOON + 300)))
        assert self.plays() == {"Blue": 1}
        self.track("Anna", "Red")
        assert self.plays() == {"Blue": 1, "Red": 1}
