"""Libraries and histories with rows that no program should have written: each costs itself, and nothing else."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from user_home import Home

from beetsplug.cfaudio.library.blocks import read_blocks
from beetsplug.cfaudio.library.tracks import read_paths, read_tracks
from cfaudio_core.history.count_growth import CountState
from cfaudio_core.history.records import Listen, Opinion, Tally, TrackText
from cfaudio_core.history.store import ListenStore
from cfaudio_core.util.fingerprint import fingerprint

ODD = ["CAST(x'FF00FE' AS BLOB)", "CAST('text' AS BLOB)", "'no number'", "1e300", "-7", "NULL", "9223372036854775807"]
COLUMNS = ("title", "artist", "artists", "album", "albumartist", "genres", "mb_trackid", "mb_releasetrackid")
COLUMNS += ("length", "path", "album_id")
SONG, OTHER = TrackText("A", "Song", path="a/song.mp3", duration=200.0), TrackText("B", "Other")
NOON = 1_700_000_000


@pytest.mark.parametrize("value", ODD)
def test_a_value_of_another_type_costs_none_but_its_own_track(unanalysed: Home, value: str) -> None:
    with unanalysed.library() as lib:
        before = read_tracks(lib, ["play_count"])
    for item, column in enumerate(COLUMNS, 1):
        unanalysed.sql(f"UPDATE items SET {column} = {value} WHERE id = {item}")
    with unanalysed.library() as lib:
        after, blocks = read_tracks(lib, ["play_count"]), read_blocks(lib, {})
        assert read_paths(lib) == dict(zip(after.ids.tolist(), after.paths, strict=True))
    others = np.arange(len(COLUMNS), 40)
    assert fingerprint(after.subset(others)) == fingerprint(before.subset(others))
    assert ((after.lengths >= 0) & (after.lengths < 1e9)).all()
    assert len(blocks[0].names["ids"]) == 40


def test_names_and_paths_that_were_stored_as_the_other_type_are_read_as_what_they_are(unanalysed: Home) -> None:
    with unanalysed.library() as lib:
        before = read_tracks(lib, [])
    unanalysed.sql("UPDATE items SET path = CAST(path AS TEXT), title = CAST(title AS BLOB), length = '4.5'")
    with unanalysed.library() as lib:
        after = read_tracks(lib, [])
    assert (after.paths, after.titles, after.lengths.tolist()) == (before.paths, before.titles, before.lengths.tolist())


@pytest.fixture
def history(tmp_path: Path) -> ListenStore:
    """Two tracks with listens, counts and likes, matched to items 1 and 2."""
    with ListenStore(f"sqlite:///{tmp_path / 'history.db'}") as store:
        for text in (SONG, OTHER):
            records = [Listen(text, NOON, 99.0, False), Tally(text, 7, 2, NOON), Opinion(text, 1.0, NOON)]
            store.add(records, source="csv", listener_of=lambda _: "anna")
        store.keep_matches({text: (text, f"key {text}") for text in store.texts()})
        store.keep_counts(NOON, {"play_count": {1: CountState(1, 9), 2: CountState(2, 5)}})
        yield store


def odd_columns() -> list[tuple[str, str]]:
    listens = [("cf_listens", name) for name in ("origin_id", "time", "text_id", "skipped")]
    tallies = [("cf_tallies", name) for name in ("origin_id", "text_id", "plays", "skips", "last")]
    feedback = [("cf_feedback", name) for name in ("text_id", "value", "time", "item_id", "added", "cf_key")]
    counts = [("cf_snapshots", name) for name in ("item_id", "field", "base", "count", "sound", "name")]
    return [*listens, *tallies, *feedback, *counts]


@pytest.mark.parametrize("value", ["'text'", "x'FF'", "1e300"])
@pytest.mark.parametrize(("table", "column"), odd_columns())
def test_a_damaged_row_of_the_history_is_left_out(history: ListenStore, table: str, column: str, value: str) -> None:
    second = {"cf_snapshots": "item_id = 2"}.get(table, "text_id = 2")
    damage(history, f"UPDATE {table} SET {column} = {value} WHERE {second}")
    listens, tallies, likes = history.listens(), history.tallies(), history.feedback()
    counts = history.last_counts().counts["play_count"]
    history.overview()
    left = {"cf_listens": listens, "cf_tallies": tallies, "cf_feedback": likes, "cf_snapshots": counts}
    found = {name: len(rows) for name, rows in left.items()}
    assert found.pop(table) == (2 if column == "cf_key" and value != "x'FF'" else 1)  # any text may be a key
    assert set(found.values()) == {2}
    assert (listens.time[0], tallies.plays[0], likes[0].value, counts[1]) == (NOON, 7, 1.0, CountState(1, 9))


@pytest.mark.parametrize("value", ["x'FF'", "'text'", "5", "NULL"])
@pytest.mark.parametrize("column", ["artist", "path", "duration"])
def test_a_damaged_text_of_the_history_is_read_as_far_as_it_goes(history: ListenStore, column: str, value: str) -> None:
    damage(history, f"UPDATE OR IGNORE cf_texts SET {column} = {value} WHERE id = 2")
    texts = history.texts()
    assert texts[1] == SONG
    assert texts[2].title == "Other"
    assert history.durations_and_items()[0].tolist()[0] == 200.0


@pytest.mark.parametrize("value", ["'text'", "x'FF'"])
def test_matches_and_notes_that_are_damaged_are_none(history: ListenStore, value: str) -> None:
    damage(history, f"UPDATE cf_matches SET item_id = {value} WHERE text_id = 2")
    damage(history, f"UPDATE cf_notes SET value = {value}")
    items = history.durations_and_items("")[1]
    assert items is None or items.ids.tolist() == [1, -1]
    assert history.last_counts().time == 0


def damage(store: ListenStore, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(store.name)) as database, database:
        database.execute(statement)


@pytest.mark.parametrize("column", ["title", "artist", "path", "mb_trackid"])
def test_a_text_that_is_no_text_costs_its_own_track(analysed: Home, column: str) -> None:
    odd = "CAST(x'41FF42' AS TEXT)"
    analysed.sql(f"UPDATE items SET {column} = {odd} WHERE id = 1")
    analysed.sql(f"INSERT INTO item_attributes (entity_id, key, value) VALUES (1, 'mood', {odd})")
    analysed.sql(f"UPDATE item_attributes SET value = {odd} WHERE entity_id = 2 AND key IN ('play_count', 'cf_tags')")
    analysed.configure({"playlists": [{"name": "mine"}], "playlist_dir": str(analysed.folder / "lists")})
    for command in ("cfrecommend", "cfplays", "cfstatus", "cfplaylists", "cfembed"):
        ran = analysed.beet_here(command)
        assert ran.code == 0, ran
        assert "Traceback" not in ran.err
    assert analysed.beet_here("cflike", "Bell").code == 0


@pytest.mark.parametrize("value", ["CAST(x'41FF' AS TEXT)"])
def test_a_text_of_the_history_that_is_no_text_is_read_as_far_as_it_goes(history: ListenStore, value: str) -> None:
    damage(history, f"UPDATE cf_texts SET artist = {value} WHERE id = 2")
    assert [text.artist for text in history.texts().values()] == ["A", "A\ufffd"]


def test_damaged_rows_are_counted_and_named_in_one_line(analysed: Home) -> None:
    export = analysed.folder / "plays.csv"
    times = "".join(f"Bell Anna,Stück {k},2023-11-0{k} 12:00\n" for k in (1, 2, 3))
    export.write_text(f"artist,title,time\n{times}", encoding="utf-8")
    assert analysed.beet_here("cfimport", "csv", str(export)).code == 0
    assert analysed.beet_here("cflike", "Bell Anna").code == 0
    history = analysed.store.with_name("history.db")
    with contextlib.closing(sqlite3.connect(history)) as store, store:
        store.execute("UPDATE cf_listens SET skipped = 'x' WHERE text_id < 3")
        store.execute("UPDATE cf_feedback SET value = x'FF' WHERE text_id = (SELECT max(text_id) FROM cf_feedback)")
    with contextlib.closing(sqlite3.connect(analysed.store)) as store, store:
        store.execute("UPDATE files SET size = 'x' WHERE path = (SELECT min(path) FROM files)")
    ran = analysed.beet_here("cfplays")
    assert (ran.code, ran.err) == (
        0,
        f"cfaudio: {history}: damaged rows are left out: 1 in cf_feedback, 2 in cf_listens\n",
    )
    assert f"{analysed.store}: 1 damaged row of a file is left out" in analysed.embed().err
