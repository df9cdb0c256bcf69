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


def test_off_a_terminal_a_line_comes_now_and_then_with_rate_and_time_left(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress("Analysing", 1000) as advance:
        for _ in range(20):
            clock(2)
            advance(10)
    shown = sys.stderr.getvalue().splitlines()
    assert shown == [
        "Analysing: 10 of 1000 tracks, 5.0/s, 3:18 left",
        "Analysing: 160 of 1000 tracks, 5.0/s, 2:48 left",
    ]


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


@anywhere
def test_an_error_in_the_work_passes_through_and_closes_the_bar(clock, monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    with pytest.raises(KeyError), progress("Analysing", 10) as advance:
        clock(3)
        advance(1)
        raise KeyError
    assert "1" in sys.stderr.getvalue()
    assert sys.stderr.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00"), (90061, "25:01:01")]
)
def test_time_left_reads_as_a_clock(seconds, shown):
    assert module._clock(seconds) == shown


def test_nothing_done_yet_has_no_time_left(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress("Analysing", 10) as advance:
        clock(5)
        advance(0)
    assert "0 of 10 tracks, 0.0/s" in sys.stderr.getvalue()


def test_work_of_unknown_length_is_counted(clock, capsys):
    with progress("Reading csv", None, "plays") as advance:
        clock(4)
        advance(2000)
        clock(30)
        advance(1400)
    assert capsys.readouterr().err == "Reading csv: 2000 plays, 500/s\nReading csv: 3400 plays, 100/s\n"


def test_work_of_unknown_length_done_at_once_is_not_mentioned(clock, capsys):
    with progress("Reading csv", None, "plays") as advance:
        clock(1)
        advance(2000)
    assert capsys.readouterr().err == ""
