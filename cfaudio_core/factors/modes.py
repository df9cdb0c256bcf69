"""Taste modes: kinds of sessions that one listener has.

Nobody likes one kind of music alone, and the mean of all that is heard is the most generic music of the library. Each
mode sounds more like itself than the whole does, so that what a net learns of the modes one by one adds to what it
learns of the listener as a whole.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cfaudio_core.tracks import FloatArray, IntArray

MODES = (3, 4, 6)
"""Modes of a listener. Any number in this range does, and one division is partly luck, so there are several."""

ENOUGH_SESSIONS = 10
"""Sessions a mode; a listener with fewer is not divided into so many modes."""

_RESTARTS = 5


def mode_plays(sessions: sparse.csr_array, factors: FloatArray, seed: int) -> list[FloatArray]:
    """How often each track was played in each mode, by several divisions into modes.

    Parameters
    ----------
    sessions
        float32 CSR (sessions, n) of one listener, see `contexts.session_rows`.
    factors
        float32 (sessions, d), their latent factors.
    seed
        For the first guesses.

    Returns
    -------
    list of FloatArray
        float32 (modes, n) for each of `MODES`, 0 and up; what a session rejects does not count.
    """
    plays = sessions.copy()
    plays.data = np.expm1(np.maximum(plays.data, 0))
    divisions = []
    for modes in MODES:
        if sessions.shape[0] >= modes * ENOUGH_SESSIONS:
            mode = spherical_kmeans(factors, modes, np.random.default_rng(seed))
            ones, rows = np.ones(len(mode), np.float32), np.arange(len(mode))
            member = sparse.csr_array((ones, (mode, rows)), shape=(modes, len(mode)))
            divisions.append(np.asarray((member @ plays).toarray(), np.float32))
    return divisions


def spherical_kmeans(vectors: FloatArray, k: int, rng: np.random.Generator, sweeps: int = 30) -> IntArray:
    """Clusters by direction: k-means on the unit sphere, the best of a few k-means++ starts.

    Parameters
    ----------
    vectors
        float32 (s, d); a row of zeros may land anywhere.
    k
        Number of clusters, at most s.
    rng
        For the starts.
    sweeps
        At most so many rounds a start.

    Returns
    -------
    IntArray
        int64 (s,): the cluster of each, 0 to k - 1.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norms > 0, norms, 1)
    best, labels = -np.inf, np.zeros(len(unit), np.int64)
    for _ in range(_RESTARTS):
        centres = unit[rng.integers(len(unit))][None]
        while len(centres) < k:
            far = np.maximum(1 - (unit @ centres.T).max(axis=1), 0).astype(np.float64) + 1e-12
            centres = np.vstack([centres, unit[rng.choice(len(unit), p=far / far.sum())]])
        own = np.zeros(len(unit), np.int64)
        for _ in range(sweeps):
            before, own = own, np.argmax(unit @ centres.T, axis=1)
            if np.array_equal(before, own):
                break
            sums = np.stack([unit[own == c].sum(axis=0) for c in range(k)])
            length = np.linalg.norm(sums, axis=1, keepdims=True)
            centres = np.where(length > 0, sums / np.where(length > 0, length, 1), centres)
        nearness = float(np.sum(unit * centres[own]))
        if nearness > best:
            best, labels = nearness, own.astype(np.int64)
    return labels
