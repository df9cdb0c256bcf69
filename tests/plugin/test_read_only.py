"""Disks that take no more: commands that need nothing to be written work all the same, and the others say so."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from test_faults import restricted, unprivileged, write_history
from user_home import Home

from cfaudio_core.errors import StoreError
from cfaudio_core.features.feature_store import FeatureStore
from cfaudio_core.history.records import Listen, TrackText
from cfaudio_core.history.store import ListenStore
from cfaudio_core.util import database


@pytest.fixture
def played(analysed: Home) -> Home:
    """With a history that was matched to another library last, so that it has to be matched again."""
    export = analysed.folder / "listenbrainz.zip"
    write_history(analysed, export)
    analysed.configure({"playlists": [{"name": "mine"}], "playlist_dir": str(analysed.folder / "lists")})
    assert analysed.beet_here("cfimport", "listenbrainz", str(export)).code == 0
    with sqlite3.connect(analysed.store.with_name("history.db")) as store:
        store.execute("UPDATE cf_notes SET value = 'another' WHERE name = 'matched'")
    store.close()
    return analysed


@pytest.fixture
def read_only(played: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database.os, "access", lambda *_: False)


@pytest.mark.usefixtures("read_only")
@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["cfrecommend", "-n", "3"], "Bell"),
        (["cfplaylists", "-p"], "Bell"),
        (["cfplays"], "listenbrainz"),
        (["cfstatus"], "40 analysed"),
        (["cfembed", "-p"], "Would train"),
        (["cfevaluate", "--protocol", "session"], "Kept in"),
    ],
)
def test_what_needs_nothing_to_be_written_works_on_a_store_that_is_read_only(
    played: Home, command: list[str], line: str
) -> None:
    stores = [file.read_bytes() for file in (played.store, played.store.with_name("history.db"))]
    assert line in played.beet_here(*command).fine.out
    assert [file.read_bytes() for file in (played.store, played.store.with_name("history.db"))] == stores


@restricted
def test_the_whole_folder_may_be_read_only(played: Home) -> None:
    places = [played.beetsdir / "cfaudio", *(played.beetsdir / "cfaudio").rglob("*")]
    command = ["cfrecommend", "--json", "-n", "5", "--seed", "1"]
    for place in places:
        place.chmod(0o500 if place.is_dir() else 0o400)
    ran = unprivileged(played, *command)
    refused = unprivileged(played, "cflike", "Bell")
    for place in places:
        place.chmod(0o700 if place.is_dir() else 0o600)
    assert json.loads(ran.fine.out) == json.loads(played.beet(*command).fine.out)
    assert refused.complaint.endswith("history.db: it, its folder or its disk is read-only")


@pytest.mark.usefixtures("read_only")
@pytest.mark.parametrize("command", [["cflike", "Bell"], ["cfimport", "csv", "plays.csv"]])
def test_what_would_write_is_one_line(played: Home, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(played.folder)
    (played.folder / "plays.csv").write_text("artist,title,plays\nBell Anna,Stück 1,3\n", encoding="utf-8")
    assert played.beet_here(*command).complaint.endswith("history.db: it, its folder or its disk is read-only")


def test_a_full_disk_is_one_to_read_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ListenStore(f"sqlite:///{tmp_path / 'history.db'}") as store:
        store.add([Listen(TrackText("A", "Song"), 1_700_000_000)], source="csv", listener_of=lambda _: "anna")
    FeatureStore(tmp_path / "features.db").close()
    monkeypatch.setattr(database, "_MIN_FREE_BYTES", 1 << 62)
    with ListenStore(f"sqlite:///{tmp_path / 'history.db'}") as store:
        assert len(store.listens()) == 1
        with pytest.raises(StoreError, match="no space left on the disk"):
            store.add([], source="csv", listener_of=str)
    with FeatureStore(tmp_path / "features.db") as features, pytest.raises(StoreError, match="no space left"):
        features.note("a", "b")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["features.db", "history.db"]
