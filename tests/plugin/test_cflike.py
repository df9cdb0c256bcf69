"""`beet cflike`, `cfdislike` and `cfban`: what is stored, shown, taken back, and never recommended again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_choosing import NOWHERE, libraries, requests
from user_home import BELLS, DRUMS, Home

from beetsplug.cfaudio.library.snapshot import RankingData
from beetsplug.cfaudio.playlists.albums import choose_albums
from beetsplug.cfaudio.playlists.recommend import choose_items, choose_mixes
from beetsplug.cfaudio.playlists.request import Request
from cfaudio_core.data.feedback import BAN, DISLIKE, LIKE


def recommended(home: Home, *args: str) -> list[int]:
    ran = home.beet_here("cfrecommend", "-f", "$id", *args)
    assert ran.code == 0, ran
    return [int(line) for line in ran.lines]


def feedback(home: Home, field: str = "cf_feedback") -> dict[int, str]:
    return dict(home.sql("SELECT entity_id, value FROM item_attributes WHERE key = ?", field))


def plays(home: Home, *args: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(home.beet_here("cfplays", "--json", *args).fine.out)
    return content


class TestCommands:
    def test_each_is_shown_in_the_field_and_by_cfplays(self, placed: Home) -> None:
        one, two, three = placed.ids("1")[:3]
        assert placed.beet_here("cflike", f"id:{one}").fine.out.startswith("Liked 1 track for me. Lists follow")
        assert placed.beet_here("cfdislike", f"id:{two}").fine.out.startswith("Disliked 1 track for me. No list has it")
        assert placed.beet_here("cfban", f"id:{three}").fine.out == (
            "Banned 1 track for me. No list has it from now on.\n"
        )
        assert feedback(placed) == {one: "like", two: "dislike", three: "ban"}
        content = plays(placed)
        assert {track["id"]: track["feedback"] for track in content["tracks"] if track["feedback"]} == feedback(placed)
        assert [(one["ids"], one["value"], one["source"]) for one in content["feedback"]] == [
            ([one], 1, "cfaudio"),
            ([two], -1, "cfaudio"),
            ([three], -2, "cfaudio"),
        ]
        assert all(one["time"].startswith("20") for one in content["feedback"])
        assert "Feedback: 1 like, 1 dislike, 1 ban." in placed.beet_here("cfplays").fine.lines

    def test_one_takes_the_place_of_another(self, placed: Home) -> None:
        placed.beet_here("cfban", "id:1").fine  # noqa: B018
        assert placed.beet_here("cflike", "id:1..2").fine.out.startswith("Liked 2 tracks for me.")
        assert placed.beet_here("cflike", "id:1..3").fine.out.startswith(
            "Liked 1 track for me; 2 tracks were liked before."
        )
        assert feedback(placed) == {1: "like", 2: "like", 3: "like"}

    def test_what_was_stated_can_be_taken_back(self, placed: Home) -> None:
        placed.beet_here("cfban", "id:1..2").fine  # noqa: B018
        out = placed.beet_here("cfban", "--clear", "id:1..3").fine.out
        assert out == "Took back the ban of 2 tracks for me; 1 track had no ban.\n"
        assert feedback(placed) == {}
        assert plays(placed)["feedback"] == []

    def test_a_like_is_not_taken_back_with_the_bans(self, placed: Home) -> None:
        placed.beet_here("cflike", "id:1").fine  # noqa: B018
        placed.beet_here("cfban", "--clear", "id:1").fine  # noqa: B018
        assert feedback(placed) == {1: "like"}

    def test_pretending_changes_nothing(self, placed: Home) -> None:
        lines = placed.beet_here("cfban", "-p", "artist:Bell Anna").fine.lines
        assert len(lines) == 5
        assert lines[-1] == "Would ban 4 tracks for me."
        assert feedback(placed) == {}
        assert plays(placed)["feedback"] == []

    @pytest.mark.parametrize(
        ("args", "complaint"),
        [
            ([], "error: cfban needs a query: beet cfban artist:Somebody"),
            (["title:Nothing"], "error: no track matches title:Nothing"),
            (["-u", "nobody", "id:1"], "error: there is no listener nobody (there are: me)"),
        ],
    )
    def test_what_makes_no_sense_is_one_line(self, placed: Home, args: list[str], complaint: str) -> None:
        assert placed.beet_here("cfban", *args).complaint == complaint

    def test_a_rating_field_counts_until_something_is_stated(self, placed: Home) -> None:
        placed.set("rating", {1: 5, 2: 1, 3: 3})
        assert {track["id"]: track["feedback"] for track in plays(placed)["tracks"][:3]} == {
            1: "like",
            2: "dislike",
            3: None,
        }
        placed.beet_here("cfban", "id:1").fine  # noqa: B018
        assert feedback(placed) == {1: "ban", 2: "dislike"}
        out = placed.beet_here("cfban", "--clear", "id:1").fine.out
        assert out.endswith("Ratings and marks from elsewhere stay, on 1 track.\n")
        assert feedback(placed) == {1: "like", 2: "dislike"}


class TestLists:
    def test_a_banned_track_is_on_no_list(self, placed: Home) -> None:
        banned = placed.ids("artist = ?", BELLS[1])
        placed.beet_here("cfban", f"artist:{BELLS[1]}").fine  # noqa: B018
        for args in (
            ["-n", "40"],
            ["-n", "40", "--seed", "3"],
            ["-n", "40", "--like", f"artist:{BELLS[1]}"],
            ["-n", "40", "--now", "--like", "id:1"],
            ["-n", "40", "--unplayed", "1"],
            ["-n", "40", "--albums"],
            ["--minutes", "30"],
            ["-n", "40", "--unlike", f"artist:{DRUMS[0]}"],
            ["--like", "id:1", "--to", f"artist:{BELLS[1]} , artist:{DRUMS[0]}"],
        ):
            assert not set(recommended(placed, *args)).intersection(banned)

    def test_a_list_that_bans_leave_nothing_for_says_so_in_a_line(self, placed: Home) -> None:
        placed.beet_here("cfban", "artist:Bell").fine  # noqa: B018
        assert placed.beet_here("cfrecommend", "artist:Bell").complaint == (
            "error: me has banned or disliked all that could be chosen (`beet cfban --clear` takes a ban back)"
        )

    def test_no_list_begins_or_ends_with_a_banned_track(self, placed: Home) -> None:
        one, two = placed.ids("artist = ?", BELLS[0])[0], placed.ids("artist = ?", DRUMS[0])[0]
        placed.beet_here("cfban", f"id:{two}").fine  # noqa: B018
        assert placed.beet_here("cfrecommend", "--like", f"id:{one}", "--to", f"id:{two}").complaint == (
            "error: me has banned or disliked all that could be chosen (`beet cfban --clear` takes a ban back)"
        )

    def test_a_never_played_track_that_is_liked_comes_whatever_its_score(self, analysed: Home) -> None:
        liked = analysed.ids("artist = ?", DRUMS[-1])[0]
        analysed.set("cf_score", {liked: 0})
        assert liked not in recommended(analysed, "-n", "40")
        analysed.beet_here("cflike", f"id:{liked}").fine  # noqa: B018
        assert liked in recommended(analysed, "-n", "40")

    def test_a_kept_list_is_chosen_again_without_a_track_that_was_banned_since(self, placed: Home) -> None:
        placed.configure({"playlist_dir": str(placed.folder / "lists"), "playlists": [{"kind": "discover", "n": 6}]})
        placed.beet_here("cfplaylists").fine  # noqa: B018
        first = json.loads((placed.beetsdir / "cfaudio" / "playlists.json").read_text())
        [listed] = [one["ids"] for entry in first["playlists"].values() for one in entry["lists"]]
        placed.beet_here("cfban", f"id:{listed[0]}").fine  # noqa: B018
        assert "unchanged until" not in placed.beet_here("cfplaylists").fine.out
        again = json.loads((placed.beetsdir / "cfaudio" / "playlists.json").read_text())
        [now] = [one["ids"] for entry in again["playlists"].values() for one in entry["lists"]]
        assert listed[0] not in now
        assert len(now) == 6
        assert "unchanged until" in placed.beet_here("cfplaylists").fine.out

    def test_liked_tracks_come_first_and_disliked_ones_never(self, placed: Home) -> None:
        placed.beet_here("cflike", f"artist:{DRUMS[-1]}").fine  # noqa: B018
        placed.beet_here("cfdislike", f"artist:{BELLS[-1]}").fine  # noqa: B018
        liked, disliked = (set(placed.ids("artist = ?", name)) for name in (DRUMS[-1], BELLS[-1]))
        listed = set(recommended(placed, "-n", "2", "--unplayed", "1"))
        assert listed <= liked
        assert not set(recommended(placed, "-n", "40", "--unplayed", "1")).intersection(disliked)

    def test_two_listeners_ban_different_tracks(self, placed: Home) -> None:
        placed.configure({"users": {"anna": ["play_count", "skip_count"], "ben": ["play_count"]}})
        placed.set("cf_score_ben", {item: 60 - item / 10 for item in placed.ids("1")})
        placed.beet_here("cfban", "id:1").fine  # noqa: B018
        placed.beet_here("cfban", "-u", "Ben", "id:2").fine  # noqa: B018
        assert (feedback(placed), feedback(placed, "cf_feedback_ben")) == ({1: "ban"}, {2: "ban"})
        of_anna, of_ben = recommended(placed, "-n", "40"), recommended(placed, "-n", "40", "-u", "ben")
        assert 1 not in of_anna and 2 in of_anna
        assert 2 not in of_ben and 1 in of_ben

    @settings(max_examples=20)
    @given(libraries, requests, *[st.sets(st.integers(10, 70), min_size=1, max_size=20)] * 2)
    def test_a_ban_or_a_dislike_is_never_seen_again_in_fifty_lists_of_any_kind(
        self, data: RankingData, request_: Request, banned: set[int], disliked: set[int]
    ) -> None:
        stated = np.where(np.isin(data.ids, list(disliked)), DISLIKE, 0)
        stated = np.where(np.isin(data.ids, list(banned)), BAN, stated).astype(np.float32)
        barred = replace(
            data,
            listeners=[replace(data.listeners[0], feedback=stated)],
            album=np.arange(len(data)) // 5,
        )
        songs = set(data.song[np.isin(data.ids, list(banned))].tolist())
        for seed in range(50):
            request = replace(request_, seed=seed)
            lists = [choose_items(NOWHERE, barred, request)]
            if seed < 3:
                lists.append(choose_items(NOWHERE, barred, replace(request, given=tuple(data.ids[:2].tolist()))))
                lists.append(choose_albums(NOWHERE, barred, request))
                lists.extend(choose_mixes(NOWHERE, barred, request, frozenset()))
            for chosen in lists:
                assert not (banned | disliked).intersection(chosen.ids)
                assert not songs.intersection(data.song[data.at(chosen.ids)].tolist())

    @given(libraries)
    def test_a_liked_version_of_a_banned_song_may_come(self, data: RankingData) -> None:
        feedback = np.full(len(data), BAN, np.float32)
        feedback[:1] = LIKE
        liked = replace(data, listeners=[replace(data.listeners[0], feedback=feedback)])
        request = Request(n=5, unplayed=0.5, per_artist=2, diversity=0, fresh_days=0, taste="modes")
        assert set(choose_items(NOWHERE, liked, request).ids) <= set(data.ids[:1].tolist())


class TestIdentity:
    """A ban is of a track, not of its file name, its tags or its number."""

    @pytest.fixture
    def banned(self, analysed: Home) -> Home:
        analysed.beet_here("cfban", "id:1").fine  # noqa: B018
        return analysed

    def test_it_stays_with_a_track_that_is_tagged_otherwise_and_has_another_id(self, banned: Home) -> None:
        banned.sql("UPDATE items SET title = 'X', artist = 'Y', album = 'Z', path = x'78', id = 999 WHERE id = 1")
        banned.sql("UPDATE item_attributes SET entity_id = 999 WHERE entity_id = 1")
        assert 999 not in recommended(banned, "-n", "40")
        assert [track["id"] for track in plays(banned)["tracks"] if track["feedback"] == "ban"] == [999]

    def test_another_track_with_its_id_is_not_banned(self, banned: Home) -> None:
        key = banned.sql("SELECT value FROM item_attributes WHERE entity_id = 1 AND key = 'cf_key'")[0][0]
        banned.sql("UPDATE item_attributes SET value = 'other' WHERE value = ?", key)
        banned.sql("UPDATE items SET title = 'Another', artist = 'Somebody', path = x'78' WHERE id = 1")
        assert 1 in recommended(banned, "-n", "40")
        assert "Feedback: 1 of tracks that are not in the library." in banned.beet_here("cfplays").fine.lines
        assert banned.embed().code == 0
        assert feedback(banned) == {}

    def test_feedback_on_a_track_that_is_gone_is_kept_until_it_comes_back(self, banned: Home) -> None:
        row = banned.sql("SELECT * FROM items WHERE id = 1")[0]
        banned.sql("DELETE FROM items WHERE id = 1")
        assert [one["ids"] for one in plays(banned)["feedback"]] == [[]]
        banned.sql(f"INSERT INTO items VALUES ({', '.join('?' * len(row))})", *row)
        assert 1 not in recommended(banned, "-n", "40")

    def test_it_stays_with_a_track_that_was_not_analysed_whatever_its_name_and_place(self, unanalysed: Home) -> None:
        unanalysed.beet_here("cfban", "id:1").fine  # noqa: B018
        path, new = unanalysed.music / "new name.wav", b"new name.wav"
        [(old,)] = unanalysed.sql("SELECT path FROM items WHERE id = 1")
        (unanalysed.music / old.decode()).rename(path)
        unanalysed.sql("UPDATE items SET title = 'X', artist = 'Y', album = 'Z', path = ? WHERE id = 1", new)
        unanalysed.embed().fine  # noqa: B018
        assert feedback(unanalysed) == {1: "ban"}
        assert 1 not in recommended(unanalysed, "-n", "40")

    def test_an_item_with_the_id_of_one_that_was_not_analysed_is_not_banned(self, unanalysed: Home) -> None:
        unanalysed.beet_here("cfban", "id:1").fine  # noqa: B018
        unanalysed.sql("UPDATE items SET title = 'X', artist = 'Y', path = x'78', added = added + 60 WHERE id = 1")
        assert [one["ids"] for one in plays(unanalysed)["feedback"]] == [[]]


def test_scores_follow_with_the_next_run(analysed: Home) -> None:
    liked, disliked = analysed.ids("artist = ?", DRUMS[-1])[0], analysed.ids("artist = ?", BELLS[0])[-1]
    analysed.beet_here("cflike", f"id:{liked}").fine  # noqa: B018
    analysed.beet_here("cfdislike", f"id:{disliked}").fine  # noqa: B018
    before = dict(analysed.sql("SELECT entity_id, CAST(value AS REAL) FROM item_attributes WHERE key = 'cf_score'"))
    analysed.embed().fine  # noqa: B018
    after = dict(analysed.sql("SELECT entity_id, CAST(value AS REAL) FROM item_attributes WHERE key = 'cf_score'"))
    assert after[liked] > before[liked] + 20
    assert after[disliked] < before[disliked] - 20
    assert feedback(analysed) == {liked: "like", disliked: "dislike"}


def test_forgetting_counts_what_nobody_else_has_and_removes_it(placed: Home) -> None:
    placed.beet_here("cfban", "id:1..2").fine  # noqa: B018
    line = "among these 2 likes, dislikes and bans, which nothing but you can give again"
    assert line in placed.beet_here("cfembed", "--forget", "-p").fine.out
    placed.beet_here("cfembed", "--forget", "-y").fine  # noqa: B018
    assert feedback(placed) == {}
    assert plays(placed)["feedback"] == []
