"""Last layers of a pretrained net: from stored activations to audio tags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.backbones.registry import BACKBONES, load_pruned
from cfaudio_core.backbones.weights import load_weights
from cfaudio_core.util.arrays import FloatArray


class Tagger(NamedTuple):
    """The layers of a net that follow its pooled activations.

    Attributes
    ----------
    names
        50 tags, in small letters.
    dense
        Weight (D, P), bias, scale and shift of the layer before the last.
    output
        Weight (50, D) and bias of the last one.
    """

    names: list[str]
    dense: tuple[FloatArray, FloatArray, FloatArray, FloatArray]
    output: tuple[FloatArray, FloatArray]

    @property
    def width(self) -> int:
        """P, the number of pooled activations that it takes."""
        return int(self.dense[0].shape[1])

    def probabilities_of(self, tracks: Sequence[NDArray[np.floating]]) -> FloatArray:
        """Predict the tags of n tracks: the mean over their windows, as musicnn's authors do it.

        Parameters
        ----------
        tracks
            (windows, P or more) each: pooled activations first, see `features.worker`.

        Returns
        -------
        FloatArray
            float32 (n, 50).
        """
        if not tracks:
            return np.zeros((0, len(self.names)), np.float32)
        counts = np.array([len(windows) for windows in tracks])
        tags = self.top(np.concatenate([windows[:, : self.width] for windows in tracks]).astype(np.float32))[1]
        return np.asarray(np.add.reduceat(tags, np.cumsum(counts) - counts) / counts[:, None], np.float32)

    def top(self, windows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Compute units and tags of each window.

        Parameters
        ----------
        windows
            float32 (windows, P or more): pooled activations first.

        Returns
        -------
        tuple
            float32 (windows, D): the activations of the layer before the last, 0 and up; and float32
            (windows, 50), probabilities.
        """
        weight, bias = self.output
        inner, before, scale, shift = self.dense
        units = np.maximum(windows[:, : self.width] @ inner.T + before, 0)
        layer = units * scale + shift
        with np.errstate(over="ignore"):  # a tag of probability 0
            return units, np.asarray(1 / (1 + np.exp(-(layer @ weight.T + bias))), np.float32)


def top_tags(names: Sequence[str], probabilities: FloatArray, *, most: int, least: float) -> list[str]:
    """Select the likeliest tags, at most `most` of them and none that is less likely than `least`."""
    ranked = np.argsort(-probabilities, kind="stable")[:most]
    return [names[at] for at in ranked if probabilities[at] >= least]


def load_tagger(name: str, *, wheel: Path | None = None) -> Tagger:
    """Load the tagger of a pretrained net; see `load_backbone` for the parameters and what is raised."""
    state = load_pruned(name, wheel=wheel)
    names = [tag.lower() for tag in load_weights(BACKBONES[name], wheel=wheel)[1]]
    layers = ("dense.weight", "dense.bias", "norm.scale", "norm.shift", "output.weight", "output.bias")
    inner, before, scale, shift, weight, bias = (state[f"backend.{layer}"] for layer in layers)
    return Tagger(names, (inner, before, scale, shift), (weight, bias))
