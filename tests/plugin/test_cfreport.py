"""`beet cfreport`, and its page in a real browser."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from user_home import BELLS, DRUMS, PER_ARTIST, Home
from waiting import LONG_SECONDS, until

from cfaudio_core.util.files import hold_lock

NASTY = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def reported(_analysed: Any, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The analysed collection with a title full of HTML, a file that has gone, and a report."""
    home = _analysed[0].copy(tmp_path_factory.mktemp("reported") / "home")
    lists = [{"name": "Fresh", "n": 5, "unplayed": 1.0}]
    home.configure({"playlists": lists, "playlist_dir": str(home.folder / "lists"), "fresh_days": 0, "exclude": []})
    home.sql("UPDATE items SET title = ? WHERE id = 3", NASTY)
    (gone,) = [file for file in home.music.rglob("4 *") if file.parent.name == BELLS[0]]
    gone.unlink()
    assert home.beet_here("cfreport", "-o", str(home.folder / "page")).code == 0
    return home


class Watched:
    """A page in the browser, with all that it complained of and asked for."""

    def __init__(self, browser: Any, url: str, **how: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1100, "height": 900}, reduced_motion="reduce", **how)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.set_default_timeout(1000 * LONG_SECONDS)
        self.page.goto(url)
        until(self.page, "document.documentElement.dataset.ready === 'yes'")


@contextmanager
def watched(browser: Any, url: str, allowed: str, **how: Any) -> Iterator[Any]:
    """A page, of which nothing may be complained, and that asks for nothing but what begins with `allowed`."""
    page = Watched(browser, url, **how)
    try:
        yield page.page
        title = page.page.title()
    finally:
        page.page.close()
    assert page.complaints == []
    assert [url for url in page.asked if not url.startswith((allowed, "data:", "blob:"))] == []
    assert title != "owned"


