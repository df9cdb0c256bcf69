"""`beet cfrecommend`, as its user sees it; the scores are made up, so that no net is needed."""

from __future__ import annotations

import json
import os
import stat
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from user_home import BELLS, DRUMS, Home

from cfaudio_core.util.vector_codec import encode


def _json(home: Home, *args: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(home.beet_here("cfrecommend", "--json", *args).fine.out)
    return rows


def test_prints_as_many_tracks_as_asked_for_as_beet_ls_would(scored: Home) -> None:
    lines = scored.beet("cfrecommend", "-n", "7").fine.lines
    assert len(set(lines)) == 7
    assert set(lines) <= set(scored.beet("ls").lines)


def test_asked_for_more_than_there_are_prints_all_there_are(scored: Home) -> None:
    assert len(set(scored.beet_here("cfrecommend", "-n", "1000").fine.lines)) == 40


def test_fifty_are_the_default_and_a_query_limits_the_choice(scored: Home) -> None:
    lines = scored.beet_here("cfrecommend", "-f", "$artist", f"artist:{BELLS[0]}", ",", f"artist:{DRUMS[0]}").fine.lines
    assert Counter(lines) == {BELLS[0]: 4, DRUMS[0]: 4}


def test_format_and_path_print_as_in_beet_ls(scored: Home) -> None:
    assert scored.beet_here(
        "cfrecommend", "-n", "1", "--unplayed", "1", "-f", "$artist/$title: $cf_score"
    ).fine.lines == [f"{DRUMS[-1]}/Stück 4: 100.0"]
    (path,) = scored.beet_here("cfrecommend", "-n", "1", "--unplayed", "1", "-p").fine.lines
    assert path == str(scored.music / DRUMS[-1] / "4 Stück.wav")


def test_json_tells_all_there_is_to_know(scored: Home) -> None:
    best = max(scored.ids("artist = ?", BELLS[3]))
    (row,) = _json(scored, "-n", "1", "--unplayed", "0")
    assert row == {
        "id": best,
        "path": str(scored.music / BELLS[3] / "4 Stück.wav"),
        "artist": BELLS[3],
        "title": "Stück 4",
        "album": f"{BELLS[3]}'s best",
        "score": 38.5,
        "plays": 17,
        "unplayed": False,
    }


@pytest.mark.parametrize(("share", "unplayed"), [("0", 0), ("1", 10), ("0.3", 3), ("0.5", 5)])
def test_the_share_of_unplayed_tracks_is_met_exactly(scored: Home, share: str, unplayed: int) -> None:
    rows = _json(scored, "-n", "10", "--unplayed", share)
    assert (len(rows), sum(bool(row["unplayed"]) for row in rows)) == (10, unplayed)


def test_the_share_of_the_configuration_is_taken_where_none_is_given(scored: Home) -> None:
    scored.configure({"unplayed": 0.2})
    assert sum(bool(row["unplayed"]) for row in _json(scored, "-n", "10")) == 2
    assert sum(bool(row["unplayed"]) for row in _json(scored, "-n", "10", "--unplayed", "0.4")) == 4


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_no_artist_comes_too_often(scored: Home, cap: int) -> None:
    scored.set("cf_score", {item: 90 + k / 8 for k, item in enumerate(scored.ids("1"))})
    scored.configure({"per_artist": cap} if cap != 2 else None)
    artists = Counter(row["artist"] for row in _json(scored, "-n", "8"))
    assert max(artists.values()) == cap


def test_an_artist_with_guests_is_that_artist(scored: Home) -> None:
    scored.set("cf_score", {item: 90 + k / 8 for k, item in enumerate(scored.ids("1"))})
    ids = scored.ids("artist = ?", DRUMS[-1])
    names = [f"{DRUMS[-1]}{guests}" for guests in (" feat. Anna", " ft. Ben", "; Cy", " (with D)", "")]
    for k, item in enumerate(ids):
        scored.beet_here("modify", "-y", "-W", "-M", f"id:{item}", f"artist={names[k % len(names)]}")
    artists = [row["artist"] for row in _json(scored, "-n", "8", "--unplayed", "1")]
    assert 0 < sum(artist.startswith(DRUMS[-1]) for artist in artists) <= 2


def test_the_most_played_and_the_best_never_played_are_taken(scored: Home) -> None:
    scored.configure({"diversity": 0, "per_artist": 99})
    rows = _json(scored, "-n", "12")
    plays = sorted((row["plays"] for row in _json(scored, "-n", "100") if not row["unplayed"]), reverse=True)
    assert sorted((row["plays"] for row in rows if not row["unplayed"]), reverse=True) == plays[:6]
    # The artist whom nobody skipped; then the best of the other one.
    assert Counter(row["artist"] for row in rows if row["unplayed"]) == {DRUMS[-1]: 4, BELLS[-1]: 2}


def test_what_was_skipped_comes_when_all_else_is_taken(scored: Home) -> None:
    scored.configure({"per_artist": 99})
    unplayed = [row["artist"] for row in _json(scored, "-n", "9", "--unplayed", "1")]
    assert Counter(unplayed) == {DRUMS[-1]: 4, BELLS[-1]: 4, DRUMS[-2]: 1}


def test_a_familiar_track_opens_and_no_more_than_three_unplayed_come_in_a_row(scored: Home) -> None:
    kinds = ["u" if row["unplayed"] else "f" for row in _json(scored, "-n", "16", "--unplayed", "0.7")]
    assert kinds[0] == "f"
    assert max(len(run) for run in "".join(kinds).split("f")) == 3


def test_no_artist_follows_himself(placed: Home) -> None:
    artists = [row["artist"] for row in _json(placed, "-n", "20")]
    assert all(a != b for a, b in pairwise(artists))


def test_what_was_played_lately_is_left_out(scored: Home) -> None:
    lately, long_ago = scored.ids("artist = ?", BELLS[0]), scored.ids("artist = ?", BELLS[1])
    scored.set("last_played", dict.fromkeys(lately, time.time() - 3 * 86400))
    scored.set("last_played", dict.fromkeys(long_ago, time.time() - 9 * 86400))
    for days, missing in ((0, 0), (2, 0), (4, 4), (10, 8)):
        scored.configure({"fresh_days": days})
        assert len(_json(scored, "-n", "100")) == 40 - missing


@pytest.mark.parametrize("year", [2096, 2999, 9999])
def test_a_last_play_in_the_future_bars_nothing_and_makes_nothing_old(scored: Home, year: int) -> None:
    before = _json(scored, "-n", "100")
    never = datetime(year, 1, 1, tzinfo=UTC).timestamp()
    scored.set("last_played", dict.fromkeys(scored.ids("artist = ?", BELLS[0]), never))
    assert _json(scored, "-n", "100") == before


def test_the_dates_of_anothers_counts_are_not_ones_own(scored: Home) -> None:
    scored.set("last_played", dict.fromkeys(scored.ids("1"), time.time()))
    scored.configure({"users": {"anna": ["lastfm_play_count"], "ben": ["play_count"]}})
    assert len(_json(scored, "-n", "100", "-u", "anna")) == 40
    scored.set("cf_score_ben", dict.fromkeys(scored.ids("1"), 50.0))
    assert "played or recommended lately" in scored.beet_here("cfrecommend", "-u", "ben").complaint


def test_what_an_exclude_query_matches_is_left_out(scored: Home) -> None:
    scored.configure({"exclude": [f"artist:'{BELLS[0]}'", "title:'Stück 1' artist:Drum"]})
    rows = _json(scored, "-n", "100")
    assert len(rows) == 40 - 4 - 5
    assert not any(row["artist"] == BELLS[0] for row in rows)


def test_tracks_of_twenty_minutes_are_left_out_unless_the_configuration_says_otherwise(scored: Home) -> None:
    scored.sql("UPDATE items SET length = 1300 WHERE id <= 3")
    assert len(_json(scored, "-n", "100")) == 37
    scored.configure({"exclude": []})
    assert len(_json(scored, "-n", "100")) == 40


def test_an_exclude_query_that_makes_no_sense_is_one_line_that_names_the_key(scored: Home) -> None:
    scored.configure({"exclude": "length:long"})
    assert "cfaudio.exclude: " in scored.beet_here("cfrecommend").complaint


def test_a_song_comes_once_however_many_takes_there_are(scored: Home) -> None:
    best = max(scored.ids("artist = ?", BELLS[3]))
    scored.sql("UPDATE items SET title = 'Stück 4 (live)' WHERE id = ?", best - 1)
    scored.set("cf_key", dict.fromkeys(scored.ids("artist = ?", DRUMS[-1])[:2], "the same sound"))
    ids = [row["id"] for row in _json(scored, "-n", "100")]
    assert len(ids) == 38
    assert best in ids
    assert best - 1 not in ids
    # Asked for by itself, a live take is there.
    assert [row["id"] for row in _json(scored, f"id:{best - 1}")] == [best - 1]


@pytest.mark.parametrize("names", [BELLS, DRUMS])
def test_like_goes_by_the_tracks_of_a_query(placed: Home, names: list[str]) -> None:
    placed.configure({"per_artist": 99, "diversity": 0})
    rows = _json(placed, "-n", "4", "--like", f"artist:'{names[0]}'", "--unplayed", "1")
    assert Counter(row["artist"] for row in rows) == {names[-1]: 4}  # the one whom nobody has played or skipped


def test_like_needs_no_score(placed: Home) -> None:
    placed.configure({"per_artist": 99, "diversity": 0})
    placed.sql("DELETE FROM item_attributes WHERE key = 'cf_score'")
    rows = _json(placed, "-n", "4", "--like", f"artist:'{DRUMS[0]}'", "--unplayed", "1")
    assert {(row["artist"], row["score"]) for row in rows} == {(DRUMS[-1], None)}


def test_a_list_lasts_as_long_as_asked_for(placed: Home) -> None:
    placed.sql("UPDATE items SET length = 60 * (1 + id % 3)")
    lengths = dict(placed.sql("SELECT id, length FROM items"))
    rows = _json(placed, "--minutes", "20")
    assert 19 * 60 <= sum(lengths[row["id"]] for row in rows) <= 20 * 60


def test_albums_come_whole(placed: Home) -> None:
    rows = _json(placed, "--albums", "-n", "3", "--unplayed", "0")
    assert Counter(Counter(row["album"] for row in rows).values()) == {4: 3}
    assert [row["title"] for row in rows] == [f"Stück {k}" for k in (1, 2, 3, 4)] * 3
    placed.sql("UPDATE items SET length = 300")
    assert len(_json(placed, "--albums", "--minutes", "45", "--unplayed", "0")) == 8


@pytest.mark.parametrize(("other", "left"), [(BELLS, DRUMS), (DRUMS, BELLS)])
def test_unlike_leaves_out_tracks_and_what_is_nearer_to_them_than_to_the_taste(
    placed: Home, other: list[str], left: list[str]
) -> None:
    placed.sql("DELETE FROM item_attributes WHERE key = 'skip_count'")
    placed.set("play_count", dict.fromkeys(placed.ids("artist IN (?, ?)", BELLS[1], DRUMS[1]), 9))
    artists = {
        row["artist"] for row in _json(placed, "--like", f"artist:'{left[0]}'", "--unlike", f"artist:{other[0]}")
    }
    assert artists <= set(left)
    assert len(artists) > 2


def test_a_way_leads_from_one_track_to_the_other(placed: Home) -> None:
    rows = _json(placed, "-n", "6", "--like", f"artist:'{BELLS[0]}' title:1", "--to", f"artist:'{DRUMS[0]}' title:2")
    assert (rows[0]["artist"], rows[0]["title"]) == (BELLS[0], "Stück 1")
    assert (rows[-1]["artist"], rows[-1]["title"]) == (DRUMS[0], "Stück 2")
    of_drums = [str(row["artist"]).startswith("Drum") for row in rows]
    assert of_drums == sorted(of_drums)
    assert len({row["id"] for row in rows}) == 6


def test_by_sound_alone_neither_tags_nor_plays_count(analysed: Home) -> None:
    analysed.set("cf_embedding", {i: encode(np.eye(40, dtype=np.float32)[i % 40]) for i in analysed.ids("1")})
    rows = _json(analysed, "-n", "8", "--like", f"artist:'{BELLS[0]}'", "--sound", "--unplayed", "0.5")
    assert BELLS[0] not in {row["artist"] for row in rows}
    assert sum(str(row["artist"]).startswith("Bell") for row in rows) >= 7


def _play(home: Home, *sessions: Sequence[tuple[str, int]]) -> None:
    """Import a history of one session a day of artists and titles."""
    rows = [
        f"{artist},Stück {title},{1_700_000_000 + day * 86_400 + 60 * minute}"
        for day, session in enumerate(sessions)
        for minute, (artist, title) in enumerate(session)
    ]
    (home.folder / "plays.csv").write_text("\n".join(["artist,title,time", *rows]), encoding="utf-8")
    home.beet_here("cfimport", "csv", str(home.folder / "plays.csv")).fine  # noqa: B018


def test_now_goes_on_from_the_last_session_as_others_like_it_went_on(placed: Home) -> None:
    habit = [(BELLS[0], 1), (DRUMS[2], 3), (DRUMS[2], 4)]
    _play(placed, *[habit] * 5, [(BELLS[1], 1), (BELLS[1], 2)], [(BELLS[0], 1)])
    (row,) = _json(placed, "-n", "1", "--unplayed", "0", "--now", "artist:Drum")
    assert (row["artist"], row["title"]) == (DRUMS[2], "Stück 3")


def test_now_does_not_repeat_what_was_played_last(placed: Home) -> None:
    _play(placed, *[[(BELLS[0], 1), (BELLS[0], 2)]] * 5)
    rows = _json(placed, "-n", "40", "--now")
    assert len(rows) == 38
    assert not {"Stück 1", "Stück 2"} & {row["title"] for row in rows if row["artist"] == BELLS[0]}


def test_now_goes_on_from_the_tracks_of_a_query_with_their_album(placed: Home) -> None:
    placed.configure({"per_artist": 99, "diversity": 0})
    rows = _json(placed, "-n", "3", "--unplayed", "0", "--now", "--like", f"artist:'{BELLS[1]}' title:1")
    assert Counter(row["artist"] for row in rows) == {BELLS[1]: 3}


def test_never_played_tracks_go_on_by_what_they_sound_like(placed: Home) -> None:
    placed.configure({"per_artist": 99, "diversity": 0})
    rows = _json(placed, "-n", "4", "--unplayed", "1", "--now", "--like", f"artist:'{DRUMS[0]}'")
    assert Counter(row["artist"] for row in rows) == {DRUMS[-1]: 4}


def test_the_artist_played_of_late_brings_back_what_was_forgotten_of_him(placed: Home) -> None:
    placed.sql("DELETE FROM item_attributes WHERE key IN ('play_count', 'skip_count')")
    long_ago = [[(BELLS[0], 1)], [(DRUMS[0], 1)], *[[]] * 400]
    _play(placed, *long_ago, *[[(DRUMS[0], 2), (DRUMS[0], 3)]] * 3)
    placed.configure({"per_artist": 99, "diversity": 0})
    rows = _json(placed, "-n", "3", "--unplayed", "0")
    assert Counter(row["artist"] for row in rows) == {DRUMS[0]: 3}


def test_the_mean_taste_ranks_by_nearness_to_the_mean_of_what_is_played(placed: Home) -> None:
    placed.configure({"taste": "mean", "diversity": 0})
    rows = _json(placed, "-n", "4", "--unplayed", "1")
    assert Counter(row["artist"] for row in rows) == {
        BELLS[-1]: 2,
        DRUMS[-1]: 2,
    }  # two of an artist, then skipped ones last
    assert Counter(row["artist"] for row in _json(placed, "-n", "2", "--unplayed", "1")) == {BELLS[-1]: 2}


def test_a_vector_of_an_older_model_means_nothing_beside_the_others(placed: Home) -> None:
    (old,) = placed.ids("artist = ? AND title = 'Stück 4'", DRUMS[-1])
    placed.set("cf_model", {old: "cf-9999999999"})
    for row in _json(placed, "-n", "40", "--explain"):
        reasons: Any = row["reasons"]
        assert (reasons["mode"] == 0) == (row["id"] == old)


def test_explain_says_what_a_track_is_near_to_and_what_its_score_rests_on(placed: Home) -> None:
    lines = placed.beet_here("cfrecommend", "-n", "6", "--explain").fine.lines
    assert len(lines) == 12
    for track, why in zip(lines[::2], lines[1::2], strict=True):
        assert not track.startswith(" ")
        assert why.startswith(("    New. ", "    Played "))
        assert ". Score " in why
    assert any('Same artist as "Stück' in why for why in lines[1::2])


def test_reasons_in_json_name_the_tracks(placed: Home) -> None:
    for row in _json(placed, "-n", "10", "--explain"):
        reasons: Any = row["reasons"]
        assert reasons["plays"] == row["plays"]
        assert reasons["by_plays"] + reasons["by_sound"] + reasons["by_tags"] == pytest.approx(1, abs=0.01)
        assert (reasons["by_plays"] > 0) == (row["plays"] != 0 or str(row["artist"]) in DRUMS[:-1])
        assert 1 <= reasons["mode"] <= reasons["modes"]
        assert all(near["id"] != row["id"] and near["plays"] for near in reasons["near"])


def test_the_reasons_of_a_trained_model_know_artists(analysed: Home) -> None:
    reasons: Any = [row["reasons"] for row in _json(analysed, "-n", "20", "--explain")]
    assert any(reason["by_tags"] > 0 for reason in reasons)


def test_choosing_never_loads_torch(placed: Home) -> None:
    script = (
        "import sys; from beets import ui\n"
        "try: ui.main(sys.argv[1:])\n"
        "finally: assert 'torch' not in sys.modules, 'torch was loaded'\n"
    )
    for options in ([], ["--explain"], ["--like", "id:1"], ["--now", "--like", "id:1"]):
        assert placed.beet("cfrecommend", *options, python=("-c", script)).fine.lines


def test_a_seed_gives_another_list_and_always_the_same(scored: Home) -> None:
    plain, first, again, other = (
        [row["id"] for row in _json(scored, "-n", "10", *seed)] for seed in ((), *(("--seed", s) for s in "112"))
    )
    assert first == again
    assert len({tuple(plain), tuple(first), tuple(other)}) == 3


def test_a_listener_gets_what_has_scores_and_plays_of_theirs(scored: Home) -> None:
    scored.configure({"users": {"anna": ["play_count"], "ben": ["skip_count", "plex_viewcount"]}})
    liked = scored.ids("artist = ?", DRUMS[0])
    scored.set("cf_score_ben", dict.fromkeys(liked, "80.0"))
    scored.set("plex_viewcount", {liked[0]: 3})
    rows = _json(scored, "-u", "ben")
    assert sorted(row["id"] for row in rows) == liked
    assert [row["plays"] for row in rows if not row["unplayed"]] == [3]


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["-n", "0"], "-n must be 1 or more"),
        (["-n", "-5"], "-n must be 1 or more"),
        (["--unplayed", "1.5"], "--unplayed must be a share from 0 to 1, not 1.5"),
        (["--unplayed", "-0.1"], "--unplayed must be a share from 0 to 1, not -0.1"),
        (["--unplayed", "nan"], "--unplayed must be a share from 0 to 1, not nan"),
        (["-u", "carl"], "there is no listener carl (there are: me)"),
        (["artist:nobody"], "no track matches artist:nobody"),
        (["--seed", "-1"], "--seed must be 0 or more"),
        (["--like", "artist:nobody"], "no track matches artist:nobody"),
        (["--like", ""], "--like must be a query"),
        (["--like", "'artist"], "--like 'artist: No closing quotation"),
        (["--now"], "--now: no listens are imported, and no mpd is configured; name tracks to go on from with --like"),
        (["--now", "--like", "artist:nobody"], "--now: there are no tracks that match artist:nobody to go on from"),
        (["--unlike", "artist:nobody"], "no track matches artist:nobody"),
        (["--to", "artist:Bell"], "--to needs --like QUERY"),
        (["--sound"], "--sound needs --like QUERY"),
        (["--sound", "--like", "Bell"], "--sound: what tracks sound like is not stored; run `beet cfembed`"),
        (["--like", "a", "--to", "b", "--now"], "--to does not go with --now"),
        (["--minutes", "10", "-n", "3"], "--minutes does not go with -n"),
        (["--minutes", "nan"], "--minutes must be from 1 to 100000, not nan"),
        (["--albums", "--now"], "--albums does not go with --now"),
        (["--like", "id:1"], "no track that matches id:1 is analysed; run `beet cfembed`"),
    ],
)
def test_what_makes_no_sense_is_one_line(scored: Home, args: list[str], complaint: str) -> None:
    assert scored.beet_here("cfrecommend", *args).complaint == f"error: {complaint}"


