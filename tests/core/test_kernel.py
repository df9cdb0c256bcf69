"""The kernel machine and the graph of neighbours: what they learn, and that held-out predictions are honest."""

import numpy as np
import pytest
from scipy import sparse

from cfaudio_core.data.training_set import Targets, TrainingSet
from cfaudio_core.models import kernel_machine
from cfaudio_core.models.kernel_machine import STRENGTHS, KernelMachine, fit_kernel
from cfaudio_core.models.knn_graph import knn_graph, propagate


def make_lesson(features, known, *preferences, seen=None):
    """A lesson without factors; `preferences` are float (n,) each, `seen` says of which known tracks they are known."""
    values = np.stack(preferences, axis=1).astype(np.float32)[known]
    mask = np.ones(values.shape, bool) if seen is None else seen
    targets = Targets(values, mask, np.zeros((len(known), 0), np.float32))
    fold = np.random.default_rng(0).permutation(len(known)) % 5
    graph = knn_graph(features)
    return TrainingSet(features[known], graph, known, targets, np.arange(values.shape[1]), fold)


def places(n, dim=4, seed=0):
    features = np.random.default_rng(seed).normal(0, 1, (n, dim))
    return (features / np.sqrt(np.square(features).sum(axis=1).mean())).astype(np.float32)


def rows(known, n):
    row = np.full(n, -1)
    row[known] = np.arange(len(known))
    return row


def correlation(one, other):
    return np.corrcoef(one, other)[0, 1]


def test_a_preference_that_no_line_can_tell_is_learnt_for_tracks_never_seen():
    features = places(400, 2)
    liked = np.sign(features[:, 0] * features[:, 1])  # as in the corners of a square
    known, fresh = np.arange(300), np.arange(300, 400)
    machine, held_out = fit_kernel(make_lesson(features, known, liked), seed=0)
    predicted = machine.predict(features, knn_graph(features), rows(known, 400))[:, 0]
    assert correlation(predicted[fresh], liked[fresh]) > 0.8
    assert correlation(held_out[:, 0], liked[known]) > 0.8


def test_noise_is_not_foretold_of_tracks_that_are_held_out():
    features = places(300, 20)
    noise = np.random.default_rng(1).normal(0, 1, 300)
    machine, held_out = fit_kernel(make_lesson(features, np.arange(300), noise), seed=0)
    assert abs(correlation(held_out[:, 0], noise)) < 0.15
    assert machine.strength.tolist() == [0]


def test_a_neighbourhood_that_the_machine_is_too_smooth_for_is_told_by_the_neighbours():
    rng = np.random.default_rng(0)
    centres = places(60, 6)
    features = (np.repeat(centres, 6, axis=0) + rng.normal(0, 0.01, (360, 6))).astype(np.float32)
    liked = np.repeat(rng.choice([-1.0, 1.0], 60), 6)  # every small group has a taste of its own
    known = np.flatnonzero(np.arange(360) % 6 < 4)
    machine, _ = fit_kernel(make_lesson(features, known, liked), seed=0)
    assert machine.strength[0] > 0
    graph, fresh = knn_graph(features), np.flatnonzero(np.arange(360) % 6 >= 4)
    alone = machine._replace(strength=np.zeros(1, np.float32))
    error = [
        np.square(m.predict(features, graph, rows(known, 360))[fresh, 0] - liked[fresh]).mean()
        for m in (machine, alone)
    ]
    assert error[0] < 0.8 * error[1]


def test_each_listener_is_learnt_from_the_tracks_known_of_them_alone():
    features = places(200)
    ann, bob = features[:, 0] * 10, features[:, 1] * 10
    seen = np.stack([np.arange(200) < 120, np.arange(200) >= 80], axis=1)
    together, _ = fit_kernel(make_lesson(features, np.arange(200), ann, bob, seen=seen), seed=0)
    graph = knn_graph(features)
    said = together.predict(features, graph, np.arange(200))
    nonsense = np.where(seen[:, 1], bob, 1e6)
    again, _ = fit_kernel(make_lesson(features, np.arange(200), ann, nonsense, seen=seen), seed=0)
    np.testing.assert_array_equal(said, again.predict(features, graph, np.arange(200)))
    assert correlation(said[:80, 1], bob[:80]) > 0.8


def test_a_sample_of_anchors_says_nearly_what_all_of_them_say(monkeypatch):
    features = places(600)
    liked = np.sin(4 * features[:, 0])
    training_set = make_lesson(features, np.arange(600), liked)
    exact, _ = fit_kernel(training_set, seed=0)
    monkeypatch.setattr(kernel_machine, "MOST", 250)
    few, held_out = fit_kernel(training_set, seed=0)
    assert few.anchors.shape == (250, 4)
    said = [m.predict(features, training_set.graph, np.arange(600))[:, 0] for m in (exact, few)]
    assert correlation(*said) > 0.99
    assert correlation(held_out[:, 0], liked) > 0.9


def test_a_machine_is_the_same_again_and_predicts_in_blocks_what_it_predicts_at_once(monkeypatch):
    features = places(300)
    training_set = make_lesson(features, np.arange(0, 300, 2), features[:, 0])
    one, two = fit_kernel(training_set, seed=0)[0], fit_kernel(training_set, seed=0)[0]
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    row = rows(np.arange(0, 300, 2), 300)
    whole = one.predict(features, training_set.graph, row)
    monkeypatch.setattr(kernel_machine, "BLOCK", 7)
    np.testing.assert_allclose(one.predict(features, training_set.graph, row), whole, atol=1e-5)


def test_a_library_of_no_new_tracks_is_foretold_nothing():
    machine, _ = fit_kernel(make_lesson(places(40), np.arange(40), places(40)[:, 0]), seed=0)
    empty = machine.predict(np.zeros((0, 4), np.float32), sparse.csr_array((0, 0), dtype=np.float32), np.zeros(0, int))
    assert empty.shape == (0, 1)
    assert KernelMachine._fields[-1] == "strength"
    assert min(STRENGTHS) == 0


def test_neighbours_are_the_nearest_in_both_directions_and_nothing_grows_without_end():
    graph = knn_graph(places(200))
    assert (graph != graph.T).nnz == 0
    assert np.diff(graph.indptr).min() >= 3
    assert graph.diagonal().max() == 0
    assert np.linalg.eigvalsh(graph.toarray()).max() <= 1 + 1e-4


def test_what_is_wrong_reaches_the_own_group_and_no_other():
    features = np.concatenate([places(30, seed=1) * 0.1, places(30, seed=2) * 0.1 + 5]).astype(np.float32)
    wrong = np.zeros((60, 1), np.float32)
    wrong[0] = 1
    reached = propagate(knn_graph(features), wrong)[:, 0]
    assert (reached[:30] > 0).all()
    assert not reached[30:].any()
    assert reached[0] == reached.max()


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_handful_of_tracks_has_a_graph(n):
    graph = knn_graph(places(n) if n else np.zeros((0, 4), np.float32))
    assert graph.shape == (n, n)
    assert np.isfinite(graph.data).all()


def test_tracks_that_sound_the_same_to_the_bit_are_neighbours():
    graph = knn_graph(np.tile(places(10), (5, 1)))
    assert np.isfinite(graph.data).all()
    assert graph[0, 10] > 0 or graph[0, 20] > 0 or graph[0, 30] > 0 or graph[0, 40] > 0
