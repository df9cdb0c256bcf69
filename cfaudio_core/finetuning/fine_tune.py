"""Fine-tuning of a net on a library; `NetSettings.fine_tune` tells what is trained of it.

- `head`: new layers on the features of windows; the pretrained net stays as it is.
- `top`: musicnn's mid-end too, on activations of its front end, which stays and is run once.
- `all`: its front end as well, on the spectrograms themselves.
- `spotify`: another net, on the spectrograms too, which begins from random weights; see `backbones.spotify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cfaudio_core.audio.melspec import FRAMES, N_MELS
from cfaudio_core.backbones.registry import Backbone
from cfaudio_core.backbones.spotify import Spotify
from cfaudio_core.data.training_set import TrainingSet
from cfaudio_core.features.feature_space import FeatureSpace
from cfaudio_core.features.summaries import summarize_tracks
from cfaudio_core.finetuning.networks import DeepNet, Head, Pooled, Trainable
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.finetuning.track_windows import TrackWindows
from cfaudio_core.finetuning.trainer import State, device, predict, train
from cfaudio_core.util.arrays import FloatArray, IntArray, float32
from cfaudio_core.util.progress import progress

_MAX_WINDOWS = 10  # a track
_BATCH_WINDOWS = 8

Windows = Iterator[tuple[str, npt.NDArray[np.float16]]]
Prepare = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def train_net(
    training_set: TrainingSet,
    keys: Sequence[str],
    windows: TrackWindows,
    space: FeatureSpace,
    settings: NetSettings,
    seed: int,
) -> tuple[list[State], FloatArray] | None:
    """Train what `settings.fine_tune` names.

    Parameters
    ----------
    training_set, keys, windows
        The m known tracks, whose folds are held out of one net each; their content keys; and what reads them.
    space, settings, seed
        The fitted feature space, and as for `train`.

    Returns
    -------
    tuple or None
        As `train` returns it, with NaN as the prediction for tracks that could not be read or that there was no room
        for. None where that leaves too few tracks to train on.
    """
    backbone: Backbone | None = None
    prepare: Prepare
    shape: tuple[int, ...]
    if settings.fine_tune == "head":
        read, shape = windows.features, (2 * len(space.mean),)
        prepare = lambda features: _rescaled(space.transform_windows(np.asarray(features, np.float16)))  # noqa: E731
    else:
        backbone = windows.backbone() if settings.fine_tune in {"top", "all"} else None
        read, prepare = windows.patches, _preparation(settings, backbone)
        shape = prepare(np.zeros((1, FRAMES, N_MELS), np.float32)).shape[1:]
    rows, inputs = collect_windows(lambda some: ((k, prepare(w)) for k, w in read(some)), keys, shape, settings, seed)
    if len(rows) < settings.min_tracks:
        return None
    outputs = training_set.targets.values.shape[1]
    make: Callable[[], Trainable] = lambda: Head(shape[0], outputs, settings)  # noqa: E731
    if settings.fine_tune == "spotify":
        first = inputs[:, 0].astype(np.float32)  # one window of each track tells how loud a band is
        scale = 1 / np.maximum(first.std(axis=(0, 1)), 1e-3)
        bands = torch.from_numpy(first.mean(axis=(0, 1))), torch.from_numpy(scale)
        make = lambda: Spotify(bands, outputs, settings.dropout, settings.layers)  # noqa: E731
    if backbone is not None:
        pooled = Pooled(backbone.net, settings.fine_tune).to(device())
        mean, whitening = _whitening(pooled, inputs)
        make = lambda: DeepNet(pooled, mean, whitening, Head(len(mean), outputs, settings))  # noqa: E731
    fold = training_set.fold[rows]
    with progress("Training", len(np.unique(fold)), "nets") as advance:
        states, predictions = train(make, inputs, training_set.targets.subset(rows), fold, settings, seed, advance)
    held_out = np.full((len(keys), outputs), np.nan, np.float32)
    held_out[rows] = predictions
    return states, held_out


class NetEnsemble:
    """Trained nets, whose predictions are averaged.

    Parameters
    ----------
    states
        As `train` returns them.
    settings
        Of the training.
    backbone
        The pretrained net; None where nothing of it was trained.
    """

    def __init__(self, states: Sequence[State], settings: NetSettings, backbone: Backbone | None = None) -> None:
        self._prepare = _preparation(settings, backbone)
        self._nets: list[Trainable] = []
        for state in states:
            if settings.fine_tune == "spotify":
                bands = torch.from_numpy(state["mean"]), torch.from_numpy(state["scale"])
                outputs = len(state[f"dense.{3 * settings.layers}.bias"])
                self._add(Spotify(bands, outputs, layers=settings.layers), state)
                continue
            at = "" if backbone is None else "head."
            outputs = len(state[f"{at}layers.{1 + 3 * settings.layers}.bias"])
            head = Head(state[f"{at}layers.1.weight"].shape[1], outputs, settings)
            net: Trainable = head
            if backbone is not None:
                pooled = Pooled(backbone.net, settings.fine_tune)
                net = DeepNet(pooled, state["mean"], state["whitening"], head)
            self._add(net, state)

    def _add(self, net: Trainable, state: State) -> None:
        net.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
        self._nets.append(net.to(device()))

    def predict(self, features: FloatArray) -> FloatArray:
        """Predict tracks by heads from their features, float32 (n, dim): float32 (n, outputs)."""
        return self._mean(_rescaled(features)[:, None])

    def predict_patches(self, patches: npt.NDArray[Any]) -> FloatArray:
        """Predict one track by deep nets from its log-mel patches, (windows, 187, 96): float32 (outputs,)."""
        return float32(self._mean(self._prepare(patches)[None])[0])

    def _mean(self, windows: npt.NDArray[Any]) -> FloatArray:
        return float32(np.mean([predict(net, windows) for net in self._nets], axis=0))


def _rescaled(features: FloatArray) -> FloatArray:
    """Scale features to a variance of about 1 in each direction, which is what a net's first weights are made for."""
    return float32(features * np.sqrt(features.shape[1]))


