"""Removes dead filters exactly.

Weight decay has driven most of the published front-end filters to zero. Such a filter's output does not
depend on the audio: it is one constant, set by its bias and batch normalisation. The constant need not be
computed again and again; its effect on the next layer is known. Where that layer is a zero-padded
convolution, the constants enter through one channel of ones, which is zero in the padding as the constant
channels were; where it is dense, they enter through the bias. The pruned net differs from the whole one by
rounding only.
"""

from __future__ import annotations

import numpy as np

from cfaudio_core.backbones.published import MIDEND, N_BRANCHES, State, block_state
from cfaudio_core.util.arrays import FloatArray, float32

_DEAD_NORM = 1e-5  # Euclidean norm of a filter, below which its responses drown in float32 rounding


def prune_musicnn(state: State) -> State:
    """Remove the dead filters of the front end.

    The net computes the same `penultimate` and `tags`, and of `pooled` the columns that are not constant.
    """
    pruned = dict(state)
    front = np.concatenate([_remove_dead(pruned, f"frontend.branches.{i}") for i in range(N_BRANCHES)])
    _absorb(pruned, MIDEND[0], front)
    middle = sum(len(state[f"{block}.conv.bias"]) for block in MIDEND)
    _absorb_dense(pruned, "backend.dense", np.concatenate([front, np.full(middle, np.nan, np.float32)]))
    return pruned


def _remove_dead(state: State, block: str) -> FloatArray:
    """Remove the dead filters of a block.

    Returns
    -------
    FloatArray
        float32 (C,), of its C channels: the value of a dead one, everywhere and for every input; NaN for a live one.
    """
    weight, bias, scale, shift = (
        state[f"{block}.{part}"] for part in ("conv.weight", "conv.bias", "norm.scale", "norm.shift")
    )
    live = np.linalg.norm(weight.reshape(len(weight), -1), axis=1) > _DEAD_NORM
    constants = np.where(live, np.float32(np.nan), np.maximum(bias, 0) * scale + shift)
    state |= block_state(block, weight[live], bias[live], (scale[live], shift[live]))
    return float32(constants)


def _absorb(state: State, block: str, constants: FloatArray) -> None:
    """Let a block take the live channels of its predecessor and a channel of ones in place of the dead."""
    weight = state[f"{block}.conv.weight"]
    live = np.isnan(constants)
    of_dead = constants[~live].astype(np.float64).reshape(-1, *[1] * (weight.ndim - 2))
    of_ones = (weight[:, ~live] * of_dead).sum(axis=1, keepdims=True)
    state[f"{block}.conv.weight"] = np.concatenate([weight[:, live], float32(of_ones)], axis=1)


def _absorb_dense(state: State, layer: str, constants: FloatArray) -> None:
    """Let a dense layer, whose inputs are positions x channels, take the live channels alone."""
    live = np.isnan(constants)
    whole = state[f"{layer}.weight"]
    weight = whole.reshape(len(whole), -1, len(live))
    of_dead = (weight[..., ~live] * constants[~live].astype(np.float64)).sum(axis=(1, 2))
    state[f"{layer}.weight"] = np.ascontiguousarray(weight[..., live].reshape(len(whole), -1))
    state[f"{layer}.bias"] = float32(state[f"{layer}.bias"] + of_dead)
