"""The map keeps what is near together, is the same at each run, and takes any library."""

import numpy as np
import pytest

from cfaudio_core.report.projection import project


@pytest.fixture(scope="module")
def groups():
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((3, 10))
    return np.vstack([c + 0.3 * rng.standard_normal((30, 10)) for c in centres]).astype(np.float32)


@pytest.fixture(scope="module")
def places(groups):
    return project(groups)


def test_groups_stay_together(places):
    group = np.repeat([0, 1, 2], 30)
    apart = np.square(places[:, None] - places[None]).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (group[apart.argmin(axis=1)] == group).all()


def test_the_map_is_within_its_frame(places):
    assert places.dtype == np.float32
    assert np.abs(places).max() == pytest.approx(1, abs=1e-6)


def test_the_same_library_gives_the_same_map(groups, places):
    told = []
    np.testing.assert_array_equal(project(groups, on_progress=told.append), places)
    assert sum(told) == pytest.approx(1)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_a_handful_of_tracks_is_laid_out_too(n):
    assert np.isfinite(project(np.eye(10, dtype=np.float32)[:n])).all()


def test_equal_vectors_do_not_break_the_map():
    assert np.isfinite(project(np.ones((40, 5), np.float32))).all()
    assert np.isfinite(project(np.repeat(np.eye(12, dtype=np.float32), 5, axis=0))).all()