def test_numbers_that_are_none_are_refused_by_the_option(scored: Home) -> None:
    for args in (["-n", "many"], ["--unplayed", "half"], ["--seed", "x"]):
        ran = scored.beet_here("cfrecommend", *args)
        assert ran.code == 2
        assert f"invalid {'integer' if args[0] != '--unplayed' else 'floating-point'} value" in ran.err


def test_before_the_first_cfembed_it_says_what_to_do(unanalysed: Home) -> None:
    assert unanalysed.beet("cfrecommend").complaint == "error: no track is analysed yet; run `beet cfembed` first"


def test_an_empty_library_is_one_line(home: Home) -> None:
    assert home.beet_here("cfrecommend").complaint == "error: the library is empty"


def test_matching_tracks_without_scores_are_one_line(scored: Home) -> None:
    scored.sql("DELETE FROM item_attributes WHERE key = 'cf_score' AND entity_id = 1")
    assert scored.beet_here("cfrecommend", "id:1").complaint == (
        "error: no track that matches id:1 has a score; run `beet cfembed`"
    )


def test_a_listener_without_scores_is_one_line(scored: Home) -> None:
    scored.configure({"users": {"anna": ["play_count"], "ben": ["plex_viewcount"], "cleo": ["skip_count"]}})
    assert "no plays of ben known yet" in scored.beet_here("cfrecommend", "-u", "ben").complaint


