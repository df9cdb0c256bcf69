"""The snapshot that `cfembed` writes: no change to the library goes unseen, and lists are those of the fields."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import pickle
import shutil
import sqlite3
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save
from user_home import BELLS, DRUMS, Home, bells

from beetsplug.cfaudio.library import blocks, fields, snapshot
from cfaudio_core.util.array_file import read_arrays, write_arrays
from cfaudio_core.util.vector_codec import encode

BLOCK_TRACKS = 8
AN_HOUR_AGO_NS = time.time_ns() // 10**9 * 10**9 - 3600 * 10**9 + 1
N_BLOCKS = 6  # of 40 tracks, the first of which has the number 1


@pytest.fixture
def kept(placed: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The collection in blocks of eight tracks, with some listens, and a snapshot as `cfembed` leaves it."""
    monkeypatch.setattr(fields, "PART_IDS", BLOCK_TRACKS)
    listen(placed, [f"{artist}|Stück {k}" for artist in (BELLS[0], DRUMS[0]) for k in (1, 2, 3)])
    for written in (placed.database, placed.beetsdir / "cfaudio" / "history.db"):
        os.utime(written, ns=(AN_HOUR_AGO_NS, AN_HOUR_AGO_NS))
    write(placed)
    return placed


class Reads(list[str]):
    """What was read from the library's rows, block by block, since it was last emptied."""

    def counted(self) -> tuple[int, int]:
        """How many blocks' names, and fields."""
        counts = Counter(self)
        return counts["_read_names"], counts["_read_fields"]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    done = Reads()

    def read(name: str, work: Callable[..., Any], *args: Any) -> Any:
        done.append(name)  # from several threads
        return work(*args)

    for name in ("_read_names", "_read_fields"):
        monkeypatch.setattr(blocks, name, partial(read, name, getattr(blocks, name)))
    return done


def listen(home: Home, tracks: list[str], first: int = 1_600_000_000) -> None:
    """Import listens to tracks, each written as "artist|title"."""
    table = home.folder / "listens.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["artist", "title", "time"])
        rows.writerows([*track.split("|"), first + 300 * k] for k, track in enumerate(tracks))
    assert home.beet_here("cfimport", "csv", str(table)).code == 0


def file(home: Home) -> Path:
    return home.beetsdir / "cfaudio" / "snapshot.safetensors"


def call(home: Home, work: Callable[..., Any], *options: str) -> Any:
    """Do something with the library and the settings that `beet` commands have."""
    got: list[Any] = []

    def instead(lib: Any, settings: Any) -> None:
        got.append(work(lib, settings))
        sys.exit(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "read_library", instead)
        home.beet_here(*options, "cfrecommend")
    return got[0]


def write(home: Home, *options: str) -> None:
    """Write the snapshot as `cfembed` does."""
    call(home, snapshot.write_snapshot, *options)


def data(home: Home, *options: str, stored: bool = True) -> dict[str, Any]:
    """All that `cfrecommend` chooses from, by names; with the snapshot, or from the fields alone."""
    with pytest.MonkeyPatch.context() as patch:
        if not stored:
            patch.setattr(snapshot, "FILE", "no snapshot")
        got = call(home, snapshot.read_library, *options)
    flat: dict[str, Any] = {}

    def flatten(name: str, value: Any) -> None:
        if dataclasses.is_dataclass(value):
            value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if isinstance(value, dict):
            for key, part in value.items():
                flatten(f"{name}.{key}", part)
        elif isinstance(value, list):
            flatten(name, dict(enumerate(value)))
        elif name != ".now":
            flat[name] = value

    flatten("", got)
    return flat


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.array_equal(value, other[name], equal_nan=getattr(value, "dtype", np.dtype(int)).kind == "f"), name


def retag(home: Home) -> None:
    with home.library() as lib:
        item = lib.items("id:3").get()
        item.artist = item.albumartist = "Somebody Else"
        item.store()


def retag_past_beets(home: Home) -> None:
    home.sql("UPDATE items SET title = 'Stück 2' WHERE id = 3")


def modify(home: Home) -> None:
    assert home.beet_here("modify", "-y", "-W", "id:12", "mb_trackid=6b9a1f5e-0000-4000-8000-000000000001").code == 0
    assert home.beet_here("modify", "-y", "-W", "id:33", "mb_trackid=6b9a1f5e-0000-4000-8000-000000000001").code == 0


