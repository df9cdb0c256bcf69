"""The last layers of a pretrained net: from what is stored of a window to the tags it predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.backbones import tensor_files
from cfaudio_core.backbones.registry import BACKBONES, backbone_id, load_backbone, prepare_extractor
from cfaudio_core.backbones.weights import cache_folder, load_tags

FloatArray = NDArray[np.float32]


class Tagger(NamedTuple):
    """What a net makes of pooled activations.

    Attributes
    ----------
    names
        50 tags, in small letters.
    dense
        Weight (D, P), bias, scale and shift of the layer before the last; None where the net has no such layer.
    output
        Weight (50, D) and bias of the last one.
    """

    names: list[str]
    dense: tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None
    output: tuple[FloatArray, FloatArray]

    @property
    def width(self) -> int:
        """P, the pooled activations that it takes."""
        return int((self.output if self.dense is None else self.dense)[0].shape[1])

    def probabilities(self, windows: NDArray[np.floating]) -> FloatArray:
        """How likely each tag is for a track: the mean over its windows, as musicnn's authors do it.

        Parameters
        ----------
        windows
            (windows, P or more): pooled activations first, see `embedding.worker`.

        Returns
        -------
        FloatArray
            float32 (50,).
        """
        return np.asarray(self.top(np.asarray(windows, np.float32))[1].mean(axis=0), np.float32)

    def probabilities_of(self, heard: Sequence[NDArray[np.floating]]) -> FloatArray:
        """float32 (n, 50): the same for each of n tracks."""
        if not heard:
            return np.zeros((0, len(self.names)), np.float32)
        counts = np.array([len(windows) for windows in heard])
        chances = self.top(np.concatenate([windows[:, : self.width] for windows in heard]).astype(np.float32))[1]
        return np.asarray(np.add.reduceat(chances, np.cumsum(counts) - counts) / counts[:, None], np.float32)

    def top(self, windows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Units and tags of each window.

        Parameters
        ----------
        windows
            float32 (windows, P or more), as for `probabilities`.

        Returns
        -------
        tuple
            float32 (windows, D): how excited the units of the layer before the last are, 0 and up; and float32
            (windows, 50), probabilities.
        """
        weight, bias = self.output
        units = layer = windows[:, : self.width]
        if self.dense is not None:
            inner, before, scale, shift = self.dense
            units = np.maximum(layer @ inner.T + before, 0)
            layer = units * scale + shift
        with np.errstate(over="ignore"):  # a tag that is surely not there
            return units, np.asarray(1 / (1 + np.exp(-(layer @ weight.T + bias))), np.float32)


def top_tags(names: Sequence[str], chances: FloatArray, *, most: int, least: float) -> list[str]:
    """The likeliest tags, at most `most` of them and none that is less likely than `least`."""
    ranked = np.argsort(-chances, kind="stable")[:most]
    return [names[at] for at in ranked if chances[at] >= least]


def load_tagger(name: str, *, wheel: Path | None = None) -> Tagger:
    """The tagger of a pretrained net; see `load_backbone` for the parameters and what is raised."""
    identity = backbone_id(name)
    names = [tag.lower() for tag in load_tags(BACKBONES[name], wheel=wheel)]
    state: Mapping[str, FloatArray]
    if BACKBONES[name].endswith("vgg"):
        state = {key: value.numpy() for key, value in load_backbone(name, wheel=wheel).net.state_dict().items()}
        return Tagger(names, None, (state["output.weight"], state["output.bias"]))
    prepare_extractor(name, wheel=wheel)
    state = tensor_files.read(cache_folder() / f"{identity}-pruned.safetensors")[0]
    layers = ("dense.weight", "dense.bias", "norm.scale", "norm.shift", "output.weight", "output.bias")
    inner, before, scale, shift, weight, bias = (state[f"backend.{layer}"] for layer in layers)
    return Tagger(names, (inner, before, scale, shift), (weight, bias))