def test_nothing_is_changed(scored: Home) -> None:
    before = scored.files()
    scored.beet_here("cfrecommend", "-n", "5")
    assert scored.files() == before


def test_a_playlist_elsewhere_has_absolute_entries_and_one_in_the_music_folder_relative_ones(
    scored: Home, tmp_path: Path
) -> None:
    for file in (tmp_path / "new" / "Für später.m3u", scored.music / "lists" / "Für später.m3u"):
        paths = scored.beet_here("cfrecommend", "-n", "6", "-p", "-m", str(file)).fine.lines
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[:3] == ["#EXTM3U", "#CFAUDIO", "#PLAYLIST:Für später"]
        assert [os.path.normpath(file.parent / line) for line in lines[4::2]] == paths
        assert all(line.startswith("../" if file.is_relative_to(scored.music) else "/") for line in lines[4::2])
        assert all(line.startswith(("#EXTINF:4,", "#EXTINF:5,")) for line in lines[3::2])
        assert f"{BELLS[3]} - Stück 4" in lines[3]


def test_a_plain_file_name_goes_where_the_user_is_or_into_the_playlist_folder(scored: Home, tmp_path: Path) -> None:
    scored.beet("cfrecommend", "-m", "here.m3u", cwd=tmp_path)
    assert (tmp_path / "here.m3u").is_file()
    scored.configure({"playlist_dir": str(tmp_path / "lists")})
    scored.beet("cfrecommend", "-m", "there.m3u", cwd=tmp_path)
    scored.beet("cfrecommend", "-m", str(tmp_path / "anywhere.m3u"), cwd=tmp_path)
    assert sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.m3u")) == [
        "anywhere.m3u",
        "here.m3u",
        "lists/there.m3u",
    ]


