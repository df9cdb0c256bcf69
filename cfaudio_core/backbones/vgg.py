"""The VGG-like tagger that is published beside musicnn, as a plain computer-vision baseline.

Described in Pons and Serra (2019), see `cfaudio_core.backbones.musicnn`; ported from the graph in musicnn 0.1.0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from cfaudio_core.backbones.activations import Activations
from cfaudio_core.backbones.layers import ConvBlock, Parameters, as_tensor, conv_block, dense
from cfaudio_core.backbones.published import VGG_BLOCKS

# Size and stride of each pooling, in (frames, bands).
_POOLINGS = (((4, 1), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4)))


class Vgg(nn.Module):
    """Five 3 x 3 convolutions with pooling, and one dense layer; build it with `from_state`.

    Parameters
    ----------
    blocks : sequence of ConvBlock
        Of up to 128 filters each.
    normalise : tuple of torch.Tensor
        Scale and shift of the input, (1,) each; they scale data and are not meant to be trained.
    output : torch.nn.Linear
        To the tags.
    """

    def __init__(self, blocks: Sequence[ConvBlock], normalise: tuple[Tensor, Tensor], output: nn.Linear) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", normalise[0])
        self.register_buffer("shift", normalise[1])
        self.output = output

    def forward(self, patches: Tensor) -> Activations[Tensor]:
        """Compute the activations of log-mel patches, (n, 187, 96) float32, ``log10(1 + 10000 * mel power)``.

        The only dense layer is the output, so `pooled` and `penultimate` are the same: the last maps, (n, up to 256),
        by position and then by channel.
        """
        maps = patches[:, None] * self.scale + self.shift
        for block, (size, stride) in zip(self.blocks, _POOLINGS, strict=True):
            maps = F.max_pool2d(block(maps), size, stride)
        pooled = maps.permute(0, 2, 3, 1).flatten(1)
        return Activations(pooled, pooled, torch.sigmoid(self.output(pooled)))


def from_state(parameters: Parameters) -> Vgg:
    """Build MSD_vgg, whole or pruned, from its parameters; see `published.vgg_state`."""
    before = [1, *(len(parameters[f"{block}.conv.bias"]) for block in VGG_BLOCKS[:-1])]
    blocks = [conv_block(parameters, block, n, padding=1) for block, n in zip(VGG_BLOCKS, before, strict=True)]
    normalise = as_tensor(parameters["scale"]), as_tensor(parameters["shift"])
    return Vgg(blocks, normalise, dense(parameters, "output")).eval()