def play(home: Home, times: int = 1) -> None:
    """As mpdstats counts."""
    for k in range(times):
        with home.library() as lib:
            item = lib.items("id:40").get()
            item.play_count = int(item.get("play_count", 0)) + 1
            item.last_played = 1_700_000_000 + k
            item.store()


def remove(home: Home) -> None:
    assert home.beet_here("remove", "-f", "id:9..16").code == 0


def remove_past_beets(home: Home) -> None:
    """The fields of the track outlive it."""
    home.sql("DELETE FROM items WHERE id = 20")


def add(home: Home) -> None:
    home.add(home.write("new.wav", bells(99)), artist=BELLS[1], length=4.5, cf_model="cf-0123456789", cf_score=50.0)


def replace_last(home: Home) -> None:
    """SQLite gives the numbers of the removed track and of its fields to the new one."""
    home.sql("DELETE FROM item_attributes WHERE entity_id = 40")
    home.sql("DELETE FROM items WHERE id = 40")
    add(home)


def other_audio(home: Home) -> None:
    """Two tracks have the audio of one file: they are one song."""
    home.set("cf_key", dict.fromkeys((21, 22), "0123456789abcdef"))


def rescore(home: Home) -> None:
    home.sql("UPDATE item_attributes SET value = '1.5' WHERE key = 'cf_score' AND entity_id = 20")


def move_score(home: Home) -> None:
    """Between two listeners, with not a letter of the values changed."""
    home.sql("UPDATE item_attributes SET key = 'cf_score_bob' WHERE key = 'cf_score' AND entity_id = 1")


def replace_vector(home: Home) -> None:
    home.set("cf_embedding", {1: encode(np.float32([0, 0, 0, 0, 0, 1]))})


def other_model(home: Home) -> None:
    home.set("cf_model", {1: "cf-older"})


def longer(home: Home) -> None:
    home.sql("UPDATE items SET length = 300.5 WHERE id = 2")


def new_listens(home: Home) -> None:
    listen(home, [f"{BELLS[-1]}|Stück 1"], 1_600_100_000)


def other_listener(home: Home) -> None:
    home.configure({"users": {"anna": ["play_count"], "bob": ["skip_count"]}})


def own_field(home: Home) -> None:
    home.configure({"users": {"me": ["play_count", "my_count"]}})
    home.set("my_count", {40: "77"})


def other_gap(home: Home) -> None:
    home.configure({"session_gap": 1})


def other_history(home: Home) -> None:
    home.configure({"history": f"sqlite:///{home.folder / 'other.db'}"})


def no_history(home: Home) -> None:
    (home.beetsdir / "cfaudio" / "history.db").unlink()


def swap_scores(home: Home) -> None:
    """Between two neighbours, with not a letter of all values together changed."""
    home.set("cf_score", {20: "1.52", 21: "2.5"})
    write(home)
    home.set("cf_score", {20: "1.5", 21: "22.5"})


def forget_model(home: Home) -> None:
    """Of all tracks but three: what made those made most of them now."""
    home.set("cf_model", dict.fromkeys((2, 3, 4), "cf-older"))
    write(home)
    home.sql("DELETE FROM item_attributes WHERE key = 'cf_model' AND value != 'cf-older'")


def longer_vectors(home: Home) -> None:
    """Of more than half of the tracks, in the middle of blocks too."""
    home.set("cf_embedding", {item: encode(np.float32([0, 0, 0, 0, 0, 0.6, 0.8])) for item in range(18, 41)})


def null_score(home: Home) -> None:
    home.sql("UPDATE item_attributes SET value = NULL WHERE key = 'cf_score' AND entity_id = 20")


CHANGES: dict[Callable[[Home], None], tuple[int, int]] = {
    retag: (1, 0),
    retag_past_beets: (1, 0),
    modify: (2, 0),
    play: (0, 0),
    lambda home: play(home, 2): (0, 0),
    remove: (2, 2),
    remove_past_beets: (1, 1),
    add: (1, 1),
    replace_last: (1, 1),
    other_audio: (0, 1),
    rescore: (0, 1),
    move_score: (0, 1),
    swap_scores: (0, 1),
    null_score: (0, 1),
    replace_vector: (0, 1),
    longer_vectors: (0, 4),
    other_model: (0, 1),
    forget_model: (0, 6),
    longer: (1, 0),
    new_listens: (0, 0),
    other_listener: (0, 0),
    own_field: (0, 0),
    other_gap: (0, 0),
    other_history: (0, 0),
    no_history: (0, 0),
}
"""What is done to a library, and of how many of its blocks the names, and the fields, have to be read again then."""


