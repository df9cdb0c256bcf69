"""The tracks most similar to some tracks, by the cosine of their vectors."""

from __future__ import annotations

import numpy as np

from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray

_BLOCK_SEEDS = 100


def nearest(vectors: FloatArray, seeds: BoolArray, n: int) -> tuple[IntArray, FloatArray]:
    """Find the n tracks nearest to any of the seeds, bool (m,), which are not among them.

    Vectors are float32 (m, d), unit length; zeros where a track has none. Returns positions, nearest first, int64 (at
    most n,), and their cosines, float32.
    """
    known = vectors.any(axis=1)
    of_seeds, others = vectors[seeds & known], np.flatnonzero(known & ~seeds)
    if not len(of_seeds) or not len(others):
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    cosines = np.full(len(others), -1, np.float32)
    for start in range(0, len(of_seeds), _BLOCK_SEEDS):
        np.maximum(cosines, (vectors[others] @ of_seeds[start : start + _BLOCK_SEEDS].T).max(axis=1), out=cosines)
    order = np.argsort(-cosines, kind="stable")[:n]
    return others[order], cosines[order]
