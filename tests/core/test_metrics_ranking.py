"""Figures of a ranking, against counting by hand, and against writing every list out."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfaudio_core.evaluation.metrics import REPLICATES, Ranking, concordance, estimate, resampled


def falling(n):
    return np.arange(n, 0, -1, dtype=np.float32)


def ranking(*relevant, scores=None, times=None):
    return Ranking(falling(len(relevant)) if scores is None else np.float32(scores), np.array(relevant, bool), times)


def only(values):
    (value,) = values
    return value


def test_a_perfect_list_has_1_everywhere():
    best = ranking(1, 1, 0, 0, 0)
    for figure in (
        best.recall(),
        best.list_recall(2),
        best.precision(),
        best.auc(),
        best.ndcg(np.float32([3, 1, 0, 0, 0])),
    ):
        assert only(figure) == pytest.approx(1)


def test_figures_by_hand():
    some = ranking(0, 1, 0, 1, 0)
    assert only(some.recall(2)) == pytest.approx(1 / 2)
    assert only(some.recall(1)) == 0
    assert only(some.list_recall(3)) == pytest.approx(1 / 2)
    assert only(some.precision()) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert only(some.auc()) == pytest.approx((2 + 1) / 6)
    got, ideal = 1 / np.log2(3) + 2 / np.log2(5), 2 + 1 / np.log2(3)
    assert only(some.ndcg(np.float32([0, 1, 0, 2, 0]))) == pytest.approx(got / ideal)


def test_recall_asks_for_no_more_than_fits_and_list_recall_for_all():
    most = ranking(*[1] * 10)
    assert only(most.recall(5)) == 1
    assert only(most.list_recall(5)) == pytest.approx(0.5)


def test_precision_stops_at_its_depth():
    assert only(ranking(1, 0, 1).precision(2)) == pytest.approx(1 / 2)


def test_without_anything_relevant_there_is_no_figure():
    none = ranking(0, 0)
    assert np.isnan(only(none.auc()))
    assert np.isnan(only(none.recall()))
    assert np.isnan(only(none.ndcg(np.zeros(2, np.float32))))


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 3)), min_size=1, max_size=6))
def test_equal_scores_are_worth_the_mean_over_all_their_orders(rows):
    rows = sorted(rows, key=lambda row: -row[0])
    scores, gains = np.float32([r[0] for r in rows]), np.float32([r[2] for r in rows])
    tied = Ranking(scores, np.array([r[1] for r in rows]))
    orders = [
        order
        for order in itertools.permutations(range(len(rows)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    strict = [
        (Ranking(falling(len(rows)), np.array([rows[i][1] for i in order])), gains[list(order)]) for order in orders
    ]
    for of_tied, of_strict in (
        (tied.recall(2), [r.recall(2) for r, _ in strict]),
        (tied.list_recall(2), [r.list_recall(2) for r, _ in strict]),
        (tied.ndcg(gains, 3), [r.ndcg(g, 3) for r, g in strict]),
        (tied.auc(), [r.auc() for r, _ in strict]),
    ):
        np.testing.assert_allclose(only(of_tied), np.mean(of_strict), atol=1e-9)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=20))
def test_auc_is_the_concordance_with_a_truth_of_two_values(rows):
    rows = sorted(rows, key=lambda row: -row[0])
    scores, truth = np.float32([r[0] for r in rows]), np.array([r[1] for r in rows])
    value = only(Ranking(scores, truth).auc())
    if truth.all() or not truth.any():
        assert np.isnan(value)
    else:
        assert value == pytest.approx(concordance(scores, truth.astype(np.float32)))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 2)), min_size=1, max_size=12))
def test_what_is_drawn_several_times_stands_there_several_times(rows):
    times = np.array([[r[0] for r in rows]], float)
    relevant, gains = np.array([r[1] for r in rows]), np.float32([r[2] for r in rows])
    scores = falling(len(rows))
    at = np.repeat(np.arange(len(rows)), times[0].astype(int))
    drawn, written = Ranking(scores, relevant, times), Ranking(scores[at], relevant[at])
    np.testing.assert_allclose(drawn.recall(4), written.recall(4))
    np.testing.assert_allclose(drawn.list_recall(4), written.list_recall(4))
    np.testing.assert_allclose(drawn.precision(5), written.precision(5))
    np.testing.assert_allclose(drawn.auc(), written.auc())
    np.testing.assert_allclose(drawn.ndcg(gains, 4), written.ndcg(gains[at], 4), atol=1e-9)


def test_things_of_one_unit_are_drawn_together_and_the_first_row_is_what_was_measured():
    times = resampled(np.array([0, 0, 1, 2, 2]), seed=0)
    assert times.shape == (1 + REPLICATES, 5)
    assert (times[0] == 1).all()
    np.testing.assert_array_equal(times[:, 0], times[:, 1])
    np.testing.assert_array_equal(times[:, 3], times[:, 4])
    assert (times[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(0).normal(5, 2, 400)
    times = resampled(np.arange(400), seed=1)
    value, low, high = estimate((times * values).sum(axis=1) / times.sum(axis=1))
    assert value == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.2)
    assert low < 5 < high
