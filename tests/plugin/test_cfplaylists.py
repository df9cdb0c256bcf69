"""`beet cfplaylists`, as its user sees it; scores, vectors and tags are made up, so that no net is needed."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from user_home import BELLS, DRUMS, Home

from cfaudio_core.data.playlists import MADE_BY
from cfaudio_core.util.vector_codec import encode

NEVER = [BELLS[-1], DRUMS[-1]]


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    return tmp_path / "lists"


@pytest.fixture
def library(scored: Home, lists: Path) -> Home:
    """Half bells, which are played, and half drums, which are skipped; each kind has its corner and its tag."""
    rng = np.random.default_rng(1)
    of_bells = set(scored.ids("artist LIKE 'Bell%'"))
    corner = {True: np.eye(8)[0], False: np.eye(8)[1]}
    places = {i: corner[i in of_bells] + 0.05 * rng.standard_normal(8) for i in scored.ids("1")}
    scored.set("cf_embedding", {i: encode(place / np.linalg.norm(place)) for i, place in places.items()})
    scored.set("cf_tags", {i: "ambient, mellow" if i in of_bells else "rock, mellow" for i in places})
    scored.lists = lists  # type: ignore[attr-defined]
    return scored


def configure(home: Home, *playlists: dict[str, Any], **more: Any) -> None:
    home.configure({"playlist_dir": str(home.folder.parent / "lists"), "playlists": list(playlists), **more})


def entries(file: Path) -> list[str]:
    """The tracks of a list, as ARTIST/FILE."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(Path(line).is_absolute() for line in lines)
    return ["/".join(line.split("/")[-2:]) for line in lines]


def artists(file: Path) -> set[str]:
    return {entry.split("/")[0] for entry in entries(file)}


def share_of_drums(file: Path) -> float:
    drums = [entry.startswith("Drum") for entry in entries(file)]
    return sum(drums) / len(drums)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def on(day: dt.date, monkeypatch: pytest.MonkeyPatch) -> None:
    class Day(dt.date):
        @classmethod
        def today(cls) -> Day:
            return cls(day.year, day.month, day.day)

    monkeypatch.setattr("beetsplug.cfaudio.playlists.update.dt.date", Day)


def test_a_list_of_the_configuration_is_written_as_a_playlist(library: Home, lists: Path) -> None:
    configure(library, {"name": "Bells", "query": "artist:Bell", "n": 6, "unplayed": 0.5})
    assert library.beet("cfplaylists").fine.lines == [f"Bells: 6 tracks, 3 new to you -> {lists / 'Bells.m3u'}"]
    assert (lists / "Bells.m3u").read_bytes().startswith(b"#EXTM3U\n" + MADE_BY)
    assert len(set(entries(lists / "Bells.m3u"))) == 6
    assert all(artist.startswith("Bell") for artist in artists(lists / "Bells.m3u"))


def test_discover_has_nothing_that_was_ever_played(library: Home, lists: Path) -> None:
    configure(library, {"kind": "discover", "per_artist": 9})
    library.beet_here("cfplaylists")
    assert artists(lists / "Discover.m3u").isdisjoint(BELLS[:-1])
    assert len(entries(lists / "Discover.m3u")) == 24


def test_rediscover_has_what_was_loved_and_not_played_for_half_a_year(library: Home, lists: Path) -> None:
    lately, long_ago = time.time() - 86400 * 100, time.time() - 86400 * 200
    of_bells = library.ids("artist LIKE 'Bell%' AND artist != ?", BELLS[-1])
    library.set("last_played", {i: str(long_ago if k % 2 else lately) for k, i in enumerate(of_bells)})
    configure(library, {"kind": "rediscover", "per_artist": 9, "n": 50})
    library.beet_here("cfplaylists")
    plays = {int(entry.split("/")[1][0]): entry for entry in entries(lists / "Rediscover.m3u")}
    assert set(plays) == {2, 4}, "those of other numbers were played lately"
    assert artists(lists / "Rediscover.m3u") == set(BELLS[:-1])
    assert len(entries(lists / "Rediscover.m3u")) == 5, "four were played 14 times and more, and one of the others was"


