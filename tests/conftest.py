"""Settings of all tests: none of them fails because the machine is busy."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fuzzing import fuzz
from hypothesis import Phase, settings
from needs import find, left_out, missing

settings.register_profile("cfaudio", fuzz(100))
settings.load_profile("cfaudio")
_AT_ONCE = [Phase.explicit, Phase.reuse, Phase.generate]
settings.register_profile("fails-at-once", settings.get_profile("cfaudio"), phases=_AT_ONCE)

# A shell starts background jobs, and all that they start, deaf to ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

CHROMIUM = find("chromium") or find("chromium-browser") or find("google-chrome")


SLOW_FIXTURES = frozenset({"_analysed", "browser", "unanalysed"})
SLOW_MODULES = frozenset((Path(__file__).parent / "slow.txt").read_text("ascii").split())
"""What trains, analyses music, or starts servers and one process after the other: `make test-fast` leaves it out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, by its module or as it opens a browser or needs an analysed library."""
    for item in items:
        if item.path.stem in SLOW_MODULES or not SLOW_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say before the closing line what was left out, and how to have it."""
    lines = list(left_out(report.longrepr[2] for report in terminalreporter.getreports("skipped")))
    if lines:
        terminalreporter.section("left out")
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without sound and without a graphics card."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip(missing("chromium"))
    with playwright.sync_playwright() as runner:
        arguments = ["--no-sandbox", "--mute-audio", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        chromium = runner.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()
