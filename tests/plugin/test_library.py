"""The library as arrays and back: what is read from and written into the database of beets."""

from __future__ import annotations

import math
import os
import sqlite3

import numpy as np
import pytest
from beets.library import Item
from user_home import Home

from beetsplug.cfaudio.library.fields import column, count_values, read_fields
from beetsplug.cfaudio.library.tracks import read_tracks
from beetsplug.cfaudio.library.write import Column, write_fields


def test_tracks_come_in_the_order_of_their_ids_with_absolute_paths(home: Home) -> None:
    inside, outside = home.music / "a" / "one.wav", home.folder / "elsewhere" / "two.wav"
    home.add(inside, outside, artist=" Björk ", album="Debut", albumartist="Björk", genres=["jazz", "pop"])
    with home.library() as lib:
        tracks = read_tracks(lib, ["play_count"])
    assert tracks.ids.tolist() == [1, 2]
    assert tracks.paths == [os.fsencode(inside), os.fsencode(outside)]
    assert tracks.artists == ["Björk", "Björk"]
    assert tracks.genres == [("jazz", "pop")] * 2
    assert tracks.albums[0] == tracks.albums[1] != ""
    assert tracks.counts == {}


def test_tracks_of_one_album_share_it_and_singletons_without_one_share_nothing(home: Home) -> None:
    with home.library() as lib:
        lib.add_album([Item(path=b"/m/1", album="Best of", albumartist="A"), Item(path=b"/m/2", album="Best of")])
        lib.add_album([Item(path=b"/m/3", album="Best of", albumartist="B")])
        lib.add(Item(path=b"/m/4"))
        albums = read_tracks(lib, []).albums
    assert albums[0] == albums[1] != albums[2]
    assert albums[3] == ""


def test_some_tracks_alone_are_read_however_many(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beetsplug.cfaudio.library.fields._MAX_LISTED_IDS", 2)
    home.add(*(home.music / f"{k}.wav" for k in range(6)))
    home.set("cf_key", {1: "a", 3: "c", 4: "d", 6: "f"})
    with home.library() as lib:
        tracks = read_tracks(lib, [], [1, 3, 4, 5, 99])
        assert len(read_tracks(lib, [], [])) == 0
    assert tracks.ids.tolist() == [1, 3, 4, 5]
    assert tracks.keys == ["a", "c", "d", ""]


@pytest.mark.parametrize(
    ("stored", "count"),
    [("5", 5), ("5.0", 5), (5, 5), (5.0, 5), ("0", 0), (b"7", 7)]
    + [(junk, math.nan) for junk in ("", "None", "many", "nan", "inf", "-3", "1e300", b"\xff", "5 plays")],
)
def test_counts_are_numbers_however_they_are_stored(home: Home, stored: object, count: float) -> None:
    home.add(home.music / "a.wav", home.music / "b.wav")
    home.set("plex_viewcount", {1: stored, 2: "3"})
    with home.library() as lib:
        counts = read_tracks(lib, ["plex_viewcount"]).counts
    np.testing.assert_equal(counts["plex_viewcount"], np.array([count, 3], np.float32))


def test_a_column_has_no_number_where_an_item_has_none() -> None:
    np.testing.assert_array_equal(column([3, 4], {4: "2"}), np.array([np.nan, 2], np.float32))


def test_only_what_differs_is_written_and_the_changed_items_are_counted(home: Home) -> None:
    home.add(*(home.music / f"{k}.wav" for k in range(3)))
    home.set("cf_score", {1: 50.0, 2: 60.0})
    before = home.sql("SELECT id FROM item_attributes WHERE entity_id = 1 AND key = 'cf_score'")
    with home.library() as lib:
        changed = write_fields(lib, {"cf_score": {1: 50.0, 2: 61.5, 3: None}, "cf_model": {2: "m"}})
        again = write_fields(lib, {"cf_score": {1: 50.0, 2: 61.5, 3: None}, "cf_model": {2: "m"}})
    assert (changed, again) == (1, 0)
    assert home.field("cf_score") == {1: "50.0", 2: "61.5"}
    assert home.sql("SELECT id FROM item_attributes WHERE entity_id = 1 AND key = 'cf_score'") == before


def test_none_takes_a_field_away_and_leaves_the_fields_of_others(home: Home) -> None:
    home.add(home.music / "a.wav", home.music / "b.wav", mood="blue")
    home.set("cf_score", {1: 50.0, 2: 60.0})
    with home.library() as lib:
        assert write_fields(lib, {"cf_score": {1: None}}) == 1
    assert home.field("cf_score") == {2: "60.0"}
    assert home.field("mood") == {1: "blue", 2: "blue"}


def test_values_are_made_part_by_part_and_none_takes_a_field_away(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beetsplug.cfaudio.library.fields.PART_IDS", 2)
    home.add(*(home.music / f"{k}.wav" for k in range(5)))
    home.set("cf_score", {1: 10.0, 2: 20.0, 3: 7.0})
    asked: list[int] = []

    def make(at: np.ndarray) -> list[float | None]:
        asked.append(len(at))
        return [None if k == 2 else 10.0 * (k + 1) for k in at.tolist()]

    with home.library() as lib:
        assert write_fields(lib, {"cf_score": Column(np.arange(1, 6), make)}) == 3
    assert home.field("cf_score") == {1: "10.0", 2: "20.0", 4: "40.0", 5: "50.0"}
    assert max(asked) == 2


def test_values_are_counted_over_the_whole_library(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beetsplug.cfaudio.library.fields.PART_IDS", 2)
    home.add(*(home.music / f"{k}.wav" for k in range(5)))
    home.set("cf_tags", {1: "rock", 2: "jazz", 3: "rock", 5: ""})
    with home.library() as lib:
        assert count_values(lib, "cf_tags") == {"rock": 2, "jazz": 1, "": 1}


def test_an_item_deleted_meanwhile_gets_no_orphaned_fields(home: Home) -> None:
    home.add(home.music / "a.wav", home.music / "b.wav")
    with home.library() as lib:
        lib.get_item(1).remove()
        write_fields(lib, {"cf_score": {1: 1.0, 2: 2.0}})
    assert home.field("cf_score") == {2: "2.0"}


def test_everything_is_written_in_one_transaction(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.add(home.music / "a.wav", home.music / "b.wav")
    home.set("cf_model", {2: "old"})
    with home.library() as lib:
        commits: list[str] = []
        lib._connection().set_trace_callback(lambda sql: commits.append(sql) if sql.startswith("COMMIT") else None)
        write_fields(lib, {"cf_score": {1: 1.0, 2: 2.0}, "cf_model": {1: "m", 2: None}})
    assert len(commits) == 1


def test_what_is_written_reads_back_through_beets_as_text(home: Home) -> None:
    home.add(home.music / "a.wav")
    with home.library() as lib:
        write_fields(lib, {"cf_score": {1: 99.5}, "cf_key": {1: "abc"}})
        assert read_fields(lib, ["cf_score", "cf_key"]) == {"cf_score": {1: "99.5"}, "cf_key": {1: "abc"}}
        item = lib.get_item(1)
        assert (item.cf_score, item.cf_key) == ("99.5", "abc")


def test_a_separator_within_a_name_moves_no_other_name(home: Home) -> None:
    home.add(*(home.music / f"{name}.wav" for name in "abc"))
    with sqlite3.connect(home.database) as connection:
        connection.executemany("UPDATE items SET title = ? WHERE id = ?", [("One", 1), ("Two\x1eb", 2), (None, 3)])
    connection.close()
    with home.library() as lib:
        assert read_tracks(lib, []).titles == ["One", "Two b", ""]
