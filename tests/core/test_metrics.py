"""How good a ranking is, against counting every pair."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_model

from cfaudio_core.evaluation.held_out import evaluate_held_out
from cfaudio_core.evaluation.metrics import concordance
from cfaudio_core.models.hybrid_model import HeldOutPredictions


def pair_by_pair(scores, truth):
    votes = [
        0.5 if scores[i] == scores[j] else float((scores[i] < scores[j]) == (truth[i] < truth[j]))
        for i, j in itertools.combinations(range(len(truth)), 2)
        if truth[i] != truth[j]
    ]
    return sum(votes) / len(votes) if votes else 0.5


@pytest.mark.parametrize(
    ("scores", "truth", "share"),
    [
        ([1, 2, 3], [10, 20, 30], 1),
        ([3, 2, 1], [10, 20, 30], 0),
        ([1, 1, 1], [10, 20, 30], 0.5),
        ([1, 2, 3], [5, 5, 5], 0.5),
        ([1, 3, 2], [10, 20, 30], 2 / 3),
        ([0.9, 0.1, 0.8, 0.2], [1, 0, 1, 0], 1),
        ([0.9, 0.8, 0.1, 0.2], [1, 0, 1, 0], 0.5),
        ([1], [1], 0.5),
        ([], [], 0.5),
    ],
)
def test_the_share_of_pairs_in_the_right_order(scores, truth, share):
    assert concordance(np.float32(scores), np.float32(truth)) == pytest.approx(share)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), min_size=0, max_size=25))
def test_it_is_the_count_of_every_pair(pairs):
    scores, truth = np.float32([s for s, _ in pairs]), np.float32([t for _, t in pairs])
    assert concordance(scores, truth) == pytest.approx(pair_by_pair(scores, truth), abs=1e-9)


@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 9)), min_size=2, max_size=40))
def test_turning_the_ranking_round_turns_the_figure_round(pairs):
    scores, truth = np.float32([s for s, _ in pairs]), np.float32([t for _, t in pairs])
    assert concordance(scores, truth) + concordance(-scores, truth) == pytest.approx(1)


def test_a_large_library_is_counted_without_overflow():
    truth = np.arange(100_000, dtype=np.float32)
    assert concordance(truth, truth) == pytest.approx(1)
    assert concordance(np.random.default_rng(0).random(100_000), truth) == pytest.approx(0.5, abs=0.01)


def test_a_model_is_evaluated_for_each_listener_on_what_is_known_of_them():
    truth = np.float32([[1, np.nan], [2, 1], [3, 2], [np.nan, 3]])
    by_audio = np.float32([[3, 9], [2, 1], [1, 2], [9, 3]])
    by_both = np.float32([[1, 9], [2, 3], [3, 2], [0, 1]])
    held_out = HeldOutPredictions(truth, by_audio, by_both)
    weights = np.float32([[1, 1], [0, 0]])
    ann, bob = evaluate_held_out(make_model(listeners=["ann", "bob"], held_out=held_out, stack_weights=weights))
    assert ann == ("ann", 3, 0.0, 1.0, {}, 0.0)
    assert bob == ("bob", 3, 1.0, 0.0, {}, 0.0)
