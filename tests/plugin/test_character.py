"""`cf_tempo`, `cf_key_name` and `cf_energy`, which `cfembed` writes beside the other fields."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest
from user_home import Home

pytestmark = pytest.mark.weights

FIELDS = ("cf_tempo", "cf_key_name", "cf_energy")


def test_every_analysed_track_has_them_and_they_are_numbers_to_queries(analysed: Home) -> None:
    energies = analysed.field("cf_energy")
    assert len(energies) == 40
    assert all(0 <= float(energy) <= 1 for energy in energies.values())
    some = sorted(energies, key=lambda item: float(energies[item]))[0]
    found = analysed.beet_here("ls", "-f", "$id", f"cf_energy:..{energies[some]}").fine.lines
    assert str(some) in found
    assert len(found) < 40

    tempi = {item: float(tempo) for item, tempo in analysed.field("cf_tempo").items()}
    found = analysed.beet_here("ls", "-f", "$id", "cf_tempo:100..140").fine.lines
    assert {int(item) for item in found} == {item for item, tempo in tempi.items() if 100 <= tempo <= 140}

    item, key = next(iter(analysed.field("cf_key_name").items()))
    assert key.split()[1] in ("major", "minor")
    assert str(item) in analysed.beet_here("ls", "-f", "$id", f"cf_key_name:{key}").fine.lines


def test_tracks_without_them_get_theirs_though_nothing_else_is_new(
    analysed: Home, decoding_fails: Callable[[], None]
) -> None:
    before = [analysed.field(name) for name in FIELDS]
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('cf_tempo', 'cf_key_name', 'cf_energy')")
    decoding_fails()
    assert analysed.embed().code == 0
    assert [analysed.field(name) for name in FIELDS] == before


def test_a_library_without_descriptors_gets_them_and_its_features_are_not_extracted_again(analysed: Home) -> None:
    keys = analysed.field("cf_key")
    features = _features(analysed)
    with sqlite3.connect(analysed.store) as store:
        store.execute("DELETE FROM features WHERE net LIKE 'descriptors%'")
    analysed.sql("DELETE FROM item_attributes WHERE key IN ('cf_tempo', 'cf_key_name', 'cf_energy')")
    assert "Would analyse 0 of 40 tracks, measure tempo and timbre of 40 (" in analysed.embed("-p").fine.lines[0]
    ran = analysed.embed().fine
    assert ran.lines[0] == "Analysed 0 new tracks (40 of 40 done)."
    assert ran.lines[1] == "Measured tempo, key and timbre of 40 tracks analysed before."
    assert (analysed.field("cf_key"), _features(analysed)) == (keys, features)
    assert len(analysed.field("cf_energy")) == 40
    assert "Nothing new" in analysed.embed().fine.out


def _features(home: Home) -> list[object]:
    with sqlite3.connect(home.store) as store:
        return store.execute("SELECT * FROM features WHERE net NOT LIKE 'descriptors%' ORDER BY cf_key, net").fetchall()
