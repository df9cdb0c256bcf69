"""Take the pictures of README and manual, of a page in Chromium: `python docs/pictures.py [LIBRARY]`.

LIBRARY is the folder of a beets configuration whose tracks are analysed; what `cfreport` keeps there is all that is
written to it. Without one, the library of `cfaudio demo` is made and thrown away. Names of its artists are seen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from playwright.sync_api import Page, sync_playwright

MOST_BYTES = 150_000
FOLDER = Path(__file__).parent / "pictures"
LISTS = [{"kind": "discover"}, {"kind": "daily mix"}]
WAY = [sys.executable, "-P", "-m"]  # -P: a checkout that is the current folder comes not first


def demo(folder: Path) -> None:
    """Make the demo library with playlists in an empty folder."""
    subprocess.run([*WAY, "cfaudio_core.cli", "demo", "--keep", str(folder)], check=True)
    config = folder / "config.yaml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings.setdefault("cfaudio", {}).update(playlists=LISTS, playlist_dir=str(folder / "lists"))
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")


def take(page: Page) -> None:
    """Take all pictures of a page that is open."""
    page.evaluate("document.querySelector('nav').style.position = 'static'")
    page.add_style_tag(content="#player { display: none !important; }")
    page.wait_for_selector("#lists .track", timeout=600_000)
    page.wait_for_timeout(1500)  # covers come late
    FOLDER.mkdir(exist_ok=True)
    page.screenshot(path=FOLDER / "first.png")
    page.evaluate("document.querySelector('#map').scrollIntoView()")
    page.wait_for_timeout(500)  # names come once the map rests
    page.locator("#map .stage").screenshot(path=FOLDER / "map.png")
    single = "#lists .playlist:not(.many)"  # of one list; a daily mix has several
    part(page, single if page.locator(single).count() else "#lists .playlist", 560, "list.png")
    part(page, "#units .cards", 640, "learnt.png")


def part(page: Page, selector: str, height: int, name: str) -> None:
    """Take the upper part of the first element that a selector finds."""
    one = page.locator(selector).first
    one.scroll_into_view_if_needed()
    box = one.bounding_box()
    assert box
    down = page.evaluate("scrollY")
    clip = {"x": box["x"], "y": box["y"] + down, "width": box["width"], "height": min(box["height"], height)}
    page.screenshot(path=FOLDER / name, full_page=True, clip=clip)


def main() -> None:
    """Make a page of a library, and take its pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as temporary:
        library = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else Path(temporary, "demo")
        if len(sys.argv) < 2:
            demo(library)
        command = [*WAY, "beets", "cfreport", "-o", str(Path(temporary, "page")), "--serve", "--port", "0"]
        environment = {**os.environ, "BEETSDIR": str(library)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8") as server:
            try:
                assert server.stdout
                address = next((line.split()[1] for line in server.stdout if line.startswith("Open ")), None)
                if address is None:
                    sys.exit("beet cfreport served no page")
                with sync_playwright() as runner:
                    flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
                    browser = runner.chromium.launch(executable_path=chromium, args=flags)
                    size = {"width": 1200, "height": 700}
                    page = browser.new_page(viewport=size, color_scheme="light", reduced_motion="reduce")
                    page.goto(address)
                    page.wait_for_selector("html[data-ready=yes]", timeout=600_000)
                    take(page)
                    browser.close()
            finally:
                server.terminate()
    for file in sorted(FOLDER.glob("*.png")):
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
        if file.stat().st_size > MOST_BYTES:
            sys.exit(f"{file} has more than {MOST_BYTES / 1000:.0f} kB")


if __name__ == "__main__":
    main()
