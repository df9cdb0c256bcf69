"""The map: vectors on a plane, where what is near stays near.

t-SNE (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 2008) in the way of Kobak and Berens ("The art
of using t-SNE for single-cell transcriptomics", Nature Communications 2019): begun from the principal components, so
that the large picture is that of the data and the same at each run, and with a learning rate that grows with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cfaudio_core.tracks import FloatArray, float32

_PERPLEXITY = 30
_EARLY, _EARLY_ROUNDS, _ROUNDS = 12.0, 250, 500
_FEWEST = 10  # tracks; fewer have no neighbourhoods to keep


def project(vectors: FloatArray, seed: int = 0, jobs: int = 1) -> FloatArray:
    """Lay n vectors out.

    Parameters
    ----------
    vectors
        float32 (n, d).
    seed
        The same number and data give the same map on one machine.
    jobs
        Threads.

    Returns
    -------
    FloatArray
        float32 (n, 2), centred on 0, within -1 to 1.
    """
    if len(np.unique(vectors, axis=0)) < _FEWEST:
        return _framed(_principal(vectors))
    import openTSNE

    affinities = openTSNE.affinity.PerplexityBasedNN(
        vectors,
        perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3),
        n_jobs=jobs,
        random_state=seed,
    )
    begin = _principal(vectors)
    begin *= 1e-4 / max(float(begin[:, 0].std()), 1e-12)
    plane = openTSNE.TSNEEmbedding(begin, affinities, n_jobs=jobs, random_state=seed)
    plane = plane.optimize(_EARLY_ROUNDS, exaggeration=_EARLY, momentum=0.5, learning_rate="auto")
    plane = plane.optimize(_ROUNDS, momentum=0.8, learning_rate="auto")
    return _framed(np.asarray(plane))


def _principal(vectors: FloatArray) -> npt.NDArray[np.float64]:
    """float64 (n, 2): the first principal components, each with the sign that makes its largest loading positive."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, : -3 if axes.shape[1] > 2 else None : -1]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
    plane = centred @ axes
    return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))


def _framed(plane: npt.NDArray[np.float64]) -> FloatArray:
    if not len(plane):
        return np.zeros((0, 2), np.float32)
    low, high = plane.min(axis=0), plane.max(axis=0)
    size = float((high - low).max())
    return float32((plane - (low + high) / 2) * (2 / size if size > 0 else 1))
