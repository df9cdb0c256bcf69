"""Dieleman's own network, to be trained from nothing on a library that has enough of it.

Sander Dieleman, "Recommending music on Spotify with deep learning" (2014): convolutions over time alone, pooling over
all of time by mean, maximum and L2 norm, and dense layers. The original took 599 frames of 128 mel bands; here it
takes what the pretrained nets take, 187 frames of 96.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HIDDEN_UNITS = 2048
_EPSILON = 1e-12  # a norm has no slope at 0


class Spotify(nn.Module):
    """The network of the post.

    Parameters
    ----------
    bands
        Two float32 (bands,): the mean to subtract from each mel band, and the factor to multiply it by then.
    outputs
        Preferences and factors.
    dropout
        Share of the units of the dense layers that are left out in training.
    layers
        Hidden dense layers; two in the post.
    """

    def __init__(self, bands: tuple[Tensor, Tensor], outputs: int, dropout: float = 0.5, layers: int = 2) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", bands[0])
        self.register_buffer("scale", bands[1])
        self.convolutions = nn.Sequential(
            *(nn.Conv1d(len(bands[0]), 256, 4), nn.ReLU(), nn.MaxPool1d(4)),
            *(nn.Conv1d(256, 256, 4), nn.ReLU(), nn.MaxPool1d(2)),
            *(nn.Conv1d(256, 512, 4), nn.ReLU(), nn.MaxPool1d(2)),
            *(nn.Conv1d(512, 512, 4), nn.ReLU()),
        )
        dense: list[nn.Module] = []
        for k in range(layers):
            dense += [nn.Linear(_HIDDEN_UNITS if k else 3 * 512, _HIDDEN_UNITS), nn.ReLU(), nn.Dropout(dropout)]
        self.dense = nn.Sequential(*dense, nn.Linear(_HIDDEN_UNITS, outputs))
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.dense[-1].weight.mul_(0.1)  # type: ignore[operator]

    def forward(self, windows: Tensor) -> Tensor:
        """Map log-mel patches (tracks, windows, frames, bands) to (tracks, outputs), the mean over windows."""
        patches = (windows.flatten(0, 1) - self.mean) * self.scale
        maps = self.convolutions(patches.transpose(1, 2))
        norm = torch.sqrt(maps.square().mean(dim=2) + _EPSILON)
        outputs: Tensor = self.dense(torch.cat([maps.mean(dim=2), maps.amax(dim=2), norm], dim=1))
        return outputs.reshape(*windows.shape[:2], -1).mean(dim=1)
