"""The training of heads, and what they say of sound that they never heard."""

import numpy as np
import pytest
import torch

from cfaudio_core.learning.dataset import Targets, unit
from cfaudio_core.learning.prediction import predict
from cfaudio_core.learning.settings import HeadSettings
from cfaudio_core.learning.training import train

SETTINGS = HeadSettings(hidden=48, folds=3, epochs=50, patience=6, learning_rate=1e-2, dropout=0.2, input_dropout=0.0)
SHORT = HeadSettings(hidden=8, folds=3, epochs=4, patience=10)


def make_features(n=300, dim=6, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (n, dim)).astype(np.float32)


def standard(values):
    return ((values - values.mean()) / values.std()).astype(np.float32)


def make_targets(*preferences, known=None, direction=None):
    columns = np.stack(preferences, axis=1).astype(np.float32)
    return Targets(
        columns,
        np.ones(columns.shape, bool) if known is None else np.stack(known, axis=1),
        np.zeros((len(columns), 0), np.float32) if direction is None else direction,
    )


def equal(ensembles):
    one, two = ensembles
    return all(
        np.array_equal(a[name], b[name]) for a, b in zip(one.states, two.states, strict=True) for name in a
    ) and np.array_equal(one.held_out, two.held_out)


def test_a_preference_that_no_line_can_tell_is_learnt_for_tracks_never_seen():
    features = make_features()
    liking = standard(np.abs(features[:, 0]) - np.abs(features[:, 1]))
    linear = np.linalg.lstsq(features, liking, rcond=None)[0]
    assert np.corrcoef(features @ linear, liking)[0, 1] < 0.3
    ensemble = train(features, make_targets(liking), SETTINGS, 0)
    assert np.corrcoef(ensemble.held_out[:, 0], liking)[0, 1] > 0.7
    new = make_features(seed=1)
    foretold = predict(ensemble.states, new)[:, 0]
    assert np.corrcoef(foretold, np.abs(new[:, 0]) - np.abs(new[:, 1]))[0, 1] > 0.7


def test_noise_is_not_learnt():
    features = make_features()
    liking = standard(make_features(seed=9)[:, 0])
    held_out = train(features, make_targets(liking), SETTINGS, 0).held_out[:, 0]
    assert np.mean((held_out - liking) ** 2) < 1.15  # a head stops before it learns the tracks by heart


def test_factors_are_learnt_beside_preferences():
    features = make_features()
    direction = unit(features[:, 1:4])
    held_out = train(features, make_targets(features[:, 0], direction=direction), SETTINGS, 0).held_out
    assert held_out.shape == (300, 4)
    assert np.mean(np.sum(unit(held_out[:, 1:]) * direction, axis=1)) > 0.85
    assert np.corrcoef(held_out[:, 0], features[:, 0])[0, 1] > 0.85


def test_folds_share_the_tracks_evenly():
    fold = train(make_features(30), make_targets(np.zeros(30)), SHORT, 0).fold
    assert np.bincount(fold).tolist() == [10, 10, 10]


def test_a_held_out_prediction_is_that_of_the_head_of_its_fold():
    features = make_features(60)
    ensemble = train(features, make_targets(features[:, 0]), SHORT, 0)
    for k, state in enumerate(ensemble.states):
        out = ensemble.fold == k
        np.testing.assert_array_equal(ensemble.held_out[out], predict([state], features[out]))


def test_a_held_out_prediction_does_not_follow_the_tracks_own_target():
    features = make_features(90)
    marked = np.zeros((90, 1), np.float32)
    marked[5] = 3  # a sound that this track alone has: by it, a head that sees the track can learn it by heart
    features = np.hstack([features, marked])
    liking = standard(features[:, 0])
    changed = liking.copy()
    changed[5] += 4
    settings = HeadSettings(hidden=32, folds=3, epochs=40, patience=40, learning_rate=1e-2, dropout=0, input_dropout=0)
    before = train(features, make_targets(liking), settings, 0)
    after = train(features, make_targets(changed), settings, 0)
    own = before.fold[5]
    assert abs(after.held_out[5, 0] - before.held_out[5, 0]) < 1
    for k in set(range(3)) - {own}:
        moved = predict([after.states[k]], features[5:6]) - predict([before.states[k]], features[5:6])
        assert moved[0, 0] > 2.5


def test_the_same_seed_gives_the_same_heads_to_the_bit_and_another_seed_others():
    features = make_features(90)
    targets = make_targets(features[:, 0])
    once = train(features, targets, SHORT, 3)
    torch.rand(1)  # whatever else has drawn from torch meanwhile
    assert equal((once, train(features, targets, SHORT, 3)))
    assert not equal(train(features, targets, SHORT, seed) for seed in (3, 4))


def test_training_leaves_torchs_random_state_and_threads_alone():
    torch.manual_seed(1)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train(make_features(30), make_targets(np.zeros(30)), SHORT, 0)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_what_is_not_known_of_a_listener_does_not_matter():
    features = make_features(90)
    known = [np.ones(90, bool), np.arange(90) % 2 == 0]
    honest = make_targets(features[:, 0], features[:, 1], known=known)
    nonsense = make_targets(features[:, 0], np.where(known[1], features[:, 1], 1e6), known=known)
    assert equal(train(features, targets, SHORT, 0) for targets in (honest, nonsense))


def test_a_listener_known_of_half_the_tracks_is_learnt_from_that_half():
    features = make_features()
    known = [np.ones(300, bool), np.arange(300) % 2 == 0]
    targets = make_targets(features[:, 0], -features[:, 0], known=known)
    held_out = train(features, targets, SETTINGS, 0).held_out
    assert np.corrcoef(held_out[1::2, 1], -features[1::2, 0])[0, 1] > 0.8


def test_tracks_that_are_not_known_of_a_listener_do_not_draw_the_prediction_to_0():
    known = [np.arange(300) % 2 == 0]
    held_out = train(make_features(), make_targets(np.full(300, 3.0), known=known), SETTINGS, 0).held_out
    assert held_out[:, 0].mean() == pytest.approx(3, abs=0.5)


def test_progress_is_told_after_every_head():
    told = []
    train(make_features(30), make_targets(np.zeros(30)), SHORT, 0, told.append)
    assert told == [1, 1, 1]


def test_training_stops_where_it_gains_nothing(monkeypatch):
    steps = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self, *args: steps.append(1) or step(self, *args))
    settings = HeadSettings(hidden=4, folds=2, epochs=1000, patience=2, batch=64)
    train(make_features(64), make_targets(make_features(64, seed=5)[:, 0]), settings, 0)
    assert len(steps) < 2 * 500


@pytest.mark.parametrize("n", [1, 7])
def test_prediction_is_the_mean_over_heads_as_torch_computes_it(n):
    rng = np.random.default_rng(0)
    shapes = {"hidden.weight": (5, 3), "hidden.bias": (5,), "output.weight": (2, 5), "output.bias": (2,)}
    heads = [{name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()} for _ in range(2)]
    features = make_features(n, 3)

    def by_torch(head):
        tensors = {name: torch.from_numpy(array) for name, array in head.items()}
        hidden = torch.relu(torch.from_numpy(features) @ tensors["hidden.weight"].T + tensors["hidden.bias"])
        return (hidden @ tensors["output.weight"].T + tensors["output.bias"]).numpy()

    np.testing.assert_allclose(predict(heads, features), (by_torch(heads[0]) + by_torch(heads[1])) / 2, rtol=1e-4)
