"""Published variables of musicnn as parameters of the net, by the names and in the shapes of torch.

Batch normalisation is frozen: its statistics and weights become a scale and a shift of each channel. Dropout is left
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.util.arrays import FloatArray

Variables = Mapping[str, NDArray[np.float32]]
"""By TensorFlow's names, in its layouts; see `weights.load_weights`."""

State = dict[str, FloatArray]
"""Parameters by the names that `state_dict` of the net has: float32, contiguous."""

N_BRANCHES = 5
MIDEND = ("midend.first", "midend.second", "midend.third")

_BATCH_NORM_EPSILON = 1e-3  # TensorFlow's default, which the published graphs use


def musicnn_state(variables: Variables) -> State:
    """Convert the variables of MSD_musicnn or MTT_musicnn."""
    # TensorFlow numbers layers of a kind as they are made: input, five of the front end, three of the
    # mid-end, two of the back end.
    convs = ["conv2d", *(f"conv2d_{i}" for i in range(1, 8))]
    norms = ["batch_normalization", *(f"batch_normalization_{i}" for i in range(1, 11))]
    state: State = {}
    state["frontend.scale"], state["frontend.shift"] = batch_norm(variables, norms[0])
    blocks = [*(f"frontend.branches.{i}" for i in range(N_BRANCHES)), *MIDEND]
    for block, conv, norm in zip(blocks, convs, norms[1:], strict=False):
        kernel = variables[f"{conv}/kernel"]
        weight = conv1d_weight(kernel) if block in MIDEND else conv2d_weight(kernel)
        state |= block_state(block, weight, variables[f"{conv}/bias"], batch_norm(variables, norm))
    scale, shift = (part.astype(np.float64) for part in batch_norm(variables, norms[9]))
    kernel = variables["dense/kernel"].astype(np.float64)
    bias = variables["dense/bias"] + shift @ kernel
    kernel *= scale[:, None]
    # The published order is maximum and mean of the first map, of the second, ...; ours is all maxima, all
    # means.
    kernel = np.concatenate([kernel[0::2], kernel[1::2]])
    state["backend.dense.weight"], state["backend.dense.bias"] = _float32(kernel.T), _float32(bias)
    state["backend.norm.scale"], state["backend.norm.shift"] = batch_norm(variables, norms[10])
    state["backend.output.weight"] = _float32(variables["dense_1/kernel"].T)
    state["backend.output.bias"] = _float32(variables["dense_1/bias"])
    return state


def block_state(name: str, weight: FloatArray, bias: FloatArray, norm: tuple[FloatArray, FloatArray]) -> State:
    """Name the parameters of a `layers.ConvBlock`."""
    parts = {"conv.weight": weight, "conv.bias": bias, "norm.scale": norm[0], "norm.shift": norm[1]}
    return {f"{name}.{part}": _float32(values) for part, values in parts.items()}


def batch_norm(variables: Variables, name: str) -> tuple[FloatArray, FloatArray]:
    """Compute scale and shift of a batch normalisation, (C,) each."""
    mean, variance, gamma, beta = (
        variables[f"{name}/{part}"].astype(np.float64) for part in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    scale = gamma / np.sqrt(variance + _BATCH_NORM_EPSILON)
    return _float32(scale), _float32(beta - mean * scale)


def conv2d_weight(kernel: FloatArray) -> FloatArray:
    """Transpose a kernel (time, frequency, in, out) to (out, in, time, frequency)."""
    return kernel.transpose(3, 2, 0, 1)


def conv1d_weight(kernel: FloatArray) -> FloatArray:
    """Transpose a kernel (time, in, 1, out), which spans all channels, to (out, in, time)."""
    return kernel[:, :, 0].transpose(2, 1, 0)


def _float32(values: NDArray[np.floating[Any]]) -> FloatArray:
    return np.ascontiguousarray(values, np.float32)
