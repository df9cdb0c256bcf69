"""Activations of the nets: what they have in common, whatever computes them."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

from numpy.typing import NDArray

from cfaudio_core.audio.melspec import FRAMES, N_MELS

A = TypeVar("A")


class Activations(NamedTuple, Generic[A]):
    """Activations of a net for n log-mel patches, float32, as numpy arrays or torch tensors.

    Attributes
    ----------
    pooled
        (n, P), the input of the first dense layer: the convolutional part's summary of the window.
    penultimate
        (n, D), the input of the output layer.
    tags
        (n, 50), probabilities.
    """

    pooled: A
    penultimate: A
    tags: A


def check_patches(patches: NDArray[Any]) -> None:
    """Raise a ValueError unless they are (n, 187, 96)."""
    if patches.ndim != 3 or patches.shape[1:] != (FRAMES, N_MELS):
        raise ValueError(f"patches must be (n, {FRAMES}, {N_MELS}), not {patches.shape}")
