"""The kernel machine and the k-NN graph: what they learn, and that held-out predictions are honest."""

import numpy as np
import pytest
from scipy import sparse

from cfaudio_core.data.training_set import Targets, TrainingSet
from cfaudio_core.models import kernel_machine
from cfaudio_core.models.kernel_machine import STRENGTHS, KernelMachine
from cfaudio_core.models.knn_graph import knn_graph, propagate


def make_training_set(features, known, *preferences, seen=None):
    """A training set without factors; `preferences` are float (n,) each, of the known tracks those `seen` are known."""
    values = np.stack(preferences, axis=1).astype(np.float32)[known]
    mask = np.ones(values.shape, bool) if seen is None else seen
    targets = Targets(values, mask, np.zeros((len(known), 0), np.float32))
    fold = np.random.default_rng(0).permutation(len(known)) % 5
    graph = knn_graph(features)
    return TrainingSet(features[known], graph, known, targets, np.arange(values.shape[1]), fold)


def make_features(n, dim=4, seed=0):
    features = np.random.default_rng(seed).normal(0, 1, (n, dim))
    return (features / np.sqrt(np.square(features).sum(axis=1).mean())).astype(np.float32)


def rows(known, n):
    row = np.full(n, -1)
    row[known] = np.arange(len(known))
    return row


def predict(machine, features, graph, row):
    """Predictions of tracks, corrected by the residuals of those that are known by `row`."""
    residuals = np.where(row[:, None] >= 0, machine.residuals[row], 0)
    return machine.correct(machine.predict(features), graph, residuals)


def correlation(one, other):
    return np.corrcoef(one, other)[0, 1]


def test_a_preference_that_no_line_can_tell_is_learnt_for_tracks_never_seen():
    features = make_features(400, 2)
    liked = np.sign(features[:, 0] * features[:, 1])  # as in the corners of a square
    known, fresh = np.arange(300), np.arange(300, 400)
    machine, held_out = KernelMachine.fit(make_training_set(features, known, liked), seed=0)
    predicted = predict(machine, features, knn_graph(features), rows(known, 400))[:, 0]
    assert correlation(predicted[fresh], liked[fresh]) > 0.8
    assert correlation(held_out[:, 0], liked[known]) > 0.8


def test_noise_is_not_predicted_of_tracks_that_are_held_out():
    features = make_features(300, 20)
    noise = np.random.default_rng(1).normal(0, 1, 300)
    machine, held_out = KernelMachine.fit(make_training_set(features, np.arange(300), noise), seed=0)
    assert abs(correlation(held_out[:, 0], noise)) < 0.15
    assert machine.strength.tolist() == [0]


def test_a_neighbourhood_that_the_machine_is_too_smooth_for_is_predicted_by_the_neighbours():
    rng = np.random.default_rng(0)
    centres = make_features(60, 6)
    features = (np.repeat(centres, 6, axis=0) + rng.normal(0, 0.01, (360, 6))).astype(np.float32)
    liked = np.repeat(rng.choice([-1.0, 1.0], 60), 6)  # every small group has a taste of its own
    known = np.flatnonzero(np.arange(360) % 6 < 4)
    machine, _ = KernelMachine.fit(make_training_set(features, known, liked), seed=0)
    assert machine.strength[0] > 0
    graph, fresh = knn_graph(features), np.flatnonzero(np.arange(360) % 6 >= 4)
    alone = machine._replace(strength=np.zeros(1, np.float32))
    error = [
        np.square(predict(m, features, graph, rows(known, 360))[fresh, 0] - liked[fresh]).mean()
        for m in (machine, alone)
    ]
    assert error[0] < 0.8 * error[1]


