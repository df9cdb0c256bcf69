"""The systems that are compared: baselines, cfaudio itself, and cfaudio with a part taken away.

cfaudio is trained, embeds and ranks here by the very functions that `beet cfembed` and `beet cfrecommend` run, on the
data of a split.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import gather_interactions
from cfaudio_core.data.listeners import Listener
from cfaudio_core.evaluation import baselines
from cfaudio_core.evaluation.splits import groups_of
from cfaudio_core.evaluation.tasks import EvalData, Split
from cfaudio_core.factorization.factorizer import NO_FACTORIZER, make_factorizer
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.finetuning.settings import NetSettings
from cfaudio_core.models.latent_factors import tune_factorizer
from cfaudio_core.models.training_snapshot import TrainingSettings
from cfaudio_core.pipeline.scoring import embed_tracks
from cfaudio_core.ranking.next_month import next_month
from cfaudio_core.ranking.session import SessionRanker
from cfaudio_core.ranking.session_weights import choose_weights
from cfaudio_core.training.fit import fit_model
from cfaudio_core.util.arrays import FloatArray, IntArray, float32

System = Callable[[EvalData, Split], FloatArray]
"""Scores, float32 (n,) or one row a task, (tasks, n); higher is better."""

CFAUDIO = "cfaudio"
FROZEN_KERNEL = "frozen kernel"
NO_FACTORS, NO_FINE_TUNING, SHUFFLED_SOUND = "no factors", "no fine-tuning", "shuffled sound"
UPPER_BOUND = "upper bound"


def cfaudio(data: EvalData, split: Split) -> FloatArray:
    """The scores of cfaudio, where familiar tracks go by next month; sessions are completed by next track."""
    return _cfaudio(data, split, data.training)


def without_factors(data: EvalData, split: Split) -> FloatArray:
    """The same by audio, preferences and tags, without latent factors."""
    return _cfaudio(data, split, replace(data.training, factorizer=NO_FACTORIZER))


def without_fine_tuning(data: EvalData, split: Split) -> FloatArray:
    """The same by the pretrained net as it is."""
    return _cfaudio(data, split, replace(data.training, net=NetSettings("none")))


def shuffled_sound(data: EvalData, split: Split) -> FloatArray:
    """The same, where every track has the features and windows of another one, so that they mean nothing."""
    order = np.random.default_rng([split.seed, split.part]).permutation(len(data.tracks))
    return _cfaudio(data, split, data.training, order)


def factors_alone(data: EvalData, split: Split) -> FloatArray:
    """Factors of the known tracks: one that nobody ever played has none."""
    return _factors(data, split, split.listeners)


def upper_bound(data: EvalData, split: Split) -> FloatArray:
    """Factors fitted to the hidden plays too, as no recommender can."""
    return _factors(data, split, split.oracle)


SYSTEMS: Mapping[str, System] = MappingProxyType(
    {
        "random": baselines.chance,
        "popularity": baselines.popularity,
        "decayed counts": baselines.decayed_counts,
        "artist mean": baselines.artist_mean,
        "frozen cosine": baselines.frozen_cosine,
        FROZEN_KERNEL: baselines.kernel_of_frozen,
        "factors alone": factors_alone,
        CFAUDIO: cfaudio,
        NO_FACTORS: without_factors,
        NO_FINE_TUNING: without_fine_tuning,
        SHUFFLED_SOUND: shuffled_sound,
        UPPER_BOUND: upper_bound,
    }
)
"""In the order of the table."""

ABLATIONS = (NO_FACTORS, NO_FINE_TUNING, SHUFFLED_SOUND)
"""cfaudio with a part taken away."""


def systems_for(data: EvalData, *, ablations: bool = True) -> list[str]:
    """Names of the systems to compare; cfaudio without what it goes without anyway is none of them."""
    left_out: set[str] = set() if ablations else set(ABLATIONS)
    if data.training.factorizer == NO_FACTORIZER:
        left_out.add(NO_FACTORS)
    if data.windows is None:
        left_out.add(NO_FINE_TUNING)
    return [name for name in SYSTEMS if name not in left_out]


def _cfaudio(data: EvalData, split: Split, training: TrainingSettings, order: IntArray | None = None) -> FloatArray:
    """Train and embed; where an order is given, int64 (n,), each track is taken for the recording of another."""
    tracks, feature_matrix = split.tracks, data.feature_matrix
    if order is not None:
        tracks = replace(tracks, keys=[tracks.keys[i] for i in order])
        feature_matrix = FeatureMatrix.of(data.features.subset(order), feature_matrix.space)
    training = replace(training, seed=training.seed + split.seed)
    model, predictions = fit_model(tracks, split.listeners, feature_matrix, data.net, training, data.windows)
    embeddings = embed_tracks(model, tracks, split.listeners, predictions)
    listener, vectors, n = split.listener, embeddings.vectors, len(data.tracks)
    artist, album = (groups_of(split.tracks, kind) + 1 for kind in ("artists", "albums"))
    if split.is_completion:
        ranker = SessionRanker.of(listener.sessions, np.log1p(listener.plays), artist, album, vectors)
        weights = choose_weights(listener.sessions, artist, album)
        return float32([ranker.score(task.given, split.now, weights) for task in split.tasks])
    scores = embeddings.scores.get(listener.name, np.zeros(n, np.float32))
    familiar = next_month(listener, listener.sessions.last_played(n), artist, vectors)
    familiar[listener.known & ~listener.played] = familiar.min(initial=0) - 1  # tracks that were only skipped come last
    return float32(np.where(listener.known, familiar, scores))


def _factors(data: EvalData, split: Split, listeners: list[Listener]) -> FloatArray:
    """Scores of the tracks in the listener's contexts, or in the given ones, by latent factors."""
    contexts = gather_interactions(split.tracks, listeners)
    training = replace(data.training, seed=data.training.seed + split.seed)
    if training.factorizer == NO_FACTORIZER:
        training = replace(training, factorizer=TrainingSettings.factorizer)
    factorizer = make_factorizer(training.factorizer, tune_factorizer(contexts, training, training.factors))
    factors = factorizer.fit(contexts.matrix, np.random.default_rng(training.seed))
    if split.is_completion:
        row = np.repeat(np.arange(len(split.tasks)), [len(task.given) for task in split.tasks])
        given = np.concatenate([task.given for task in split.tasks])
        once = np.full(len(given), np.log(2), np.float32)  # as in `gather_interactions`
        context = sparse.csr_array((once, (row, given)), shape=(len(split.tasks), len(data.tracks)))
    else:
        mine = gather_interactions(split.tracks, listeners[:1])
        context = sparse.csr_array(mine.matrix[[kind == "listener" for kind in mine.kinds]])
    return float32(factorizer.fold_in(context, factors) @ factors.tracks.T)
