"""`beet cfimport`, and the snapshots that `beet cfembed` takes, as a user of beets meets them."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import ClassVar

import pytest
from beets.exceptions import UserError
from beets.library import Item
from beets.test.helper import PluginTestHelper

from beetsplug.cfaudio.config.settings import read_settings
from beetsplug.cfaudio.library.history import open_history, record_growth
from beetsplug.cfaudio.library.tracks import read_tracks
from cfaudio_core.history.formats import FORMATS, Format, ReadOptions
from cfaudio_core.history.records import Listen, Tally, TrackText
from cfaudio_core.history.store import ListenStore

NOON = 1_600_000_000
TABLE = "artist,title,time\n"


class HistoryTest(PluginTestHelper):
    plugin: ClassVar[str] = "cfaudio"

    @pytest.fixture(autouse=True)
    def printed(self, setup: None, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    @property
    def history(self) -> Path:
        return self.temp_path / "cfaudio" / "history.db"

    def store(self) -> ListenStore:
        return open_history(read_settings(self.config["cfaudio"]))

    def run(self, *args: str) -> str:
        """What `beet cfimport` prints."""
        self.capsys.readouterr()
        self.run_command("cfimport", *args, lib=self.lib)
        return self.capsys.readouterr().out

    def refused(self, *args: str) -> str:
        with pytest.raises(UserError) as caught:
            self.run(*args)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def track(self, artist: str, title: str, **values: object) -> Item:
        item = Item(artist=artist, title=title, length=200.0, path=self.lib_path / f"{artist}/{title}.flac", **values)
        self.lib.add(item)
        return item

    def table(self, *plays: tuple[str, str, int], name: str = "plays.csv") -> str:
        file = self.temp_path / name
        file.write_text(TABLE + "".join(f"{artist},{title},{at}\n" for artist, title, at in plays), encoding="utf-8")
        return str(file)


class TestImport(HistoryTest):
    def test_tells_what_is_new_and_what_is_in_the_library(self) -> None:
        blue = self.track("Anna", "Blue", cf_key="k-blue")
        plays = [("Anna", "Blue", NOON + i) for i in range(3)] + [("Ben", "Red", NOON + 60)]
        said = self.run("csv", self.table(*plays)).splitlines()
        assert said == [
            "Added 4 plays.",
            "Matched 1 of 2 tracks (75.0% of plays); 1 is not in your library (25.0%).",
            "Most played of what is not in the library:",
            "      1  Ben - Red",
        ]
        with self.store() as store:
            [(text, matched)] = store.matches().items()
            assert store.texts()[text].title == "Blue"
            assert matched == (blue.id, "k-blue")

    def test_again_adds_nothing(self) -> None:
        file = self.table(("Anna", "Blue", NOON), ("Anna", "Blue", NOON + 300))
        self.run("csv", file)
        assert "Added 0 plays; 2 known already." in self.run("csv", file)

    def test_what_was_unknown_counts_once_the_library_has_it(self) -> None:
        self.run("csv", self.table(("Ben", "Red", NOON)))
        red = self.track("Ben", "Red")
        assert "Matched 1 of 1 track (100.0% of plays)." in self.run("csv", self.table(("Ben", "Red", NOON + 300)))
        with self.store() as store:
            assert [item for item, _ in store.matches().values()] == [red.id]

    def test_names_the_ten_most_played_unknown_tracks(self) -> None:
        plays = [("Ben", f"No {k:02d}", NOON + 100 * k + i) for k in range(12) for i in range(k + 1)]
        said = self.run("csv", self.table(*plays)).splitlines()
        assert said[3:] == [f"{k + 1:7d}  Ben - No {k:02d}" for k in range(11, 1, -1)]

    def test_takes_several_files_as_one_import(self) -> None:
        one, two = self.table(("A", "B", NOON)), self.table(("A", "B", NOON), ("A", "C", NOON), name="more.csv")
        assert "Added 2 plays; 1 known already." in self.run("csv", one, two)

    def test_a_broken_second_file_leaves_nothing_of_the_first(self) -> None:
        broken = self.temp_path / "broken.json"
        good = self.temp_path / "good.json"
        entry = {"listened_at": NOON, "track_metadata": {"track_name": "B", "artist_name": "A"}}
        good.write_text(json.dumps([entry]))
        broken.write_text(json.dumps([entry])[:-9])
        assert "broken.json" in self.refused("listenbrainz", str(good), str(broken))
        with self.store() as store:
            assert store.overview() == []

    def test_columns_say_what_is_what(self) -> None:
        file = self.temp_path / "odd.csv"
        file.write_text(f"Band;Song;Day\nAnna;Blue;{NOON}\n")
        assert "Added 1 play." in self.run("csv", str(file), "--columns", "artist=Band, title=Song,time=Day")
        assert "--columns: must be FIELD=HEADING" in self.refused("csv", str(file), "--columns", "artist")

    def test_counts_are_told_as_such(self) -> None:
        file = self.temp_path / "counts.csv"
        file.write_text("artist,title,plays\nAnna,Blue,7\nBen,Red,2\n")
        said = self.run("csv", str(file))
        assert "Added or replaced the play counts of 2 tracks" in said
        assert "Added 2" not in said
        assert "      7  Anna - Blue" in said

    def test_rows_left_out_are_counted_by_reason(self) -> None:
        said = self.run("csv", self.table(("Anna", "Blue", NOON), ("Anna", "Blue", 5), ("", "", NOON), ("", "", NOON)))
        assert "1 play has no time, or an impossible one: it counts, but not as part of a session." in said
        assert "2 rows left out: no artist and title" in said

    def test_a_file_without_plays_is_refused(self) -> None:
        assert self.refused("csv", self.table()).endswith("plays.csv: no plays in it")
        assert "no plays in it; 1 row left out: no artist" in self.refused("csv", self.table(("", "", NOON)))


class TestPretend(HistoryTest):
    def test_says_what_an_import_would_and_stores_nothing(self) -> None:
        self.track("Anna", "Blue")
        file = self.table(("Anna", "Blue", NOON), ("Ben", "Red", NOON))
        said = self.run("-p", "csv", file)
        assert said.startswith("Would add 2 plays.\nMatched 1 of 2 tracks (50.0% of plays)")
        assert not self.history.exists()
        self.run("csv", self.table(("Ben", "Red", NOON), name="some.csv"))
        self.track("Ben", "Red")
        assert "Would add 1 play; 1 known already." in self.run("--pretend", "csv", file)
        with self.store() as store:
            assert [held.listens for held in store.overview()] == [1]
            assert store.matches() == {}


class TestListener(HistoryTest):
    def listeners(self) -> list[str]:
        with self.store() as store:
            return [held.listener for held in store.overview()]

    def test_is_the_first_of_the_configuration_if_none_is_named(self) -> None:
        file = self.table(("Anna", "Blue", NOON))
        self.run("csv", file)
        self.config["cfaudio"]["users"] = {"anna": ["play_count"], "ben": ["plex_viewcount"]}
        self.run("csv", file)
        self.run("csv", file, "-u", "ben")
        assert self.listeners() == ["anna", "ben", "me"]

    def test_several_accounts_are_listed_where_none_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = TrackText("Anna", "Blue")
        records = [Listen(text, NOON, user="zoe"), Listen(text, NOON, user="bob"), Listen(text, NOON + 1, user="bob")]
        monkeypatch.setitem(FORMATS, "csv", Format("csv", "", "", lambda source, options: iter(records)))
        assert self.refused("csv", "x").endswith("several accounts in it, import one at a time: bob, zoe")
        assert self.listeners() == []

    def test_the_account_to_read_is_the_listener_or_what_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[ReadOptions] = []

        def read(source: str, options: ReadOptions) -> object:
            asked.append(options)
            return iter([Listen(TrackText("Anna", "Blue"), NOON, user="BOB")])

        monkeypatch.setitem(FORMATS, "csv", Format("csv", "", "", read))  # type: ignore[arg-type]
        monkeypatch.setenv("CFAUDIO_PASSWORD", "from outside")
        self.run("csv", "x", "-u", "bob", "--token", "t")
        self.run("csv", "x", "-u", "rob", "--account", "bob", "--password", "p")
        self.run("csv", "x", "--account", "bob")
        assert [options.user for options in asked] == ["bob", "bob", "bob"]
        assert [(o.token, o.password) for o in asked] == [("t", "from outside"), (None, "p"), (None, "from outside")]
        assert self.listeners() == ["bob", "me", "rob"]


class TestListing(HistoryTest):
    def test_names_every_format_with_an_example(self) -> None:
        said = self.run()
        for source in FORMATS.values():
            assert f"\n  {source.name:13} {source.summary}\n" in said
            assert f"beet cfimport {source.name} {source.example}\n" in said
        assert said.endswith("Nothing has been imported yet.\n")
        assert not self.history.exists()

    def test_tells_what_the_store_holds(self) -> None:
        self.run("csv", self.table(("Anna", "Blue", NOON), ("Anna", "Blue", NOON + 86_400)))
        with self.store() as store:
            [text] = store.texts().values()
            store.add([Tally(text, 3)], source="itunes", listener_of=lambda _: "ben")
        lines = self.run().splitlines()
        assert lines[-4] == f"In {self.history}:"
        assert lines[-2].split() == ["ben", "itunes", "0", "1"]
        assert lines[-1].split() == ["me", "csv", "2", "2020-09-13", "2020-09-14", "0"]

    def test_an_unknown_format_is_refused_with_the_list(self) -> None:
        assert self.refused("winamp", "x") == f"there is no format winamp (there are: {', '.join(FORMATS)})"

    def test_a_missing_source_is_refused_with_an_example(self) -> None:
        assert self.refused("csv").endswith(f"beet cfimport csv {FORMATS['csv'].example}")


class TestHistoryKey(HistoryTest):
    def test_a_relative_file_is_beside_the_configuration(self) -> None:
        self.config["cfaudio"]["history"] = "sqlite:///mine/plays.db"
        self.run("csv", self.table(("Anna", "Blue", NOON)))
        assert (self.temp_path / "mine" / "plays.db").is_file()
        assert not self.history.exists()

    @pytest.mark.parametrize(
        "value", ["plays.db", "mysql://me:hunter@host/db", 5, "postgresql://me:hunter@host:port/db", "sqlite://"]
    )
    def test_a_wrong_address_names_the_key_and_no_password(self, value: object) -> None:
        self.config["cfaudio"]["history"] = value
        message = self.refused("csv", self.table(("Anna", "Blue", NOON)))
        assert message.startswith("cfaudio.history: must ")
        assert "hunter" not in message

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("postgresql+psycopg://me:hunter@host/db", False),
            ("postgresql+psycopg://host/db?user=me&password=hunter", False),
            ("sqlite:////srv/hunter.db", True),
        ],
    )
    def test_an_address_with_a_password_is_not_shown(self, value: str, shown: bool) -> None:
        self.unload_plugins()
        self.config["cfaudio"]["history"] = value
        self.load_plugins()
        self.run_command("config", lib=self.lib)
        assert ("hunter" in self.capsys.readouterr().out) == shown

    def test_a_damaged_history_is_refused_in_one_line(self) -> None:
        self.history.parent.mkdir()
        self.history.write_bytes(b"garbage" * 1000)
        assert self.refused() == f"{self.history}: file is not a database"
        assert self.refused("csv", self.table(("A", "B", NOON))) == f"{self.history}: file is not a database"


class TestSnapshot(HistoryTest):
    def snapshot(self) -> list[str]:
        settings = read_settings(self.config["cfaudio"])
        problems: list[str] = []
        record_growth(self.lib, settings, read_tracks(self.lib, settings.count_fields), problems.append)
        return problems

    def test_plays_between_two_snapshots_are_listens(self) -> None:
        blue, red = self.track("Anna", "Blue", play_count=4), self.track("Ben", "Red")
        assert self.snapshot() == []
        now = int(time.time())
        for item, plays, at in ((blue, 6, now - 40), (red, 1, now - 90)):
            item.update({"play_count": plays, "last_played": at})
            item.store()
        assert self.snapshot() == self.snapshot() == []
        with self.store() as store:
            texts, listens, tallies = list(store.texts().values()), store.listens(), store.tallies()
            assert listens.sources == tallies.sources == ("snapshot",)
            assert listens.listeners == tallies.listeners == ("me",)
            listened = [(texts[t].title, at) for t, at in zip(listens.text, listens.time.tolist(), strict=True)]
            assert listened == [("Red", now - 90), ("Blue", now - 40)]
            assert [(texts[t].title, n) for t, n in zip(tallies.text, tallies.plays.tolist(), strict=True)] == [
                ("Blue", 1)
            ]
            assert {text.path for text in texts} == {"Anna/Blue.flac", "Ben/Red.flac"}

    def test_counts_go_to_their_listener(self) -> None:
        self.config["cfaudio"]["users"] = {"anna": ["play_count"], "ben": ["plex_viewcount"]}
        item = self.track("Anna", "Blue")
        self.snapshot()
        item.update({"play_count": 1, "plex_viewcount": 1, "last_played": int(time.time()) - 5})
        item.store()
        self.snapshot()
        with self.store() as store:
            assert [(h.listener, h.listens, h.tallies) for h in store.overview()] == [("anna", 1, 0), ("ben", 0, 1)]

    def test_junk_in_the_date_field_is_no_time(self) -> None:
        item = self.track("Anna", "Blue")
        self.snapshot()
        item.update({"play_count": 1, "last_played": "yesterday"})
        item.store()
        with self.lib.transaction() as tx:
            tx.mutate("UPDATE item_attributes SET value = 'yesterday' WHERE key = 'last_played'")
        assert self.snapshot() == []
        with self.store() as store:
            assert [(h.listens, h.plays) for h in store.overview()] == [(0, 1)]

    def test_a_history_out_of_reach_is_told_and_stops_nothing(self) -> None:
        self.history.parent.mkdir()
        self.history.write_bytes(b"garbage" * 1000)
        [problem] = self.snapshot()
        assert problem.endswith("history.db: file is not a database")

    def test_cfembed_takes_one(self, caplog: pytest.LogCaptureFixture) -> None:
        self.track("Anna", "Blue", play_count=4)
        with caplog.at_level(logging.CRITICAL), pytest.raises(UserError, match="no track could be analysed"):
            self.run_command("cfembed", "-j", "1", lib=self.lib)
        with self.store() as store:
            seen = store.last_counts()
            assert seen is not None
            assert list(seen.counts) == ["play_count"]

    def test_cfembed_that_pretends_takes_none(self) -> None:
        self.track("Anna", "Blue", play_count=4)
        self.run_command("cfembed", "--pretend", lib=self.lib)
        assert not self.history.exists()
