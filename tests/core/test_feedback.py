"""Likes, dislikes, bans and ratings: as numbers, in the store, and what they do to a listener's preferences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_tracks

from cfaudio_core.data.feedback import BAN, DISLIKE, LIKE, describe, is_barred, latest_of, of_ratings, of_stars
from cfaudio_core.data.interactions import gather_interactions
from cfaudio_core.data.listeners import Listener, make_listeners
from cfaudio_core.data.tracks import marks_of
from cfaudio_core.history.feedback import HERE, Given
from cfaudio_core.history.records import Opinion, TrackText
from cfaudio_core.history.store import ListenStore

NOON = 1_700_000_000
SONG, OTHER = TrackText("Can", "Halleluhwah"), TrackText("Can", "Oh Yeah")


def person(plays: list[float], feedback: list[float], skips: list[float] | None = None) -> Listener:
    return Listener("me", np.float32(plays), np.float32(skips or [0] * len(plays)), feedback=np.float32(feedback))


class TestNumbers:
    @pytest.mark.parametrize(("stars", "value"), [(0, 0), (1, -1), (2, -0.5), (3, 0), (4, 0.5), (5, 1), (7, 1)])
    def test_five_stars_are_a_like_and_one_is_a_dislike(self, stars: float, value: float) -> None:
        assert of_stars(stars) == value

    @pytest.mark.parametrize(
        ("field", "ratings"),
        [
            ("rating", [0.2, 0.6, 1]),
            ("rating", [1, 3, 5]),
            ("plex_userrating", [2, 6, 10]),
            ("itunes_rating", [20, 60, 100]),
        ],
    )
    def test_ratings_of_any_scale_are_the_same_stars(self, field: str, ratings: list[float]) -> None:
        assert of_ratings(field, np.float32([*ratings, np.nan, 0])).tolist() == [-1, 0, 1, 0, 0]

    def test_the_scale_of_a_known_field_is_known_without_its_best_rating(self) -> None:
        assert of_ratings("plex_userrating", np.float32([4])).tolist() == [-0.5]

    def test_ratings_that_mpdstats_computes_from_plays_are_none(self) -> None:
        assert not of_ratings("rating", np.float32([0.6875, 0.3125, 0.79, 0.84])).any()

    def test_the_latest_statement_counts_but_a_ban_before_all(self) -> None:
        track, time = np.array([0, 0, 1, 1, 2]), np.array([2, 1, 1, 2, 0])
        feedback, times = latest_of(4, track, np.float32([DISLIKE, LIKE, BAN, LIKE, LIKE]), time)
        assert feedback.tolist() == [DISLIKE, BAN, LIKE, 0]
        assert times.tolist() == [2, 1, 0, 0]

    def test_a_ban_holds_for_other_versions_of_the_song_unless_they_are_liked(self) -> None:
        song = np.array([0, 0, 0, 3])
        assert is_barred(np.float32([BAN, 0, LIKE, 0]), song).tolist() == [True, True, False, False]

    @given(st.sampled_from([LIKE, DISLIKE, BAN, 0.5, -0.5, 0.25, 0]))
    def test_whatever_is_shown_is_the_nearest_word(self, value: float) -> None:
        words = {LIKE: "like", 0.5: "like", DISLIKE: "dislike", -0.5: "dislike", BAN: "ban"}
        assert describe(value) == words.get(value, "")


class TestPreference:
    def test_a_like_is_more_than_any_plays_and_a_dislike_less_than_any_skips(self) -> None:
        preference = person([1000, 0, 0, 30], [0, LIKE, 0, DISLIKE], [0, 0, 50, 0]).preference
        assert preference.argsort().tolist() == [3, 2, 0, 1]
        assert preference[1] == 1
        assert preference[3] == -1

    def test_a_rating_goes_half_the_way(self) -> None:
        plain, rated = person([1, 1], [0, 0.5]).preference
        assert rated == pytest.approx(plain / 2 + 0.5)

    def test_a_ban_is_a_dislike_that_is_known(self) -> None:
        one = person([0, 0], [BAN, 0])
        assert one.preference.tolist() == [-1, 0]
        assert one.known.tolist() == one.banned.tolist() == [True, False]

    def test_without_feedback_all_is_as_before(self) -> None:
        plays, skips = np.float32([3, 0]), np.float32([0, 1])
        assert Listener("me", plays, skips).log_play_ratio.tolist() == (np.log1p(plays) - np.log1p(skips)).tolist()

    def test_a_dislike_is_negative_evidence_in_the_listeners_row(self) -> None:
        row = gather_interactions(make_tracks(3), [person([5, 5, 0], [0, DISLIKE, LIKE])]).matrix.toarray()[0]
        assert row[1] < 0 < row[0] < row[2]

    def test_a_selection_of_tracks_keeps_their_feedback(self) -> None:
        assert person([1, 2, 3], [0, BAN, LIKE]).subset(np.array([2, 1])).feedback.tolist() == [LIKE, BAN]

    def test_rating_fields_are_of_those_who_have_them(self) -> None:
        counts = {"play_count": np.float32([1, 2]), "rating": np.float32([5, 1]), "plex_userrating": np.float32([2, 2])}
        users = {"anna": ["play_count", "rating"], "ben": ["plex_userrating"]}
        anna, ben = make_listeners(counts, users, 2)
        assert (anna.plays.tolist(), anna.feedback.tolist()) == ([1, 2], [LIKE, DISLIKE])
        assert (ben.plays.tolist(), ben.feedback.tolist()) == ([0, 0], [DISLIKE, DISLIKE])


class TestStore:
    @pytest.fixture
    def store(self, tmp_path: Path) -> ListenStore:
        return ListenStore(f"sqlite:///{tmp_path / 'history.db'}")

    def add(self, store: ListenStore, *opinions: Opinion, whole: bool = False) -> int:
        return store.add(opinions, source="subsonic", listener_of=lambda _: "me", whole=whole).opinions

    def values(self, store: ListenStore) -> dict[str, float]:
        texts = list(store.texts().values())
        return {texts[one.text].title: one.value for one in store.feedback()}

    def test_an_import_again_changes_nothing(self, store: ListenStore) -> None:
        assert self.add(store, Opinion(SONG, 1.0, NOON), Opinion(OTHER, -1.0)) == 2
        assert self.add(store, Opinion(SONG, 1.0, NOON), Opinion(OTHER, -1.0)) == 0
        assert self.values(store) == {"Halleluhwah": 1, "Oh Yeah": -1}

    def test_a_star_that_is_gone_is_removed_where_a_source_has_all_of_them(self, store: ListenStore) -> None:
        self.add(store, Opinion(SONG, 1.0), Opinion(OTHER, 1.0))
        self.add(store, Opinion(OTHER, 0.5))
        assert self.values(store) == {"Halleluhwah": 1, "Oh Yeah": 0.5}
        assert self.add(store, Opinion(OTHER, 0.5), whole=True) == 1
        assert self.values(store) == {"Oh Yeah": 0.5}

    def test_a_mark_that_was_taken_back_is_removed(self, store: ListenStore) -> None:
        self.add(store, Opinion(SONG, 1.0))
        self.add(store, Opinion(SONG, 0.0))
        assert self.values(store) == {}

    def test_what_is_stated_here_is_apart_from_what_is_imported(self, store: ListenStore) -> None:
        self.add(store, Opinion(SONG, 1.0, NOON))
        marks = marks_of(make_tracks(1, artists=["Can"], titles=["Halleluhwah"]))
        store.state_feedback("me", [Given(BAN, NOON + 1, SONG, marks, "key0", 5)], [], "")
        assert [(one.source, one.value, one.key) for one in store.feedback()] == [
            ("subsonic", 1, ""),
            (HERE, BAN, "key0"),
        ]
        self.add(store, whole=True)
        store.state_feedback("me", [], [one for one in store.feedback() if one.source == HERE], "")
        assert [one.source for one in store.feedback()] == ["subsonic"]
