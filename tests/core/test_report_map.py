"""The map in a real browser: names that do not meet, a legend and a search that choose, and lists that are made."""

import io
import threading
import wave
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from test_report_page import report_of
from test_report_serve import Judged, Lists, Made
from waiting import LONG_SECONDS, until

from cfaudio_core.report.page import render
from cfaudio_core.report.sections.labels import Labels
from cfaudio_core.report.sections.regions import find_regions
from cfaudio_core.report.serving.server import open_server

GENRES = ("Jazz", "Folk", "Dub", "Metal")
PLACES = np.array([[-0.8, -0.7], [0.8, -0.7], [-0.8, 0.7], [0.8, 0.7]], np.float32)
EACH = 30
N = EACH * len(GENRES)


def report():
    """Four heaps of tracks, each of a genre and three artists; every third track was played, one of them very often."""
    rng = np.random.default_rng(0)
    heap = np.repeat(np.arange(len(GENRES)), EACH)
    coordinates = np.clip(PLACES[heap] + 0.05 * rng.standard_normal((N, 2)), -1, 1).astype(np.float32)
    artists = [f"{GENRES[h]} band{'xyz'[i % 3]}" for i, h in enumerate(heap)]
    plays = np.where(np.arange(N) % 3 == 0, 1 + np.arange(N) // 6, 0).astype(np.float32)
    plays[0] = 5000
    genres, tags = [(GENRES[h],) for h in heap], [("calm", f"only {i}") for i in range(N)]
    made = report_of([f"Title {i}" for i in range(N)], artists, coordinates=coordinates, plays=plays, tags=tags)
    tracks = replace(made.tracks, genres=genres, album_titles=[("Azure", "Beryl", "Coral", "Dusk")[h] for h in heap])
    labels = Labels({"genre": genres, "artist": [(name,) for name in artists]})
    return replace(made, tracks=tracks, regions=find_regions(coordinates, labels))


@pytest.fixture(scope="module")
def page_bytes():
    return render(report())


@contextmanager
def opened(browser, url, before="", width=1440, ready="document.documentElement.dataset.ready === 'yes'", **how):
    """A page of which nothing may be complained."""
    page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce", **how)
    complaints = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(1000 * LONG_SECONDS)
    page.add_init_script(before or "0")
    page.goto(url)
    until(page, ready)
    try:
        yield page
    finally:
        page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def url(page_bytes, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "index.html"
    file.write_bytes(page_bytes)
    return file.as_uri()


@contextmanager
def served(page_bytes, tmp_path, made, playlists=None):
    sound = io.BytesIO()
    with wave.open(sound, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(16_000))
    (tmp_path / "a.wav").write_bytes(sound.getvalue())
    files = dict.fromkeys(range(1, N + 1), bytes(tmp_path / "a.wav"))
    server, address = open_server(page_bytes, files, 0, playlists or Lists(), Judged([]), made)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def names(page):
    """The names that are on the map, and the boxes around them."""
    found = page.locator("#names bdi")
    return {one.inner_text(): one.bounding_box() for one in found.all()}


def colours(page):
    """How many pixels of the map have each colour, of those that are painted all over."""
    return page.evaluate("""() => {
        const dots = document.getElementById('dots'), canvas = document.createElement('canvas'), found = {};
        canvas.width = dots.width; canvas.height = dots.height;
        const context = canvas.getContext('2d');
        context.drawImage(dots, 0, 0);
        const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
        for (let i = 0; i < bytes.length; i += 4) if (bytes[i + 3] === 255) {
            const colour = '#' + [0, 1, 2].map(k => bytes[i + k].toString(16).padStart(2, '0')).join('');
            found[colour] = (found[colour] || 0) + 1;
        }
        return found;
    }""")


def settled(page):
    """Wait until a frame has been painted."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def drag(page, *corners):
    """Draw a line over the map with the mouse, between corners from 0 to 1."""
    page.evaluate("document.getElementById('view').scrollIntoView({block: 'center'})")
    box = page.locator("#view").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


LEFT = ((0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98))


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_regions_have_names_that_do_not_meet(browser, url, scheme, width):
    with opened(browser, url, color_scheme=scheme, width=width) as page:
        whole = names(page)
        assert set(whole) == set(GENRES)
        for _ in range(4):
            page.click("#in")
        settled(page)
        page.focus("#view")
        for boxes in (whole, names(page)):
            for a in boxes:
                for b in set(boxes) - {a}:
                    one, other = boxes[a], boxes[b]
                    apart_x = one["x"] >= other["x"] + other["width"] or other["x"] >= one["x"] + one["width"]
                    apart_y = one["y"] >= other["y"] + other["height"] or other["y"] >= one["y"] + one["height"]
                    assert apart_x or apart_y, (a, b)


def test_a_name_moves_with_its_dots(browser, url):
    with opened(browser, url) as page:
        before = names(page)["Jazz"]
        drag(page, (0.5, 0.5), (0.55, 0.5))
        settled(page)
        moved = names(page)["Jazz"]["x"] - before["x"]
        assert moved == pytest.approx(0.05 * page.locator("#view").bounding_box()["width"], abs=2)


@pytest.mark.parametrize("painter", ["pixels", "WebGL2"])
def test_both_ways_to_paint_show_the_same_dots(browser, url, painter):
    # This browser has no graphics card, and paints by pixels; one that pretends to have one paints by WebGL2.
    watch = """const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, how) {
            const made = get.call(this, kind, how && { ...how, failIfMajorPerformanceCaveat: false });
            if (this.id === 'dots' && made) globalThis.painted = made.constructor.name;
            return made; };"""
    card = watch + "WebGL2RenderingContext.prototype.getParameter = () => 'A card';"
    with opened(browser, url, before=card if painter == "WebGL2" else watch) as page:
        settled(page)
        by = page.evaluate("globalThis.painted")
        assert by == {"pixels": "CanvasRenderingContext2D", "WebGL2": "WebGL2RenderingContext"}[painter]
        page.select_option("#colour", "genre")
        settled(page)
        found = colours(page)
        kinds = page.evaluate(
            "JSON.parse(document.getElementById('data').textContent).palettes.light.kinds.slice(0, 4)"
        )
        for kind in kinds:
            assert 300 < found[kind] < 2000  # thirty dots of 8 pixels across, which overlap


def test_only_what_is_pressed_in_the_legend_keeps_its_colour(browser, url):
    with opened(browser, url) as page:
        page.select_option("#colour", "genre")
        settled(page)
        before = colours(page)
        page.click("#legend .key:has-text('Jazz')")
        settled(page)
        jazz = page.evaluate("JSON.parse(document.getElementById('data').textContent).palettes.light.kinds")[
            page.locator("#legend .key").all_inner_texts().index(f"Jazz ({EACH})")
        ]
        after = colours(page)
        full = [colour for colour in before if before[colour] > 300]
        assert len(full) == 4
        assert [colour for colour in full if after.get(colour, 0) > 100] == [jazz]
        page.click("#legend .key:has-text('Jazz')")
        settled(page)
        assert colours(page) == before


def test_an_outlier_takes_no_colour_from_the_rest(browser, url):
    with opened(browser, url) as page:
        counts = [int(text.split()[-1].strip("()")) for text in page.locator("#legend .key").all_inner_texts()]
        assert counts[-1] == N * 2 // 3  # never played
        assert min(counts[:-1]) >= 6 and len(counts) == 6


def test_only_never_played_tracks_are_shown_and_chosen(browser, url):
    with opened(browser, url) as page:
        page.select_option("#show", "never")
        settled(page)
        assert [colour for colour, count in colours(page).items() if count > 100] == ["#85888d"]
        page.click("#seen")
        assert page.inner_text("#count").startswith(f"{N * 2 // 3} tracks")


@pytest.mark.parametrize(
    ("typed", "count"),
    [("title 117", 1), ("jazz bandx", 10), ("azure", EACH), ("metal", EACH), ("calm", N), ("only 117", 1), ("qqq", 0)],
)
def test_search_finds_title_artist_album_genre_and_every_tag(browser, url, typed, count):
    with opened(browser, url) as page:
        page.fill("#search", typed)
        page.wait_for_selector("#results:visible")
        assert page.inner_text("#count").startswith(f"{count} track")
        settled(page)
        marked = sum(number for colour, number in colours(page).items() if colour == "#c2571a")
        assert bool(marked) == bool(count)
        page.keyboard.press("Escape")
        assert page.locator("#results").is_hidden()


def test_what_is_drawn_around_is_a_list_that_plays_on_and_can_be_saved(browser, page_bytes, tmp_path):
    made = Made()
    with served(page_bytes, tmp_path, made) as address, opened(browser, address) as page:
        page.click("#lasso")
        drag(page, *LEFT)
        page.wait_for_selector("#found .track")
        assert page.inner_text("#count").startswith(f"{2 * EACH} tracks")
        assert page.locator("#lasso").get_attribute("aria-pressed") == "false"
        page.click("#play-all")
        page.wait_for_selector("#found .track:nth-child(1).playing")
        page.wait_for_selector("#found .track:nth-child(2).playing")  # each takes a second
        assert page.inner_text("#place").endswith(f" of {2 * EACH}")  # all of it, not only what is listed
        page.fill("#save-name", "Left")
        page.click("#save .act")
        until(page, "document.getElementById('kept').textContent === 'Saved to m3u.'")
    ((name, tracks),) = made.saved
    assert name == "Left"
    assert {(number - 1) // EACH for number in tracks} == {0, 2} and len(set(tracks)) == 2 * EACH


def test_radio_and_a_path_begin_at_a_dot(browser, page_bytes, tmp_path):
    with served(page_bytes, tmp_path, Made()) as address, opened(browser, address) as page:
        page.fill("#search", "title 0")
        page.wait_for_selector("#found .track")
        page.keyboard.press("Enter")
        page.click("#radio")
        until(page, "document.querySelectorAll('#found .track').length === 2")
        page.click("#path")
        page.fill("#search", f"title {N - 1}")
        until(page, "document.querySelectorAll('#found .track').length === 1")
        page.click("#found .find")
        until(page, "document.querySelectorAll('#found .track').length === 2")
        settled(page)
        assert page.locator("#results-title").inner_text() == f"From Title 0 to Title {N - 1}"
        assert (page.locator("#line").get_attribute("points") or "").count(",") == 2


def test_the_page_scrolls_over_the_map_until_it_is_turned_to(browser, url):
    with opened(browser, url) as page:
        box = page.locator("#view").bounding_box()
        page.mouse.move(box["x"] + 300, box["y"] + 200)
        before = names(page)
        page.mouse.wheel(0, 200)
        until(page, "scrollY > 50")
        assert set(names(page)) == set(before)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_handful_of_tracks_makes_a_map(browser, tmp_path, n):
    (tmp_path / "index.html").write_bytes(render(report_of([f"Title {i}" for i in range(n)])))
    with opened(browser, (tmp_path / "index.html").as_uri()) as page:
        page.click("#seen")
        assert page.locator("#found .track").count() == n
