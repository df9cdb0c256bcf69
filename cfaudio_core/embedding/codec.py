"""A vector as the text of an item field: little-endian float32 in base64, 216 characters for 40 factors."""

from __future__ import annotations

import base64
import binascii

import numpy as np

from cfaudio_core.tracks import FloatArray


def encode(vector: FloatArray) -> str:
    """The text of a float32 (d,) vector."""
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode("ascii")


def decode(text: str) -> FloatArray:
    """The float32 (d,) vector of a text.

    Raises
    ------
    ValueError
        If the text is not one that `encode` made.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"no vector: {error}") from error
    if len(raw) % 4:
        raise ValueError(f"no vector: {len(raw)} bytes are no float32 numbers")
    return np.frombuffer(raw, "<f4").astype(np.float32)
