"""Removes dead filters exactly.

Weight decay has driven most of the published front-end filters to zero. Such a filter's output does not
depend on the audio: it is one constant, set by its bias and batch normalisation. The constant need not be
computed again and again; its effect on the next layer is known. Where that layer is a zero-padded
convolution, the constants enter through one channel of ones, which is zero in the padding as the constant
channels were; where it is dense, they enter through the bias. The pruned net differs from the whole one by
rounding only.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from cfaudio_core.backbones.layers import Affine, Conv, ConvBlock, dense, filled
from cfaudio_core.backbones.musicnn import Backend, Frontend, Midend, Musicnn
from cfaudio_core.backbones.vgg import Vgg

_DEAD_NORM = 1e-5  # Euclidean norm of a filter, below which its responses drown in float32 rounding


@torch.no_grad()
def prune_musicnn(net: Musicnn) -> Musicnn:
    """Remove the dead filters of the front end; layers that need no change are shared with the result.

    It computes the same `penultimate` and `tags`, and of `pooled` the columns that are not constant.
    """
    pruned = [_without_dead(branch) for branch in cast("Iterable[ConvBlock]", net.frontend.branches)]
    branches = [block for block, _ in pruned]
    front = torch.cat([constants for _, constants in pruned])
    first, second, third = net.midend.first, net.midend.second, net.midend.third
    middle = sum(block.conv.out_channels for block in (first, second, third))
    every = torch.cat([front, torch.full((middle,), torch.nan)])
    backend = net.backend
    return Musicnn(
        Frontend(branches, (net.frontend.scale, net.frontend.shift)),
        Midend([_absorbing(first, front), second, third]),
        Backend(_dense_absorbing(backend.dense, every), backend.norm, backend.output),
    ).eval()


@torch.no_grad()
def prune_vgg(net: Vgg) -> Vgg:
    """Remove the dead filters of every layer; see `prune_musicnn`. Maxima of a constant are that constant."""
    first, *rest = cast("Iterable[ConvBlock]", net.blocks)
    block, constants = _without_dead(first)
    blocks = [block]
    for block in rest:
        block, constants = _without_dead(_absorbing(block, constants))
        blocks.append(block)
    return Vgg(blocks, (net.scale, net.shift), _dense_absorbing(net.output, constants)).eval()


def _without_dead(block: ConvBlock) -> tuple[ConvBlock, Tensor]:
    """Remove the dead filters of a block.

    Its C channels come too: (C,) float32, the value of a dead one, everywhere and for every input; NaN for a live one.
    """
    weight, bias, norm = block.conv.weight, _bias(block), block.norm
    live = weight.flatten(1).norm(dim=1) > _DEAD_NORM
    constants = (F.relu(bias) * norm.scale + norm.shift).masked_fill(live, torch.nan)
    conv = _resized(block.conv, weight[live], bias[live])
    return ConvBlock(conv, Affine(norm.scale[live], norm.shift[live]), block.ones), constants


def _absorbing(block: ConvBlock, constants: Tensor) -> ConvBlock:
    """Let a block take the live channels of its predecessor and a channel of ones in place of the dead."""
    weight = block.conv.weight
    live = constants.isnan()
    of_dead = constants[~live].double().view(-1, *[1] * (weight.ndim - 2))
    of_ones = (weight[:, ~live].double() * of_dead).sum(dim=1, keepdim=True).float()
    with_ones = torch.cat([weight[:, live], of_ones], dim=1)
    return ConvBlock(_resized(block.conv, with_ones, _bias(block)), block.norm, ones=1)


def _dense_absorbing(layer: nn.Linear, constants: Tensor) -> nn.Linear:
    """Let a dense layer, whose inputs are positions x channels, take the live channels alone."""
    live = constants.isnan()
    weight = layer.weight.view(layer.out_features, -1, len(live))
    of_dead = weight[..., ~live].double() * constants[~live].double()
    bias = layer.bias.double() + of_dead.sum(dim=(1, 2))
    return dense(weight[..., live].flatten(1), bias.float())


def _bias(block: ConvBlock) -> Tensor:
    assert block.conv.bias is not None  # all that `layers` makes have one
    return block.conv.bias


def _resized(conv: Conv, weight: Tensor, bias: Tensor) -> Conv:
    """Make a convolution like another, but with as many filters and channels as its new weight has."""
    resized = filled(copy.deepcopy(conv), weight, bias)
    resized.out_channels, resized.in_channels = weight.shape[:2]
    return resized
