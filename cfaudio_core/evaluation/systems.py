"""The systems that are judged side by side: baselines, cfaudio itself, and cfaudio with a part taken away.

cfaudio learns and places here by the very functions that `beet cfembed` runs, on what a case lets it know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from scipy import sparse

from cfaudio_core.data.interactions import gather
from cfaudio_core.data.listeners import Listener
from cfaudio_core.data.training_set import unit
from cfaudio_core.evaluation import baselines
from cfaudio_core.evaluation.tasks import EvalData, Split
from cfaudio_core.factorization.factorizer import make_factorizer
from cfaudio_core.features.feature_matrix import FeatureMatrix
from cfaudio_core.features.summaries import FeatureSummaries
from cfaudio_core.models.known_factors import tune_factorizer
from cfaudio_core.pipeline.scoring import embed_tracks
from cfaudio_core.training.fit import fit_model
from cfaudio_core.util.arrays import FloatArray, float32

System = Callable[[EvalData, Split], FloatArray]
"""Scores, float32 (n,) or one row a task, (tasks, n); higher is better."""

CFAUDIO = "cfaudio"
ARTIST_MEAN = "artist mean"
UPPER_BOUND = "upper bound"


def cfaudio(world: EvalData, case: Split) -> FloatArray:
    """The scores of cfaudio; for sessions to be completed, cosine of its vectors to those that are given."""
    return _cfaudio(world, case, world.sound)


def without_sound(world: EvalData, case: Split) -> FloatArray:
    """The same, where all tracks sound alike."""
    sound = world.sound
    alike = {part: np.zeros_like(getattr(sound, part)) for part in ("means", "spreads", "within")}
    return _cfaudio(world, case, sound._replace(**alike))


def shuffled_sound(world: EvalData, case: Split) -> FloatArray:
    """The same, where every track sounds like another one: what is left when sound means nothing."""
    order = np.random.default_rng([case.seed, case.part]).permutation(len(world.tracks))
    sound = world.sound
    return _cfaudio(world, case, sound._replace(means=sound.means[order], spreads=sound.spreads[order]))


def factors_alone(world: EvalData, case: Split) -> FloatArray:
    """Factors of what is known: a track that nobody ever played has none."""
    return _factors(world, case, case.people)


def upper_bound(world: EvalData, case: Split) -> FloatArray:
    """Factors that saw what is hidden, as no recommender can."""
    return _factors(world, case, case.everything)


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


def _cfaudio(world: EvalData, case: Split, sound: FeatureSummaries) -> FloatArray:
    training_set = replace(world.training_set, seed=world.training_set.seed + case.seed)
    model, predictions = fit_model(case.tracks, case.people, FeatureMatrix.of(sound), world.net, training_set)
    places = embed_tracks(model, case.tracks, case.people, predictions)
    if not case.completes:
        return places.scores.get(case.listener.name, np.zeros(len(world.tracks), np.float32))
    vectors = places.vectors
    return float32([vectors @ unit(vectors[task.given].mean(axis=0)[None])[0] for task in case.tasks])


def _factors(world: EvalData, case: Split, people: list[Listener]) -> FloatArray:
    """How much each track belongs to the listener's contexts, or to what is given."""
    contexts = gather(case.tracks, people)
    training_set = replace(world.training_set, seed=world.training_set.seed + case.seed)
    factorizer = make_factorizer(training_set.factorizer, tune_factorizer(contexts, training_set, training_set.factors))
    factors = factorizer.fit(contexts.matrix, np.random.default_rng(training_set.seed))
    if case.completes:
        row = np.repeat(np.arange(len(case.tasks)), [len(task.given) for task in case.tasks])
        given = np.concatenate([task.given for task in case.tasks])
        once = np.full(len(given), np.log(2), np.float32)  # as in `contexts.gather`
        wanted = sparse.csr_array((once, (row, given)), shape=(len(case.tasks), len(world.tracks)))
    else:
        mine = gather(case.tracks, people[:1])
        wanted = sparse.csr_array(mine.matrix[[kind == "listener" for kind in mine.kinds]])
    return float32(factorizer.fold_in(wanted, factors) @ factors.tracks.T)