def test_entries_are_relative_to_another_folder_where_the_configuration_says_so(scored: Home) -> None:
    scored.configure({"relative_to": str(scored.folder)})
    file = scored.folder / "a.m3u"
    assert scored.beet_here("cfrecommend", "-n", "3", "-m", str(file)).fine
    assert all(line.startswith(("#", "music/")) for line in file.read_text().splitlines())


def test_a_track_elsewhere_has_its_whole_path(scored: Home) -> None:
    scored.configure({"relative_to": str(scored.folder / "other")})
    file = scored.folder / "a.m3u"
    assert scored.beet_here("cfrecommend", "-n", "3", "-m", str(file)).fine
    assert all(line.startswith(("#", f"{scored.music}/")) for line in file.read_text().splitlines())


def test_a_playlist_is_replaced_at_one_stroke_and_readable_by_the_player(scored: Home, tmp_path: Path) -> None:
    file = tmp_path / "a.m3u"
    file.write_text("#EXTM3U\n#CFAUDIO\n")
    held = file.open(encoding="utf-8")
    scored.beet_here("cfrecommend", "-n", "3", "-m", str(file))
    with held:
        assert held.read() == "#EXTM3U\n#CFAUDIO\n"
    assert file.read_text(encoding="utf-8").startswith("#EXTM3U")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["a.m3u"]


