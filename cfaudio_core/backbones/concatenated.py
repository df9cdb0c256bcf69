"""Several nets as one: each hears in its own way, and what they hear is put side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.backbones.registry import FeatureExtractor, Features


class Several:
    """Nets whose features are concatenated.

    Nets that were trained on other data, or are built otherwise, err on other tracks; what one of them cannot tell
    apart another may. The plays decide what each is worth, as the space of sound is learnt over all of it.

    Parameters
    ----------
    nets
        At least one.
    """

    def __init__(self, nets: Sequence[FeatureExtractor]) -> None:
        self._nets = nets

    def features(self, patches: NDArray[np.float32]) -> Features:
        """Hear windows of sound; see `backbone.Backbone.features`.

        Parameters
        ----------
        patches
            float32 (n, 187, 96).

        Returns
        -------
        Features
            Of n rows; the columns are those of the nets, in their order.
        """
        parts = [net.features(patches) for net in self._nets]
        return Features(*(np.hstack(kind) for kind in zip(*parts, strict=True)))