def test_new_arrivals_were_added_lately(library: Home, lists: Path) -> None:
    library.sql("UPDATE items SET added = ? WHERE artist = ?", time.time() - 86400 * 10, DRUMS[0])
    library.sql("UPDATE items SET added = ? WHERE artist != ?", time.time() - 86400 * 100, DRUMS[0])
    configure(library, {"kind": "new arrivals", "n": 50, "per_artist": 9})
    library.beet_here("cfplaylists")
    assert artists(lists / "New Arrivals.m3u") == {DRUMS[0]}


def test_what_was_added_in_the_future_is_not_new_for_ever(library: Home, lists: Path) -> None:
    library.sql("UPDATE items SET added = ? WHERE artist = ?", time.time() - 86400 * 10, DRUMS[0])
    library.sql("UPDATE items SET added = ? WHERE artist != ?", time.time() + 86400 * 1000, DRUMS[0])
    configure(library, {"kind": "new arrivals", "n": 50, "per_artist": 9})
    library.beet_here("cfplaylists")
    assert artists(lists / "New Arrivals.m3u") == {DRUMS[0]}


def test_deep_cuts_are_unplayed_tracks_of_loved_artists(library: Home, lists: Path) -> None:
    known = library.ids("artist = ?", BELLS[3])
    library.set("play_count", dict.fromkeys(known[1:], 50))
    library.sql("DELETE FROM item_attributes WHERE key = 'play_count' AND entity_id = ?", known[0])
    configure(library, {"kind": "deep cuts", "n": 50})
    library.beet_here("cfplaylists")
    assert entries(lists / "Deep Cuts.m3u") == [f"{BELLS[3]}/1 Stück.wav"]


def test_a_radio_plays_what_is_like_something(library: Home, lists: Path) -> None:
    library.sql("DELETE FROM item_attributes WHERE key = 'skip_count'")
    radio = {"kind": "radio", "name": "Drums", "like": f"artist:{DRUMS[0]}"}
    configure(library, radio | {"n": 10, "unplayed": 1, "per_artist": 9})
    library.beet_here("cfplaylists", "--seed", "1")
    assert share_of_drums(lists / "Drums.m3u") >= 0.8


def test_a_daily_mix_is_one_list_a_mode_named_by_what_it_sounds_like(library: Home, lists: Path) -> None:
    library.sql("DELETE FROM item_attributes WHERE key = 'skip_count'")
    library.set(
        "play_count",
        dict.fromkeys(library.ids("artist IN (?, ?)", DRUMS[0], DRUMS[1]), 9)
        | dict.fromkeys(library.ids("artist IN (?, ?)", BELLS[0], BELLS[1]), 9),
    )
    configure(library, {"kind": "daily mix", "n": 5, "per_artist": 9})
    lines = library.beet("cfplaylists", "--seed", "1").fine.lines
    written = names(lists)
    assert len(written) > 1
    assert written == [f"Daily Mix {number}.m3u" for number in range(1, len(written) + 1)]
    titles = [(lists / name).read_text(encoding="utf-8").splitlines()[2].removeprefix("#PLAYLIST:") for name in written]
    assert {title.split(": ")[1] for title in titles} == {"ambient", "rock"}
    assert [line.startswith(title) for line, title in zip(lines, titles, strict=True)] == [True] * len(titles)
    on_them = [entry for name in written for entry in entries(lists / name)]
    assert len(on_them) == len(set(on_them))
    for name, title in zip(written, titles, strict=True):
        assert (share_of_drums(lists / name) > 0.5) == ("rock" in title)


def test_lists_that_were_named_by_their_tags_are_renamed_once(library: Home, lists: Path) -> None:
    configure(library, {"kind": "daily mix", "n": 5, "per_artist": 9})
    library.beet_here("cfplaylists").fine  # noqa: B018
    now, state = names(lists), library.beetsdir / "cfaudio" / "playlists.json"
    content = json.loads(state.read_text())
    entry = content["playlists"].pop("Daily Mix $number")
    for at, mark in enumerate(entry["made"]["m3u"]):
        before = Path(mark).with_name(f"Daily Mix {at + 1}: some tag.m3u")
        Path(mark).rename(before)
        entry["made"]["m3u"][at] = str(before)
        entry["lists"][at] = {**entry["lists"][at], "name": before.stem}
    former = "Daily Mix $number%if{$tags,: $tags}"
    content["playlists"][former] = {**entry, "settings": entry["settings"].replace("Daily Mix $number", former)}
    state.write_text(json.dumps(content))
    lines = library.beet_here("cfplaylists").fine.lines
    assert names(lists) == now
    assert len(lines) == len(now)
    assert library.beet_here("cfplaylists").fine
    assert names(lists) == now


