"""`cf_tags`, which `cfembed` writes beside the other fields."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from user_home import Home

pytestmark = pytest.mark.weights


def test_every_analysed_track_has_up_to_three_tags_in_small_letters(heard: Home) -> None:
    tags = heard.field("cf_tags")
    assert len(tags) == 40
    for text in tags.values():
        listed = text.split(", ")
        assert 0 < len(listed) <= 3
        assert text == text.lower()
    first = tags[1].split(", ")[0]
    assert "1" in heard.beet_here("ls", "-f", "$id", f"cf_tags:{first}").fine.lines


def test_tracks_without_tags_get_theirs_though_nothing_else_is_new(
    heard: Home, hearing_fails: Callable[[], None]
) -> None:
    before = heard.field("cf_tags")
    heard.sql("DELETE FROM item_attributes WHERE key = 'cf_tags' AND entity_id < 10")
    heard.set("cf_tags", {20: "my own"})
    hearing_fails()
    assert heard.embed().code == 0
    assert heard.field("cf_tags") == before | {20: "my own"}


def test_tags_of_another_net_replace_them(heard: Home) -> None:
    before = heard.field("cf_tags")
    heard.configure({"backbone": "musicnn_mtt"})
    assert heard.embed().code == 0
    after = heard.field("cf_tags")
    assert after.keys() == before.keys()
    assert after != before


def test_a_track_that_cannot_be_analysed_has_no_tags(heard: Home) -> None:
    heard.set("cf_key", {1: "0" * 32})
    heard.sql("UPDATE items SET path = ? WHERE id = 1", b"nowhere.wav")
    heard.embed()
    assert 1 not in heard.field("cf_tags")
    assert len(heard.field("cf_tags")) == 39
