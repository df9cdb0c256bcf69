"""How heavy is the page, how soon is it drawn, and how smooth is its map?

    python tests/benchmarks/bench_page.py [TRACKS...]

Makes pages of made-up libraries and opens them in headless Chromium, drawing by software. Time is that of the page's
main thread until the map is drawn, by Chromium's own metrics; a frame is a step of a drag with all dots painted again.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from cfaudio_core.data.tracks import Tracks
from cfaudio_core.report.page import Report, render
from cfaudio_core.report.sections.labels import Labels
from cfaudio_core.report.sections.regions import find_regions
from cfaudio_core.util.arrays import FloatArray

SIZES = (381, 20_000, 100_000)
GENRES = (
    "Jazz",
    "Indie Rock",
    "Techno",
    "Folk",
    "Baroque",
    "Hip Hop",
    "Ambient",
    "Metal",
    "Soul",
    "Punk",
    "Dub",
    "House",
)
TAGS = (
    "piano",
    "guitar",
    "female voice",
    "drone",
    "fast",
    "calm",
    "brass",
    "strings",
    "synthesizer",
    "noisy",
    "acoustic",
)
DRAWN = "document.documentElement.dataset.ready === 'yes' && document.getElementById('wait').hidden"
DRAG = """() => new Promise(done => {
    const times = [], view = document.getElementById("view");
    let last = performance.now(), step = 0;
    function frame() {
        const now = performance.now();
        times.push(now - last);
        last = now;
        if (step++ === 60) { done(times.slice(5).sort((a, b) => a - b)); return; }
        view.dispatchEvent(new KeyboardEvent("keydown", { key: step % 20 < 10 ? "ArrowLeft" : "ArrowRight" }));
        requestAnimationFrame(frame);
    }
    requestAnimationFrame(frame);
})"""


def made_up_report(n: int, seed: int = 0) -> Report:
    """Make up a library in clusters, each with a genre of its own; most tracks were never played."""
    draw = np.random.default_rng(seed)
    k = max(3, min(60, n // 15))
    centres = draw.uniform(-0.9, 0.9, (k, 2))
    of = draw.choice(k, n, p=draw.dirichlet(np.full(k, 1.5)))
    places = centres[of] + draw.normal(0, 0.05, (n, 2))
    genres: list[tuple[str, ...]] = [(GENRES[a % len(GENRES)],) for a in of.tolist()]
    tags: list[tuple[str, ...]] = [(TAGS[a * 7 % len(TAGS)],) if draw.random() < 0.6 else () for a in of.tolist()]
    artists = [f"Artist {a}-{int(draw.exponential(2))}" for a in of.tolist()]
    texts = [""] * n
    tracks = Tracks(
        ids=np.arange(1, n + 1),
        paths=[b""] * n,
        keys=texts,
        artists=artists,
        albums=texts,
        genres=genres,
        models=["cf-1"] * n,
        titles=[f"Title number {i}" for i in range(n)],
        album_titles=[f"Album {a} {i % 9}" for i, a in enumerate(of.tolist())],
        albumartists=artists,
        recording_mbids=texts,
        track_mbids=texts,
        lengths=np.full(n, 200, np.float32),
        playlists=[()] * n,
    )
    coordinates: FloatArray = (places / np.abs(places).max()).astype(np.float32)
    labels = Labels({"audio": tags, "genre": genres, "artist": [(one,) for one in artists]})
    return Report(
        listener="me",
        model="cf-1",
        tracks=tracks,
        coordinates=coordinates,
        plays=np.where(draw.random(n) < 0.6, 0, np.ceil(draw.pareto(1.2, n))).astype(np.float32),
        scores=draw.uniform(0, 100, n).round(1).astype(np.float32),
        added=draw.uniform(2010, 2026, n).astype(np.float32),
        years=draw.integers(1955, 2026, n).astype(np.float32),
        existing=np.ones(n, bool),
        tags=tags,
        regions=find_regions(coordinates, labels),
    )


def measure(browser: Any, file: Path) -> str:
    """Open a page and drag its map; one row of the table."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    page.goto(file.as_uri())
    while not page.evaluate(DRAWN):
        page.wait_for_timeout(20)
    found = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
    page.evaluate("document.getElementById('map').scrollIntoView()")
    page.wait_for_timeout(500)
    frames = page.evaluate(DRAG)
    page.close()
    return f"{found['TaskDuration']:8.2f} s {frames[len(frames) // 2]:8.0f} ms {frames[int(0.9 * len(frames))]:8.0f} ms"


def main() -> None:
    """Print a row for each size of a library."""
    sizes = [int(one) for one in sys.argv[1:]] or SIZES
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        print(f"{'tracks':>8} {'page':>8} {'drawn in':>10} {'frame':>11} {'of ten, the ninth':>17}")
        for n in sizes:
            file = Path(folder) / f"{n}.html"
            file.write_bytes(render(made_up_report(n)))
            print(f"{n:8,} {file.stat().st_size / 1e6:5.1f} MB {measure(browser, file)}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
