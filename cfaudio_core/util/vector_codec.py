"""Text form of a vector in an item field: little-endian float32 in base64, 216 characters for 40 factors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

import numpy as np

from cfaudio_core.util.arrays import FloatArray, IntArray, float32


def encode(vector: FloatArray) -> str:
    """Encode a float32 (d,) vector."""
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode("ascii")


def encode_all(vectors: FloatArray) -> list[str]:
    """Encode n vectors, float32 (n, d), all at once: one by one takes ten times as long."""
    raw = np.ascontiguousarray(vectors, "<f4").view(np.uint8)
    missing = -raw.shape[1] % 3  # bytes to a multiple of three, for which base64 has signs of its own
    text = binascii.b2a_base64(np.pad(raw, ((0, 0), (0, missing))).tobytes(), newline=False).decode("ascii")
    size = (raw.shape[1] + missing) // 3 * 4
    return [text[at : at + size - missing] + "=" * missing for at in range(0, len(raw) * size, size)]


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


def decode_ragged(texts: Iterable[str]) -> tuple[FloatArray, IntArray]:
    """Decode n texts to their vectors, one after another, and the length of each, int64 (n,); 0 where there is none."""
    raw = [_bytes(text) for text in texts]
    values = np.frombuffer(b"".join(raw), "<f4")
    return float32(np.nan_to_num(values, posinf=0, neginf=0)), np.array([len(one) // 4 for one in raw], np.int64)


def stack(values: FloatArray, lengths: IntArray) -> FloatArray:
    """Stack n vectors of several lengths to float32 (n, d); zeros for those of another length than most have."""
    width = int(np.bincount(lengths[lengths > 0]).argmax()) if lengths.any() else 0
    fits = lengths == width
    if len(values) != width * np.count_nonzero(fits):
        values = values[np.repeat(fits, lengths)]
    if fits.all():
        return values.reshape(len(lengths), width)
    vectors = np.zeros((len(lengths), width), np.float32)
    vectors[fits] = values.reshape(-1, width)
    return vectors


def _bytes(text: str) -> bytes:
    try:
        raw = binascii.a2b_base64(text)
    except (binascii.Error, ValueError):
        return b""
    return b"" if len(raw) % 4 else raw
