"""Nets that are trained on a library: what they take in of each track, and what is trained of them.

- `head`: new layers on the places of windows in the space of sound; the pretrained net stays as it is.
- `top`: musicnn's mid-end too, on activations of its front end, which stays and is heard once.
- `all`: its front end as well, on the spectrograms themselves.
- `spotify`: another net, on the spectrograms too, which begins from nothing; see `nets.spotify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch

from cfaudio_core.backbones.musicnn import Musicnn
from cfaudio_core.backbones.registry import BANDS, FRAMES, Backbone
from cfaudio_core.backbones.spotify import Spotify
from cfaudio_core.data.training_set import TrainingSet
from cfaudio_core.features.feature_space import FeatureSpace, summarize_tracks
from cfaudio_core.finetuning.networks import DeepNet, Head, Pooled, Trainable
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.finetuning.trainer import State, Trained, device, predict, train
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.progress import progress

_MOST_WINDOWS = 10
_BATCH = 8

Read = Iterator[tuple[str, npt.NDArray[np.float16]]]
Prepare = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


class Windows(Protocol):
    """Where the windows of tracks are read from; keys that cannot be read are left out."""

    def features(self, keys: Sequence[str]) -> Read:
        """(key, features (windows, dim)) of what was heard, in any order."""
        ...

    def patches(self, keys: Sequence[str]) -> Read:
        """(key, log-mel patches (windows, 187, 96)), in any order."""
        ...

    def backbone(self) -> Backbone:
        """The pretrained net, whole."""
        ...


def train_net(
    training_set: TrainingSet,
    keys: Sequence[str],
    windows: Windows,
    space: FeatureSpace,
    settings: NetSettings,
    seed: int,
) -> Trained | None:
    """Train what `settings.fine_tune` says.

    Parameters
    ----------
    lesson
        What is to be learnt; its folds are held out of one net each.
    keys
        Content keys of the m known tracks.
    windows
        To read them by.
    space, settings, seed
        The space of sound, and as for `training.train`.

    Returns
    -------
    Trained or None
        NaN stands for what no net can say since the track could not be read or there was no room for it. None where
        that leaves too few tracks to learn from.
    """
    backbone: Backbone | None = None
    prepare: Prepare
    shape: tuple[int, ...]
    if settings.fine_tune == "head":
        read, shape = windows.features, (2 * len(space.mean),)
        prepare = lambda heard: evened(space.windows(np.asarray(heard, np.float16)))  # noqa: E731
    else:
        backbone = windows.backbone() if settings.fine_tune in {"top", "all"} else None
        read, prepare = windows.patches, _preparation(settings, backbone)
        shape = prepare(np.zeros((1, FRAMES, BANDS), np.float32)).shape[1:]
    cache = WindowCache(keys, shape, settings.cache_size, seed)
    for key, heard in read(cache.keys):
        cache.put(key, prepare(heard))
    rows = cache.rows[cache.filled]
    if len(rows) < settings.fewest:
        return None
    kept = cache.windows if cache.filled.all() else cache.windows[cache.filled]
    outputs = training_set.targets.values.shape[1]
    make: Callable[[], Trainable] = lambda: Head(shape[0], outputs, settings)  # noqa: E731
    if settings.fine_tune == "spotify":
        loud = kept[:, 0].astype(np.float32)  # one window of each track tells how loud a band is
        bands = torch.from_numpy(loud.mean(axis=(0, 1))), torch.from_numpy(1 / np.maximum(loud.std(axis=(0, 1)), 1e-3))
        make = lambda: Spotify(bands, outputs, settings.dropout, settings.layers)  # noqa: E731
    if backbone is not None:
        pooled = Pooled(cast(Musicnn, backbone.net), settings.fine_tune).to(device())
        mean, whitening = _whitening(pooled, kept)
        make = lambda: DeepNet(pooled, mean, whitening, Head(len(mean), outputs, settings))  # noqa: E731
    with progress("Training", len(np.unique(training_set.fold[rows])), "nets") as advance:
        trained = train(make, kept, training_set.targets.subset(rows), training_set.fold[rows], settings, seed, advance)
    held_out = np.full((len(keys), outputs), np.nan, np.float32)
    held_out[rows] = trained.held_out
    return Trained(trained.states, held_out)


class NetEnsemble:
    """Trained nets that say together what tracks are like.

    Parameters
    ----------
    states
        As `training.train` gives them.
    settings
        As in the training.
    backbone
        What was trained from; None where nothing of it was trained.
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
                pooled = Pooled(cast(Musicnn, backbone.net), settings.fine_tune)
                net = DeepNet(pooled, state["mean"], state["whitening"], head)
            self._add(net, state)

    def _add(self, net: Trainable, state: State) -> None:
        net.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
        self._nets.append(net.to(device()))

    def of_places(self, features: FloatArray) -> FloatArray:
        """float32 (n, outputs): what heads say of tracks by their places in the space of sound, float32 (n, dim)."""
        return self._mean(evened(features)[:, None])

    def of_patches(self, patches: npt.NDArray[Any]) -> FloatArray:
        """float32 (outputs,): what deep nets say of one track, by its log-mel patches (windows, 187, 96)."""
        return float32(self._mean(self._prepare(patches)[None])[0])

    def _mean(self, windows: npt.NDArray[Any]) -> FloatArray:
        return float32(np.mean([predict(net, windows) for net in self._nets], axis=0))


