"""`cf_tags`, which `cfembed` writes beside the other fields."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from user_home import Home

pytestmark = pytest.mark.weights


def test_every_analysed_track_has_up_to_three_tags_in_small_letters(analysed: Home) -> None:
    tags = analysed.field("cf_tags")
    assert len(tags) == 40
    for text in tags.values():
        listed = text.split(", ")
        assert 0 < len(listed) <= 3
        assert text == text.lower()
    first = tags[1].split(", ")[0]
    assert "1" in analysed.beet_here("ls", "-f", "$id", f"cf_tags:{first}").fine.lines


def test_tracks_without_tags_get_theirs_though_nothing_else_is_new(
    analysed: Home, decoding_fails: Callable[[], None]
) -> None:
    before = analysed.field("cf_tags")
    analysed.sql("DELETE FROM item_attributes WHERE key = 'cf_tags' AND entity_id < 10")
    analysed.set("cf_tags", {20: "my own"})
    decoding_fails()
    assert analysed.embed().code == 0
    assert analysed.field("cf_tags") == before | {20: "my own"}


def test_tags_of_another_net_replace_them(analysed: Home) -> None:
    before = analysed.field("cf_tags")
    analysed.configure({"backbone": "musicnn_mtt"})
    assert analysed.embed().code == 0
    after = analysed.field("cf_tags")
    assert after.keys() == before.keys()
    assert after != before


def test_a_track_that_cannot_be_analysed_has_no_tags(analysed: Home) -> None:
    analysed.set("cf_key", {1: "0" * 32})
    analysed.sql("UPDATE items SET path = ? WHERE id = 1", b"nowhere.wav")
    analysed.embed()
    assert 1 not in analysed.field("cf_tags")
    assert len(analysed.field("cf_tags")) == 39
