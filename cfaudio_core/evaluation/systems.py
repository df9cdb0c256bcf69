"""The systems that are compared: baselines, cfaudio itself, and cfaudio with a part taken away.

cfaudio is trained and embeds here by the very functions that `beet cfembed` runs, on the data of a split.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import gather_interactions
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.training_set import unit
from cfaudio_core.evaluation import baselines
from cfaudio_core.evaluation.tasks import EvalData, Split
from cfaudio_core.factorization.factorizer import make_factorizer
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.summaries import FeatureSummaries
from cfaudio_core.models.latent_factors import tune_factorizer
from cfaudio_core.pipeline.scoring import embed_tracks
from cfaudio_core.training.fit import fit_model
from cfaudio_core.util.arrays import FloatArray, float32

System = Callable[[EvalData, Split], FloatArray]
"""Scores, float32 (n,) or one row a task, (tasks, n); higher is better."""

CFAUDIO = "cfaudio"
ARTIST_MEAN = "artist mean"
UPPER_BOUND = "upper bound"


def cfaudio(data: EvalData, split: Split) -> FloatArray:
    """The scores of cfaudio; for sessions to be completed, cosine of its vectors to those of the given tracks."""
    return _cfaudio(data, split, data.features)


def without_sound(data: EvalData, split: Split) -> FloatArray:
    """The same, where all tracks have the same features."""
    features = data.features
    zeros = {part: np.zeros_like(getattr(features, part)) for part in ("means", "spreads", "within")}
    return _cfaudio(data, split, features._replace(**zeros))


def shuffled_sound(data: EvalData, split: Split) -> FloatArray:
    """The same, where every track has the features of another one, so that they mean nothing."""
    order = np.random.default_rng([split.seed, split.part]).permutation(len(data.tracks))
    features = data.features
    shuffled = features._replace(means=features.means[order], spreads=features.spreads[order])
    return _cfaudio(data, split, shuffled)


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
        ARTIST_MEAN: baselines.artist_mean,
        "frozen cosine": baselines.frozen_cosine,
        "frozen kernel": baselines.frozen_kernel,
        "factors alone": factors_alone,
        CFAUDIO: cfaudio,
        "without sound": without_sound,
        "shuffled sound": shuffled_sound,
        UPPER_BOUND: upper_bound,
    }
)
"""In the order of the table."""


def _cfaudio(data: EvalData, split: Split, features: FeatureSummaries) -> FloatArray:
    training = replace(data.training, seed=data.training.seed + split.seed)
    model, predictions = fit_model(split.tracks, split.listeners, FeatureMatrix.of(features), data.net, training)
    embeddings = embed_tracks(model, split.tracks, split.listeners, predictions)
    if not split.is_completion:
        return embeddings.scores.get(split.listener.name, np.zeros(len(data.tracks), np.float32))
    vectors = embeddings.vectors
    return float32([vectors @ unit(vectors[task.given].mean(axis=0)[None])[0] for task in split.tasks])


def _factors(data: EvalData, split: Split, listeners: list[Listener]) -> FloatArray:
    """Scores of the tracks in the listener's contexts, or in the given ones, by latent factors."""
    contexts = gather_interactions(split.tracks, listeners)
    training = replace(data.training, seed=data.training.seed + split.seed)
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
