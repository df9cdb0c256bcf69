"""The training set: targets that are known for some."""

import numpy as np

from cfaudio_core.data.training_set import Targets, unit


def test_unit_vectors_keep_their_direction_and_zeros_stay():
    np.testing.assert_allclose(unit(np.float32([[3, 4], [0, 0], [0, -2]])), [[0.6, 0.8], [0, 0], [0, -1]])


def test_targets_weigh_nothing_where_nothing_is_known():
    targets = Targets(
        preference=np.float32([[1, np.nan], [2, 3]]),
        known=np.array([[True, False], [True, True]]),
        direction=np.float32([[0, 1], [1, 0]]),
    )
    assert targets.values.tolist() == [[1, 0, 0, 1], [2, 3, 1, 0]]
    assert targets.weights.tolist() == [[1, 0, 1, 1], [1, 1, 1, 1]]
    assert len(targets) == 2
