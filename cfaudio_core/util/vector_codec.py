"""Text form of a vector in an item field: little-endian float32 in base64, 216 characters for 40 factors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import numpy as np

from cfaudio_core.util.arrays import FloatArray, float32


def encode(vector: FloatArray) -> str:
    """Encode a float32 (d,) vector."""
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode("ascii")


def decode(text: str) -> FloatArray:
    """Decode a text to a float32 (d,) vector.

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


def decode_all(texts: Sequence[str]) -> FloatArray:
    """Decode n texts to float32 (n, d); zeros for an invalid text, or one of another length than most have."""
    raw = [_bytes(text) for text in texts]
    lengths = np.array([len(one) for one in raw], np.int64)
    size = int(np.bincount(lengths[lengths > 0]).argmax()) if lengths.any() else 0
    nothing = bytes(size)
    vectors = np.frombuffer(b"".join(one if len(one) == size else nothing for one in raw), "<f4")
    return float32(np.nan_to_num(vectors, posinf=0, neginf=0).reshape(len(raw), size // 4))


def _bytes(text: str) -> bytes:
    try:
        raw = binascii.a2b_base64(text)
    except (binascii.Error, ValueError):
        return b""
    return b"" if len(raw) % 4 else raw
