"""What can be taken from the page: pictures, links and files; and two listeners on one map."""

import base64
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from test_report_map import EACH, GENRES, N, colours, names, opened, report, served, settled
from test_report_river import river_of
from test_report_serve import Lists, Made
from waiting import until

from cfaudio_core.report.page import render
from cfaudio_core.report.sections.regions import Region

NASTY = "<R&B \"'> موسيقى"
SVG = "{http://www.w3.org/2000/svg}"


class Plain(Lists):
    """Playlists without covers."""

    def preview(self, name):
        return [one._replace(covers=()) for one in super().preview(name)]


def shared():
    """The four heaps, of which Anna plays one, a river, and a region with signs that XML knows."""
    plays = np.zeros(N, np.float32)
    plays[:EACH] = 7
    nasty = Region(NASTY, "genre", 0.0, 0.0, 0, N)
    river = river_of(
        (0, "2019-06-01", 30),
        (EACH, "2020-06-01", 30),
        names=["Jazz", *[""] * (EACH - 1), "Folk"],
        artists=[("Ann",)] * (EACH + 1),
    )
    heaps = report()
    return replace(
        heaps, others={"Anna & <b>": plays, "Bob": plays * 0 + 1}, river=river, regions=[*heaps.regions, nasty]
    )


@pytest.fixture(scope="module")
def page_bytes():
    return render(shared())


