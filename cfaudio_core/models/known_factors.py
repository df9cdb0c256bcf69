"""Known factors: latent factors of the tracks that a model was trained on, and of those played since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import Interactions, gather_interactions
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.tracks import Tracks
from cfaudio_core.data.training_set import unit
from cfaudio_core.factorization.confidence import Confidence
from cfaudio_core.factorization.factorizer import FactorizerSettings, make_factorizer
from cfaudio_core.factorization.tuning import tune
from cfaudio_core.factorization.wmf import WmfSettings, solve_rows
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

_MAX_DENSE_TRACKS = 20_000  # beyond, most tracks are in no context, and none of the sums is to go over them


@dataclass(frozen=True)
class KnownFactors:
    """Latent factors of the m known tracks; none until they are fitted, and none where contexts say nothing.

    Attributes
    ----------
    keys
        m content keys.
    directions
        float32 (m, factors), unit length.
    lengths
        float32 (m,): what the directions were divided by.
    factorizer, settings
        Name and tuned settings of the factorizer.
    """

    keys: list[str] = field(default_factory=list)
    directions: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    lengths: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    factorizer: str = ""
    settings: FactorizerSettings = field(default_factory=FactorizerSettings)

    @classmethod
    def fit(
        cls, keys: Sequence[str], contexts: Interactions, known: IntArray, settings: TrainingSettings
    ) -> KnownFactors:
        """Factorize contexts of n tracks.

        `keys` are n content keys, `contexts` are contexts x n tracks, and `known` is int64 (m,), the positions of the
        known tracks. Half of `settings.factors.factors` come out: the rest of a track's embedding is its audio.
        """
        known_keys = [keys[i] for i in known]
        if not contexts.n_shared:
            nothing = np.zeros((len(known), 0), np.float32)
            return cls(known_keys, nothing, np.zeros(len(known), np.float32), settings.factorizer)
        in_context, n = np.unique(contexts.matrix.indices), contexts.matrix.shape[1]
        if large := n > _MAX_DENSE_TRACKS:
            contexts = replace(contexts, matrix=sparse.csr_array(contexts.matrix[:, in_context]))
        half = replace(settings.factors, factors=settings.factors.factors // 2)
        tuned = tune_factorizer(contexts, settings, half)
        factorizer = make_factorizer(settings.factorizer, tuned)
        factors = factorizer.fit(contexts.matrix, np.random.default_rng(settings.seed)).tracks
        if large:
            everywhere = np.zeros((n, factors.shape[1]), np.float32)
            everywhere[in_context] = factors
            factors = everywhere
        lengths = float32(np.linalg.norm(factors[known], axis=1))
        return cls(known_keys, unit(factors[known]), lengths, settings.factorizer, tuned)

    def rows(self, keys: Sequence[str]) -> IntArray:
        """int64 (n,): which of the m known tracks each of n content keys is, -1 for none."""
        row = {key: r for r, key in enumerate(self.keys)}
        return np.array([row.get(key, -1) for key in keys], np.int64)

    def fold_in(self, tracks: Tracks, listeners: Sequence[Listener], rows: IntArray) -> FloatArray:
        """Look up the factors of known tracks, and fold in those of tracks that were first played since the fit.

        A new track gets factors by one half-sweep of alternating least squares: its contexts get theirs from the known
        tracks, and the track gets its own from its contexts.

        `listeners` are those that the model was trained on, over the same n tracks; `rows` is int64 (n,), see `rows`.
        The factors are float32 (n, factors), unit length; zeros for tracks of which nothing is known.
        """
        directions = np.zeros((len(tracks), self.directions.shape[1]), np.float32)
        known = rows >= 0
        directions[known] = self.directions[rows[known]]
        new = np.flatnonzero(np.any([np.zeros_like(known), *(one.known for one in listeners)], axis=0) & ~known)
        if not len(new) or not directions.shape[1]:
            return directions
        settings, factors = WmfSettings(factors=directions.shape[1]), directions
        if self.factorizer == "wmf":  # the others have no lengths to go on from
            settings = replace(self.settings.wmf, factors=directions.shape[1])
            factors = directions.copy()
            factors[known] *= self.lengths[rows[known], None]
        weights = gather_interactions(tracks, listeners).matrix
        by_context = Confidence.of(weights, settings.confidence, settings.damping).apply(weights)
        contexts = solve_rows(by_context, factors, settings)
        by_track = sparse.csr_array(by_context[:, new].T)
        by_track.indices, by_track.indptr = by_track.indices.astype(np.int32), by_track.indptr.astype(np.int32)
        directions[new] = unit(solve_rows(by_track, contexts, settings))
        return directions


def tune_factorizer(
    contexts: Interactions, settings: TrainingSettings, factors: FactorizerSettings
) -> FactorizerSettings:
    """Tune the factorizer to these contexts, beginning at `factors`.

    Without sessions nothing is tuned: tracks hidden from an album could only tell how to complete albums.
    """
    sessions = np.flatnonzero([kind == "session" for kind in contexts.kinds])
    # Weights stay as they were gathered: an album's against a session's is what other confidences would wipe out.
    return tune(settings.factorizer, contexts.matrix, factors, ("raw",), sessions, settings.seed).settings