@pytest.mark.parametrize(("change", "read"), CHANGES.items(), ids=lambda value: getattr(value, "__name__", None))
def test_no_change_goes_unseen(kept: Home, reads: Reads, change: Callable[[Home], None], read: tuple[int, int]) -> None:
    assert_same(data(kept), data(kept, stored=False))
    change(kept)
    expected = data(kept, stored=False)
    reads.clear()
    assert_same(data(kept), expected)
    assert reads.counted() == read
    write(kept)
    reads.clear()
    assert_same(data(kept), expected)
    assert not reads, "what was read again was not written"


def test_a_change_is_seen_until_it_is_taken_back(kept: Home, reads: Reads) -> None:
    expected = data(kept)
    stored = kept.field("cf_score")[20]
    rescore(kept)
    assert_same(data(kept), data(kept, stored=False))
    kept.sql("UPDATE item_attributes SET value = ? WHERE key = 'cf_score' AND entity_id = 20", stored)
    reads.clear()
    assert_same(data(kept), expected)
    assert not reads


def test_one_play_after_the_other_is_seen(kept: Home) -> None:
    for _ in range(3):
        play(kept)
        assert_same(data(kept), data(kept, stored=False))


def test_another_library_beside_the_same_settings_is_not_taken_for_this_one(kept: Home, reads: Reads) -> None:
    other = kept.folder / "other.db"
    shutil.copy(kept.database, other)
    reads.clear()
    assert_same(data(kept, "-l", str(other)), data(kept))
    assert not reads, "its rows are the same"
    with sqlite3.connect(other) as connection:
        connection.execute("UPDATE items SET title = 'Another' WHERE id < 4")
        connection.execute("UPDATE item_attributes SET value = '77' WHERE key = 'cf_score' AND entity_id = 30")
    connection.close()
    expected = data(kept, "-l", str(other), stored=False)
    reads.clear()
    assert_same(data(kept, "-l", str(other)), expected)
    assert reads.counted() == (1, 1)
    empty = kept.folder / "empty.db"
    assert len(data(kept, "-l", str(empty))[".ids"]) == 0


