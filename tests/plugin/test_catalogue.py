"""What is kept of a large library: no change goes unseen, and lists are those of a library read from the beginning."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import stat
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from user_home import BELLS, DRUMS, Home, bells

from beetsplug.cfaudio.commands import cfrecommend
from beetsplug.cfaudio.library import catalogue, snapshot
from beetsplug.cfaudio.library import tracks as library
from cfaudio_core.util import shelf
from cfaudio_core.util.vector_codec import encode

Counted = dict[str, int]
LARGE = ("catalogue.WORTH = 1", "shelf.SETTLED = 0")


@pytest.fixture
def large(placed: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The collection, as if it were worth keeping a catalogue of, in parts of eight tracks, and with some listens."""
    monkeypatch.setattr(catalogue, "WORTH", 1)
    monkeypatch.setattr(shelf, "SETTLED", 0)
    monkeypatch.setattr(library, "PART", 8)
    listen(placed, [f"{artist}|Stück {k}" for artist in (BELLS[0], DRUMS[0]) for k in (1, 2, 3)])
    return placed


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """How often what was read since it was last emptied."""
    counted: Counted = {}

    def count(name: str, work: Callable[..., Any], *args: Any) -> Any:
        counted[name] = counted.get(name, 0) + 1
        return work(*args)

    for module, name in (
        *((catalogue, name) for name in ("read_names", "read_places", "read_counts")),
        (snapshot, "add_history"),
    ):
        monkeypatch.setattr(module, name, partial(count, name, getattr(module, name)))
    return counted


def listen(home: Home, tracks: list[str], first: int = 1_600_000_000) -> None:
    """Import listens to tracks, each written as "artist|title"."""
    table = home.folder / "listens.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["artist", "title", "time"])
        rows.writerows([*track.split("|"), first + 300 * k] for k, track in enumerate(tracks))
    assert home.beet_here("cfimport", "csv", str(table)).code == 0


def folder(home: Home) -> Path:
    return home.beetsdir / "cfaudio" / "catalogue"


def loaded_by(home: Home, *, kept: bool) -> dict[str, Any]:
    """All that `cfrecommend` chooses from, by names; with the catalogue, or as if there were none."""
    got: list[snapshot.Loaded] = []

    def read(*args: Any) -> snapshot.Loaded:
        got.append(snapshot.read_library(*args))
        return got[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cfrecommend, "read_library", read)
        if not kept:
            patch.setattr(catalogue, "WORTH", 1e9)
        home.beet_here("cfrecommend")
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

    flatten("", got[0])
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


def other_sound(home: Home) -> None:
    """The audio of one file is now in two: the tracks are one song."""
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


CHANGES: dict[Callable[[Home], None], tuple[int, int]] = {
    retag: (1, 0),
    retag_past_beets: (1, 0),
    modify: (2, 0),
    play: (0, 0),
    lambda home: play(home, 2): (0, 0),
    remove: (2, 2),
    remove_past_beets: (1, 0),
    add: (1, 1),
    replace_last: (1, 1),
    other_sound: (1, 0),
    rescore: (0, 1),
    move_score: (0, 1),
    replace_vector: (0, 1),
    other_model: (0, 1),
    longer: (1, 0),
    new_listens: (0, 0),
    other_listener: (0, 0),
    own_field: (0, 0),
    other_gap: (0, 0),
    other_history: (0, 0),
    no_history: (0, 0),
}
"""What is done to a library, and of how many of its parts the names, and the places, have to be read again then."""


@pytest.mark.parametrize(("change", "parts"), CHANGES.items(), ids=lambda value: getattr(value, "__name__", None))
def test_no_change_goes_unseen(
    large: Home, reads: Counted, change: Callable[[Home], None], parts: tuple[int, int]
) -> None:
    loaded_by(large, kept=True)
    change(large)
    expected = loaded_by(large, kept=False)
    reads.clear()
    assert_same(loaded_by(large, kept=True), expected)
    assert (reads.get("read_names", 0), reads.get("read_places", 0)) == parts
    reads.clear()
    assert_same(loaded_by(large, kept=True), expected)
    assert not reads, "what was read again was not kept"


def test_one_play_after_the_other_is_seen(large: Home) -> None:
    for _ in range(3):
        play(large)
        assert_same(loaded_by(large, kept=True), loaded_by(large, kept=False))


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
def test_lists_are_the_same_to_the_letter(large: Home, reads: Counted, args: tuple[str, ...]) -> None:
    large.configure({"users": {"anna": ["play_count"], "bob": ["skip_count"]}})
    large.set("cf_score_bob", {item: 100 - item for item in large.ids("1")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "WORTH", 1e9)
        plain = large.beet_here("cfrecommend", "-n", "12", *args).fine.out
    assert not folder(large).exists()
    made = large.beet_here("cfrecommend", "-n", "12", *args).fine.out
    reads.clear()
    assert large.beet_here("cfrecommend", "-n", "12", *args).fine.out == made == plain
    assert not reads


def test_similar_takes_its_vectors_from_the_catalogue(large: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    query = ("ls", "-f", "$id $cf_match", "similar:id:1", "id+")
    plain = large.beet_here(*query).fine.out
    large.beet_here("cfrecommend")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("beetsplug.cfaudio.library.similar_query._placed", None)
        assert large.beet_here(*query).fine.out == plain
    replace_vector(large)
    assert large.beet_here(*query).fine.out != plain


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def of_newer_version(file: Path) -> None:
    about = json.loads(file.read_bytes())
    file.write_text(json.dumps({**about, "format": "2 99.0"}))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("names-*", damage),
        ("places-*", damage),
        ("heard*", damage),
        ("counts*", lambda file: file.write_bytes(file.read_bytes()[:50])),
        ("numbers*", lambda file: file.write_bytes(b"")),
        ("places-8*", Path.unlink),
        ("digests*", lambda file: file.write_bytes(b"\x80\x04\x95 pickled?")),
        ("index.json", lambda file: file.write_bytes(file.read_bytes()[:-20])),
        ("index.json", lambda file: file.write_text("[1]")),
        ("index.json", lambda file: file.write_text('{"format": null, "names": 7}')),
        ("index.json", of_newer_version),
    ],
)
def test_what_is_damaged_foreign_or_newer_is_made_anew(
    large: Home, reads: Counted, name: str, spoil: Callable[[Path], None]
) -> None:
    expected = loaded_by(large, kept=True)
    for file in folder(large).glob(name):
        spoil(file)
    assert_same(loaded_by(large, kept=True), expected)
    reads.clear()
    assert_same(loaded_by(large, kept=True), expected)
    assert not reads


