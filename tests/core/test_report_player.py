"""The player in a real browser: what plays and from where, what comes next, and what to do where it cannot."""

import threading
import wave

import numpy as np
import pytest
from test_report_map import opened
from test_report_page import card, report_of
from test_report_serve import Lists
from waiting import until

from cfaudio_core.report.page import Pick, TasteMode, render
from cfaudio_core.report.sections.disagreement import Disagreement
from cfaudio_core.report.sections.learnt import Moment
from cfaudio_core.report.serving.server import open_server

N, SECONDS = 6, 60
PLAYING = "document.getElementById('audio').currentTime > {}"


class Kept:
    """Feedback that is kept."""

    def __init__(self):
        self.kinds = {2: "ban"}

    def read(self):
        return self.kinds

    def state(self, number, kind):
        self.kinds.pop(number, None)
        if kind != "clear":
            self.kinds[number] = kind
        return self.kinds.get(number, "")


class Server:
    """A server of a page, which can stop."""

    def __init__(self, page, files):
        self.feedback = Kept()
        self.files = files
        self._server, self.address = open_server(page, files, 0, Lists(), self.feedback)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self):
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A minute of silence."""
    file = tmp_path_factory.mktemp("sound") / "a.wav"
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(2 * 8000 * SECONDS))
    return file


@pytest.fixture(scope="module")
def page_bytes():
    """Five picks of six tracks, of which the fourth is gone; two moments; and an odd one among others."""
    learnt = card([])._replace(moments=([Moment(0, 4.0, [1, 9]), Moment(1, 2.0, [9, 1])], []))
    existing = np.arange(N) != 3
    more = {"picks": [Pick(i, "") for i in range(N - 1)], "learnt": [learnt], "existing": existing}
    odd = Disagreement(5, 0.1, [4], [0])
    return render(
        report_of([f"Title {i}" for i in range(N)], modes=[TasteMode("Jazz", 1, [5])], disagreements=[odd], **more)
    )


@pytest.fixture
def server(page_bytes, sound):
    running = Server(page_bytes, {i + 1: bytes(sound) for i in range(N) if i != 3})
    yield running
    running.stop()


# Where in a track playing began, each time.
BEGINS = """globalThis.begins = [];
    addEventListener("playing", ({ target }) => begins.push(target.currentTime), true);"""


def press(page, selector, at=0):
    page.locator(f"{selector} .play").nth(at).click()


def title(page):
    return page.inner_text("#now-title")


def seek(page, seconds):
    until(page, "audio.duration > 1")
    page.evaluate(f"audio.currentTime = {seconds}")


def test_of_quick_clicks_the_last_one_plays_from_its_own_moment(browser, server):
    with opened(browser, server.address, before=BEGINS) as page:
        page.evaluate("document.querySelectorAll('#units .play').forEach(button => button.click())")
        until(page, PLAYING.format(2.2))
        assert title(page) == "Title 1"
        assert page.evaluate("begins.at(-1)") == pytest.approx(2, abs=0.1)
        assert page.locator("#units .playing .title").all_text_contents() == ["Title 1"]


def test_a_double_click_plays_and_does_not_pause(browser, server):
    with opened(browser, server.address) as page:
        page.locator("#now .play").first.dblclick()
        until(page, PLAYING.format(0.2))
        assert page.locator("#toggle").get_attribute("aria-label") == "Pause"
        press(page, "#now")
        until(page, "audio.paused")


def test_the_end_of_a_track_goes_on_to_the_next_and_the_last_one_ends(browser, server):
    with opened(browser, server.address, before=BEGINS) as page:
        press(page, "#now", 2)
        assert page.inner_text("#place") == "3 of 5"
        assert page.locator("#next").get_attribute("title") == "Next: Title 4"  # one is gone
        seek(page, SECONDS - 0.2)
        until(page, f"document.getElementById('now-title').textContent === 'Title 4' && {PLAYING.format(0.1)}")
        assert page.locator("#now .playing .title").all_text_contents() == ["Title 4"]
        assert page.locator("#next").is_disabled()
        seek(page, SECONDS - 0.2)
        until(page, "document.documentElement.dataset.playing === 'no'")
        assert (title(page), page.locator("#toggle").get_attribute("aria-label")) == ("Title 4", "Play")
        before = page.evaluate("begins.length")
        page.click("#toggle")  # again
        until(page, f"begins.length > {before} && begins.at(-1) < 1 && !audio.paused")


def test_the_icon_is_that_of_what_a_press_does(browser, server):
    with opened(browser, server.address) as page:
        press(page, "#now")
        until(page, PLAYING.format(0.1))
        assert page.locator("#now .playing .play").get_attribute("aria-label") == "Pause Title 0 by Artist 0"
        playing = page.evaluate("getComputedStyle(document.querySelector('#toggle'), '::before').borderTopWidth")
        page.evaluate("audio.pause()")  # by whatever does
        until(page, "document.documentElement.dataset.playing === 'no'")
        assert page.locator("#now .playing .play").get_attribute("aria-label") == "Play Title 0 by Artist 0"
        assert page.locator("#toggle").get_attribute("aria-label") == "Play"
        paused = page.evaluate("getComputedStyle(document.querySelector('#toggle'), '::before').borderTopWidth")
        assert (playing, paused) == ("0px", "5px")


def test_next_and_previous_go_through_a_card_and_a_moment_begins_again(browser, server):
    with opened(browser, server.address) as page:
        press(page, ".odd", 0)
        for button, then in (("#next", "Title 4"), ("#next", "Title 0"), ("#previous", "Title 4")):
            page.click(button)
            assert title(page) == then
        press(page, "#units", 1)
        until(page, PLAYING.format(2))
        page.evaluate("audio.pause()")
        seek(page, 5.5)
        page.click("#previous")
        until(page, "audio.currentTime === 2")
        assert title(page) == "Title 1"


def test_keys_play_pause_seek_and_go_on(browser, server):
    with opened(browser, server.address) as page:
        page.focus("#now .play >> nth=0")
        page.keyboard.press("Enter")
        until(page, PLAYING.format(0.1))
        page.keyboard.press("Space")
        until(page, "audio.paused")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Space")
        until(page, "!audio.paused")
        page.keyboard.press("ArrowRight")
        until(page, PLAYING.format(4.9))
        for key, then in (("n", "Title 1"), ("n", "Title 2"), ("p", "Title 1")):
            page.keyboard.press(key)
            assert title(page) == then
        page.keyboard.press("k")
        until(page, "audio.paused")
        page.focus("#search")
        page.keyboard.type("n k")
        page.wait_for_selector("#results:visible")
        assert title(page) == "Title 1"
        assert page.evaluate("audio.paused")


def test_the_keys_and_the_screen_of_the_machine_know_what_plays(browser, server):
    acts = """const set = MediaSession.prototype.setActionHandler; globalThis.acts = {};
        MediaSession.prototype.setActionHandler = function (name, act) {
            acts[name] = act; set.call(this, name, act); };"""
    with opened(browser, server.address, before=acts) as page:
        press(page, "#now")
        until(page, PLAYING.format(0.1))
        metadata = page.evaluate("(({ title, artist }) => [title, artist])(navigator.mediaSession.metadata)")
        assert metadata == ["Title 0", "Artist 0"]
        assert page.evaluate("navigator.mediaSession.playbackState") == "playing"
        page.evaluate("acts.nexttrack()")
        assert page.evaluate("navigator.mediaSession.metadata.title") == "Title 1"
        until(page, "audio.duration > 1")
        page.evaluate("acts.seekto({ seekTime: 4 })")
        until(page, PLAYING.format(4))
        page.evaluate("acts.pause()")
        until(page, "navigator.mediaSession.playbackState === 'paused'")


def test_what_plays_is_marked_on_the_map(browser, server):
    with opened(browser, server.address) as page:
        assert page.locator("#playing").is_hidden()
        press(page, "#now", 1)
        assert page.locator("#playing").is_visible()
        page.click("#close")
        assert page.locator("#playing").is_hidden()
        assert page.evaluate("audio.paused")


def test_a_like_is_kept_and_shown_wherever_the_track_is(browser, server):
    pressed = (
        "[...document.querySelectorAll('[data-say][aria-pressed=true]')].map(b => b.dataset.track + b.dataset.say)"
    )
    with opened(browser, server.address) as page:
        until(page, f"new Set({pressed}).has('2ban')")
        press(page, "#now")
        page.click("#now-says [data-say=like]")
        until(page, f"new Set({pressed}).has('1like')")
        assert server.feedback.kinds == {1: "like", 2: "ban"}
        page.reload()
        until(page, f"document.documentElement.dataset.ready === 'yes' && new Set({pressed}).size === 2")
        first = page.locator("#now [data-say=like]").first
        assert first.get_attribute("aria-pressed") == "true"
        first.click()
        until(page, f"!{pressed}.includes('1like')")
        assert server.feedback.kinds == {2: "ban"}


@pytest.fixture
def complaining(browser, server):
    """A page that may complain, as browsers do where a server is no more."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(server.address)
    until(page, "document.documentElement.dataset.ready === 'yes'")
    yield page
    page.close()


