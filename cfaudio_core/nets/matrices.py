"""A pruned musicnn as matrix products in numpy: what a worker hears with, without torch and in two thirds of its time.

A convolution over few positions is one product with a banded matrix, which holds the kernel once for each position.
Where the maximum over all positions is wanted, as in the front end, the positions are taken a block at a time, all
blocks share one matrix, and a running maximum is all that is kept. The last block overlaps the one before, since a
maximum does not mind. The results differ from the net's own by rounding only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfaudio_core.nets.backbone import Features, check_patches

FloatArray = NDArray[np.float32]

# Positions a block. More of them waste products with the zeros of the band, fewer make the matrices too small to be
# multiplied at full speed.
_BANDS_A_BLOCK = 5
_FRAMES_A_BLOCK = 16
_PATCHES_AT_ONCE = 5  # the maps of so many stay in the processor's cache


class _Branch(NamedTuple):
    """A branch of the front end; `matrix` has a row (timbral) or a column (temporal) for each output of a block."""

    matrix: FloatArray
    size: tuple[int, int]
    sign: FloatArray
    bias: FloatArray
    scale: FloatArray
    shift: FloatArray

    def finish(self, strongest: FloatArray) -> FloatArray:
        """Rectify and scale the maxima (filters, ...); see `musicnn.Frontend`."""
        response = strongest * self.sign + self.bias
        np.maximum(response, 0, out=response)
        return response * self.scale + self.shift


class _Conv(NamedTuple):
    """A convolution over time with its rectifier and normalisation; `matrix` is (filters, length * channels)."""

    matrix: FloatArray
    length: int
    bias: FloatArray
    scale: FloatArray
    shift: FloatArray


class MatrixNet:
    """A pruned musicnn.

    Parameters
    ----------
    state
        Parameters by name, as `state_dict` of `musicnn.Musicnn` has them.
    """

    def __init__(self, state: Mapping[str, FloatArray]) -> None:
        self._scale, self._shift = state["frontend.scale"], state["frontend.shift"]
        branches = [_branch(state, f"frontend.branches.{i}") for i in range(5)]
        self._timbral, self._temporal = branches[:2], branches[2:]
        self._convs = [_conv(state, f"midend.{name}") for name in ("first", "second", "third")]
        self._dense = state["backend.dense.weight"].T, state["backend.dense.bias"]
        self._norm = state["backend.norm.scale"], state["backend.norm.shift"]
        self._output = state["backend.output.weight"].T, state["backend.output.bias"]
        # Frames of zeros before and after a patch, for the longest kernel of all.
        longest = max(branch.size[0] for branch in branches)
        self._before, self._after = (longest - 1) // 2, longest // 2

    def features(self, patches: FloatArray) -> Features:
        """Hear windows of sound; see `backbone.Backbone.features`.

        Parameters
        ----------
        patches
            float32 (n, 187, 96).

        Raises
        ------
        ValueError
            If `patches` has another shape.
        """
        check_patches(patches)
        parts = [self._pooled(patches[i : i + _PATCHES_AT_ONCE]) for i in range(0, len(patches), _PATCHES_AT_ONCE)]
        pooled = np.concatenate(parts) if parts else np.empty((0, len(self._dense[0])), np.float32)
        penultimate = np.maximum(pooled @ self._dense[0] + self._dense[1], 0) * self._norm[0] + self._norm[1]
        with np.errstate(over="ignore"):  # a tag that is surely not there
            tags = 1 / (1 + np.exp(-(penultimate @ self._output[0] + self._output[1])))
        return Features(pooled, penultimate, tags)

    def _pooled(self, patches: FloatArray) -> FloatArray:
        maps = self._midend(self._frontend(patches))
        return np.concatenate([maps.max(axis=2), maps.mean(axis=2)]).T

    def _frontend(self, patches: FloatArray) -> FloatArray:
        """Map (n, frames, bands) to (filters, n, frames)."""
        n, frames, bands = patches.shape
        image = np.zeros((n, bands, self._before + frames + self._after), np.float32)
        inner = image[:, :, self._before : self._before + frames]
        np.multiply(patches.transpose(0, 2, 1), self._scale, out=inner)
        inner += self._shift
        maps = [self._timbral_maps(image, branch, frames) for branch in self._timbral]
        maps += [self._temporal_maps(image, branch, frames) for branch in self._temporal]
        return np.concatenate(maps)

    def _timbral_maps(self, image: FloatArray, branch: _Branch, frames: int) -> FloatArray:
        length, height = branch.size
        n, bands = image.shape[:2]
        first = self._before - (length - 1) // 2
        # Row band * length + t: the band t frames on. The bands a kernel needs lie side by side.
        shifted = np.empty((bands, length, n, frames), np.float32)
        for t in range(length):
            shifted[:, t] = image[:, :, first + t : first + t + frames].transpose(1, 0, 2)
        rows = shifted.reshape(bands * length, n * frames)
        positions = bands - height + 1
        strongest = np.full((len(branch.matrix), n * frames), -np.inf, np.float32)
        response = np.empty_like(strongest)
        for position in _starts(positions, _BANDS_A_BLOCK):
            block = rows[position * length :][: branch.matrix.shape[1]]
            np.matmul(branch.matrix, block, out=response)
            np.maximum(strongest, response, out=strongest)
        strongest = strongest.reshape(_BANDS_A_BLOCK, -1, n, frames).max(axis=0)
        return branch.finish(strongest)

    def _temporal_maps(self, image: FloatArray, branch: _Branch, frames: int) -> FloatArray:
        length = branch.size[0]
        n, bands, padded = image.shape
        first = self._before - (length - 1) // 2
        rows = image.reshape(n * bands, padded)
        strongest = np.empty((len(branch.sign), n, frames), np.float32)
        for frame in _starts(frames, _FRAMES_A_BLOCK):
            block = rows[:, first + frame :][:, : len(branch.matrix)]
            response = (block @ branch.matrix).reshape(n, bands, -1, _FRAMES_A_BLOCK).max(axis=1)
            strongest[:, :, frame : frame + _FRAMES_A_BLOCK] = response.transpose(1, 0, 2)
        return branch.finish(strongest)

    def _midend(self, front: FloatArray) -> FloatArray:
        first, second, third = self._convs
        # The constant channel of pruning, where the net has one.
        ones = np.ones((first.matrix.shape[1] // first.length - len(front), *front.shape[1:]), np.float32)
        one = _convolved(np.concatenate([front, ones]), first)
        two = _convolved(one, second) + one
        three = _convolved(two, third) + two
        return np.concatenate([front, one, two, three])


def _starts(positions: int, block: int) -> list[int]:
    """Where blocks begin that cover all positions, the last one overlapping if need be."""
    return [min(start, positions - block) for start in range(0, positions, block)]


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


def _branch(state: Mapping[str, FloatArray], name: str) -> _Branch:
    kernel, bias, scale, shift = _block(state, name)
    kernel = kernel[:, 0]
    filters, length, height = kernel.shape
    # A falling scale makes the maximum of what was the minimum: of the opposite, it is a maximum again.
    sign = np.where(scale < 0, np.float32(-1), np.float32(1))
    kernel = kernel * sign[:, None, None]
    if height > 1:
        banded = np.zeros((_BANDS_A_BLOCK, filters, height + _BANDS_A_BLOCK - 1, length), np.float32)
        for i in range(_BANDS_A_BLOCK):
            banded[i, :, i : i + height] = kernel.transpose(0, 2, 1)
        matrix = banded.reshape(_BANDS_A_BLOCK * filters, -1)
    else:
        banded = np.zeros((length + _FRAMES_A_BLOCK - 1, filters, _FRAMES_A_BLOCK), np.float32)
        for i in range(_FRAMES_A_BLOCK):
            banded[i : i + length, :, i] = kernel[:, :, 0].T
        matrix = banded.reshape(len(banded), -1)
    of_filters = (values[:, None, None] for values in (sign, bias, scale, shift))
    return _Branch(matrix, (length, height), *of_filters)


def _conv(state: Mapping[str, FloatArray], name: str) -> _Conv:
    kernel, *of_filters = _block(state, name)
    filters, _, length = kernel.shape
    matrix = np.ascontiguousarray(kernel.transpose(0, 2, 1)).reshape(filters, -1)
    bias, scale, shift = (values[:, None] for values in of_filters)
    return _Conv(matrix, length, bias, scale, shift)


def _block(state: Mapping[str, FloatArray], name: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Kernel and bias, scale and shift of a `layers.ConvBlock`."""
    return (
        state[f"{name}.conv.weight"],
        state[f"{name}.conv.bias"],
        state[f"{name}.norm.scale"],
        state[f"{name}.norm.shift"],
    )
