"""Adapter: what a library's own structure adds to the pretrained net, as two small layers on its features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cfaudio_core.util.arrays import FloatArray, float32

_NOTHING = np.zeros((0, 0), np.float32)


class Adapter(NamedTuple):
    """Residual adapter (Houlsby et al., "Parameter-efficient transfer learning for NLP", ICML 2019); see `transform`.

    Its parameters are trained by `finetuning.adapter_training`, and it is applied without torch.

    Attributes
    ----------
    axes
        float32 (dim, width): the principal axes of the features that it begins from; (0, 0) where nothing was trained.
    down, bias
        float32 (dim, hidden) and (hidden,)
    up
        float32 (hidden, width)
    mean
        float32 (width,): subtracted from what comes out, so that the library's tracks have mean 0.
    scale
        float32 (1,): what comes out is multiplied by, so that their mean squared length is the size of the part.
    """

    axes: FloatArray = _NOTHING
    down: FloatArray = _NOTHING
    bias: FloatArray = np.zeros(0, np.float32)
    up: FloatArray = _NOTHING
    mean: FloatArray = np.zeros(0, np.float32)
    scale: FloatArray = np.ones(1, np.float32)

    @property
    def width(self) -> int:
        """Number of columns that come out."""
        return int(self.axes.shape[1])

    def transform(self, features: FloatArray) -> FloatArray:
        """Map features, float32 (n, dim), to the representation of this library, float32 (n, width)."""
        hidden = np.maximum(features @ self.down + self.bias, 0)
        return float32((features @ self.axes + hidden @ self.up - self.mean) * self.scale)

    def rescale_input(self, factor: float) -> Adapter:
        """Adapt to features that are to be multiplied by a factor first."""
        return self._replace(axes=float32(self.axes * factor), down=float32(self.down * factor))
