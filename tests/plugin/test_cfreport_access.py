"""The page of a library by the rules of axe, and the questions that a user brings to it, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from test_cfreport import reported, served, watched  # noqa: F401 (a fixture)
from user_home import Home

axe = pytest.importorskip("axe_playwright_python.base")

FOLDS = "document.querySelectorAll('details').forEach(one => { one.open = true; });"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(reported: Home, browser: Any, scheme: str) -> None:  # noqa: F811
    with served(reported) as address, watched(browser, address, address.rsplit("/", 2)[0], color_scheme=scheme) as page:
        page.wait_for_selector(".playlist .track")
        page.evaluate(axe.AXE_SCRIPT)
        for width in (1440, 820, 390):
            page.set_viewport_size({"width": width, "height": 844})
            page.evaluate(FOLDS)
            found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
            bad = [one for one in found if one["impact"] != "minor"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in bad] == [], width


QUESTIONS = {
    "what do I like": (["nav a[href='#taste']"], "#taste .card .track", "Your tastes"),
    "what should I hear next, and why": ([], "#now .why", "Ten to play now"),
    "how good is it": (["nav a[href='#quality']"], "#quality .evaluation", "The figures"),
    "what did it learn": (["nav a[href='#units']"], "#units .learnt h3", "What it learnt of your music"),
    "how do I get this list on my phone": (
        ["nav a[href='#playlists']", "summary:has-text('on my phone')"],
        "#playlists .ways",
        "How do I get a list on my phone?",
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("width", [390, 1440])
def test_a_question_is_answered_within_two_clicks(
    reported: Home,  # noqa: F811
    browser: Any,
    question: str,
    width: int,
) -> None:
    clicks, answer, heading = QUESTIONS[question]
    url = (reported.folder / "page" / "index.html").as_uri()
    with watched(browser, url, url) as page:
        page.set_viewport_size({"width": width, "height": 844})
        for click in clicks:
            page.click(click)
        assert len(clicks) <= 2
        found = page.locator(answer).first
        found.wait_for(state="visible")
        box = found.bounding_box()
        assert 0 < box["y"] < 844
        assert page.get_by_role("heading", name=heading, exact=True).is_visible()
        assert (found.text_content() or "").strip()


def test_what_was_learnt_plays_in_order(reported: Home, browser: Any) -> None:  # noqa: F811
    with served(reported) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        for place in ("#units .learnt", "#units .filters .card"):
            page.evaluate(FOLDS)
            card = page.locator(place).first
            card.locator(".play-list").last.click()
            page.wait_for_selector("#player:visible")
            first = card.locator(".tracks").last.locator(".track:has(.play:not(:disabled))").first
            assert page.inner_text("#now-title") == first.locator(".title").text_content()


def test_the_page_of_a_library_has_pictures_of_filters_and_says_what_fine_tuning_did(reported: Home) -> None:  # noqa: F811
    text = (reported.folder / "page" / "index.html").read_text(encoding="utf-8")
    assert 4 <= text.count('src="data:image/png;base64,') <= 12
    assert "not fine-tuned to this library" in text or "stayed the same" in text
