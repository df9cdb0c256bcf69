"""Networks that are trained on a library: new layers, and below them as much of musicnn as is to be trained.

The activations of musicnn's convolutions are pooled over time as in the published net, then drawn in and whitened as
features are (see `FeatureSpace`), so that the new layers begin with tracks as far apart as they sound, and not with raw
maxima.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from cfaudio_core.backbones.musicnn import Musicnn
from cfaudio_core.backbones.spotify import Spotify
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.util.arrays import FloatArray

_SOFT = 1e-4  # a root's slope at 0 is infinite: in training it is that of a root that begins here


class Head(nn.Module):
    """New layers: the mean of a track's windows in, preferences and factors out.

    Parameters
    ----------
    dim
        Number of features of a window.
    outputs
        Number of preferences and factors.
    settings
        Number and size of the hidden layers, and dropout.
    """

    def __init__(self, dim: int, outputs: int, settings: NetSettings) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Dropout(settings.input_dropout)]
        for _ in range(settings.layers):
            layers += [nn.Linear(dim, settings.hidden), nn.ReLU(), nn.Dropout(settings.dropout)]
            dim = settings.hidden
        self.layers = nn.Sequential(*layers, nn.Linear(dim, outputs))

    def forward(self, windows: Tensor) -> Tensor:
        """Map (tracks, windows, dim) to (tracks, outputs)."""
        outputs: Tensor = self.layers(windows.mean(dim=1))
        return outputs


class Pooled(nn.Module):
    """Convolutions and their summary over time: (n, ...) to (n, 2 C), drawn in by a signed root.

    Parameters
    ----------
    net
        musicnn.
    fine_tune
        `top`: what comes in are the maps of the front end; `all`: log-mel patches.
    """

    def __init__(self, net: Musicnn, fine_tune: str) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*([net.midend] if fine_tune == "top" else [net.frontend, net.midend]))

    def forward(self, windows: Tensor) -> Tensor:
        """Map (n, C, frames) or (n, frames, 96) to (n, 2 C)."""
        maps = self.convolutions(windows)
        pooled = torch.cat([maps.amax(dim=2), maps.mean(dim=2)], dim=1)
        soft = torch.sign(pooled) * torch.sqrt(pooled.abs() + _SOFT)
        exact = torch.sign(pooled) * torch.sqrt(pooled.abs())
        return soft + (exact - soft).detach()  # the exact root, with the slope of the soft one


class DeepNet(nn.Module):
    """Pretrained convolutions under new layers.

    Parameters
    ----------
    pooled
        The convolutions; this net trains a copy of its own.
    mean, whitening
        float32 (2 C,) and (2 C, 2 C), constants of the library.
    head
        The new layers.
    """

    def __init__(self, pooled: Pooled, mean: FloatArray, whitening: FloatArray, head: Head) -> None:
        super().__init__()
        self.pooled = copy.deepcopy(pooled)
        self.mean: Tensor
        self.whitening: Tensor
        self.register_buffer("mean", torch.from_numpy(np.array(mean)))
        self.register_buffer("whitening", torch.from_numpy(np.array(whitening)))
        self.head = head

    def forward(self, windows: Tensor) -> Tensor:
        """Map (tracks, windows, ...) to (tracks, outputs)."""
        outputs: Tensor = self.head(self.features(windows))
        return outputs

    def features(self, windows: Tensor) -> Tensor:
        """Map (tracks, windows, ...) to what the new layers take in: (tracks, windows, 2 C)."""
        pooled: Tensor = self.pooled(windows.flatten(0, 1))
        whitened = (pooled - self.mean) @ self.whitening
        return whitened.reshape(*windows.shape[:2], -1)


Trainable = Head | DeepNet | Spotify


def net_state(net: Trainable) -> dict[str, FloatArray]:
    """Copy all that was trained of a net, and its constants: name to array."""
    return {name: np.array(tensor.detach().cpu().numpy()) for name, tensor in net.state_dict().items()}
