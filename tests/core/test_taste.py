"""Taste modes: sessions put together by kind, and one preference from the whole and the modes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from cfaudio_core.factors.modes import ENOUGH_SESSIONS, MODES, mode_plays, spherical_kmeans
from cfaudio_core.learning.dataset import Targets
from cfaudio_core.learning.prediction import predict
from cfaudio_core.learning.settings import HeadSettings
from cfaudio_core.learning.taste import ModeTargets, Taste

RNG = np.random.default_rng(0)


def kinds(n: int, per_kind: int) -> tuple[sparse.csr_array, np.ndarray]:
    """Sessions of `n` kinds in turn, each of three tracks of its kind, and factors that tell the kinds."""
    kind = np.tile(np.arange(n), per_kind)
    matrix = np.zeros((len(kind), 3 * n), np.float32)
    for k in range(3):
        matrix[np.arange(len(kind)), 3 * kind + k] = np.log1p(1)
    factors = np.eye(n, dtype=np.float32)[kind] * RNG.uniform(1, 5, (len(kind), 1))
    return sparse.csr_array(matrix), (factors + RNG.normal(0, 0.05, factors.shape)).astype(np.float32)


def test_directions_are_clustered_whatever_their_length() -> None:
    _, factors = kinds(4, 20)
    labels = spherical_kmeans(factors, 4, np.random.default_rng(1))
    assert all(len(set(labels[k::4].tolist())) == 1 for k in range(4))
    assert len(set(labels.tolist())) == 4


@pytest.mark.parametrize("k", [1, 3])
def test_vectors_without_direction_do_not_stop_the_clustering(k: int) -> None:
    assert spherical_kmeans(np.zeros((3, 2), np.float32), k, np.random.default_rng(0)).max() < k


@pytest.mark.parametrize("which", range(len(MODES)))
def test_each_mode_holds_the_plays_of_its_sessions(which: int) -> None:
    n = MODES[which]
    sessions, factors = kinds(n, 6 * ENOUGH_SESSIONS)
    plays = mode_plays(sessions, factors, 0)[which]
    assert plays.shape == (n, 3 * n)
    assert sorted(plays.argmax(axis=1).tolist()) == [3 * k for k in range(n)]
    assert plays.sum() == pytest.approx(sessions.nnz)
    assert np.count_nonzero(plays) == 3 * n


def test_rejected_tracks_are_no_plays_of_a_mode() -> None:
    sessions, factors = kinds(3, 2 * ENOUGH_SESSIONS)
    sessions.data[::3] = -1
    for plays in mode_plays(sessions, factors, 0):
        assert not plays[:, ::3].any()


@pytest.mark.parametrize(("sessions", "divisions"), [(0, []), (29, []), (30, [3]), (40, [3, 4]), (1000, list(MODES))])
def test_few_sessions_are_divided_into_few_modes(sessions: int, divisions: list[int]) -> None:
    matrix = sparse.csr_array(np.ones((sessions, 4), np.float32))
    factors = RNG.normal(size=(sessions, 3)).astype(np.float32)
    assert [len(plays) for plays in mode_plays(matrix, factors, 0)] == divisions


def two_modes(noise: float) -> tuple[Taste, np.ndarray, np.ndarray]:
    """A listener whose preference is the larger of two modes', foretold with noise; the whole is foretold badly."""
    plays = RNG.poisson(RNG.choice([0.2, 20], (2, 400))).astype(np.float32)
    targets = ModeTargets.of([[plays]], 400)
    preference = np.log1p(plays.sum(axis=0))
    moments = np.array([[preference.mean(), preference.std()]], np.float32)
    truth = ((preference - moments[0, 0]) / moments[0, 1])[:, None].astype(np.float32)
    whole = truth + RNG.normal(0, 1, truth.shape)
    outputs = np.hstack([whole, targets.values + RNG.normal(0, noise, targets.values.shape)]).astype(np.float32)
    return Taste.fit(targets, moments, outputs, np.zeros(400, np.float32), truth), outputs, truth


def test_modes_that_know_better_make_the_preference_better_and_right_on_the_whole() -> None:
    taste, outputs, truth = two_modes(0.1)
    preference = taste.preferences(outputs, np.zeros(400, np.float32))
    assert np.corrcoef(preference[:, 0], truth[:, 0])[0, 1] > np.corrcoef(outputs[:, 0], truth[:, 0])[0, 1] + 0.1
    assert (preference - truth).mean() == pytest.approx(0, abs=1e-4)


def test_modes_that_know_nothing_have_no_say() -> None:
    taste, outputs, _ = two_modes(100)
    assert np.array_equal(taste.preferences(outputs, np.zeros(400, np.float32)), outputs[:, :1])


def test_where_labels_are_known_the_whole_stands_alone() -> None:
    taste, outputs, _ = two_modes(0.1)
    covered = np.linspace(0, 1, 400, dtype=np.float32)
    away = np.abs(taste.preferences(outputs, covered)[:, 0] - taste.whole[0, 3] - outputs[:, 0])
    assert away[-1] == pytest.approx(0, abs=1e-6)
    assert away[:100].mean() > 2 * away[300:].mean()


def test_a_listener_without_modes_keeps_the_whole_beside_one_who_has_some() -> None:
    plays = RNG.poisson(3, (2, 50)).astype(np.float32)
    targets = ModeTargets.of([[], [plays, plays]], 50)
    assert targets.owner.tolist() == [1] * 4
    assert targets.division.tolist() == [0, 0, 1, 1]
    truth = RNG.normal(size=(50, 2)).astype(np.float32)
    truth[:10, 1] = np.nan
    outputs = np.hstack([RNG.normal(size=(50, 2)), targets.values]).astype(np.float32)
    covered = np.zeros(50, np.float32)
    preference = Taste.fit(targets, np.ones((2, 2), np.float32), outputs, covered, truth).preferences(outputs, covered)
    assert np.array_equal(preference[:, 0], outputs[:, 0])
    assert np.isfinite(preference).all()


def test_joined_heads_say_what_each_says() -> None:
    from cfaudio_core.learning.training import join, train

    features = RNG.normal(size=(40, 6)).astype(np.float32)
    settings = HeadSettings(hidden=8, folds=3, epochs=3)
    parts = []
    for outputs in (1, 3):
        values = RNG.normal(size=(40, outputs)).astype(np.float32)
        targets = Targets(values, np.ones(values.shape, bool), np.zeros((40, 0), np.float32))
        parts.append(train(features, targets, settings, 5))
    joined = join(parts)
    expected = np.hstack([predict(part.states, features) for part in parts])
    np.testing.assert_allclose(predict(joined.states, features), expected, atol=1e-5)
    assert np.array_equal(joined.fold, parts[1].fold)
    assert joined.held_out.shape == (40, 4)