def test_each_listener_is_learnt_from_the_tracks_known_of_them_alone():
    features = make_features(200)
    ann, bob = features[:, 0] * 10, features[:, 1] * 10
    seen = np.stack([np.arange(200) < 120, np.arange(200) >= 80], axis=1)
    together, _ = KernelMachine.fit(make_training_set(features, np.arange(200), ann, bob, seen=seen), seed=0)
    graph = knn_graph(features)
    predicted = predict(together, features, graph, np.arange(200))
    nonsense = np.where(seen[:, 1], bob, 1e6)
    again, _ = KernelMachine.fit(make_training_set(features, np.arange(200), ann, nonsense, seen=seen), seed=0)
    np.testing.assert_array_equal(predicted, predict(again, features, graph, np.arange(200)))
    assert correlation(predicted[:80, 1], bob[:80]) > 0.8


def test_a_sample_of_landmarks_predicts_nearly_what_all_of_them_do(monkeypatch):
    features = make_features(600)
    liked = np.sin(4 * features[:, 0])
    training_set = make_training_set(features, np.arange(600), liked)
    exact, _ = KernelMachine.fit(training_set, seed=0)
    monkeypatch.setattr(kernel_machine, "MAX_LANDMARKS", 250)
    few, held_out = KernelMachine.fit(training_set, seed=0)
    assert few.landmarks.shape == (250, 4)
    predicted = [predict(m, features, training_set.graph, np.arange(600))[:, 0] for m in (exact, few)]
    assert correlation(*predicted) > 0.99
    assert correlation(held_out[:, 0], liked) > 0.9


def test_a_machine_is_the_same_again_and_predicts_in_blocks_what_it_predicts_at_once(monkeypatch):
    features = make_features(300)
    training_set = make_training_set(features, np.arange(0, 300, 2), features[:, 0])
    one, two = KernelMachine.fit(training_set, seed=0)[0], KernelMachine.fit(training_set, seed=0)[0]
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    row = rows(np.arange(0, 300, 2), 300)
    whole = predict(one, features, training_set.graph, row)
    monkeypatch.setattr(kernel_machine, "BLOCK_TRACKS", 7)
    np.testing.assert_allclose(predict(one, features, training_set.graph, row), whole, atol=1e-5)


def test_nothing_is_predicted_of_no_tracks():
    machine, _ = KernelMachine.fit(make_training_set(make_features(40), np.arange(40), make_features(40)[:, 0]), seed=0)
    empty = predict(machine, np.zeros((0, 4), np.float32), sparse.csr_array((0, 0), dtype=np.float32), np.zeros(0, int))
    assert empty.shape == (0, 1)
    assert min(STRENGTHS) == 0


def test_neighbours_are_the_nearest_in_both_directions_and_nothing_grows_without_end():
    graph = knn_graph(make_features(200))
    assert (graph != graph.T).nnz == 0
    assert np.diff(graph.indptr).min() >= 3
    assert graph.diagonal().max() == 0
    assert np.linalg.eigvalsh(graph.toarray()).max() <= 1 + 1e-4


def test_residuals_reach_the_own_group_and_no_other():
    features = np.concatenate([make_features(30, seed=1) * 0.1, make_features(30, seed=2) * 0.1 + 5]).astype(np.float32)
    residuals = np.zeros((60, 1), np.float32)
    residuals[0] = 1
    reached = propagate(knn_graph(features), residuals)[:, 0]
    assert (reached[:30] > 0).all()
    assert not reached[30:].any()
    assert reached[0] == reached.max()


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_handful_of_tracks_has_a_graph(n):
    graph = knn_graph(make_features(n) if n else np.zeros((0, 4), np.float32))
    assert graph.shape == (n, n)
    assert np.isfinite(graph.data).all()


def test_tracks_that_sound_the_same_to_the_bit_are_neighbours():
    graph = knn_graph(np.tile(make_features(10), (5, 1)))
    assert np.isfinite(graph.data).all()
    assert graph[0, 10] > 0 or graph[0, 20] > 0 or graph[0, 30] > 0 or graph[0, 40] > 0
