"""Weighted matrix factorisation: what is heard together gets factors that lie together."""

import numpy as np
import pytest
from scipy import sparse

from cfaudio_core.factors.wmf import WmfSettings, factorize, solve_rows

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


def in_closed_form(dense, others, settings):
    """One half-sweep as the formula says it, a row at a time in float64."""
    others, everything = others.astype(np.float64), settings.unobserved * dense.shape[1]
    solved = np.zeros((len(dense), others.shape[1]))
    for u, row in enumerate(dense.astype(np.float64)):
        seen = np.flatnonzero(row)
        if len(seen):
            weight, wanted = np.diag(np.abs(row[seen])), (row[seen] > 0).astype(float)
            left = others[seen].T @ weight @ others[seen] + settings.unobserved * others.T @ others
            left += settings.regularisation * (len(seen) + everything) * np.eye(len(left))
            solved[u] = np.linalg.solve(left, others[seen].T @ weight @ wanted)
    return solved


def test_tracks_heard_in_different_contexts_get_factors_that_separate():
    blocks = np.zeros((6, 10))
    blocks[:3, :5] = blocks[3:, 5:] = 1
    similar = cosines(fit(blocks).tracks)
    assert similar[:5, :5].min() > 0.99
    assert similar[5:, 5:].min() > 0.99
    assert np.abs(similar[:5, 5:]).max() < 0.2


def test_a_context_fits_its_own_tracks_best():
    blocks = np.zeros((6, 10))
    blocks[:3, :5] = blocks[3:, 5:] = 1
    contexts, tracks = fit(blocks)
    scores = contexts @ tracks.T
    assert scores[:3, :5].min() > 0.7 > 0.2 > scores[:3, 5:].max()


def test_a_track_brought_by_like_contexts_scores_above_one_that_is_not():
    matrix = np.zeros((5, 8))
    matrix[:4, :4] = matrix[4, 4:] = 1
    matrix[3, 3] = 0  # not observed there, but everything else says that it belongs
    contexts, tracks = fit(matrix)
    scores = contexts[3] @ tracks.T
    assert scores[3] > scores[4:].max() + 0.1


def test_skips_pull_a_track_below_an_unknown_one():
    matrix = np.zeros((4, 6))
    matrix[:, :4] = 1
    matrix[0, 4] = -3  # skipped by one; track 5 is unknown to the same one
    matrix[1:, 4:] = 1
    contexts, tracks = fit(matrix, WmfSettings(factors=3, iterations=40))
    scores = contexts[0] @ tracks.T
    assert scores[4] < scores[5] - 0.1
    assert scores[4] < 0.3


def test_a_half_sweep_is_the_closed_form_of_every_row():
    dense = random_matrix(40, 30)
    others = np.random.default_rng(1).normal(0, 1, (30, 6)).astype(np.float32)
    settings = WmfSettings(factors=6, regularisation=0.05)
    np.testing.assert_allclose(
        solve_rows(csr(dense), others, settings), in_closed_form(dense, others, settings), rtol=1e-3, atol=1e-4
    )


def test_rows_of_very_different_length_are_solved_alike_whatever_their_batch():
    dense = random_matrix(6, 3000, density=0.001)
    dense[2] = 1  # one long row among short ones
    others = np.random.default_rng(1).normal(0, 1, (3000, 5)).astype(np.float32)
    settings = WmfSettings(factors=5)
    together = solve_rows(csr(dense), others, settings)
    alone = np.vstack([solve_rows(csr(dense[i : i + 1]), others, settings) for i in range(6)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_folding_a_known_context_in_gives_its_factors_back():
    dense = np.abs(random_matrix(12, 20))
    contexts, tracks = fit(dense, WmfSettings(factors=4, iterations=200))
    scaled = dense / dense[dense > 0].mean()
    np.testing.assert_allclose(
        solve_rows(csr(scaled[3:4]), tracks, SETTINGS)[0], contexts[3], atol=0.02 * np.abs(contexts).max()
    )


def test_rows_and_columns_without_anything_observed_stay_zero():
    dense = np.abs(random_matrix(8, 9)) + 0.1
    dense[2] = dense[:, 5] = 0
    contexts, tracks = fit(dense)
    assert not contexts[2].any()
    assert not tracks[5].any()
    assert contexts[[0, 1, 3]].any(axis=1).all()


def test_a_matrix_with_nothing_in_it_gives_zeros():
    contexts, tracks = fit(np.zeros((2, 3)))
    assert contexts.shape == (2, 4)
    assert tracks.shape == (3, 4)
    assert not contexts.any()
    assert not tracks.any()


def test_more_sweeps_come_nearer_to_the_minimum():
    dense, settings = random_matrix(20, 15), WmfSettings(factors=3)
    scaled = dense / np.abs(dense[dense != 0]).mean()

    def objective(contexts, tracks):
        scores = contexts.astype(np.float64) @ tracks.T
        seen, a0, reg = scaled != 0, settings.unobserved, settings.regularisation
        observed = (np.abs(scaled) * ((scaled > 0) - scores) ** 2)[seen].sum() + a0 * (scores**2).sum()
        per_context = (seen.sum(axis=1) + a0 * 15) * (contexts**2).sum(axis=1)
        per_track = (seen.sum(axis=0) + a0 * 20) * (tracks**2).sum(axis=1)
        return observed + reg * (per_context.sum() + per_track.sum())

    errors = [objective(*fit(dense, WmfSettings(factors=3, iterations=sweeps))) for sweeps in (1, 2, 4, 8, 32)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.9 * errors[0]


def test_the_same_seed_gives_the_same_factors_and_another_the_same_likeness():
    dense = np.zeros((6, 10))
    dense[:3, :5] = dense[3:, 5:] = 1
    once, again, other = fit(dense).tracks, fit(dense).tracks, fit(dense, seed=1).tracks
    np.testing.assert_array_equal(once, again)
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
        contexts, tracks = fit(np.abs(random_matrix(10, 12)), WmfSettings(factors=4, regularisation=strength))
        return np.linalg.norm(contexts @ tracks.T)

    assert size(10 * regularisation) < size(regularisation)
