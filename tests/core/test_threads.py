"""Threads of linear algebra: one where a library is small, or the work comes in small parts."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from cfaudio_core.util.threads import one_thread, threads_for


def threads():
    np.ones((2, 2)) @ np.ones((2, 2))  # the libraries are there from the first use on
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_a_small_library_gets_one_thread_and_a_large_one_all_there_are():
    with threadpool_limits(2):
        before = threads()
        with threads_for(381):
            assert set(threads()) == {1}
        with threads_for(100_000):
            assert threads() == before
        assert threads() == before


def test_work_in_small_parts_is_done_by_one_thread_and_then_there_are_all_again():
    with threadpool_limits(2):
        before = threads()
        assert set(one_thread(threads)()) == {1}
        assert threads() == before
