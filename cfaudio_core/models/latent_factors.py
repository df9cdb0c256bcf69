"""Latent factors of the tracks of a library, played or not, and of those that joined it or were played since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import Interactions
from cfaudio_core.data.training_set import unit
from cfaudio_core.factorization.factorizer import NO_FACTORIZER, FactorizerSettings, make_factorizer
from cfaudio_core.factorization.tuning import tune
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.util.arrays import BoolArray, FloatArray, IntArray, float32

_MAX_TUNING_SESSIONS = 600  # of a long history so many are tuned on, with what else joins their tracks


@dataclass(frozen=True)
class LatentFactors:
    """Latent factors of the k tracks that are in a context.

    There are none until they are fitted, where no context joins two tracks, and without a factorizer.

    Attributes
    ----------
    keys
        k content keys, those of the known (played or skipped) tracks first.
    n_known
        Number of the known ones.
    directions
        float32 (k, factors), unit length; zeros for a known track that no context beside the listeners has.
    """

    keys: list[str] = field(default_factory=list)
    n_known: int = 0
    directions: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @classmethod
    def fit(
        cls, keys: Sequence[str], contexts: Interactions, known: IntArray, settings: TrainingSettings
    ) -> LatentFactors:
        """Factorize contexts of n tracks.

        `keys` are n content keys, `contexts` are contexts x n tracks, and `known` is int64 (m,), the positions of the
        known tracks. Of m known tracks the first m rows are the factors, in this order.
        """
        others = np.setdiff1d(np.flatnonzero(contexts.n_entries), known)
        if settings.factorizer == NO_FACTORIZER or not contexts.n_shared:
            return cls([keys[i] for i in known], len(known), np.zeros((len(known), 0), np.float32))
        factorizer = make_factorizer(settings.factorizer, tune_factorizer(contexts, settings, settings.factors))
        rng = np.random.default_rng(settings.seed)
        factors = factorizer.fit(contexts.matrix, rng, optimise_contexts=False).tracks
        # The share that all have in common tells no two of them apart. Of tracks that nobody has played it tells that,
        # and so their mean is one of its own: it is no evidence of what they are like. Nor is it evidence that a track
        # was played, but in no session and in no list: such tracks would lie together, and all others on the far side.
        factors[np.bincount(contexts.shared.indices, minlength=len(keys)) == 0] = 0
        directions = np.concatenate([_centred(factors[known]), _centred(factors[others])])
        order = np.concatenate([known, others])
        return cls([keys[i] for i in order], len(known), unit(directions))

    def rows(self, keys: Sequence[str]) -> IntArray:
        """int64 (n,): which of the k tracks each of n content keys is, -1 for none."""
        row = {key: r for r, key in enumerate(self.keys)}
        return np.array([row.get(key, -1) for key in keys], np.int64)

    def known_rows(self, keys: Sequence[str]) -> IntArray:
        """int64 (n,): which of the known tracks each of n content keys is, -1 for none."""
        rows = self.rows(keys)
        return np.where(rows < self.n_known, rows, -1)

    def fold_in(self, keys: Sequence[str], contexts: Interactions, known: BoolArray) -> FloatArray:
        """Look up the factors of tracks, and fold in those of tracks that were added or first played since the fit.

        A context lies where the tracks lie that it had at the fit, on average, and a new track where its contexts lie.

        Parameters
        ----------
        keys, contexts
            n content keys, and contexts as they are now, over these tracks.
        known
            Bool (n,): tracks that were played or skipped by now.

        Returns
        -------
        FloatArray
            float32 (n, factors), unit length; zeros for tracks of which nothing is known.
        """
        rows = self.rows(keys)
        directions = np.zeros((len(keys), self.directions.shape[1]), np.float32)
        directions[rows >= 0] = self.directions[rows[rows >= 0]]
        new = np.flatnonzero(~directions.any(axis=1) | (known & (rows >= self.n_known)))
        if not len(new) or not directions.shape[1]:
            return directions
        directions[new] = 0
        shared = contexts.shared
        by_track = sparse.csr_array(sparse.csc_array(shared)[:, new].T)
        joining = np.unique(by_track.indices)
        by_context = shared[joining]
        size = np.maximum(abs(by_context).sum(axis=1), 1e-9)
        directions[new] = unit(float32(by_track[:, joining] @ (by_context @ directions / size[:, None])))
        return directions


def tune_factorizer(
    contexts: Interactions, settings: TrainingSettings, factors: FactorizerSettings
) -> FactorizerSettings:
    """Tune the factorizer to these contexts, beginning at `factors`.

    Without sessions nothing is tuned: tracks hidden from an album could only tell how to complete albums.
    """
    is_session = np.array([kind == "session" for kind in contexts.kinds], bool)
    matrix, sessions = contexts.matrix, np.flatnonzero(is_session)
    if len(sessions) > _MAX_TUNING_SESSIONS:
        chosen = np.random.default_rng(settings.seed).choice(sessions, _MAX_TUNING_SESSIONS, replace=False)
        is_session[np.setdiff1d(sessions, chosen)] = False
        matrix = sparse.csr_array(sparse.csc_array(matrix)[:, np.unique(matrix[chosen].indices)])
        joins = is_session | ((np.diff(matrix.indptr) >= 2) & (np.array(contexts.kinds) != "session"))
        matrix, sessions = matrix[joins], np.flatnonzero(is_session[joins])
    # Weights stay as they were gathered: an album's against a session's is what other confidences would wipe out.
    return tune(settings.factorizer, matrix, factors, ("raw",), sessions, settings.seed).settings


def _centred(factors: FloatArray) -> FloatArray:
    """Subtract the mean of the rows that are not zeros from these, float32 (m, factors)."""
    placed = factors.any(axis=1)
    if placed.any():
        factors[placed] -= factors[placed].mean(axis=0)
    return factors
