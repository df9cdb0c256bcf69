"""The door to the pretrained nets: windows of sound in, features out, numpy on both sides."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.backbones import tensor_files
from cfaudio_core.backbones.weights import REQUIREMENT, cache_folder, load_tags, load_weights
from cfaudio_core.errors import SettingError, WeightsError

if TYPE_CHECKING:
    from cfaudio_core.backbones.musicnn import Musicnn
    from cfaudio_core.backbones.vgg import Vgg

BACKBONES = {"musicnn": "MSD_musicnn", "musicnn_mtt": "MTT_musicnn", "vgg": "MSD_vgg"}
Names = str | tuple[str, ...]
"""One net, or several whose features are put side by side: each one of `BACKBONES`, or a file `*.onnx`."""

FRAMES, BANDS = 187, 96

_VERSION = (
    3  # raised whenever a change alters what is stored of a window, so that caches keyed by `Backbone.id` are not mixed
)
_BATCH = 8  # patches at a time: beyond that the maps leave the processor's cache and a patch takes twice as long


class Features(NamedTuple):
    """Features of n windows, float32; see `cfaudio_core.backbones.layers.Activations`.

    Attributes
    ----------
    pooled : numpy.ndarray
        (n, P)
    penultimate : numpy.ndarray
        (n, D)
    tags : numpy.ndarray
        (n, 50), probabilities.
    """

    pooled: NDArray[np.float32]
    penultimate: NDArray[np.float32]
    tags: NDArray[np.float32]


class FeatureExtractor(Protocol):
    """What turns windows into features: a `Backbone`, the same in another form, several of them, or a net in a file."""

    def features(self, patches: NDArray[np.float32]) -> Features:
        """Hear windows of sound, (n, 187, 96); see `Backbone.features`."""
        ...


@dataclass(frozen=True)
class Backbone:
    """A pretrained net, pruned.

    Attributes
    ----------
    name : str
        One of `BACKBONES`.
    id : str
        Names the weights and the version of pruning: equal ids mean equal features.
    tags : list of str
        What the columns of `Features.tags` stand for.
    net : torch.nn.Module
        The net itself, for fine-tuning.
    """

    name: str
    id: str
    tags: list[str]
    net: Musicnn | Vgg

    def features(self, patches: NDArray[np.float32]) -> Features:
        """Hear windows of sound.

        Parameters
        ----------
        patches : numpy.ndarray
            (n, 187, 96) float32, ``log10(1 + 10000 * mel power)``: 3 s each.

        Returns
        -------
        Features
            Of n rows.

        Raises
        ------
        ValueError
            If `patches` has another shape.
        """
        import torch

        check_patches(patches)
        tensor = torch.from_numpy(np.ascontiguousarray(patches, dtype=np.float32))
        with torch.inference_mode():
            batches = [self.net(tensor[i : i + _BATCH]) for i in range(0, max(len(tensor), 1), _BATCH)]
        return Features(*(torch.cat(parts).numpy() for parts in zip(*batches, strict=True)))


def check_patches(patches: NDArray[np.float32]) -> None:
    """Raise a ValueError unless they are (n, 187, 96)."""
    if patches.ndim != 3 or patches.shape[1:] != (FRAMES, BANDS):
        raise ValueError(f"patches must be (n, {FRAMES}, {BANDS}), not {patches.shape}")


def backbone_id(names: Names) -> str:
    """Tell the `Backbone.id` of a net without loading it; that of several nets is made of theirs, in their order.

    Raises
    ------
    SettingError
        If there is no such net, or if one is named twice.
    """
    ids = [_id(name) for name in _listed(names)]
    if not ids:
        raise SettingError(f"backbone: names no net (there are {', '.join(BACKBONES)})")
    for i, (name, identity) in enumerate(zip(_listed(names), ids, strict=True)):
        if identity in ids[:i]:
            raise SettingError(f"backbone: {name} is there twice")
    return "+".join(ids)


def is_file(name: str) -> bool:
    """Whether a net is one in a file."""
    return name.lower().endswith(".onnx")


def _listed(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _id(name: str) -> str:
    if is_file(name):
        from cfaudio_core.backbones.onnx_net import file_id

        return f"{file_id(name)}-{_VERSION}"
    if name not in BACKBONES:
        raise SettingError(f"backbone: {name!r} is none of {', '.join(BACKBONES)}, nor a file *.onnx")
    return f"{BACKBONES[name]}-{_VERSION}"


def load_backbone(name: str, *, wheel: Path | None = None) -> Backbone:
    """Load a pretrained net, fetching its weights if this is the first time.

    Parameters
    ----------
    name : str
        "musicnn" and "vgg" were trained on the Million Song Dataset, "musicnn_mtt" on MagnaTagATune.
    wheel : pathlib.Path, optional
        Local file with the weights; see `cfaudio_core.backbones.weights.load_weights`.

    Returns
    -------
    Backbone

    Raises
    ------
    SettingError
        If there is no such net.
    WeightsError
        If the weights cannot be had.
    """
    if name not in BACKBONES:
        raise SettingError(f"backbone: {name!r} is none of {', '.join(BACKBONES)}")
    identity = backbone_id(name)
    from cfaudio_core.backbones import musicnn, pruning, vgg

    published = BACKBONES[name]
    variables = load_weights(published, wheel=wheel)
    net: Musicnn | Vgg
    if published.endswith("vgg"):
        net = pruning.prune_vgg(vgg.from_variables(variables))
    else:
        net = pruning.prune_musicnn(musicnn.from_variables(variables))
    return Backbone(name, identity, load_tags(published, wheel=wheel), net)


def load_extractor(names: Names, *, wheel: Path | None = None, cache: Path | None = None) -> FeatureExtractor:
    """Load the quickest form of nets there is, for hearing and nothing else.

    musicnn comes without torch, as `matrices.MatrixNet`; the parameters of the pruned net are kept beside the published
    weights, so that torch is needed once in a lifetime only. Other nets come as they are.

    Parameters
    ----------
    names
        One net, or several that are heard with side by side; see `several.Several`.
    wheel
        As for `load_backbone`, which says what is raised too.
    cache : pathlib.Path, optional
        Folder of the pruned nets; that of the published weights by default.

    Returns
    -------
    FeatureExtractor
    """
    backbone_id(names)
    hearers = [_load_extractor(name, wheel, cache) for name in _listed(names)]
    if len(hearers) == 1:
        return hearers[0]
    from cfaudio_core.backbones.concatenated import Several

    return Several(hearers)


def _load_extractor(name: str, wheel: Path | None, cache: Path | None) -> FeatureExtractor:
    if is_file(name):
        from cfaudio_core.backbones.onnx_net import OnnxNet

        return OnnxNet(name)
    identity = backbone_id(name)
    if BACKBONES[name].endswith("vgg"):
        import torch

        torch.set_num_threads(1)  # the worker processes are the parallelism
        return load_backbone(name, wheel=wheel)
    from cfaudio_core.backbones.musicnn_numpy import MatrixNet

    folder, file = cache or cache_folder(), f"{identity}-pruned"
    try:
        return MatrixNet(tensor_files.read(folder / f"{file}.safetensors")[0])
    except (WeightsError, KeyError):  # absent, damaged or of another version: made anew
        pruned = load_backbone(name, wheel=wheel).net.state_dict()
        state = {key: np.ascontiguousarray(value.numpy()) for key, value in pruned.items()}
        with contextlib.suppress(WeightsError):  # where nothing can be written, every process makes its own
            tensor_files.write({file: tensor_files.pack(state, "", {"source": REQUIREMENT})}, folder)
        return MatrixNet(state)


def prepare_extractor(names: Names, *, wheel: Path | None = None) -> None:
    """Bring all that `load_extractor` reads, so that many processes may call it at once."""
    backbone_id(names)
    for name in _listed(names):
        if name in BACKBONES and BACKBONES[name].endswith("vgg"):
            load_weights(BACKBONES[name], wheel=wheel)
        else:
            load_extractor(name, wheel=wheel)