def test_it_is_for_its_owners_eyes_and_nothing_is_left_beside_it(large: Home) -> None:
    large.beet_here("cfrecommend")
    files = sorted(folder(large).iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(folder(large).stat().st_mode) == 0o700
    remove(large)
    large.sql("DELETE FROM items WHERE id > 30")
    large.beet_here("cfrecommend")
    assert {file.name for file in files} - {file.name for file in folder(large).iterdir()} == {
        f"{what}-{first}.safetensors" for what in ("names", "places") for first in (32, 40)
    }


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(large: Home) -> None:
    folder(large).write_text("no folder")
    lines = large.beet_here("cfrecommend").fine.lines
    assert large.beet_here("cfrecommend").fine.lines == lines
    assert "is not kept" in large.beet_here("-vv", "cfrecommend").err


def test_forget_takes_it_away(large: Home) -> None:
    large.beet_here("cfrecommend")
    assert "what was read of the library" in large.beet_here("cfembed", "--forget", "--yes").out
    assert not folder(large).exists()


def test_a_small_library_has_none(placed: Home) -> None:
    assert placed.beet_here("cfrecommend").code == 0
    assert not folder(placed).exists()


def test_what_changed_while_it_was_read_is_not_kept(large: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    read = catalogue.read_places

    def meanwhile(*args: Any) -> Any:
        part = read(*args)
        rescore(large)
        return part

    monkeypatch.setattr(catalogue, "read_places", meanwhile)
    assert large.beet_here("cfrecommend").code == 0
    assert not folder(large).exists()


def test_what_was_written_a_moment_ago_is_not_kept_yet(large: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "SETTLED", 3600)
    monkeypatch.setattr(shelf, "FINE", 3600)
    play(large)
    assert large.beet_here("cfrecommend").code == 0
    assert not folder(large).exists()
    long_ago = 1_500_000_000
    os.utime(large.database, (long_ago, long_ago))
    os.utime(large.beetsdir / "cfaudio" / "history.db", (long_ago, long_ago))
    assert large.beet_here("cfrecommend").code == 0
    assert folder(large).exists()


def test_a_transaction_of_this_process_is_not_hidden_by_it(large: Home) -> None:
    large.beet_here("cfrecommend")
    settings: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cfrecommend, "read_library", lambda _, given: settings.append(given) or sys.exit(0))
        large.beet_here("cfrecommend")
    with large.library() as lib:
        assert catalogue.CatalogueReader(lib, settings[0]).peek() is not None
        with lib.transaction() as tx:
            tx.mutate("UPDATE item_attributes SET value = '9.0' WHERE key = 'cf_score' AND entity_id = 5")
            reader = catalogue.CatalogueReader(lib, settings[0])
            assert reader.peek() is None
            assert reader.read().scores["cf_score"][4] == 9


def test_two_at_once_are_in_nobodys_way(large: Home, reads: Counted) -> None:
    lines = large.beet_here("cfrecommend").fine.lines
    program = "from beetsplug.cfaudio import catalogue; from cfaudio_core import shelf\n" + "\n".join(LARGE)
    program += "\nfrom beets.ui import main; import sys; main(sys.argv[1:])"
    for _ in range(2):
        play(large)
        with ThreadPoolExecutor(3) as pool:
            both = list(pool.map(lambda _: large.beet("cfrecommend", python=("-c", program)).fine.lines, range(3)))
        assert both[0] == both[1] == both[2]
    assert set(both[0]) == set(lines)
    reads.clear()
    assert_same(loaded_by(large, kept=True), loaded_by(large, kept=False))


def test_a_list_from_it_needs_neither_torch_nor_a_database_of_listens(large: Home) -> None:
    program = "from beetsplug.cfaudio import catalogue; from cfaudio_core import shelf; import sys\n" + "\n".join(LARGE)
    program += "\nfrom beets.ui import main\ntry:\n    main(['cfrecommend'])\nfinally:\n"
    program += "    print(*{'torch', 'sqlalchemy', 'scipy'}.intersection(sys.modules), file=sys.stderr, end='')"
    large.beet("cfrecommend", python=("-c", program))
    assert large.beet("cfrecommend", python=("-c", program)).err == ""


def test_cfembed_reads_for_the_first_list(analysed: Home, reads: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "WORTH", 1)
    monkeypatch.setattr(shelf, "SETTLED", 0)
    assert analysed.embed().code == 0
    assert (reads["read_names"], reads["read_places"]) == (1, 1)
    reads.clear()
    assert analysed.beet_here("cfrecommend").code == 0
    assert not reads