@pytest.fixture(scope="module")
def url(page_bytes, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "index.html"
    file.write_bytes(page_bytes)
    return file.as_uri()


def downloaded(page, button):
    """Name and content of what a button makes."""
    with page.expect_download() as waiting:
        page.click(button)
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_two_listeners_have_a_colour_each_and_one_together(browser, url):
    with opened(browser, url) as page:
        page.select_option("#with", label="Anna & <b>")
        settled(page)
        legend = page.locator("#legend .key").all_inner_texts()
        both = EACH // 3
        mine = N // 3 - both
        assert legend == [
            f"only you ({mine})",
            f"both ({both})",
            f"only Anna & <b> ({EACH - both})",
            f"nobody ({N - mine - EACH})",
        ]
        assert (
            page.inner_text("#both")
            == f"Of {mine + EACH} tracks that you or Anna & <b> play, {both} are played by both."
        )
        light = page.evaluate("JSON.parse(document.getElementById('data').textContent).palettes.light")
        found = colours(page)
        assert all(found.get(light["kinds"][k], 0) > 50 for k in (1, 2, 3))
        page.click("#legend .key:has-text('both')")
        settled(page)
        full = [colour for colour, count in colours(page).items() if colour in light["kinds"] and count > 50]
        assert full == [light["kinds"][1]]
        page.select_option("#colour", "genre")
        assert page.input_value("#with") == "" == page.inner_text("#both")
        assert f"Jazz ({EACH})" in page.locator("#legend .key").all_inner_texts()


def test_one_listener_alone_is_compared_with_nobody():
    assert 'id="with"' not in render(report()).decode()


def test_a_picture_has_the_dots_the_names_and_the_ground(browser, url):
    count = """async ([content, colours]) => {
        const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${content}`)).blob());
        const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
        return colours.map(colour => pixels.filter(pixel => (pixel & 0xffffff) === colour).length / pixels.length);
    }"""
    with opened(browser, url) as page:
        name, content = downloaded_after(page, "#png")
        assert name == "map.png" and content.startswith(b"\x89PNG")
    with opened(browser, "about:blank", ready="true") as page:
        order = [0xFFFFFF, 0x8D8885, 0x1F2324]  # blue, green and red: ground, never played, names
        ground, never, ink = page.evaluate(count, [base64.b64encode(content).decode(), order])
    assert 0.9 < ground < 0.999
    assert never > 0.0005 and ink > 0.0005


def downloaded_after(page, button):
    page.click("#take summary")
    return downloaded(page, button)


def test_a_drawing_is_xml_with_the_names_and_the_legend_as_text(browser, url):
    with opened(browser, url) as page:
        page.select_option("#colour", "genre")
        shown = set(names(page))
        name, content = downloaded_after(page, "#svg")
    svg = ElementTree.fromstring(content)
    texts = ["".join(one.itertext()) for one in svg.iter(f"{SVG}text")]
    assert name == "map.svg"
    assert shown <= set(texts) and NASTY in texts and shown >= set(GENRES) - {NASTY}
    assert any(f"Jazz\u2069 ({EACH})" in text for text in texts)
    assert len(list(svg.iter(f"{SVG}circle"))) == N + len(GENRES)


def test_a_link_brings_the_view_back(browser, url):
    with opened(browser, url) as page:
        page.select_option("#with", label="Bob")
        page.select_option("#show", "top")
        page.fill("#search", "title 117")
        page.wait_for_selector("#found .track")
        page.keyboard.press("Enter")
        settled(page)
        page.click("#take summary")
        page.click("#copy")
        link, before = page.input_value("#link"), page.locator("#ring").get_attribute("style")
        state = page.evaluate("['with', 'show', 'search'].map(id => document.getElementById(id).value)")
        assert link.startswith(f"{url}#at=") and page.url == link
    with opened(browser, link) as page:
        settled(page)
        assert page.evaluate("['with', 'show', 'search'].map(id => document.getElementById(id).value)") == state
        assert page.inner_text("#count") == "1 track" and "Title 117" in page.inner_text("#tip")
        assert page.locator("#ring").get_attribute("style") == before
        page.evaluate("location.hash = '#at=5000,5000,1&colour=genre&with=nobody we know&show=x&dot=999999'")
        until(page, "document.getElementById('colour').value === 'genre'")
        assert page.locator("#results").is_hidden() and page.locator("#ring").is_hidden()


def test_a_served_link_does_not_hold_the_secret(browser, page_bytes, tmp_path):
    with served(page_bytes, tmp_path, Made(), Plain()) as address, opened(browser, address) as page:
        page.click("#take summary")
        page.click("#copy")
        link = page.input_value("#link")
        assert link.startswith("#at=") and address.split("/")[3] not in link
        name, content = downloaded(page, "#take a.served")
        assert name == "cfaudio.html" and content == page_bytes
        assert b'data-served="no"' in content and address.split("/")[3].encode() not in content


def test_lists_are_downloaded_as_m3u_where_they_are_served(browser, page_bytes, tmp_path, url):
    with served(page_bytes, tmp_path, Made(), Plain()) as address, opened(browser, address) as page:
        page.fill("#search", "title 11")
        until(page, "document.querySelectorAll('#found .track').length === 11")
        page.fill("#save-name", "A / B")
        name, content = downloaded(page, "#keep [aria-label='Download as m3u']")
        assert name == "A - B.m3u"
        assert content.decode().splitlines()[1] == "#PLAYLIST:A / B" and content.count(b"\n/music/") == 11
        _, content = downloaded(page, ".playlist [aria-label='Download as m3u'] >> nth=0")
        assert content.endswith(b"\n/music/1")
    with opened(browser, url) as page:
        assert page.locator("[aria-label='Download as m3u']:visible").count() == 0


@pytest.mark.parametrize("width", [390, 1440])
def test_a_stream_says_its_share_and_shows_its_tracks_on_the_map(browser, url, width):
    with opened(browser, url, width=width) as page:
        key = page.locator("#streams .key:has-text('Jazz')")
        key.click()
        assert page.inner_text("#river-now").startswith(
            "Jazz: 50 % of all plays with dates; most of them in 2019; mostly Ann"
        )
        assert key.get_attribute("aria-pressed") == "true"
        page.click("#river-now .act")
        assert page.inner_text("#results-title") == "Jazz" and page.locator("#found .track").count() == 1
        stream = page.locator(".stream:visible").first
        stream.scroll_into_view_if_needed()
        box = page.locator(".river:visible").bounding_box()
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.45 * box["height"])
        until(page, "document.getElementById('river-now').textContent.startsWith('2019, Jazz: 100 % of 30 plays')")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
