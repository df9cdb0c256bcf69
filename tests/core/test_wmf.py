"""Weighted matrix factorisation: tracks of the same contexts get factors that lie together."""

import numpy as np
import pytest
from scipy import sparse

from cfaudio_core.factorization import conjugate_gradient, least_squares
from cfaudio_core.factorization.confidence import KINDS
from cfaudio_core.factorization.wmf import WmfSettings, factorize, fold_in, solve_rows

SETTINGS = WmfSettings(factors=4)


def csr(dense):
    return sparse.csr_array(np.float32(dense))


def fit(dense, settings=SETTINGS, seed=0):
    return factorize(csr(dense), settings, np.random.default_rng(seed))


def random_matrix(rows, columns, seed=0, density=0.3):
    rng = np.random.default_rng(seed)
    values = rng.normal(1, 1, (rows, columns)) * (rng.random((rows, columns)) < density)
    return values.astype(np.float32)


def cosines(vectors):
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / length) @ (vectors / length).T


def test_tracks_of_different_contexts_get_factors_that_separate():
    blocks = np.zeros((6, 10))
    blocks[:3, :5] = blocks[3:, 5:] = 1
    similar = cosines(fit(blocks).tracks)
    assert similar[:5, :5].min() > 0.99
    assert similar[5:, 5:].min() > 0.99
    assert np.abs(similar[:5, 5:]).max() < 0.2


def test_a_context_fits_its_own_tracks_best():
    blocks = np.zeros((6, 10))
    blocks[:3, :5] = blocks[3:, 5:] = 1
    contexts, tracks, _ = fit(blocks)
    scores = contexts @ tracks.T
    assert scores[:3, :5].min() > 0.7 > 0.2 > scores[:3, 5:].max()


def test_rows_of_very_different_length_are_solved_alike_whatever_their_batch(monkeypatch):
    dense = random_matrix(6, 3000, density=0.001)
    dense[2] = 1  # one long row among short ones
    others = np.random.default_rng(1).normal(0, 1, (3000, 5)).astype(np.float32)
    settings = WmfSettings(factors=5)
    together = solve_rows(csr(dense), others, settings)
    alone = np.vstack([solve_rows(csr(dense[i : i + 1]), others, settings) for i in range(6)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)
    cuts = least_squares._cuts
    assert len(cuts(csr(dense).indptr, 20)) > 3
    monkeypatch.setattr(least_squares, "_cuts", lambda indptr, size: cuts(indptr, 20))
    np.testing.assert_allclose(solve_rows(csr(dense), others, settings), together, rtol=1e-4, atol=1e-6)


def test_without_numba_the_same_is_solved_in_numpy(monkeypatch):
    dense = random_matrix(60, 300, density=0.05)
    dense[3] = 0
    dense[4] = 1
    expected = factorize(csr(dense), SETTINGS, np.random.default_rng(0))
    monkeypatch.setattr(least_squares, "_conjugate_gradient", conjugate_gradient.improve_rows)
    found = factorize(csr(dense), SETTINGS, np.random.default_rng(0))
    np.testing.assert_allclose(found.tracks, expected.tracks, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.contexts, expected.contexts, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("confidence", KINDS)
def test_folding_a_known_context_in_gives_its_factors_back(confidence):
    dense = np.abs(random_matrix(12, 20))
    settings = WmfSettings(factors=4, iterations=200, confidence=confidence)
    found = fit(dense, settings)
    folded = fold_in(csr(dense[3:4]), found, settings)
    np.testing.assert_allclose(folded[0], found.contexts[3], atol=0.02 * np.abs(found.contexts).max())


def test_rows_and_columns_without_anything_observed_stay_zero():
    dense = np.abs(random_matrix(8, 9)) + 0.1
    dense[2] = dense[:, 5] = 0
    contexts, tracks, _ = fit(dense)
    assert not contexts[2].any()
    assert not tracks[5].any()
    assert contexts[[0, 1, 3]].any(axis=1).all()


def test_a_matrix_with_nothing_in_it_gives_zeros():
    contexts, tracks, _ = fit(np.zeros((2, 3)))
    assert contexts.shape == (2, 4)
    assert tracks.shape == (3, 4)
    assert not contexts.any()
    assert not tracks.any()


def test_another_seed_gives_other_factors_of_the_same_likeness():
    dense = np.zeros((6, 10))
    dense[:3, :5] = dense[3:, 5:] = 1
    once, other = fit(dense).tracks, fit(dense, seed=1).tracks
    assert not np.array_equal(once, other)
    np.testing.assert_allclose(cosines(once), cosines(other), atol=0.1)


def test_only_the_proportions_of_weights_matter():
    dense = random_matrix(10, 12)
    np.testing.assert_allclose(fit(dense).tracks, fit(1000 * dense).tracks, rtol=1e-2, atol=1e-4)


def test_the_callers_matrix_stays_as_it_is():
    dense = np.float32([[2, 0, 5], [0, 3, 1]])
    matrix = csr(dense)
    matrix[0, 0] = 0  # a stored zero
    before = matrix.copy()
    factorize(matrix, SETTINGS, np.random.default_rng(0))
    np.testing.assert_array_equal(matrix.data, before.data)
    np.testing.assert_array_equal(matrix.indptr, before.indptr)


@pytest.mark.parametrize("regularisation", [0.001, 0.01, 0.1])
def test_more_regularisation_draws_scores_towards_0(regularisation):
    def size(strength):
        contexts, tracks, _ = fit(np.abs(random_matrix(10, 12)), WmfSettings(factors=4, regularisation=strength))
        return np.linalg.norm(contexts @ tracks.T)

    assert size(10 * regularisation) < size(regularisation)