def test_a_list_is_rather_short_than_with_what_is_not_liked(library: Home, lists: Path) -> None:
    library.set("cf_score", {i: 80 + i / 10 for i in library.ids("artist LIKE 'Bell%'")})
    library.set("cf_score", {i: 20 + i / 10 for i in library.ids("artist LIKE 'Drum%'")})
    configure(library, {"kind": "discover", "per_artist": 9})
    assert library.beet("cfplaylists").fine.lines == [
        f"Discover: 4 tracks, all new to you; you would probably not like any other track -> {lists / 'Discover.m3u'}"
    ]
    assert artists(lists / "Discover.m3u") == {BELLS[-1]}


def test_daily_mixes_have_tracks_of_their_own_taste_alone_and_are_fewer_in_a_small_library(
    library: Home, lists: Path
) -> None:
    library.sql("DELETE FROM item_attributes WHERE key = 'skip_count'")
    library.set("play_count", dict.fromkeys(library.ids("1"), 9))
    configure(library, {"kind": "daily mix", "n": 30})
    library.beet_here("cfplaylists")
    written = names(lists)
    assert {share_of_drums(lists / name) for name in written} == {0, 1}
    assert all(10 <= len(entries(lists / name)) < 20 for name in written)
    assert len(written) == 2, "of 40 tracks there are no three mixes"


def test_new_artists_were_never_played(library: Home, lists: Path) -> None:
    configure(library, {"kind": "new artists", "query": "artist:Bell"})
    library.beet_here("cfplaylists")
    assert artists(lists / "New Artists.m3u") == {BELLS[-1]}


def test_albums_are_whole_and_in_their_order(library: Home, lists: Path) -> None:
    configure(library, {"kind": "albums", "n": 2, "unplayed": 0})
    library.beet_here("cfplaylists")
    written = entries(lists / "Albums.m3u")
    assert len(written) == 8
    assert [entry.split("/")[1][0] for entry in written] == ["1", "2", "3", "4"] * 2
    assert len(artists(lists / "Albums.m3u")) == 2
    assert artists(lists / "Albums.m3u") < set(BELLS)


def test_on_this_day_has_what_was_played_around_the_day_in_other_years(library: Home, lists: Path) -> None:
    now = time.time()
    plays = [(BELLS[0], 1, 365), (BELLS[1], 2, 2 * 365 + 1), (BELLS[2], 3, 200), (BELLS[3], 4, 0.1)]
    rows = [f"{artist},Stück {title},{int(now - days * 86400)}" for artist, title, days in plays]
    (library.folder / "plays.csv").write_text("\n".join(["artist,title,time", *rows]), encoding="utf-8")
    library.beet_here("cfimport", "csv", str(library.folder / "plays.csv"))
    configure(library, {"kind": "on this day"})
    library.beet_here("cfplaylists")
    assert sorted(entries(lists / "On This Day.m3u")) == [f"{BELLS[0]}/1 Stück.wav", f"{BELLS[1]}/2 Stück.ogg"]


def test_focus_is_calm_without_vocals_and_not_busy(library: Home, lists: Path) -> None:
    bells = library.ids("artist LIKE 'Bell%'")
    library.set("cf_tags", {i: "ambient, female vocalists" if i == bells[0] else "ambient" for i in bells})
    library.set("cf_energy", {i: 0.9 if i == bells[1] else 0.2 for i in library.ids("1")})
    library.set("cf_tags", dict.fromkeys(library.ids("artist LIKE 'Drum%'"), "rock"))
    configure(library, {"kind": "focus", "per_artist": 9})
    library.beet_here("cfplaylists")
    assert len(entries(lists / "Focus.m3u")) == 18
    assert share_of_drums(lists / "Focus.m3u") == 0


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("rediscover", "every track that is loved was played lately"),
        ("on this day", "no track was played around this day in another year"),
        ("focus", "no track is known to be calm and without vocals (`beet cfembed` finds that out)"),
    ],
)
def test_a_kind_that_finds_nothing_says_why(library: Home, lists: Path, kind: str, why: str) -> None:
    library.set("last_played", {i: str(time.time()) for i in library.ids("1")})
    library.set("cf_tags", dict.fromkeys(library.ids("1"), "rock"))
    configure(library, {"kind": kind})
    assert library.beet("cfplaylists").fine.lines == [f"{kind.title()}: empty: {why}"]


