"""New tracks are analysed as they are imported, where the user wants that, and never at the cost of an import."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mediafile import MediaFile
from user_home import RATE, Home, bells, drums

from cfaudio_core.util.files import hold_lock

pytestmark = pytest.mark.weights


@pytest.fixture
def arrivals(tmp_path: Path) -> Path:
    """A folder with an album of two."""
    folder = tmp_path / "arrivals" / "Album"
    shop = Home(tmp_path / "shop")
    for k, sound in enumerate((bells(100), drums(100))):
        file = shop.write(f"{k}.flac", sound)
        about = MediaFile(file)
        about.update({"artist": "New", "album": "Album", "title": f"New {k}", "track": k + 1})
        about.save()
        folder.mkdir(parents=True, exist_ok=True)
        file.rename(folder / file.name)
    return folder


@pytest.mark.parametrize("threaded", [True, False])
def test_new_tracks_are_analysed_and_embedded_by_the_model_in_force(
    analysed: Home, arrivals: Path, threaded: bool
) -> None:
    analysed.configure({"auto": True}, threaded=threaded)
    models = sorted(analysed.models.iterdir())
    ran = (analysed.beet if threaded else analysed.beet_here)("import", "-A", "-q", str(arrivals))
    assert ran.code == 0, ran
    assert "cfaudio" not in ran.err
    bell, drum = analysed.ids("artist = 'New'")
    scores = {item: float(score) for item, score in analysed.field("cf_score").items()}
    assert len(scores) == 42
    assert scores[bell] > 50 > scores[drum]
    assert len(analysed.field("cf_key")) == len(analysed.field("cf_embedding")) == 42
    assert set(analysed.field("cf_model").values()) == {analysed.field("cf_model")[1]}
    assert sorted(analysed.models.iterdir()) == models
    assert analysed.beet("ls", "-p", "artist:New").fine.lines == [
        str(analysed.music / "New" / "Album" / f"0{k + 1} New {k}.flac") for k in range(2)
    ]
    assert analysed.embed().lines == [
        "Analysed 0 new tracks (42 of 42 done).",
        f"Nothing new since the last run (model {analysed.field('cf_model')[1]}).",
    ]


def test_before_the_first_model_new_tracks_are_analysed_only(home: Home, arrivals: Path) -> None:
    home.configure({"auto": True})
    assert home.beet_here("import", "-A", "-q", str(arrivals)).code == 0
    assert len(home.field("cf_key")) == 2
    assert home.field("cf_embedding") == {}
    assert home.embed().lines[0] == "Analysed 0 new tracks (2 of 2 done)."


def test_without_auto_nothing_is_analysed(home: Home, arrivals: Path) -> None:
    assert home.beet_here("import", "-A", "-q", str(arrivals)).code == 0
    assert home.ids("1") == [1, 2]
    assert home.field("cf_key") == {}
    assert not home.store.exists()


def test_singletons_are_analysed_too(home: Home, arrivals: Path) -> None:
    home.configure({"auto": True})
    assert home.beet_here("import", "-A", "-q", "-s", str(arrivals)).code == 0
    assert home.ids("album_id IS NULL") == [1, 2]
    assert len(home.field("cf_key")) == 2


def test_a_file_that_cannot_be_analysed_does_not_stop_an_import(home: Home, arrivals: Path) -> None:
    home.configure({"auto": True})
    soundfile.write(arrivals / "2.wav", np.zeros(3 * RATE), RATE)
    ran = home.beet_here("import", "-A", "-q", str(arrivals))
    assert ran.code == 0
    assert ran.err.count("cfaudio: skipping ") == 1
    assert len(home.ids("1")) == 3
    assert len(home.field("cf_key")) == 2


@pytest.mark.parametrize("wrong", [{"weights": "/nowhere/none.whl"}, {"users": {"anna": ["plya_count"]}}, {"jobs": -1}])
def test_an_import_goes_on_though_analysis_is_set_up_wrongly(
    home: Home, arrivals: Path, wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home.configure({"auto": True, **wrong})
    ran = home.beet_here("import", "-A", "-q", str(arrivals))
    assert ran.code == 0
    assert ran.err.count("cfaudio: new tracks are left to the next `beet cfembed`: ") == 1
    assert ran.err.count("cfaudio: ") == 1
    assert "Traceback" not in ran.err
    assert len(home.ids("1")) == 2


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("database is\nlocked"), RecursionError("deep"), KeyError(7)]
)
def test_an_import_goes_on_whatever_is_wrong(
    home: Home, arrivals: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    shutil.copytree(arrivals, arrivals.with_name("Second"))
    monkeypatch.setattr("beetsplug.cfaudio.pipeline.embed_imported", fail)
    home.configure({"auto": True}, **{"import": {"autotag": False, "duplicate_action": "keep"}})
    ran = home.beet_here("import", "-A", "-q", str(arrivals.parent))
    assert ran.code == 0
    about = f"{type(error).__name__}: {' '.join(str(error).split())}"
    assert ran.err.count(f"cfaudio: new tracks are left to the next `beet cfembed`: {about}\n") == 2
    assert ran.err.count("cfaudio: ") == 2
    assert len(home.ids("1")) == 4


@pytest.mark.parametrize("store", ["features.db", "history.db", "models/cf-*.json", "models/cf-*.safetensors"])
def test_an_import_goes_on_beside_a_store_that_is_damaged(analysed: Home, arrivals: Path, store: str) -> None:
    files = list(analysed.store.parent.glob(store)) or [analysed.store.parent / store]
    for file in files:
        file.write_bytes(b"this is none, however long it is; " * 200)
    shutil.copytree(arrivals, arrivals.with_name("Second"))
    analysed.configure({"auto": True}, **{"import": {"autotag": False, "duplicate_action": "keep"}})
    ran = analysed.beet_here("import", "-A", "-q", str(arrivals.parent))
    assert (ran.code, len(analysed.ids("artist = 'New'"))) == (0, 4)
    assert ran.err.count("cfaudio: ") == ran.err.count("new tracks are left to the next `beet cfembed`: ") == 2
    assert "Traceback" not in ran.err
    assert files[0].stem in ran.err


def test_an_import_goes_on_while_a_cfembed_is_at_work(analysed: Home, arrivals: Path) -> None:
    analysed.configure({"auto": True})
    with hold_lock(analysed.store.parent, "cfembed"):
        ran = analysed.beet_here("import", "-A", "-q", str(arrivals))
    assert (ran.code, len(analysed.ids("artist = 'New'"))) == (0, 2)
    assert ran.err.count("cfaudio: ") == 1
    assert ran.err.endswith("new tracks are left to the next `beet cfembed`: another cfembed is at work\n")


def test_a_file_of_a_far_future_is_imported_and_analysed(home: Home, arrivals: Path) -> None:
    home.configure({"auto": True}, **{"import": {"autotag": False, "copy": False}})
    os.utime(arrivals / "0.flac", (1.1e10, 1.1e10))
    ran = home.beet_here("import", "-A", "-q", str(arrivals))
    assert (ran.code, len(home.field("cf_key"))) == (0, 2)


def test_a_reimport_keeps_what_was_analysed(analysed: Home, decoding_fails: Callable[[], None]) -> None:
    keys, names = analysed.field("cf_key"), dict(analysed.sql("SELECT path, id FROM items"))
    decoding_fails()
    analysed.configure({"auto": True}, **{"import": {"copy": False, "write": False, "autotag": False, "resume": False}})
    assert analysed.beet_here("import", "-A", "-q", str(analysed.music)).code == 0
    after = dict(analysed.sql("SELECT path, id FROM items"))
    assert after.keys() == names.keys()
    assert {path: analysed.field("cf_key")[item] for path, item in after.items()} == {
        path: keys[item] for path, item in names.items()
    }
    assert analysed.embed("-p").lines == [
        "Would analyse 0 of 40 tracks.",
        "Would train, if that is due, on 16 played tracks.",
    ]