def test_a_playlist_that_cannot_be_written_is_one_line(scored: Home, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (tmp_path / "file" / "a.m3u", tmp_path):
        ran = scored.beet_here("cfrecommend", "-n", "3", "-m", str(target))
        assert (ran.code, ran.err.count("\n")) == (1, 1), ran
        assert str(target) in ran.err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "home"]


def test_a_name_with_a_line_break_is_left_out_of_the_playlist_and_named_in_the_list(scored: Home) -> None:
    file = scored.music / DRUMS[-1] / "4 Stück.wav"
    file.rename(file.with_name("4\nStück.wav"))
    scored.sql("UPDATE items SET path = ? WHERE id = 40", os.fsencode(f"{DRUMS[-1]}/4\nStück.wav"))
    ran = scored.beet("cfrecommend", "-n", "3", "--unplayed", "1", "-m", "a.m3u")
    assert (ran.code, len(ran.lines)) == (0, 3)
    assert ran.err == "cfaudio: a.m3u: tracks left out because of a line break in their names: 1\n"
    assert len((scored.folder / "a.m3u").read_text().splitlines()) == 7


def test_a_name_that_is_no_text_is_written_byte_by_byte(scored: Home) -> None:
    file = scored.music / DRUMS[-1] / "4 Stück.wav"
    file.rename(os.fsdecode(os.fsencode(file.parent) + b"/St\xfcck.wav"))
    scored.sql("UPDATE items SET path = ? WHERE id = 40", os.fsencode(DRUMS[-1]) + b"/St\xfcck.wav")
    assert scored.beet("cfrecommend", "-n", "1", "--unplayed", "1", "-p", "-m", "a.m3u").fine
    entry = (scored.folder / "a.m3u").read_bytes().splitlines()[4]
    assert entry == bytes(scored.music) + b"/" + os.fsencode(DRUMS[-1]) + b"/St\xfcck.wav"
    row = _json(scored, "-n", "1", "--unplayed", "1")[0]
    assert str(row["path"]).startswith(str(scored.music / DRUMS[-1]))