def test_nothing_is_read_of_a_library_that_was_not_written_to(kept: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = data(kept)
    for name in ("read_blocks", "read_fields", "read_history"):
        monkeypatch.setattr(snapshot, name, pytest.fail)
    assert_same(data(kept), expected)


def test_a_write_is_seen_that_left_the_size_and_the_time_as_they_were(kept: Home) -> None:
    before = kept.database.stat()
    rescore(kept)
    os.utime(kept.database, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = kept.database.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    expected = data(kept, stored=False)
    assert_same(data(kept), expected)


@pytest.mark.parametrize("age", [0.05, 1.0])
def test_a_library_written_to_just_now_is_read(kept: Home, monkeypatch: pytest.MonkeyPatch, age: float) -> None:
    """A second write within one tick of the file system's clock has the time of the first."""
    written = kept.database.stat().st_mtime_ns // 10**9 * 10**9  # as a file system that knows whole seconds has it
    written += 0 if age == 1.0 else 10**8
    os.utime(kept.database, ns=(written, written))
    write(kept)
    expected, read = data(kept), []
    blocks_read = snapshot.read_blocks
    monkeypatch.setattr(snapshot, "read_blocks", lambda *args: (read.append(args), blocks_read(*args))[1])
    assert_same(data(kept), expected)
    assert not read, "time has passed since"
    monkeypatch.setattr("cfaudio_core.util.files.time", SimpleNamespace(time=lambda: written / 1e9 + age))
    assert_same(data(kept), expected)
    assert read


def test_the_history_is_read_when_plays_were_imported(kept: Home) -> None:
    sessions = len(data(kept)[".listeners.0.sessions.session"])
    listen(kept, [f"{DRUMS[0]}|Stück {k}" for k in (1, 2)], first=1_650_000_000)
    expected = data(kept, stored=False)
    assert_same(data(kept), expected)
    assert len(data(kept)[".listeners.0.sessions.session"]) == sessions + 2


def test_blocks_of_another_size_are_read_again(kept: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = data(kept, stored=False)
    for size in (5, 16, 10_000):
        monkeypatch.setattr(fields, "PART_IDS", size)
        assert_same(data(kept), expected)


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--explain",),
        ("--json", "--explain"),
        ("--like", f"artist:{BELLS[0]}", "--explain"),
        ("--seed", "3"),
        ("--user", "bob", "--json"),
        ("--unplayed", "1", f"artist:{BELLS[-1]}", ",", f"artist:{DRUMS[0]}"),
        ("-f", "$id $cf_match", f"similar:artist:{BELLS[1]}"),
    ],
)
def test_lists_are_the_same_to_the_letter(kept: Home, reads: Reads, args: tuple[str, ...]) -> None:
    kept.configure({"users": {"anna": ["play_count"], "bob": ["skip_count"]}})
    kept.set("cf_score_bob", {item: 100 - item for item in kept.ids("1")})
    file(kept).unlink()
    plain = kept.beet_here("cfrecommend", "-n", "12", *args).fine.out
    assert not file(kept).exists(), "cfembed alone writes it"
    write(kept)
    reads.clear()
    assert kept.beet_here("cfrecommend", "-n", "12", *args).fine.out == plain
    assert not reads


def test_similar_takes_its_vectors_from_the_snapshot(kept: Home, reads: Reads) -> None:
    query = ("ls", "-f", "$id $cf_match", "similar:id:1", "id+")
    there = kept.beet_here(*query).fine.out
    assert there and not reads
    file(kept).unlink()
    assert kept.beet_here(*query).fine.out == there
    write(kept)
    replace_vector(kept)
    assert kept.beet_here(*query).fine.out != there


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def of_another_version(path: Path) -> None:
    arrays, about = read_arrays(path)
    write_arrays(path, {name: array[::-1] for name, array in arrays.items()}, {**about, "format": "1 99.0"})


def of_another_program(path: Path) -> None:
    with safe_open(path, framework="numpy") as content:
        arrays = {name: content.get_tensor(name)[::-1].copy() for name in content.keys()}  # noqa: SIM118
    path.write_bytes(save(arrays))


@pytest.mark.parametrize(
    "spoil",
    [
        damage,
        of_another_version,
        of_another_program,
        Path.unlink,
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(pickle.dumps([1])),
        lambda path: path.write_text('{"format": null, "names": 7}'),
        lambda path: write_arrays(path, {}, {"format": None}),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_what_is_damaged_foreign_or_of_another_version_is_passed_over(
    kept: Home, reads: Reads, spoil: Callable[[Path], object]
) -> None:
    expected = data(kept)
    spoil(file(kept))
    reads.clear()
    assert_same(data(kept), expected)
    assert reads.counted() == (N_BLOCKS, N_BLOCKS)
    assert kept.beet_here("cfrecommend").fine.lines
    if file(kept).is_dir():
        file(kept).rmdir()
    write(kept)
    reads.clear()
    assert_same(data(kept), expected)
    assert not reads


def test_it_is_for_its_owner_alone_and_nothing_is_left_beside_it(kept: Home) -> None:
    assert stat.S_IMODE(file(kept).stat().st_mode) == 0o600
    assert stat.S_IMODE(file(kept).parent.stat().st_mode) == 0o700
    remove(kept)
    kept.sql("DELETE FROM items WHERE id > 30")
    size = file(kept).stat().st_size
    write(kept)
    assert file(kept).stat().st_size < size
    assert {one.name for one in file(kept).parent.iterdir()} == {"history.db", file(kept).name}
    blocks_of = {name.split("/")[0] for name in read_arrays(file(kept))[0]} - {"numbers", "counts", "listener 0"}
    assert blocks_of == {"0", "8", "16", "24"}


def test_a_file_that_cannot_be_written_costs_nothing_but_time(kept: Home) -> None:
    lines = kept.beet_here("cfrecommend").fine.lines
    file(kept).unlink()
    file(kept).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr(snapshot._log, "debug", lambda text, *args: said.append(text.format(*args)))
        write(kept)
    assert len(said) == 1 and "the snapshot of the library is not kept" in said[0]
    assert kept.beet_here("cfrecommend").fine.lines == lines


def test_forget_takes_it_away_and_what_0_1_0_had_kept(kept: Home) -> None:
    former = file(kept).parent / "catalogue"
    former.mkdir()
    (former / "index.json").write_text("{}")
    out = kept.beet_here("cfembed", "--forget", "--yes").out
    assert out.count("the snapshot of the library") == 1
    assert not file(kept).exists() and not former.exists()


def test_a_block_is_read_from_one_state_of_the_library(kept: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody writes between the digest and the rows: else a change that is taken back later would stay in the file."""
    read, tried = blocks._read_fields, []

    def meanwhile(*args: Any) -> Any:
        with sqlite3.connect(kept.database, timeout=0) as connection:
            try:
                connection.execute("UPDATE item_attributes SET value = '1.5' WHERE key = 'cf_score'")
                connection.commit()
            except sqlite3.OperationalError as error:
                tried.append(str(error))
            finally:
                connection.rollback()
        connection.close()
        return read(*args)

    monkeypatch.setattr(blocks, "_read_fields", meanwhile)
    file(kept).unlink()
    write(kept)
    assert tried == ["database is locked"] * N_BLOCKS
    monkeypatch.undo()
    monkeypatch.setattr(fields, "PART_IDS", BLOCK_TRACKS)
    assert_same(data(kept), data(kept, stored=False))


def test_a_transaction_of_this_process_is_not_hidden_by_it(kept: Home) -> None:
    settings = call(kept, lambda lib, settings: settings)
    with kept.library() as lib:
        assert snapshot.read_snapshot(lib, settings).scores["cf_score"][4] != 9
        with lib.transaction() as tx:
            tx.mutate("UPDATE item_attributes SET value = '9.0' WHERE key = 'cf_score' AND entity_id = 5")
            assert snapshot.read_snapshot(lib, settings).scores["cf_score"][4] == 9
            assert lib._connection().in_transaction, "reading has ended it"


def test_several_at_once_are_in_nobodys_way(kept: Home) -> None:
    lines = kept.beet_here("cfrecommend").fine.lines
    program = "from beetsplug.cfaudio.library import fields; fields.PART_IDS = 8\n"
    program += "from beets.ui import main; import sys; main(sys.argv[1:])"
    for _ in range(2):
        play(kept)
        with ThreadPoolExecutor(3) as pool:
            both = list(pool.map(lambda _: kept.beet("cfrecommend", python=("-c", program)).fine.lines, range(3)))
        assert both[0] == both[1] == both[2]
    assert set(both[0]) == set(lines)
    assert_same(data(kept), data(kept, stored=False))


@pytest.mark.parametrize(("history", "unwanted"), [(True, {"torch", "librosa"}), (False, {"torch", "sqlalchemy"})])
def test_a_list_needs_no_net_and_without_a_history_no_database_of_one(
    kept: Home, history: bool, unwanted: set[str]
) -> None:
    if not history:
        no_history(kept)
    program = "import sys\nfrom beets.ui import main\ntry:\n    main(['cfrecommend'])\nfinally:\n"
    program += f"    print(*{unwanted | {'scipy'}}.intersection(sys.modules), file=sys.stderr, end='')"
    assert kept.beet("cfrecommend", python=("-c", program)).err == ""


def test_cfembed_writes_it_once_and_takes_away_what_0_1_0_had_kept(analysed: Home, reads: Reads) -> None:
    file(analysed).unlink()  # of the first run
    former = file(analysed).parent / "catalogue"
    former.mkdir()
    (former / "index.json").write_text(json.dumps({"format": "2 0.1.0", "names": {}}))
    assert analysed.embed().code == 0
    assert not former.exists()
    assert reads.counted() == (1, 1)
    expected = data(analysed, stored=False)
    reads.clear()
    assert_same(data(analysed), expected)
    assert analysed.beet_here("cfrecommend").code == 0
    assert not reads
    assert analysed.embed().code == 0
    assert not reads, "nothing was new"


def test_cfembed_reads_what_it_has_written_alone(analysed: Home, reads: Reads) -> None:
    analysed.set("play_count", {1: "90", 40: "30"})
    assert analysed.embed("--retrain").code == 0
    assert reads.counted() == (0, 1), "names have not changed"
    expected = data(analysed, stored=False)
    reads.clear()
    assert_same(data(analysed), expected)
    assert not reads
