"""Work that may take no longer than it is given."""

import threading

import pytest

from cfaudio_core.util.deadline import run_within


def test_work_returns_what_it_returns():
    assert run_within(600, lambda: 3) == 3


def test_work_raises_what_it_raises():
    with pytest.raises(ZeroDivisionError):
        run_within(600, lambda: 1 // 0)


def test_work_that_takes_longer_is_left_alone():
    enough = threading.Event()
    with pytest.raises(TimeoutError, match=r"not done in 0\.01 s"):
        run_within(0.01, enough.wait)
    enough.set()