def _preparation(settings: NetSettings, backbone: Backbone | None) -> Prepare:
    """Make the step that patches (windows, 187, 96) go through once, before what is trained: the front end, or none."""
    if backbone is None or settings.fine_tune != "top":
        return lambda patches: patches
    frontend = backbone.net.frontend

    def run(patches: npt.NDArray[Any]) -> npt.NDArray[Any]:
        tensor = torch.from_numpy(np.ascontiguousarray(patches, np.float32))
        with torch.inference_mode():
            starts = range(0, len(tensor), _BATCH_WINDOWS)
            maps = [frontend(tensor[at : at + _BATCH_WINDOWS]) for at in starts]
        return torch.cat(maps).numpy()

    return run


def _whitening(pooled: Pooled, windows: npt.NDArray[np.float16]) -> tuple[FloatArray, FloatArray]:
    """Mean (dim,) and whitening (dim, dim) of the features that convolutions make before they are trained."""

    def pool() -> Windows:
        for row, own in enumerate(windows):
            with torch.inference_mode():
                roots = pooled(torch.from_numpy(own.astype(np.float32)).to(device())).cpu().numpy()
            # `summarize_tracks` takes roots itself.
            yield str(row), (np.sign(roots) * roots**2).astype(np.float16)

    space = FeatureSpace.fit(summarize_tracks(pool(), [str(row) for row in range(len(windows))]))
    return space.mean, float32(space.whitening * np.sqrt(len(space.mean)))


def collect_windows(
    read: Callable[[Sequence[str]], Iterator[tuple[str, npt.NDArray[Any]]]],
    keys: Sequence[str],
    shape: Sequence[int],
    settings: NetSettings,
    seed: int,
) -> tuple[IntArray, npt.NDArray[np.float16]]:
    """Read as many windows of tracks as there is room for.

    Parameters
    ----------
    read
        Yields (key, windows (windows, ...)) of the tracks with some keys.
    keys, shape
        Of the m tracks, where tracks with one key share their windows; and of one window.
    settings, seed
        `cache_size` bounds the memory; the seed chooses tracks, where there is no room for one window of each.

    Returns
    -------
    tuple
        int64 (k,): the tracks that were read and that there was room for; and their windows, float16 (k, windows, ...),
        evenly chosen where they are too many, repeated where too few.
    """
    room = max(settings.cache_size * 2**20 // (2 * int(np.prod(shape))), 1)
    rows = np.sort(np.random.default_rng(seed).permutation(len(keys))[:room])
    each = min(room // len(rows), _MAX_WINDOWS)
    collected, filled = np.zeros((len(rows), each, *shape), np.float16), np.zeros(len(rows), bool)
    at_key: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        at_key.setdefault(keys[row], []).append(at)
    for key, windows in read(sorted(at_key)):
        chosen = np.arange(each) % len(windows)
        if len(windows) > each:
            chosen = (np.arange(each) * len(windows) + len(windows) // 2) // each
        collected[at_key[key]] = windows[chosen]
        filled[at_key[key]] = True
    return rows[filled], collected if filled.all() else collected[filled]
