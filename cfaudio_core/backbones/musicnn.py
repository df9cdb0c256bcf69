"""musicnn, a musically motivated convnet for tagging.

Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging" (2019), after
Pons et al., "End-to-end learning for music audio tagging at scale" (ISMIR 2018). Ported from the graph in
musicnn 0.1.0 (``models.py``); tests hold it to outputs of the original.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from cfaudio_core.backbones.activations import Activations
from cfaudio_core.backbones.layers import Affine, ConvBlock, Parameters, affine, as_tensor, conv_block, dense
from cfaudio_core.backbones.published import MIDEND, N_BRANCHES


class Frontend(nn.Module):
    """Timbral and temporal filters, each reduced to the frequency where its response is greatest.

    Parameters
    ----------
    branches : sequence of ConvBlock
        Two timbral ones, 7 frames long and 38 or 67 mel bands high, then three temporal ones, one band high
        and 128, 64 or 32 frames long.
    normalise : tuple of torch.Tensor
        Scale and shift of the input, (1,) each; they scale data and are not meant to be trained.
    """

    def __init__(self, branches: Sequence[ConvBlock], normalise: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", normalise[0])
        self.register_buffer("shift", normalise[1])

    def forward(self, patches: Tensor) -> Tensor:
        """Map log-mel patches (n, frames, 96) to feature maps (n, filters, frames)."""
        image = patches[:, None] * self.scale + self.shift
        branches = cast("Iterable[ConvBlock]", self.branches)
        return torch.cat([self._map(image, branch) for branch in branches], dim=1)

    @staticmethod
    def _map(image: Tensor, branch: ConvBlock) -> Tensor:
        # 'Same' padding in time, none in frequency. An even kernel has its odd frame of padding on the right.
        length = branch.conv.kernel_size[0]
        response: Tensor = branch.conv(F.pad(image, (0, 0, (length - 1) // 2, length // 2)))
        # The block rectifies and scales, then frequency is pooled. Both are monotone, so pooling first gives
        # the same and leaves them few values; only, a falling scale makes the maximum of what was the
        # minimum.
        falling = branch.norm.scale[:, None] < 0
        strongest = torch.where(falling, response.amin(dim=3), response.amax(dim=3))
        pooled: Tensor = branch.norm(F.relu(strongest))
        return pooled


class Midend(nn.Module):
    """Three convolutions over time, of 64 filters, 7 frames long, with residual and dense connections."""

    def __init__(self, blocks: Sequence[ConvBlock]) -> None:
        super().__init__()
        self.first, self.second, self.third = blocks

    def forward(self, front: Tensor) -> Tensor:
        """Map (n, C, frames) to (n, C + 192, frames): the front end's maps and the three outputs."""
        first = self.first(front)
        second = self.second(first) + first
        third = self.third(second) + second
        return torch.cat([front, first, second, third], dim=1)


class Backend(nn.Module):
    """Pooling over time and two dense layers.

    Parameters
    ----------
    dense : torch.nn.Linear
        From the pooled features, with their batch normalisation folded in.
    norm : Affine
        Of its rectified output.
    output : torch.nn.Linear
        To the tags.
    """

    def __init__(self, dense: nn.Linear, norm: Affine, output: nn.Linear) -> None:
        super().__init__()
        self.dense = dense
        self.norm = norm
        self.output = output

    def forward(self, maps: Tensor) -> Activations[Tensor]:
        """Map (n, C, frames) to activations; `pooled` holds the C maxima, then the C means, over time."""
        pooled = torch.cat([maps.amax(dim=2), maps.mean(dim=2)], dim=1)
        penultimate = self.norm(F.relu(self.dense(pooled)))
        return Activations(pooled, penultimate, torch.sigmoid(self.output(penultimate)))


class Musicnn(nn.Module):
    """The whole net; build it with `from_state`."""

    def __init__(self, frontend: Frontend, midend: Midend, backend: Backend) -> None:
        super().__init__()
        self.frontend = frontend
        self.midend = midend
        self.backend = backend

    def forward(self, patches: Tensor) -> Activations[Tensor]:
        """Compute the activations of log-mel patches, (n, 187, 96) float32, ``log10(1 + 10000 * mel power)``.

        Other numbers of frames work too, but the net was trained on 187 (3 s). `pooled` is (n, 2 * C), `penultimate`
        (n, 200).
        """
        activations: Activations[Tensor] = self.backend(self.midend(self.frontend(patches)))
        return activations


def from_state(parameters: Parameters) -> Musicnn:
    """Build MSD_musicnn or MTT_musicnn, whole or pruned, from its parameters; see `published.musicnn_state`."""
    branches = [conv_block(parameters, f"frontend.branches.{i}", channels=1) for i in range(N_BRANCHES)]
    frontend = Frontend(branches, (as_tensor(parameters["frontend.scale"]), as_tensor(parameters["frontend.shift"])))
    before = [sum(branch.conv.out_channels for branch in branches)]
    before += [len(parameters[f"{block}.conv.bias"]) for block in MIDEND[:-1]]
    midend = Midend([conv_block(parameters, block, n) for block, n in zip(MIDEND, before, strict=True)])
    layers = (dense(parameters, "backend.dense"), affine(parameters, "backend.norm"))
    return Musicnn(frontend, midend, Backend(*layers, dense(parameters, "backend.output"))).eval()
