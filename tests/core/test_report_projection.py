"""The map keeps what is near together, is the same at each run, and takes any library; of a large one, a part."""

import numpy as np
import pytest

from cfaudio_core.report.sections.projection import project, tracks_shown


@pytest.fixture(scope="module")
def groups():
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((3, 10))
    return np.vstack([c + 0.3 * rng.standard_normal((30, 10)) for c in centres]).astype(np.float32)


@pytest.fixture(scope="module")
def coordinates(groups):
    return project(groups)


def test_groups_stay_together(coordinates):
    group = np.repeat([0, 1, 2], 30)
    apart = np.square(coordinates[:, None] - coordinates[None]).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (group[apart.argmin(axis=1)] == group).all()


def test_the_map_is_within_its_frame(coordinates):
    assert coordinates.dtype == np.float32
    assert np.abs(coordinates).max() == pytest.approx(1, abs=1e-6)


def test_the_same_library_gives_the_same_map(groups, coordinates):
    shares = []
    np.testing.assert_array_equal(project(groups, on_progress=shares.append), coordinates)
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_a_handful_of_tracks_is_laid_out_too(n):
    assert np.isfinite(project(np.eye(10, dtype=np.float32)[:n])).all()


def test_equal_vectors_do_not_break_the_map():
    assert np.isfinite(project(np.ones((40, 5), np.float32))).all()
    assert np.isfinite(project(np.repeat(np.eye(12, dtype=np.float32), 5, axis=0))).all()


N, MOST = 10_000, 1000


def plays_of(played):
    plays = np.zeros(N, np.float32)
    plays[:played] = np.arange(played, 0, -1)
    return plays


def test_all_are_shown_where_there_is_room():
    assert tracks_shown(np.array([4, 7, 9]), np.zeros(3, np.float32), 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("played", [0, 10, 500, 5000])
def test_the_most_played_come_first_and_take_no_more_than_half(played):
    at = tracks_shown(np.arange(N) + 1, plays_of(played), MOST)
    assert len(at) == len(set(at.tolist())) == MOST
    assert (np.diff(at) > 0).all()
    assert set(at.tolist()).issuperset(range(min(played, MOST // 2)))
    assert (at >= 5000).sum() > MOST // 5


def test_every_album_is_drawn_in_proportion():
    at = tracks_shown(np.arange(N) + 1, np.zeros(N, np.float32), MOST)
    assert np.bincount(at // 100, minlength=100).tolist() == pytest.approx([10] * 100, abs=2)


def test_the_same_tracks_are_shown_of_a_library_that_has_grown():
    ids, nothing = np.arange(N) + 1, np.zeros(N, np.float32)
    before, after = tracks_shown(ids[: N - 100], nothing[: N - 100], MOST), tracks_shown(ids, nothing, MOST)
    assert len(np.intersect1d(before, after)) > 0.98 * MOST