def test_a_name_is_a_template(library: Home, lists: Path) -> None:
    configure(library, {"name": "%upper{$tags} for $user (mostly $artist)", "query": f"artist:{BELLS[0]}"})
    library.beet_here("cfplaylists")
    assert names(lists) == [f"AMBIENT for me (mostly {BELLS[0]}).m3u"]


def test_a_query_that_matches_nothing_empties_the_list_and_says_so(library: Home, lists: Path) -> None:
    configure(library, {"name": "Mine", "query": "artist:Bell"})
    library.beet_here("cfplaylists")
    configure(library, {"name": "Mine", "query": "artist:Nobody"})
    assert library.beet("cfplaylists").fine.lines == ["Mine: empty: no track matches artist:Nobody"]
    assert entries(lists / "Mine.m3u") == []


def test_a_list_stays_for_its_period_and_then_brings_other_unplayed_tracks(
    library: Home, lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(library, {"kind": "discover", "n": 6, "refresh": "weekly"})
    seen = []
    for day in (2, 8, 9):  # Monday, Sunday, Monday
        on(dt.date(2026, 11, day), monkeypatch)
        library.beet_here("cfplaylists")
        seen.append(entries(lists / "Discover.m3u"))
    assert seen[0] == seen[1]
    assert len(seen[2]) == 6
    assert set(seen[0]).isdisjoint(seen[2])


REPEATING: list[tuple[dict[str, Any], int]] = [({"kind": "discover"}, 20), ({"name": "Discover", "unplayed": 0.6}, 12)]


@pytest.mark.parametrize(("entry", "n_unplayed"), REPEATING)
def test_unplayed_tracks_come_again_only_as_far_as_there_are_no_others(
    library: Home, lists: Path, monkeypatch: pytest.MonkeyPatch, entry: dict[str, Any], n_unplayed: int
) -> None:
    unplayed = set(library.ids("1")) - {i for i, plays in library.field("play_count").items() if int(plays)}
    paths = {i: f"{artist}/{track}" for i, artist, track in library.sql("SELECT id, artist, track FROM items")}
    configure(library, {**entry, "n": 20, "refresh": "daily", "per_artist": 9})
    seen = []
    for day in (2, 3):
        on(dt.date(2026, 11, day), monkeypatch)
        library.beet_here("cfplaylists")
        there = {entry.split(" Stück")[0] for entry in entries(lists / "Discover.m3u")}
        assert len(there) == 20
        seen.append(there.intersection(paths[i] for i in unplayed))
    assert [len(one) for one in seen] == [n_unplayed, n_unplayed]
    assert len(seen[0] | seen[1]) == min(len(unplayed), 2 * n_unplayed) == 24


def test_an_unplayed_track_that_was_played_since_is_like_any_other(
    library: Home, lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(library, {"name": "a", "n": 40, "refresh": "daily", "per_artist": 9, "unplayed": 0.1})
    on(dt.date(2026, 11, 2), monkeypatch)
    library.beet_here("cfplaylists")
    library.set("play_count", dict.fromkeys(library.ids("1"), 3))
    on(dt.date(2026, 11, 3), monkeypatch)
    library.beet_here("cfplaylists")
    assert len(entries(lists / "a.m3u")) == 40


def test_a_list_that_is_never_refreshed_stays(library: Home, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(library, {"kind": "discover", "n": 6, "refresh": "never"})
    seen = []
    for year in (2026, 2036):
        on(dt.date(year, 11, 2), monkeypatch)
        library.beet_here("cfplaylists")
        seen.append(entries(lists / "Discover.m3u"))
    assert seen[0] == seen[1]


def test_a_seed_or_another_setting_chooses_anew(library: Home, lists: Path) -> None:
    configure(library, {"kind": "discover", "n": 6})
    seen = []
    for args in ([], ["--seed", "1"], ["--seed", "2"], ["--seed", "1"]):
        library.beet_here("cfplaylists", *args)
        seen.append(entries(lists / "Discover.m3u"))
    assert seen[1] == seen[3]
    assert seen[1] != seen[2]
    configure(library, {"kind": "discover", "n": 7})
    library.beet_here("cfplaylists")
    assert len(entries(lists / "Discover.m3u")) == 7


def test_a_list_that_was_lost_is_written_again(library: Home, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(dt.date(2026, 11, 2), monkeypatch)
    configure(library, {"kind": "discover", "n": 6})
    library.beet_here("cfplaylists")
    before = entries(lists / "Discover.m3u")
    (lists / "Discover.m3u").unlink()
    library.beet_here("cfplaylists")
    assert entries(lists / "Discover.m3u") == before


def test_a_track_that_has_left_the_library_makes_a_list_due(library: Home, lists: Path) -> None:
    configure(library, {"kind": "discover", "n": 6})
    library.beet_here("cfplaylists")
    gone = entries(lists / "Discover.m3u")[0]
    library.beet_here("remove", "-f", f"path:{library.music / gone}")
    library.beet_here("cfplaylists")
    assert len(entries(lists / "Discover.m3u")) == 6
    assert gone not in entries(lists / "Discover.m3u")


def test_some_lists_are_written_by_name_or_kind(library: Home, lists: Path) -> None:
    configure(library, {"name": "One"}, {"name": "Two"}, {"kind": "discover"})
    library.beet_here("cfplaylists", "Two", "discover")
    assert names(lists) == ["Discover.m3u", "Two.m3u"]


def test_a_list_is_found_by_what_it_is_called_and_not_by_its_template(library: Home, lists: Path) -> None:
    configure(library, {"name": "%upper{$artist} $number", "query": BELLS[0]}, {"kind": "discover"})
    said = library.beet_here("cfplaylists", "dicsover").complaint
    assert said == "error: there is no playlist dicsover (there are: mix, Discover)"
    library.beet_here("cfplaylists").fine  # noqa: B018
    title = f"{BELLS[0].upper()} 1"
    assert library.beet_here("cfplaylists", title).fine.lines[0].startswith(f"{title}: ")
    assert f"(there are: {title}, Discover)" in library.beet_here("cfplaylists", "dicsover").complaint
    configure(library, {"kind": "discover"})
    assert library.beet_here("cfplaylists").fine.lines[-1] == f"{title}: removed (no longer in the configuration)"


def test_pretending_prints_each_list_above_its_own_tracks(library: Home, lists: Path) -> None:
    library.sql("DELETE FROM item_attributes WHERE key = 'skip_count'")
    library.set("play_count", dict.fromkeys(library.ids("1"), 9))
    configure(library, {"kind": "daily mix", "n": 10})
    lines = library.beet_here("cfplaylists", "-p").fine.lines
    heads = [at for at, line in enumerate(lines) if not line.startswith("    ")]
    assert len(heads) > 1
    for head, after in itertools.pairwise([*heads, len(lines)]):
        assert f": {after - head - 1} tracks" in lines[head]
    assert not lists.exists()


def test_a_folder_that_cannot_be_made_is_one_line(library: Home) -> None:
    library.configure({"playlist_dir": "/dev/null/lists", "playlists": [{"name": "One"}, {"name": "Two"}]})
    ran = library.beet_here("cfplaylists")
    assert (ran.code, ran.err) == (1, "cfaudio: playlist_dir /dev/null/lists: cannot be made (Not a directory)\n")
    assert all(line.endswith(" -> not written") for line in ran.lines)


def test_without_plays_a_radio_is_written_and_other_lists_say_what_they_need(library: Home, lists: Path) -> None:
    library.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count', 'cf_score')")
    configure(library, {"kind": "discover"})
    said = library.beet_here("cfplaylists").complaint
    assert "no plays known yet. Import a history (`beet cfimport`)" in said
    assert said.endswith("Lists with `like`, as of kind radio, need no plays")
    configure(library, {"kind": "radio", "like": BELLS[0], "n": 5})
    assert library.beet_here("cfplaylists").fine.lines == [f"Radio: 5 tracks, all new to you -> {lists / 'Radio.m3u'}"]


def test_pretending_prints_the_tracks_and_writes_nothing(library: Home, lists: Path) -> None:
    configure(library, {"name": "One", "n": 3})
    before = library.files()
    lines = library.beet_here("cfplaylists", "-p").fine.lines
    assert lines[0].startswith("One: 3 tracks")
    assert {line.strip() for line in lines[1:]} <= set(library.beet_here("ls").lines)
    assert not lists.exists()
    assert library.files().keys() == before.keys()


def test_two_listeners_have_lists_of_their_own(library: Home, lists: Path) -> None:
    library.set("cf_score_ben", {i: 100.0 - i for i in library.ids("1")})
    users = {"anna": ["play_count", "skip_count"], "ben": "his_count"}
    library.set("his_count", dict.fromkeys(library.ids("artist LIKE 'Drum%'"), 5))
    configure(library, *({"kind": "rediscover", "user": user, "fresh_days": 0} for user in users), users=users)
    assert library.beet("cfplaylists").fine
    assert artists(lists / "Rediscover (anna).m3u") <= set(BELLS)
    assert artists(lists / "Rediscover (ben).m3u") <= set(DRUMS)


def test_a_list_that_is_renamed_or_taken_out_leaves_no_file_behind(library: Home, lists: Path) -> None:
    configure(library, {"name": "$artist", "query": f"artist:{BELLS[0]}"}, {"name": "Other"})
    library.beet_here("cfplaylists")
    (lists / "by hand.m3u").write_text("#EXTM3U\n")
    configure(library, {"name": "$artist", "query": f"artist:{BELLS[1]}"})
    lines = library.beet_here("cfplaylists").fine.lines
    assert names(lists) == [f"{BELLS[1]}.m3u", "by hand.m3u"]
    assert lines[-1] == "Other: removed (no longer in the configuration)"


def test_lists_may_swap_names(library: Home, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(first: str, second: str) -> None:
        configure(
            library,
            {"name": "$artist", "query": f"artist:{first}"},
            {"name": " $artist%if{1,}", "query": f"artist:{second}"},
        )
        assert library.beet_here("cfplaylists").fine

    swapped(BELLS[0], BELLS[1])
    swapped(BELLS[1], BELLS[0])
    assert names(lists) == [f"{BELLS[0]}.m3u", f"{BELLS[1]}.m3u"]
    assert all(artists(lists / f"{artist}.m3u") == {artist} for artist in BELLS[:2])


def test_a_file_that_somebody_made_is_not_touched_and_the_other_lists_are_written(library: Home, lists: Path) -> None:
    lists.mkdir()
    (lists / "One.m3u").write_text("by hand\n")
    configure(library, {"name": "One"}, {"name": "Two"})
    ran = library.beet("cfplaylists")
    assert ran.code == 1
    assert ran.err == f"cfaudio: {lists / 'One.m3u'}: is there already, and cfaudio did not make it; left alone\n"
    assert (lists / "One.m3u").read_text() == "by hand\n"
    assert len(entries(lists / "Two.m3u")) == 40


@pytest.mark.parametrize(
    "name", ["AC/DC", 'the "best" of it', "😀", "../../etc/passwd", ".hidden", "a\tb\nc", "x" * 400]
)
def test_any_name_makes_a_file_in_the_folder(library: Home, lists: Path, name: str) -> None:
    configure(library, {"name": name, "n": 3})
    assert library.beet("cfplaylists").fine
    (file,) = names(lists)
    assert file.endswith(".m3u")
    assert len(entries(lists / file)) == 3


def test_playlists_of_ours_are_nothing_to_train_on(library: Home, lists: Path) -> None:
    configure(library, {"name": "One"})
    library.beet_here("cfplaylists")
    assert MADE_BY in (lists / "One.m3u").read_bytes()[:200]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "polka"}, "cfaudio.playlists[1].kind: must be one of mix, discover,"),
    ({"nme": "x"}, "cfaudio.playlists[1].nme: there is no such setting"),
    ({"query": "x"}, "cfaudio.playlists[1]: must have a name, or a kind"),
    ({"kind": "radio"}, "cfaudio.playlists[1].like: must be a query"),
    ({"name": "x", "n": 0}, "cfaudio.playlists[1].n: must be a whole number from 1 to 100000, not 0"),
    ({"name": "x", "n": None}, "cfaudio.playlists[1].n: "),
    ({"name": "x", "unplayed": 2}, "cfaudio.playlists[1].unplayed: must be a number from 0 to 1, not 2"),
    ({"name": "x", "refresh": "hourly"}, "cfaudio.playlists[1].refresh: must be one of daily, weekly, monthly, never"),
    (
        {"name": "x", "targets": ["tape"]},
        "cfaudio.playlists[1].targets: must be one of m3u, subsonic, jellyfin, plex, mpd",
    ),
    ({"name": "x", "targets": []}, "cfaudio.playlists[1].targets: must be a list"),
    ({"name": "x", "targets": "subsonic"}, "cfaudio.subsonic.url: is missing"),
    ({"name": "x", "query": "'a"}, "cfaudio.playlists[1].query: 'a: No closing quotation"),
    ({"name": "x", "query": 3}, "cfaudio.playlists[1].query: must be a beets query"),
    ({"name": "x", "query": "added:foo"}, "not a valid date/time string"),
    ({"name": "x", "like": "year:foo"}, "the like of playlist 'x': 'foo' is not an int"),
    ({"name": "x", "user": "nobody"}, "there is no listener nobody"),
    ({"name": "$titel"}, "the name of playlist '$titel': there is no $titel (there are artist, kind,"),
    ({"name": "%uper{x}"}, "there is no %uper"),
    ({"name": "${user"}, "a } is missing"),
    ({"name": "%upper{x"}, "a } is missing"),
    ({"name": "%if{,x}"}, "nothing is left of it"),
    ({"name": ""}, "cfaudio.playlists[1].name: must be a text"),
]


@pytest.mark.parametrize(("entry", "complaint"), WRONG)
def test_what_makes_no_sense_is_one_line_and_nothing_is_written(
    library: Home, lists: Path, entry: dict[str, Any], complaint: str
) -> None:
    configure(library, entry, {"name": "fine"})
    assert complaint in library.beet_here("cfplaylists").complaint
    assert not lists.exists()


def test_two_entries_of_one_name_are_refused(library: Home) -> None:
    configure(library, {"name": "a"}, {"name": "a"})
    assert "cfaudio.playlists[2].name: there is a playlist 'a' already" in library.beet_here("cfplaylists").complaint


def test_two_lists_that_come_out_with_one_name_are_said_so(library: Home, lists: Path) -> None:
    configure(library, {"name": "a", "query": BELLS[0]}, {"name": "%lower{A}", "query": BELLS[1]})
    ran = library.beet("cfplaylists")
    assert ran.code == 1
    assert ran.err == "cfaudio: m3u: two playlists are called a, and only the first one is there\n"
    assert artists(lists / "a.m3u") == {BELLS[0]}


def test_a_list_that_goes_elsewhere_leaves_no_file_behind(library: Home, lists: Path) -> None:
    configure(library, {"name": "One", "n": 3}, {"name": "Two", "n": 3})
    library.beet_here("cfplaylists")
    nowhere = {"url": "http://127.0.0.1:1", "user": "anna", "password": "hunter2"}
    configure(library, {"name": "One", "n": 3, "targets": "subsonic"}, {"name": "Two", "n": 3}, subsonic=nowhere)
    ran = library.beet("cfplaylists")
    assert (ran.code, ran.err) == (1, "cfaudio: http://127.0.0.1:1: cannot be reached\n")
    assert ran.lines == [
        "One: 3 tracks, 2 new to you; unchanged until tomorrow -> not written",
        f"Two: 3 tracks, 2 new to you; unchanged until tomorrow -> {lists / 'Two.m3u'}",
    ]
    assert names(lists) == ["Two.m3u"]


def test_a_listener_without_an_account_is_said_so_before_anything_is_written(library: Home, lists: Path) -> None:
    account = {"url": "http://127.0.0.1:1", "user": "anna", "password": "hunter2"}
    entry = {"name": "One", "user": "ben", "targets": ["m3u", "subsonic"]}
    library.set("cf_score_ben", dict.fromkeys(library.ids("1"), 50.0))
    users = {"anna": ["play_count"], "ben": ["skip_count"]}
    configure(library, {"name": "Hers", "user": "anna"}, entry, subsonic=account, users=users)
    assert "cfaudio.subsonic: has no account for ben" in library.beet_here("cfplaylists").complaint
    assert not lists.exists()


def test_before_the_first_cfembed_it_says_so_and_empties_nothing(library: Home, lists: Path) -> None:
    configure(library, {"name": "One"})
    library.beet_here("cfplaylists")
    before = entries(lists / "One.m3u")
    library.sql("DELETE FROM item_attributes WHERE key LIKE 'cf%'")
    assert "run `beet cfembed` first" in library.beet_here("cfplaylists").complaint
    assert entries(lists / "One.m3u") == before


def test_without_the_client_of_mpd_it_says_how_to_get_it_and_writes_the_rest(library: Home, lists: Path) -> None:
    configure(library, {"name": "One", "targets": ["mpd", "m3u"]})
    without = "import sys; sys.modules['mpd'] = None; from beets.ui import main; main(sys.argv[1:])"
    ran = library.beet("cfplaylists", python=("-c", without))
    assert (ran.code, ran.err) == (1, "cfaudio: mpd: needs python-mpd2: pip install 'beets-cfaudio[mpd]'\n")
    assert names(lists) == ["One.m3u"]


def test_no_playlists_and_an_unknown_one_are_said_so(library: Home) -> None:
    configure(library)
    assert "cfaudio.playlists: there are none" in library.beet_here("cfplaylists").complaint
    configure(library, {"name": "a"}, {"name": "b"})
    assert "there is no playlist c (there are: a, b)" in library.beet_here("cfplaylists", "c").complaint


def test_without_a_folder_it_says_which_key_is_missing(library: Home) -> None:
    library.configure({"playlists": [{"name": "a"}]})
    assert "cfaudio.playlist_dir: is missing" in library.beet_here("cfplaylists").complaint


def test_a_folder_that_cannot_be_written_to_is_one_line(library: Home, lists: Path) -> None:
    lists.write_text("a file")
    configure(library, {"name": "a"})
    ran = library.beet("cfplaylists")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert str(lists) in ran.err


def forged(**changes: object) -> str:
    """What is remembered of a list, with something in it that cfaudio does not write."""
    one: dict[str, object] = {"name": "a", "title": "a", "ids": [1], "unheard": []}
    entry: dict[str, object] = {"settings": "", "period": "", "lists": [one], "before": [], "made": {"m3u": ["/a"]}}
    one.update({key: value for key, value in changes.items() if key in one})
    entry.update({key: value for key, value in changes.items() if key in entry})
    return json.dumps({"version": 1, "playlists": {"a": entry}})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"version": 9, "playlists": {}}',
        '{"version": 1, "playlists": [3]}',
        forged(ids=[1 << 63]),
        forged(ids=[-1]),
        forged(unheard=[float("inf")]),
        forged(before=[float("nan")]),
        forged(before=3),
        forged(lists={}, made=[]),
        forged(made={"m3u": ["/a\0b"]}),
        forged(made={"m3u": 3}),
        forged(made={"\ud800": ["/a"]}),
        forged(name="\0"),
    ],
)
def test_a_damaged_memory_is_one_line_that_names_the_file(library: Home, content: str) -> None:
    configure(library, {"name": "a"})
    file = library.beetsdir / "cfaudio" / "playlists.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    assert str(file) in library.beet_here("cfplaylists").complaint


