"""What trained heads say of a track's sound. Needs no torch: dropout is idle, and a head is two matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from cfaudio_core.tracks import FloatArray

HeadState: TypeAlias = dict[str, FloatArray]
"""A head's arrays: hidden.weight (hidden, dim), hidden.bias, output.weight (outputs, hidden), output.bias."""


def predict(heads: Sequence[HeadState], features: FloatArray) -> FloatArray:
    """Mean prediction of an ensemble of heads.

    Parameters
    ----------
    heads
        At least one, as `training.train` gives them.
    features
        float32 (n, dim), standardised as in training.

    Returns
    -------
    FloatArray
        float32 (n, outputs): preferences first, then the factors (not normalised).
    """
    total = np.zeros((len(features), len(heads[0]["output.bias"])), np.float32)
    for head in heads:
        hidden = np.maximum(features @ head["hidden.weight"].T + head["hidden.bias"], 0)
        total += hidden @ head["output.weight"].T + head["output.bias"]
    return total / np.float32(len(heads))