def evened(features: FloatArray) -> FloatArray:
    """The same directions with a variance of about 1 in each, which is what a net's first weights are made for."""
    return float32(features * np.sqrt(features.shape[1]))


def _preparation(settings: NetSettings, backbone: Backbone | None) -> Prepare:
    """What is done to patches (windows, 187, 96) once, before the part that is trained: the front end, or nothing."""
    if backbone is None or settings.fine_tune != "top":
        return lambda patches: patches
    frontend = cast(Musicnn, backbone.net).frontend

    def hear(patches: npt.NDArray[Any]) -> npt.NDArray[Any]:
        tensor = torch.from_numpy(np.ascontiguousarray(patches, np.float32))
        with torch.inference_mode():
            maps = [frontend(tensor[at : at + _BATCH]) for at in range(0, len(tensor), _BATCH)]
        return torch.cat(maps).numpy()

    return hear


def _whitening(pooled: Pooled, windows: npt.NDArray[np.float16]) -> tuple[FloatArray, FloatArray]:
    """Mean (dim,) and whitening (dim, dim) of the space of sound that convolutions make before they are trained."""

    def hear() -> Read:
        for row, own in enumerate(windows):
            with torch.inference_mode():
                drawn_in = pooled(torch.from_numpy(own.astype(np.float32)).to(device())).cpu().numpy()
            # `summarize_tracks` draws in what it is given
            yield str(row), (np.sign(drawn_in) * drawn_in**2).astype(np.float16)

    space = FeatureSpace.of(summarize_tracks(hear(), [str(row) for row in range(len(windows))]))
    return space.mean, float32(space.whitening * np.sqrt(len(space.mean)))


class WindowCache:
    """As many windows of tracks as there is room for.

    Parameters
    ----------
    keys
        Of the m tracks; tracks with one key share what is put there.
    shape
        Of one window.
    size
        MB.
    seed
        Chooses tracks, where there is no room for one window of each.

    Attributes
    ----------
    rows
        int64: the tracks there is room for, of the m.
    filled
        bool, of which of these something was put there.
    windows
        float16 (rows, windows, ...).
    """

    def __init__(self, keys: Sequence[str], shape: Sequence[int], size: int, seed: int) -> None:
        room = max(size * 2**20 // (2 * int(np.prod(shape))), 1)
        self.rows = np.sort(np.random.default_rng(seed).permutation(len(keys))[:room])
        each = min(room // len(self.rows), _MOST_WINDOWS)
        self.windows = np.zeros((len(self.rows), each, *shape), np.float16)
        self.filled = np.zeros(len(self.rows), bool)
        self._at: dict[str, list[int]] = {}
        for at, row in enumerate(self.rows):
            self._at.setdefault(keys[row], []).append(at)

    @property
    def keys(self) -> list[str]:
        """What is to be put here."""
        return sorted(self._at)

    def put(self, key: str, windows: npt.NDArray[Any]) -> None:
        """Keep windows of a track, (windows, ...), evenly chosen where they are too many, repeated where too few."""
        each = self.windows.shape[1]
        chosen = np.arange(each) % len(windows)
        if len(windows) > each:
            chosen = (np.arange(each) * len(windows) + len(windows) // 2) // each
        self.windows[self._at[key]] = windows[chosen]
        self.filled[self._at[key]] = True
