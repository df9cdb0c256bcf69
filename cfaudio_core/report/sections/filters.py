"""First-layer filters of musicnn as pictures of time and mel band, and where in a library each answers most.

After Dieleman, "Recommending music on Spotify with deep learning" (2014), who showed those of his net. What is stored
of a window begins with the maxima and goes on to the means, over time, of each first-layer filter: which filters this
library makes most different use of is read from there, and nothing is decoded again.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cfaudio_core.audio.melspec import HOP, SAMPLE_RATE
from cfaudio_core.report.sections.learnt import Moment, distinct
from cfaudio_core.util.arrays import FloatArray, float32

SHOWN_FILTERS = 12
_STRIPE = 0.3  # of a filter's energy, from which on it is of time or of pitch, if that is twice the other
_POSITIVE, _NEGATIVE = (217, 119, 6), (37, 120, 200)  # orange and blue, which hold on white and on black
_SPOT = 0.45  # of its energy in a twentieth of its cells, from which on it is one spot
_WEAK = 0.2  # of the usual size: such a filter was all but given up in training


class Kernel(NamedTuple):
    """A filter of the first layer: its weights, float32 (time, band), and how its response was scaled."""

    weights: FloatArray
    scale: float
    shift: float


class Filter(NamedTuple):
    """A filter to show.

    Attributes
    ----------
    number
        Its number in the layer.
    weights
        float32 (time, band).
    moments
        Tracks that it answers most to, and when.
    labels
        What these have in common by name.
    """

    number: int
    weights: FloatArray
    moments: list[Moment]
    labels: list[str]

    @property
    def seconds(self) -> float:
        """How long a stretch it looks at."""
        return len(self.weights) * HOP / SAMPLE_RATE

    @property
    def shape(self) -> str:
        """What it answers to, in plain words."""
        if self.weights.shape[1] == 1:
            return f"how one pitch comes and goes within {self.seconds:.1f} seconds"
        centred = self.weights - self.weights.mean()
        energy = max(float(np.square(centred).sum()), 1e-12)
        in_time, in_pitch = (float(np.square(centred.mean(axis=k)).sum()) * centred.shape[k] / energy for k in (1, 0))
        if in_time > max(_STRIPE, 2 * in_pitch):
            return "vertical stripes: beats, and where notes begin or end"
        if in_pitch > max(_STRIPE, 2 * in_time):
            return "horizontal stripes: held tones and their colour"
        largest = np.sort(np.square(centred), axis=None)[-max(centred.size // 20, 1) :]
        if largest.sum() > _SPOT * energy:
            return "a spot: a short burst, low or high"
        return "a pattern both ways: sounds that begin, end or change in a certain way"

    @property
    def picture(self) -> str:
        """A PNG as a data address: time to the right, mel band up; orange answers to sound there, blue to its absence.

        Clear where the weight is 0, so that it lies on a light and on a dark ground.
        """
        share = self.weights.T[::-1] / max(float(np.abs(self.weights).max()), 1e-12)
        pixels = np.empty((*share.shape, 4), np.uint8)
        pixels[..., :3] = np.where(share[..., None] > 0, _POSITIVE, _NEGATIVE)
        pixels[..., 3] = np.rint(255 * np.abs(share))
        return "data:image/png;base64," + base64.b64encode(_png(pixels)).decode()


def first_layer(state: Mapping[str, FloatArray]) -> list[Kernel]:
    """Read the kernels from the parameters of a pruned musicnn, in the order of its maps; none of another net."""
    kernels: list[Kernel] = []
    branch = 0
    while f"frontend.branches.{branch}.conv.weight" in state:
        at = f"frontend.branches.{branch}"
        weights, scale, shift = (state[f"{at}.{name}"] for name in ("conv.weight", "norm.scale", "norm.shift"))
        kernels += [Kernel(*row) for row in zip(weights[:, 0], scale.tolist(), shift.tolist(), strict=True)]
        branch += 1
    return kernels


def responses(roots: FloatArray, kernels: Sequence[Kernel], width: int) -> FloatArray:
    """Undo the scaling of the first layer: float32 (n, filters), from 0 up, per unit of a kernel's weights.

    A filter with hardly any weight has 0.

    Parameters
    ----------
    roots
        float32 (n, `width` or more): stored features after a signed root.
    width
        Number of pooled activations: the maxima of all maps, then their means, of which the first are the filters'.
    """
    columns = roots[:, width // 2 : width // 2 + len(kernels)]
    scale, shift = (np.array([one[k] for one in kernels]) for k in (1, 2))
    size = np.array([float(np.linalg.norm(one.weights)) for one in kernels])
    scale = np.where((size > _WEAK * np.median(size)) & (scale != 0), scale, np.inf)
    return float32(np.maximum((columns * np.abs(columns) - shift) / scale, 0) / np.maximum(size, 1e-9))


def choose(values: FloatArray) -> list[int]:
    """Choose the filters whose responses vary most over n tracks, float32 (n, filters), without near twins."""
    spread = values.std(axis=0)
    order = [k for k in np.argsort(-spread, kind="stable").tolist() if spread[k] > 0]
    return distinct(values, order)[:SHOWN_FILTERS]


def _png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Encode uint8 (height, width, 4) as PNG (ISO/IEC 15948)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">2I5B", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, content) for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    )
