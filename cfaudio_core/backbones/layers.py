"""Layers of musicnn, and how they are built from their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from cfaudio_core.util.arrays import FloatArray

Parameters = Mapping[str, FloatArray]
"""By the names of a `published.State`."""

Conv = nn.Conv1d | nn.Conv2d
Layer = TypeVar("Layer", bound=nn.Conv1d | nn.Conv2d | nn.Linear)


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


def conv_block(parameters: Parameters, name: str, channels: int) -> ConvBlock:
    """Build a block that follows `channels` channels.

    A convolution over time, whose kernel is odd, is padded so that the length stays the same; one over time and
    frequency is not.
    """
    weight = as_tensor(parameters[f"{name}.conv.weight"])
    n_out, n_in, *size = weight.shape
    conv: Conv
    if len(size) == 2:
        conv = nn.Conv2d(n_in, n_out, (size[0], size[1]), device="meta")
    else:
        conv = nn.Conv1d(n_in, n_out, size[0], padding=size[0] // 2, device="meta")
    norm = affine(parameters, f"{name}.norm")
    return ConvBlock(_filled(conv, weight, as_tensor(parameters[f"{name}.conv.bias"])), norm, n_in - channels)


def affine(parameters: Parameters, name: str) -> Affine:
    """Build a frozen batch normalisation."""
    return Affine(as_tensor(parameters[f"{name}.scale"]), as_tensor(parameters[f"{name}.shift"]))


def dense(parameters: Parameters, name: str) -> nn.Linear:
    """Build a dense layer from its weight (out, in) and bias (out,)."""
    weight = as_tensor(parameters[f"{name}.weight"])
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    return _filled(layer, weight, as_tensor(parameters[f"{name}.bias"]))


def as_tensor(values: FloatArray) -> Tensor:
    """Copy an array to a float32 tensor."""
    return torch.from_numpy(np.array(values, dtype=np.float32, order="C"))


def _filled(layer: Layer, weight: Tensor, bias: Tensor) -> Layer:
    """Give a layer that was made on the "meta" device, without any, its weight and bias."""
    layer.weight = nn.Parameter(weight)
    layer.bias = nn.Parameter(bias)
    return layer
