"""Neighbours by sound: where a model is wrong about a track, it is wrong about those around it too.

The graph joins every track of the library with those that sound most like it, played or not, so that the shape of the
library itself says how far what is known of a track carries. What the model got wrong spreads over the graph and
corrects its neighbours (the "correct" step of Huang, He, Singh, Lim and Benson, "Combining label propagation and
simple models out-performs graph neural networks", ICLR 2021; the graph is that of Zelnik-Manor and Perona,
"Self-tuning spectral clustering", NIPS 2004).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cfaudio_core.models.neighbor_search import nearest
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.threads import one_thread

_NEAREST = 3
_CANDIDATES = 64
_REACH = 0.8  # of what is wrong at a track, so much is passed on to its neighbours
_BLOCK = 4096  # tracks at a time
_ROUNDS = 32  # 0.8 ** 32 is less than a thousandth


@one_thread
def knn_graph(places: FloatArray) -> sparse.csr_array:
    """Join each track with its nearest.

    Parameters
    ----------
    places
        float32 (n, dim), in the space of sound; see `search.search_basis`.

    Returns
    -------
    sparse.csr_array
        float32 (n, n), symmetric, no eigenvalue above 1; empty rows for tracks without any neighbour.
    """
    n = len(places)
    k = min(_NEAREST, n - 1)
    if k < 1:
        return sparse.csr_array((n, n), dtype=np.float32)
    near, squared = nearest(places, min(_CANDIDATES, n - 1))
    scale = np.sqrt(np.maximum(squared[:, k - 1], 1e-12))
    beside, weight = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    for start in range(0, n, _BLOCK):
        part = slice(start, start + _BLOCK)
        # A track in a crowd is near to everybody; by its own scale it is not, and does not become everybody's
        # neighbour.
        closest = np.argsort(squared[part] / scale[near[part]], axis=1, kind="stable")[:, :k]
        beside[part] = np.take_along_axis(near[part], closest, axis=1)
        apart = np.take_along_axis(squared[part], closest, axis=1)
        weight[part] = np.exp(-apart / (scale[part, None] * scale[beside[part]]))
    del near, squared
    one_way = sparse.csr_array((weight.ravel(), beside.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    both = sparse.csr_array(one_way.maximum(one_way.T))
    both.eliminate_zeros()
    degree = np.sqrt(np.maximum(both.sum(axis=0), 1e-12))
    at, to = both.nonzero()
    return sparse.csr_array((float32(both.data / (degree[at] * degree[to])), (at, to)), shape=(n, n))


def propagate(graph: sparse.csr_array, wrong: FloatArray) -> FloatArray:
    """What is wrong at each track once everybody's errors have reached their neighbours, and theirs.

    Parameters
    ----------
    graph
        Of n tracks, see `knn_graph`.
    wrong
        float32 (n, outputs): truth less prediction, 0 where the truth is not known.
    """
    reached = wrong
    for _ in range(_ROUNDS):
        reached = wrong + _REACH * (graph @ reached)
    return float32(reached)
