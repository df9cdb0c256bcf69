"""A pruned musicnn as matrix products in numpy: what workers compute activations with, in half the time of torch.

A convolution over few positions is one product with a banded matrix, which holds the kernel once for each position.
Where the maximum over all positions is wanted, as of the temporal filters, the positions are taken a block at a time,
and all blocks share one matrix. The last block overlaps the one before, which changes no maximum. The results
differ from the net's own by rounding only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cfaudio_core.audio.melspec import N_MELS
from cfaudio_core.backbones.activations import Activations, check_patches
from cfaudio_core.backbones.timbral_filters import TimbralFilters
from cfaudio_core.util.arrays import FloatArray

# Positions a block. More of them waste products with the zeros of the band, fewer make the matrices too small to be
# multiplied at full speed.
_FRAMES_A_BLOCK = 16
_BATCH_PATCHES = 2  # whose maps stay in the processor's cache


class _Finish(NamedTuple):
    """Rectification and scaling of the maxima of a branch of the front end; see `musicnn.Frontend`."""

    sign: FloatArray
    bias: FloatArray
    scale: FloatArray
    shift: FloatArray

    def __call__(self, strongest: FloatArray) -> FloatArray:
        """Rectify and scale the maxima (filters, n, frames)."""
        response = strongest * self.sign + self.bias
        np.maximum(response, 0, out=response)
        return response * self.scale + self.shift


class _Temporal(NamedTuple):
    """Filters one band high; `matrix` is (frames, filters * `_FRAMES_A_BLOCK`), for a block of responses."""

    matrix: FloatArray
    length: int
    finish: _Finish


class _Conv(NamedTuple):
    """A convolution over time with its rectifier and normalisation; `matrix` is (filters, length * channels)."""

    matrix: FloatArray
    length: int
    bias: FloatArray
    scale: FloatArray
    shift: FloatArray


class NumpyMusicnn:
    """A pruned musicnn.

    Parameters
    ----------
    state
        Parameters by name, as `state_dict` of `musicnn.Musicnn` has them.
    """

    def __init__(self, state: Mapping[str, FloatArray]) -> None:
        self._scale, self._shift = state["frontend.scale"], state["frontend.shift"]
        branches = [_branch(state, f"frontend.branches.{i}") for i in range(5)]
        timbral, temporal = branches[:2], branches[2:]
        self._timbral = TimbralFilters([kernel for kernel, _ in timbral], N_MELS)
        self._finish = _Finish(*map(np.concatenate, zip(*(finish for _, finish in timbral), strict=True)))
        self._temporal = [_Temporal(_banded(kernel), kernel.shape[1], finish) for kernel, finish in temporal]
        self._convs = [_conv(state, f"midend.{name}") for name in ("first", "second", "third")]
        self._dense = state["backend.dense.weight"].T, state["backend.dense.bias"]
        self._norm = state["backend.norm.scale"], state["backend.norm.shift"]
        self._output = state["backend.output.weight"].T, state["backend.output.bias"]
        # Frames of zeros before and after a patch: for the longest kernel of all, and for the timbral ones.
        self._longest = max(branch.length for branch in self._temporal)
        self._timbral_length = timbral[0][0].shape[1]

    def activations(self, patches: FloatArray) -> Activations[FloatArray]:
        """Compute the activations of log-mel patches; see `registry.Backbone.activations`."""
        check_patches(patches)
        parts = [self._pooled(patches[i : i + _BATCH_PATCHES]) for i in range(0, len(patches), _BATCH_PATCHES)]
        pooled = np.concatenate(parts) if parts else np.empty((0, len(self._dense[0])), np.float32)
        penultimate = np.maximum(pooled @ self._dense[0] + self._dense[1], 0) * self._norm[0] + self._norm[1]
        with np.errstate(over="ignore"):  # a tag of probability 0
            tags = 1 / (1 + np.exp(-(penultimate @ self._output[0] + self._output[1])))
        return Activations(pooled, penultimate, tags)

    def _pooled(self, patches: FloatArray) -> FloatArray:
        maps = self._midend(self._frontend(patches))
        return np.concatenate([maps.max(axis=2), maps.mean(axis=2)]).T

    def _frontend(self, patches: FloatArray) -> FloatArray:
        """Map (n, frames, bands) to (filters, n, frames)."""
        n, frames, bands = patches.shape
        before = (self._longest - 1) // 2
        image = np.zeros((n, bands, self._longest - 1 + frames), np.float32)
        inner = image[:, :, before : before + frames]
        np.multiply(patches.transpose(0, 2, 1), self._scale, out=inner)
        inner += self._shift

        def since(length: int) -> int:
            """Find the first frame of the image that a kernel of this length needs."""
            return before - (length - 1) // 2

        around = image[:, :, since(self._timbral_length) :][:, :, : self._timbral_length - 1 + frames]
        maps = [self._finish(self._timbral.strongest(around))]
        for branch in self._temporal:
            rows = image.reshape(n * bands, -1)[:, since(branch.length) :]
            maps.append(branch.finish(_strongest(rows, branch, n, frames)))
        return np.concatenate(maps)

    def _midend(self, front: FloatArray) -> FloatArray:
        first, second, third = self._convs
        # The constant channel of pruning, where the net has one.
        ones = np.ones((first.matrix.shape[1] // first.length - len(front), *front.shape[1:]), np.float32)
        one = _convolved(np.concatenate([front, ones]), first)
        two = _convolved(one, second) + one
        three = _convolved(two, third) + two
        return np.concatenate([front, one, two, three])


def _strongest(rows: FloatArray, branch: _Temporal, n: int, frames: int) -> FloatArray:
    """Find the greatest response of each filter over all bands, in rows (n * bands, frames + length - 1).

    The result is (filters, n, frames).
    """
    strongest = np.empty((branch.matrix.shape[1] // _FRAMES_A_BLOCK, n, frames), np.float32)
    for start in range(0, frames, _FRAMES_A_BLOCK):
        frame = min(start, frames - _FRAMES_A_BLOCK)
        response = rows[:, frame : frame + len(branch.matrix)] @ branch.matrix
        by_band = response.reshape(n, len(rows) // n, -1, _FRAMES_A_BLOCK).max(axis=1)
        strongest[:, :, frame : frame + _FRAMES_A_BLOCK] = by_band.transpose(1, 0, 2)
    return strongest


def _convolved(maps: FloatArray, conv: _Conv) -> FloatArray:
    """Map (channels, n, frames) to (filters, n, frames)."""
    channels, n, frames = maps.shape
    half = conv.length // 2
    padded = np.pad(maps, ((0, 0), (0, 0), (half, half)))
    shifted = np.stack([padded[:, :, t : t + frames] for t in range(conv.length)])
    response = conv.matrix @ shifted.reshape(conv.length * channels, n * frames)
    response += conv.bias
    np.maximum(response, 0, out=response)
    response *= conv.scale
    response += conv.shift
    return response.reshape(-1, n, frames)


def _branch(state: Mapping[str, FloatArray], name: str) -> tuple[FloatArray, _Finish]:
    """Read the kernel of a branch, (filters, length, height), and what follows it."""
    kernel, bias, scale, shift = _block(state, name)
    # A falling scale makes the maximum of what was the minimum: of the opposite, it is a maximum again.
    sign = np.where(scale < 0, np.float32(-1), np.float32(1))
    finish = _Finish(*(values[:, None, None] for values in (sign, bias, scale, shift)))
    return kernel[:, 0] * sign[:, None, None], finish


def _banded(kernel: FloatArray) -> FloatArray:
    """Make the matrix of a temporal branch: its kernel, (filters, length, 1), once for each frame of a block."""
    filters, length, _ = kernel.shape
    banded = np.zeros((length + _FRAMES_A_BLOCK - 1, filters, _FRAMES_A_BLOCK), np.float32)
    for i in range(_FRAMES_A_BLOCK):
        banded[i : i + length, :, i] = kernel[:, :, 0].T
    return banded.reshape(len(banded), -1)


def _conv(state: Mapping[str, FloatArray], name: str) -> _Conv:
    kernel, *of_filters = _block(state, name)
    filters, _, length = kernel.shape
    matrix = np.ascontiguousarray(kernel.transpose(0, 2, 1)).reshape(filters, -1)
    bias, scale, shift = (values[:, None] for values in of_filters)
    return _Conv(matrix, length, bias, scale, shift)


def _block(state: Mapping[str, FloatArray], name: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Read kernel and bias, scale and shift of a `layers.ConvBlock`."""
    return (
        state[f"{name}.conv.weight"],
        state[f"{name}.conv.bias"],
        state[f"{name}.norm.scale"],
        state[f"{name}.norm.shift"],
    )
