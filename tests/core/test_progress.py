"""Progress of long work, on a terminal and off it."""

import io
import sys

import pytest

from cfaudio_core.util import progress as module
from cfaudio_core.util.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves on by hand."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def pass_by(seconds):
        now[0] += seconds

    return pass_by


anywhere = pytest.mark.parametrize("stream", [io.StringIO, Terminal], ids=["file", "terminal"])


@anywhere
def test_work_done_within_two_seconds_shows_nothing(clock, monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    with progress("Analysing", 10) as advance:
        for _ in range(10):
            clock(0.1)
            advance(1)
    assert sys.stderr.getvalue() == ""


def test_off_a_terminal_nothing_is_shown_however_long_it_takes(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress("Analysing", 1000) as advance, progress("Reading csv", None, "plays") as count:
        for _ in range(20):
            clock(60)
            advance(10)
            count(10)
    assert sys.stderr.getvalue() == ""


def test_on_a_terminal_a_bar_counts_up_and_shows_the_rate(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("Training", 4, "heads") as advance:
        for _ in range(4):
            clock(3)
            advance(1)
    drawn = sys.stderr.getvalue()
    assert "Training" in drawn
    assert "1/4" in drawn
    assert "4/4" in drawn
    assert "0.3 heads/s" in drawn
    assert drawn.endswith("\n")


def test_an_error_in_the_work_passes_through_and_closes_the_bar(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(KeyError), progress("Analysing", 10) as advance:
        clock(3)
        advance(1)
        raise KeyError
    assert "1/10" in sys.stderr.getvalue()
    assert sys.stderr.getvalue().endswith("\n")


def test_work_of_unknown_length_is_counted_on_one_line(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("Reading csv", None, "plays") as advance:
        clock(4)
        advance(2000)
        clock(30)
        advance(1400)
    assert sys.stderr.getvalue() == "\rReading csv: 2000 plays, 500/s\rReading csv: 3400 plays, 100/s\n"


def test_work_of_unknown_length_done_at_once_is_not_mentioned(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("Reading csv", None, "plays") as advance:
        clock(1)
        advance(2000)
    assert sys.stderr.getvalue() == ""