@contextmanager
def served(home: Home, begin: tuple[str, ...] = ("-m", "beets")) -> Iterator[str]:
    """`beet cfreport --serve`, and its address."""
    process = subprocess.Popen(
        [sys.executable, *begin, "cfreport", "-o", str(home.folder / "page"), "--serve", "--port", "0"],
        env=home.environment,
        cwd=home.folder,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout
    try:
        lines = iter(process.stdout.readline, "")
        yield next(line.split()[1] for line in lines if line.startswith("Open "))
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def drawn(page: Any) -> float:
    """The share of the map's pixels that are drawn upon."""
    script = """() => {
        const canvas = document.createElement('canvas');
        canvas.width = 600; canvas.height = 400;
        const context = canvas.getContext('2d');
        context.drawImage(document.getElementById('dots'), 0, 0, 600, 400);
        const bytes = context.getImageData(0, 0, 600, 400).data;
        let count = 0;
        for (let i = 3; i < bytes.length; i += 4) if (bytes[i] > 40) count++;
        return count / (600 * 400);
    }"""
    return float(page.evaluate(script))


def file_of(home: Home) -> Path:
    return home.folder / "page" / "index.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_file_draws_searches_and_asks_for_nothing(reported: Home, browser: Any, scheme: str) -> None:
    url = file_of(reported).as_uri()
    with watched(browser, url, url, color_scheme=scheme) as page:
        assert 0.001 < drawn(page) < 0.5
        assert page.locator(".play:visible").count() == 0
        page.fill("#search", "stuck bell anna")
        page.wait_for_selector("#found .track")
        assert page.locator("#found .track").count() == 3  # of four: one has another title
        page.keyboard.press("Enter")
        page.wait_for_selector("#ring:visible")
        assert "Bell Anna" in page.inner_text("#tip")


def test_every_way_to_colour_has_a_legend(reported: Home, browser: Any) -> None:
    url = file_of(reported).as_uri()
    with watched(browser, url, url) as page:
        for way in ("score", "added", "year", "genre", "tag", "plays"):
            page.evaluate("document.getElementById('legend').textContent = ''")
            page.select_option("#colour", way)
            page.wait_for_selector("#legend .key")


def test_a_title_is_text_wherever_it_is_shown(reported: Home, browser: Any) -> None:
    url = file_of(reported).as_uri()
    with watched(browser, url, url) as page:
        page.fill("#search", "onerror")
        page.wait_for_selector("#found .track")
        assert page.inner_text("#found .title") == NASTY
        page.click("#found .find")
        assert NASTY in page.inner_text("#tip")


def test_the_map_moves_by_mouse_and_by_keys(reported: Home, browser: Any) -> None:
    url = file_of(reported).as_uri()
    with watched(browser, url, url) as page:
        picture = "document.getElementById('dots').toDataURL()"
        before = page.evaluate(picture)
        page.focus("#view")
        page.keyboard.press("ArrowLeft")
        until(page, f"{picture} !== {json.dumps(before)}")
        before = page.evaluate(picture)
        page.evaluate("document.getElementById('view').scrollIntoView()")
        box = page.locator("#view").bounding_box()
        page.mouse.move(box["x"] + 300, box["y"] + 200)
        page.mouse.wheel(0, -300)
        until(page, f"{picture} !== {json.dumps(before)}")


def test_a_click_plays_from_the_moment_when_served(reported: Home, browser: Any) -> None:
    with served(reported) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        row = page.locator("#units .play:visible:not(:disabled)").first
        at = float(row.get_attribute("data-at"))
        row.click()
        until(page, f"document.getElementById('audio').currentTime > {at + 0.3}")
        assert page.evaluate("document.getElementById('audio').currentTime") < 4.6
        assert page.locator("#player").is_visible()
        page.click("#close")
        assert page.locator("#player").is_hidden()
        page.evaluate("window.scrollTo(0, 0)")
        # A dot: the one that a search leads to lies in the middle of the map.
        page.fill("#search", "drum fritz")
        page.wait_for_selector("#found .track")
        page.keyboard.press("Enter")
        page.wait_for_selector("#ring:visible")
        box = page.locator("#ring").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        until(page, "document.getElementById('audio').currentTime > 0.2")
        assert "Drum Fritz" in page.inner_text("#player")


def test_what_has_gone_is_on_the_map_and_cannot_play(reported: Home, browser: Any) -> None:
    with served(reported) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        page.fill("#search", "bell anna stuck 4")
        page.wait_for_selector("#found .track")
        assert page.locator("#found .play").is_disabled()


def test_playlists_are_looked_at_and_written_from_the_page(reported: Home, browser: Any) -> None:
    with served(reported) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        page.wait_for_selector(".playlist .track")
        assert page.locator(".playlist .track").count() == 5
        assert page.locator(".playlist .why").count() == 5
        counts = page.locator(".playlist .count").all_text_contents()
        assert len(counts) == 5
        assert "new" in counts
        file = reported.folder / "lists" / "Fresh.m3u"
        page.click(".playlist .acts .act:has-text('Draw again')")
        page.wait_for_selector(".playlist [role=status]:has-text('Not saved yet')")
        drawn = page.locator(".playlist .title").all_text_contents()
        assert not file.exists()
        page.click(".playlist .acts .act:has-text('Save')")
        page.wait_for_selector(".playlist [role=status]:has-text('Saved')")
        assert page.locator(".playlist .title").all_text_contents() == drawn
        assert len((reported.folder / "lists" / "Fresh.m3u").read_text(encoding="utf-8").splitlines()) >= 5


def test_what_one_thinks_of_a_track_is_stored_and_shown(reported: Home, browser: Any) -> None:
    pressed = "[...document.querySelectorAll('[data-say][aria-pressed=true]')].map(one => one.dataset.say).join()"
    with served(reported) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        for kind in ("like", "ban"):
            page.click(f"#now [data-say={kind}] >> nth=0")
            until(page, f"{pressed}.startsWith('{kind}')")
        track = page.locator("#now [data-say]").first.get_attribute("data-track")
        assert reported.field("cf_feedback")[int(track or 0)] == "ban"
        page.reload()
        until(page, f"{pressed}.startsWith('ban')")
        page.click("#now [data-say=ban] >> nth=0")
        until(page, f"{pressed} === ''")
        assert asked(address, "feedback") == {}


def test_a_list_plays_from_its_button(reported: Home, browser: Any) -> None:
    with served(reported) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        page.click(".playlist .head .act")
        until(page, "document.getElementById('audio').currentTime > 0.2")
        assert page.inner_text("#now-title") == page.locator(".playlist .track.playing .title").text_content()


def test_the_file_shows_the_playlists_and_saves_none(reported: Home, browser: Any) -> None:
    url = file_of(reported).as_uri()
    with watched(browser, url, url) as page:
        assert page.locator(".playlist .track").count() == 5
        assert page.locator(".playlist button.act").count() == 0
        assert page.locator(".playlist .covers.letter").text_content() == "F"


def test_a_cover_is_shown_where_an_album_has_one(
    reported: Home, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = reported.copy(tmp_path_factory.mktemp("covers") / "home")
    home.configure({"playlists": [{"name": "Fresh", "n": 5}], "playlist_dir": str(home.folder / "lists")})
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    (home.music / "cover.png").write_bytes(base64.b64decode(pixel))
    home.sql("INSERT INTO albums (id, artpath) VALUES (4711, ?)", bytes(home.music / "cover.png"))
    home.sql("UPDATE items SET album_id = 4711")
    with served(home) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        until(page, "document.querySelector('.covers img')?.naturalWidth === 1")


def test_the_first_screen_names_tastes_picks_and_what_is_not_known(reported: Home) -> None:
    text = file_of(reported).read_text(encoding="utf-8")
    first = text[text.index('<section id="you"') : text.index('<section id="playlists"')]
    data = json.loads(text.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert len(data["rows"]["now"]) == 10
    assert "tracks</b>" in first and "never played." in first
    assert "beet cfevaluate" in first


def test_lists_are_made_from_the_map_and_saved(reported: Home, browser: Any) -> None:
    with served(reported) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        page.fill("#search", "drum fritz")
        page.wait_for_selector("#found .track")
        page.click("#found .find >> nth=0")
        page.click("#radio")
        until(page, "document.querySelectorAll('#found .track').length > 5")
        assert "Drum Fritz" in page.locator("#found .track").first.inner_text()
        page.fill("#save-name", "Fritz: radio")
        for _ in range(2):  # the second time it is replaced
            page.click("#save .act")
            until(page, "document.getElementById('kept').textContent === 'Saved to m3u.'")
            page.evaluate("document.getElementById('kept').textContent = ''")
    saved = reported.folder / "lists" / "Fritz- radio.m3u"
    assert saved.read_text(encoding="utf-8").count("#EXTINF") > 5


def asked(address: str, where: str, content: object = None) -> Any:
    """The server's answer to a request, refused or not."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(address + where, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return json.load(refused)


def test_a_path_has_both_its_ends_and_an_unknown_track_is_named(reported: Home) -> None:
    with served(reported) as address:
        tracks = asked(address, "map/path/1/40")["tracks"]
        assert (tracks[0], tracks[-1]) == (1, 40) and len(set(tracks)) == len(tracks) > 5
        assert asked(address, "map/path/1/1")["tracks"] == []
        assert "id:999" in asked(address, "map/path/1/999")["why"]


def test_a_saved_list_replaces_no_playlist_of_the_configuration(reported: Home) -> None:
    assert reported.beet_here("cfplaylists").code == 0
    file = reported.folder / "lists" / "Fresh.m3u"
    before = file.read_bytes()
    with served(reported) as address:
        answer = asked(address, "map/save", {"name": "Fresh", "tracks": [1, 2]})
        gone = asked(address, "map/save", {"name": "Gone", "tracks": [999]})
    assert "Fresh" in answer["error"] and file.read_bytes() == before
    assert gone["error"] == "the library has none of these tracks any more"


def test_a_list_has_tracks_that_the_map_has_no_room_for(
    reported: Home, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = reported.copy(tmp_path_factory.mktemp("few") / "home")
    lists = [{"name": "Long", "n": 20, "unplayed": 1.0}]
    home.configure({"playlists": lists, "playlist_dir": str(home.folder / "lists")})
    few = "import beets.ui, beetsplug.cfaudio.report.collect as r; r.MAX_TRACKS = 20; beets.ui.main()"
    with served(home, ("-c", few)) as address, watched(browser, address, address.rsplit("/", 2)[0]) as page:
        assert "Shown are 20 of 40" in page.inner_text("#map")
        page.wait_for_selector(".playlist .track")
        assert page.locator(".playlist .track").count() == 20  # of which the map has at most 16 that were never played
        off = page.locator(".playlist .track:has(.find:disabled)").first
        assert (off.locator(".artist").text_content() or "").startswith(("Bell", "Drum"))
        assert "Stück" in (off.locator(".title").text_content() or "")
        off.locator(".play").click()
        until(page, "document.getElementById('audio').currentTime > 0.2")
        assert page.locator("#ring").is_hidden()


def test_a_large_library_is_shown_in_part(reported: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("beetsplug.cfaudio.report.collect.MAX_TRACKS", 20)
    ran = reported.beet_here("cfreport", "-o", str(tmp_path)).fine
    assert ran.lines[0].endswith("20 of 40 tracks are on the map.")
    assert ran.lines[1].startswith("Left out for the browser's sake: 20. ")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    data = json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    plays = reported.field("play_count")
    most = sorted(plays, key=lambda item: -float(plays[item]))[:4]
    assert len(data["id"]) == len(data["title"]) == len(set(data["id"])) == 20
    assert set(most) <= set(data["id"])
    assert f"you have played {len(plays)} of them" in page
    assert "Your tastes" in page and "What it learnt of your music" in page


def test_a_port_that_is_taken_is_one_line(reported: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = reported.beet_here("cfreport", "-o", str(reported.folder / "page"), "--serve", "--port", port)
    assert ran.complaint.startswith(f"error: port {port}: ")


def test_what_makes_no_sense_is_refused_before_anything_is_made(reported: Home) -> None:
    for words in (["title:x"], ["--port", "99999"], ["-u", "nobody"]):
        complaint = reported.beet_here("cfreport", *words).complaint
        assert words[-1] in complaint


def test_a_library_that_was_not_analysed_is_refused_with_a_hint(unanalysed: Home) -> None:
    assert unanalysed.beet_here("cfreport").complaint.endswith("run `beet cfembed` first")


def test_a_folder_that_cannot_be_written_to_is_named(reported: Home) -> None:
    (reported.folder / "file").write_text("")
    ran = reported.beet_here("cfreport", "-o", str(reported.folder / "file"))
    assert str(reported.folder / "file") in ran.complaint


def test_a_page_that_cfaudio_did_not_make_is_left_alone_and_its_own_is_made_again(reported: Home) -> None:
    folder = reported.folder / "web"
    page = folder / "index.html"
    folder.mkdir()
    page.write_text("<title>What I think of cfaudio</title>")
    assert str(page) in reported.beet_here("cfreport", "-o", str(folder)).complaint
    assert page.read_text() == "<title>What I think of cfaudio</title>"
    page.unlink()
    page.mkdir()
    assert reported.beet_here("cfreport", "-o", str(folder)).complaint.endswith("no regular file")
    page.rmdir()
    elsewhere = reported.folder / "elsewhere.html"
    page.symlink_to(elsewhere)
    for _ in range(2):
        assert reported.beet_here("cfreport", "-o", str(folder)).code == 0
    assert page.is_symlink()
    assert elsewhere.is_file()


def test_what_is_missing_is_named(reported: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beetsplug.cfaudio.commands.cfreport._PACKAGES", {"flask": "flask", "no_such": "nothing"})
    complaint = reported.beet_here("cfreport").complaint
    assert "needs nothing: pip install 'beets-cfaudio[report]'" in complaint


def test_the_library_and_the_store_stay_as_they_are(reported: Home) -> None:
    before = reported.dump(), reported.store.read_bytes()
    assert reported.beet_here("cfreport", "-o", str(reported.folder / "page")).code == 0
    assert (reported.dump(), reported.store.read_bytes()) == before


def data_of(text: str) -> Any:
    return json.loads(text.split('<script type="application/json" id="data">')[1].split("</script>")[0])


def test_the_page_names_no_folder_and_can_be_given_away(reported: Home, tmp_path: Path) -> None:
    home = reported.copy(tmp_path / "home")
    home.configure({"playlists": [{"name": "Fresh", "n": 5}], "playlist_dir": str(home.folder / "lists")})
    (home.beetsdir / "cfaudio" / "playlists.json").write_text("[broken")
    assert home.beet_here("cfreport", "-o", str(home.folder / "page")).code == 0
    text = file_of(home).read_text(encoding="utf-8")
    assert "playlists.json: cannot be read" in data_of(text)["lists"][0]["error"]
    for private in (str(tmp_path), str(home.folder), str(Path.home()), "/" + home.music.name + "/", "127.0.0.1"):
        assert private not in text


def test_two_listeners_are_on_one_map(reported: Home, tmp_path: Path) -> None:
    home = reported.copy(tmp_path / "home")
    home.configure({"users": {"me": ["play_count"], "Anna": ["plex_viewcount"], "Bob": ["amarok_playcount"]}})
    home.set("plex_viewcount", {1: 3, 40: 1})
    home.set("amarok_playcount", {5: 0})
    mine = reported.field("play_count")
    for user, others in (
        ("me", {"Anna": {1: 3, 40: 1}}),
        ("Anna", {"me": {i: int(n) for i, n in mine.items() if int(n)}}),
    ):
        assert home.beet_here("cfreport", "-o", str(home.folder / "page"), "-u", user).code == 0
        data = data_of(file_of(home).read_text(encoding="utf-8"))
        found = {}
        for other in data["others"]:
            at = itertools.accumulate(other["steps"], initial=-1)
            found[other["name"]] = dict(zip((data["id"][i] for i in list(at)[1:]), other["plays"], strict=True))
        assert (data["listener"], found) == (user, others)


def test_a_list_as_m3u_has_the_files_and_their_names(reported: Home) -> None:
    with served(reported) as address:
        body = json.dumps({"name": "Mine", "tracks": [40, 1, 999]}).encode()
        request = urllib.request.Request(address + "map/m3u", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            lines = answer.read().decode().splitlines()
        gone = asked(address, "map/m3u", {"name": "Mine", "tracks": [999]})
    paths = [Path(line) for line in lines if not line.startswith("#")]
    assert lines[0] == "#EXTM3U" and "#PLAYLIST:Mine" in lines
    assert [path.is_file() for path in paths] == [True, True] and all(path.is_absolute() for path in paths)
    assert sum(line.startswith("#EXTINF:") for line in lines) == 2
    assert gone["error"] == "the library has none of these tracks any more"


def test_dated_plays_become_a_river(reported: Home, tmp_path: Path) -> None:
    home = reported.copy(tmp_path / "home")
    home.configure({})
    text = file_of(reported).read_text(encoding="utf-8")
    assert "too few plays with dates" in text and "<code>beet cfimport</code> reads a listening history that" in text
    rows = [
        f"{artist},Stück {k % PER_ARTIST + 1},{year}-06-{day:02d}T{k % 24:02d}:00:00Z"
        for artist, year in ((BELLS[1], 2019), (DRUMS[0], 2020))
        for day in range(1, 11)
        for k in range(4)
    ]
    (tmp_path / "plays.csv").write_text("artist,title,time\n" + "\n".join(rows), encoding="utf-8")
    assert home.beet_here("cfimport", "csv", str(tmp_path / "plays.csv")).code == 0
    assert home.beet_here("cfreport", "-o", str(home.folder / "page")).code == 0
    text = file_of(home).read_text(encoding="utf-8")
    river = data_of(text)["river"]
    assert (river["periods"], river["plays"]) == (["2019", "2020"], [40, 40])
    assert {river["artists"][k] for stream in river["streams"] for cell in stream["artists"] for k in cell} == {
        BELLS[1],
        DRUMS[0],
    }
    assert "Your tastes over the years" in text


def test_a_library_that_is_locked_is_a_line_in_the_answer_and_the_page_goes_on(reported: Home) -> None:
    config = reported.beetsdir / "config.yaml"
    before = config.read_text()
    config.write_text(json.dumps({**json.loads(before), "timeout": 0.05}))
    with served(reported) as address, contextlib.closing(sqlite3.connect(reported.database)) as other:
        other.isolation_level = None
        other.execute("BEGIN EXCLUSIVE")
        answers = [
            asked(address, "feedback"),
            asked(address, "feedback/1/like", {}),
            asked(address, "map/radio/1"),
            asked(address, "map/save", {"name": "Mine", "tracks": [1]}),
            asked(address, "playlists/0/draw", {}),
            *asked(address, "playlists")["playlists"],
        ]
        other.execute("ROLLBACK")
        assert len(asked(address, "map/radio/1")["tracks"]) > 5
    config.write_text(before)
    in_use = "beets' library: in use by another program; try again when that is done"
    assert [answer["error"] for answer in answers] == [in_use] * len(answers)


def test_a_run_of_cfplaylists_is_not_waited_for_by_the_page(reported: Home) -> None:
    with served(reported) as address, hold_lock(reported.beetsdir / "cfaudio", "cfplaylists"):
        assert asked(address, "playlists/0", {})["error"] == "another cfplaylists is at work"


def test_lists_of_another_listener_are_served(reported: Home, tmp_path: Path) -> None:
    home = reported.copy(tmp_path / "home")
    lists = [{"name": "Hers", "kind": "mix", "user": "anna"}]
    users = {"me": ["play_count", "skip_count"], "anna": ["anna_plays"]}
    home.configure({"users": users, "playlists": lists, "playlist_dir": str(home.folder / "lists")})
    home.set("anna_plays", dict.fromkeys(range(1, 9), 5))
    assert home.embed().code == 0
    with served(home) as address:
        (shown,) = asked(address, "playlists")["playlists"]
        drawn = asked(address, "playlists/0/draw", {})
        written = asked(address, "playlists/0", {})
    for answer in (shown, drawn, written):
        assert answer["lists"][0]["tracks"], answer
        assert "error" not in answer
    assert (home.folder / "lists" / "Hers.m3u").is_file()
