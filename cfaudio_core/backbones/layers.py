"""Layers of musicnn and the VGG, and how they are built from the published variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from torch import Tensor, nn

Variables = Mapping[str, NDArray[np.float32]]
Conv = nn.Conv1d | nn.Conv2d
Layer = TypeVar("Layer", bound=nn.Conv1d | nn.Conv2d | nn.Linear)

_BATCH_NORM_EPSILON = 1e-3  # TensorFlow's default, which the published graphs use


class Affine(nn.Module):
    """Scale and shift each of C channels: batch normalisation with its statistics frozen."""

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.scale = nn.Parameter(scale)
        self.shift = nn.Parameter(shift)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, C, ...) to the same shape."""
        to_channels = (-1, *[1] * (x.ndim - 2))
        return x * self.scale.view(to_channels) + self.shift.view(to_channels)


class ConvBlock(nn.Module):
    """Convolution, rectifier, batch normalisation: in this order.

    Parameters
    ----------
    conv : torch.nn.Conv1d or torch.nn.Conv2d
        With ``C + ones`` input channels.
    norm : Affine
        Of its output channels.
    ones : int
        Number of channels of constant 1 (0 or 1) appended to the input. Pruning carries constant channels
        in it: a bias could not, because the convolution's zero padding cuts constants off at the edges.
    """

    def __init__(self, conv: Conv, norm: Affine, ones: int = 0) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm
        self.ones = ones

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, C, ...) to (n, filters, ...)."""
        if self.ones:
            x = F.pad(x, (0, 0) * (x.ndim - 2) + (0, self.ones), value=1.0)
        y: Tensor = self.norm(F.relu(self.conv(x)))
        return y


def batch_norm(variables: Variables, name: str) -> Affine:
    """Build the frozen form of a batch normalisation."""
    mean, variance, gamma, beta = (
        variables[f"{name}/{part}"].astype(np.float64) for part in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    scale = gamma / np.sqrt(variance + _BATCH_NORM_EPSILON)
    return Affine(as_tensor(scale), as_tensor(beta - mean * scale))


def conv2d(variables: Variables, name: str, padding: int = 0) -> nn.Conv2d:
    """Build a convolution over (time, frequency) from a kernel (time, frequency, in, out)."""
    weight = as_tensor(variables[f"{name}/kernel"].transpose(3, 2, 0, 1))
    n_out, n_in, *size = weight.shape
    conv = nn.Conv2d(n_in, n_out, (size[0], size[1]), padding=padding, device="meta")
    return filled(conv, weight, as_tensor(variables[f"{name}/bias"]))


def conv1d(variables: Variables, name: str) -> nn.Conv1d:
    """Build a 'same' convolution over time from an odd kernel (time, in, 1, out) that spans all channels."""
    weight = as_tensor(variables[f"{name}/kernel"][:, :, 0].transpose(2, 1, 0))
    n_out, n_in, size = weight.shape
    conv = nn.Conv1d(n_in, n_out, size, padding=size // 2, device="meta")
    return filled(conv, weight, as_tensor(variables[f"{name}/bias"]))


def dense(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Build a dense layer from its weight (out, in) and bias (out,)."""
    return filled(nn.Linear(weight.shape[1], weight.shape[0], device="meta"), weight, bias)


def filled(layer: Layer, weight: Tensor, bias: Tensor) -> Layer:
    """Give a layer another weight and bias, or its first if it was made on the "meta" device, without any."""
    layer.weight = nn.Parameter(weight)
    layer.bias = nn.Parameter(bias)
    return layer


def as_tensor(values: NDArray[np.floating[Any]]) -> Tensor:
    """Copy an array to a float32 tensor."""
    return torch.from_numpy(np.array(values, dtype=np.float32, order="C"))
