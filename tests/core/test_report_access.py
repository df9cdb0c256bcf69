"""The page by keyboard, on a phone and by colours that can be read."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_report_map import opened
from test_report_page import report_of
from waiting import until

import cfaudio_core.report.page as page_module
from cfaudio_core.report.page import Pick, TasteMode, render
from cfaudio_core.report.sections.filters import Filter
from cfaudio_core.report.sections.labels import Label
from cfaudio_core.report.sections.learnt import Card, Direction, End, Moment
from cfaudio_core.report.sections.neighbours import FineTuned, Moved

N = 2000
STOPS = """[...document.querySelectorAll("a[href], button, input, select, summary, audio[controls], [tabindex]")]
    .filter(one => one.tabIndex >= 0 && !one.disabled).length"""


def report():
    """2,000 tracks, and all there can be in each section; some names are long, and one runs from right to left."""
    titles = [f"Title {i}" for i in range(N)]
    titles[0], titles[1] = "endless" * 270, "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"
    made = report_of(titles, plays=(np.arange(N) % 3).astype(np.float32))
    end = End([Label("calm", "audio", 0.5)], "", [0, 1, 2, 3])
    moments = [Moment(i, 9.0, [1, 9, 2]) for i in end.tracks]
    cards = [Card(Direction(k, 0.1, 1.0, (end, end)), k < 12, (moments, moments)) for k in range(24)]
    lists = [
        {
            "name": f"List {k}",
            "about": "Daily.",
            "lists": [
                {
                    "name": f"List {k} {part}",
                    "why": "",
                    "tracks": list(range(1, 51)),
                    "covers": [],
                    "plays": {},
                    "reasons": dict.fromkeys(range(1, 51), "sounds like another"),
                    "texts": {},
                }
                for part in range(4)
            ],
        }
        for k in range(5)
    ]
    return replace(
        made,
        picks=[Pick(i, "same artist") for i in range(10)],
        modes=[TasteMode(f"taste {k}", 0.2, list(range(8))) for k in range(5)],
        learnt=cards,
        filters=[Filter(k, np.eye(7, 38, dtype=np.float32), moments, ["calm"]) for k in range(12)],
        fine_tuned=FineTuned(N, 0.5, {"artist": (0.3, 0.2)}, [Moved(i, [1, 2, 3, 4], [5, 6, 7, 8]) for i in range(4)]),
        lists=lists,
    )


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "index.html"
    file.write_bytes(render(report()))
    return file.as_uri()


def test_tab_stops_are_few_however_many_tracks_there_are(browser, url):
    with opened(browser, url) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert page.locator(".track").count() > 1000
        assert 50 < page.evaluate(STOPS) < 400


def test_arrow_keys_move_in_a_list_and_tab_leaves_it(browser, url):
    with opened(browser, url) as page:
        row = (
            "[...document.activeElement.closest('.tracks').children].indexOf(document.activeElement.closest('.track'))"
        )
        page.focus("#now .find")
        for key, at in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", 9), ("ArrowDown", 9), ("Home", 0)):
            page.keyboard.press(key)
            assert page.evaluate(row) == at
        page.keyboard.press("End")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('#now')") is None
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(row) == 9


@pytest.mark.parametrize("width", [390, 820, 1024, 1440])
def test_nothing_is_wider_than_the_page(browser, url, width):
    with opened(browser, url, width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [390, 1440])
def test_the_navigation_stays_and_covers_no_heading(browser, url, width):
    with opened(browser, url, width=width) as page:
        for link in page.locator("nav a").all():
            link.click()
            place = link.get_attribute("href")
            bottom = page.evaluate("document.querySelector('nav').getBoundingClientRect().bottom")
            top = f"document.querySelector('{place} h2').getBoundingClientRect().top"
            assert 0 < bottom < 100
            until(page, f"{top} >= {bottom} && {top} < innerHeight")


def test_what_moves_stands_still_on_request(browser, url):
    with opened(browser, url) as page:
        moving = "[...document.querySelectorAll('*')].filter(one => { const is = getComputedStyle(one);"
        moving += "return is.animationName !== 'none' || parseFloat(is.transitionDuration) > 0; }).length"
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
        assert page.evaluate(moving) == 0


def test_a_phone_has_at_most_eight_screens_until_more_is_asked_for(browser, url):
    with opened(browser, url, width=390) as page:
        height = "document.querySelector('#units .more').getBoundingClientRect().top + scrollY"
        assert page.evaluate(height) < 8 * 844


def luminance(colour):
    """Relative luminance of a colour as #rrggbb (WCAG 2.2)."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return np.dot(
        [0.2126, 0.7152, 0.0722], [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    )


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_whatever_is_behind_it(scheme):
    css = (Path(page_module.__file__).parent / "assets" / "page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css.split(":root {")[1 + scheme].split("}")[0]))
    for ink in ("ink", "soft", "accent", "mark-ink"):
        for ground in ("ground", "raised", "sunk"):
            light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