def test_what_is_remembered_can_be_deleted(library: Home, lists: Path) -> None:
    configure(library, {"kind": "discover", "n": 6})
    library.beet_here("cfplaylists")
    before = entries(lists / "Discover.m3u")
    (library.beetsdir / "cfaudio" / "playlists.json").unlink()
    assert library.beet_here("cfplaylists").fine
    assert entries(lists / "Discover.m3u") == before


def test_secrets_are_not_in_beet_config(library: Home) -> None:
    account = {"user": "anna", "password": "hunter2"}
    servers = {
        "subsonic": {"url": "https://x", **account, "users": {"ben": {"token": "sesame"}}},
        "jellyfin": {"url": "https://x", "users": {"ben": {"user": "ben", "password": "open"}}},
        "plex": {"url": "https://x", "token": "abracadabra", "users": {"ben": {"token": "hocuspocus"}}},
    }
    configure(library, **servers, mpd={"password": "swordfish"})
    shown = library.beet("config").fine.out
    assert "anna" in shown
    assert not any(
        secret in shown for secret in ("hunter2", "sesame", "open", "abracadabra", "hocuspocus", "swordfish")
    )


def test_it_loads_neither_a_net_nor_a_decoder(library: Home) -> None:
    configure(library, {"kind": "daily mix"})
    probe = (
        "import sys\nfrom beets.ui import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    loaded = json.loads(library.beet("cfplaylists", python=("-c", "import json\n" + probe)).fine.lines[-1])
    assert "cfaudio_core" in loaded
    assert not {"torch", "librosa", "numba", "scipy", "av", "soundfile", "requests"}.intersection(loaded)
