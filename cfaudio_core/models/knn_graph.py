"""k-NN graph of the library: where predictions err about a track, they err about those around it too.

The graph joins every track with those that sound most like it, played or not, so that the shape of the library itself
says how far what is known of a track carries. Residuals propagate over the graph and correct the neighbours (the
"correct" step of Huang, He, Singh, Lim and Benson, "Combining label propagation and simple models out-performs graph
neural networks", ICLR 2021; the graph is that of Zelnik-Manor and Perona, "Self-tuning spectral clustering", NIPS
2004).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from scipy import sparse

from cfaudio_core.models.neighbor_search import nearest
from cfaudio_core.util.arrays import FloatArray, float32
from cfaudio_core.util.threads import one_thread

_NEIGHBORS = 3
_CANDIDATES = 64
_PROPAGATED = 0.8  # share of a track's residual that is passed on to its neighbours
_BLOCK_TRACKS = 4096
_ROUNDS = 32  # 0.8 ** 32 is less than a thousandth


@one_thread
def knn_graph(features: FloatArray) -> sparse.csr_array:
    """Join each track with its nearest by float32 (n, dim) features, see `neighbor_features`.

    The graph is float32 (n, n), symmetric, with no eigenvalue above 1; empty rows for tracks without any neighbour.
    """
    n = len(features)
    k = min(_NEIGHBORS, n - 1)
    if k < 1:
        return sparse.csr_array((n, n), dtype=np.float32)
    near, squared = nearest(features, min(_CANDIDATES, n - 1))
    scale = np.sqrt(np.maximum(squared[:, k - 1], 1e-12))
    neighbors, weight = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    for start in range(0, n, _BLOCK_TRACKS):
        part = slice(start, start + _BLOCK_TRACKS)
        # A track in a crowd is near to everybody; by its own scale it is not, and does not become everybody's
        # neighbour.
        closest = np.argsort(squared[part] / scale[near[part]], axis=1, kind="stable")[:, :k]
        neighbors[part] = np.take_along_axis(near[part], closest, axis=1)
        distance = np.take_along_axis(squared[part], closest, axis=1)
        weight[part] = np.exp(-distance / (scale[part, None] * scale[neighbors[part]]))
    del near, squared
    one_way = sparse.csr_array((weight.ravel(), neighbors.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    both = sparse.csr_array(one_way.maximum(one_way.T))
    both.eliminate_zeros()
    degree = np.sqrt(np.maximum(both.sum(axis=0), 1e-12))
    at, to = both.nonzero()
    return sparse.csr_array((float32(both.data / (degree[at] * degree[to])), (at, to)), shape=(n, n))


def propagate(graph: sparse.csr_array, residuals: FloatArray) -> FloatArray:
    """Propagate residuals, (n, outputs) and 0 where unknown, over the graph of n tracks until they have settled."""
    halves = np.array_split(residuals, 2, axis=1)  # each output on its own, whichever thread has it
    with ThreadPoolExecutor(len(halves)) as pool:
        return np.hstack(list(pool.map(partial(_propagate, graph), map(np.ascontiguousarray, halves))))


def _propagate(graph: sparse.csr_array, residuals: FloatArray) -> FloatArray:
    propagated = residuals
    for _ in range(_ROUNDS):
        propagated = graph @ propagated
        propagated *= _PROPAGATED
        propagated += residuals
    return float32(propagated)
