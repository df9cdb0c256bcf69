"""Threads of linear algebra: one where a library is small."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from cfaudio_core.threads import threads_for


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