def test_a_server_that_has_stopped_says_so(complaining, server):
    press(complaining, "#now")
    until(complaining, PLAYING.format(0.1))
    server.stop()
    note = "document.getElementById('note').textContent"
    complaining.keyboard.press("n")
    until(complaining, f"{note}.startsWith('The server of this page has stopped')")
    complaining.evaluate("document.getElementById('note').textContent = ''")
    complaining.click("#now [data-say=ban] >> nth=0")
    until(complaining, f"{note}.startsWith('The server of this page has stopped')")
    complaining.fill("#search", "title 5")
    complaining.keyboard.press("Enter")
    complaining.click("#radio")
    until(complaining, "document.getElementById('count').textContent.startsWith('The server of this page has stopped')")


def test_what_is_gone_or_no_sound_is_named_and_passed_over(complaining, server, tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"no sound at all")
    del server.files[2]
    server.files[3] = bytes(tmp_path / "noise.wav")
    press(complaining, "#now", 1)
    until(complaining, "document.getElementById('now-title').textContent === 'Title 4'")
    until(complaining, PLAYING.format(0.1))
    assert complaining.inner_text("#note") == "This browser cannot play “Title 2”. It was skipped."
    assert complaining.locator("#now .play").nth(1).is_disabled()
    press(complaining, "#now", 0)
    assert complaining.inner_text("#note") == ""


def test_another_tab_that_plays_pauses_this_one(browser, server):
    context = browser.new_context()
    one, other = context.new_page(), context.new_page()
    for page in (one, other):
        page.goto(server.address)
        until(page, "document.documentElement.dataset.ready === 'yes'")
        press(page, "#now")
        until(page, PLAYING.format(0.1))
    until(one, "audio.paused && document.documentElement.dataset.playing === 'no'")
    assert not other.evaluate("audio.paused")
    context.close()
