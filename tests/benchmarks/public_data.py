"""Public listening data for benchmarks, and the protocol by which factorizers are compared on it.

Neither data set may be redistributed, so each is put into a folder by hand:

user_artists.dat
    HetRec 2011 Last.fm-2K: https://github.com/rafaelpossas/admusic, data/user_artists.dat
ml-100k.inter
    MovieLens 100K: from the wheel of recbole 1.2.1 (`pip download recbole==1.2.1 --no-deps`, a zip file),
    recbole/dataset_example/ml-100k/ml-100k.inter
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

FILES = {"HetRec Last.fm-2K": "user_artists.dat", "MovieLens 100K": "ml-100k.inter"}
METRICS = ("R@20", "NDCG@20", "NDCG@100", "mAP", "AUC")


def load(folder: Path, name: str) -> sparse.csr_array | None:
    """CSR (users, items) of plays or ratings; None where the file is not in the folder."""
    path = folder / FILES[name]
    if not path.exists():
        return None
    columns = np.loadtxt(path, skiprows=1, usecols=(0, 1, 2))
    users, items = (np.unique(columns[:, k], return_inverse=True)[1] for k in (0, 1))
    return sparse.csr_array((columns[:, 2].astype(np.float32), (users, items)))


def split(matrix: sparse.csr_array, seed: int) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Training and test part: a fifth of each user's items is held out, at least one.

    Held-out items that nobody has in the training part are dropped.
    """
    rng = np.random.default_rng(seed)
    lengths = np.diff(matrix.indptr)
    row = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((rng.random(matrix.nnz), row))
    rank = np.empty(matrix.nnz, np.int64)
    rank[order] = np.arange(matrix.nnz) - matrix.indptr[row[order]]
    held = rank < np.where(lengths < 2, 0, np.maximum(np.rint(0.2 * lengths), 1))[row]
    seen = np.bincount(matrix.indices[~held], minlength=matrix.shape[1]) > 0
    train, test = (
        sparse.csr_array((matrix.data[e], (row[e], matrix.indices[e])), shape=matrix.shape)
        for e in (~held, held & seen[matrix.indices])
    )
    return train, test


def judge(users: np.ndarray, items: np.ndarray, train: sparse.csr_array, test: sparse.csr_array) -> np.ndarray:
    """float64 (5,): the mean over users of `METRICS`, with training items masked; mAP and AUC over the full ranking."""
    results = []
    for user in np.flatnonzero(np.diff(test.indptr)):
        scores = items @ users[user]
        known = train.indices[train.indptr[user] : train.indptr[user + 1]]
        wanted = test.indices[test.indptr[user] : test.indptr[user + 1]]
        scores[known] = -np.inf
        at = np.sort(len(scores) - np.searchsorted(np.sort(scores), scores[wanted]))  # last among equals
        n, others = len(at), len(scores) - len(known) - len(wanted)
        above = at - np.arange(1, n + 1)  # items not wanted that rank before each wanted one
        results.append(
            (
                np.sum(at <= 20) / min(n, 20),
                _ndcg(at, 20),
                _ndcg(at, 100),
                np.mean(np.arange(1, n + 1) / at),
                1 - np.mean(above) / others,
            )
        )
    return np.mean(results, axis=0)


def _ndcg(ranks: np.ndarray, depth: int) -> float:
    ideal = np.sum(1 / np.log2(np.arange(2, min(len(ranks), depth) + 2)))
    return float(np.sum(1 / np.log2(ranks[ranks <= depth] + 1)) / ideal)


def power_law(contexts: int, tracks: int, entries: int, seed: int = 0) -> sparse.csr_array:
    """A binary matrix of exactly so many entries, popularity and activity falling off as power laws."""
    rng = np.random.default_rng(seed)
    row = np.arange(1, contexts + 1) ** -0.6
    column = np.arange(1, tracks + 1) ** -0.7
    keys = np.zeros(0, np.int64)
    while len(keys) < entries:
        more = int(1.3 * (entries - len(keys))) + 1000
        drawn = rng.choice(contexts, more, p=row / row.sum()) * tracks + rng.choice(
            tracks, more, p=column / column.sum()
        )
        keys = np.unique(np.concatenate([keys, drawn]))
    keys = np.sort(rng.choice(keys, entries, replace=False))
    rows, columns = rng.permutation(contexts)[keys // tracks], rng.permutation(tracks)[keys % tracks]
    return sparse.csr_array((np.ones(entries, np.float32), (rows, columns)), shape=(contexts, tracks))
