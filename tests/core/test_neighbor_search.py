"""Neighbours in a large library: found among the cells around, and nearly always the nearest."""

import numpy as np
import pytest
from synthetic import steady

from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.models import neighbor_search
from cfaudio_core.models.neighbor_search import nearest, neighbor_basis, neighbor_features


def points(n, dim=32, seed=0):
    """Points in clusters, as tracks lie by their styles and artists."""
    rng = np.random.default_rng(seed)
    styles = rng.normal(0, 1, (20, dim))
    return np.float32(styles[rng.integers(20, size=n)] + rng.normal(0, 0.5, (n, dim)))


def test_all_points_are_compared_up_to_a_number():
    found, squared = nearest(points(300), 5)
    apart = np.square(points(300)[:, None] - points(300)).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_array_equal(found, np.argsort(apart, axis=1)[:, :5])
    np.testing.assert_allclose(squared, np.sort(apart, axis=1)[:, :5], rtol=1e-3)


def test_beyond_it_the_nearest_are_still_found(monkeypatch):
    exact, _ = nearest(points(3000), 3)
    monkeypatch.setattr(neighbor_search, "MAX_EXACT_TRACKS", 1000)
    found, squared = nearest(points(3000), 3)
    recall = np.mean([len(set(a) & set(b)) for a, b in zip(exact, found, strict=True)]) / 3
    assert recall > 0.995
    assert (np.diff(squared, axis=1) >= 0).all()
    assert (found != np.arange(3000)[:, None]).all()


def test_cells_that_are_full_are_divided_and_the_nearest_are_still_found(monkeypatch):
    exact, _ = nearest(points(3000), 3)
    monkeypatch.setattr(neighbor_search, "MAX_EXACT_TRACKS", 1000)
    monkeypatch.setattr(neighbor_search, "_CELL_POINTS", 12)
    found, _ = nearest(points(3000), 3)
    np.testing.assert_array_equal(found, nearest(points(3000), 3)[0])
    recall = np.mean([len(set(a) & set(b)) for a, b in zip(exact, found, strict=True)]) / 3
    assert recall > 0.995  # among a tenth of the points
    assert (found != np.arange(3000)[:, None]).all()


@pytest.mark.parametrize("where", [points(1200), np.ones((1200, 32), np.float32)])
def test_there_are_as_many_neighbours_as_asked_for_however_few_are_around(monkeypatch, where):
    monkeypatch.setattr(neighbor_search, "MAX_EXACT_TRACKS", 1000)
    monkeypatch.setattr(neighbor_search, "_SEARCHED_CELLS", 1)
    found, squared = nearest(where, 150)
    assert np.isfinite(squared).all()
    assert all(len({*row, i}) == 151 for i, row in enumerate(found))


def test_a_small_library_is_searched_where_it_lies_and_a_large_one_along_its_axes(monkeypatch):
    few = FeatureMatrix.of(steady(points(200)))
    np.testing.assert_array_equal(neighbor_features(few, neighbor_basis(few)), few.rows(np.arange(200)))
    monkeypatch.setattr(neighbor_search, "MAX_EXACT_TRACKS", 100)
    assert neighbor_features(few, neighbor_basis(few)).shape == (200, neighbor_search._AXES)
